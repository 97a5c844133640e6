/*
 * strace_flags.c - arguments as strace prints them: numbers, names of flags, strings, members of structures.
 *
 * Names and numbers: include/uapi/asm-generic/{mman-common,mman,fcntl}.h and include/uapi/linux/{mman,sched,
 * mempolicy,falloc}.h of Linux 6.1, as far as the calls that are read have them.
 */
#include "traces/formats/strace_calls.h"

#include <string.h>

#include "traces/formats/kernel_names.h"

static const struct kernel_name flags[] = {
	{"PROT_NONE", 0},
	{"PROT_READ", 1},
	{"PROT_WRITE", 2},
	{"PROT_EXEC", 4},
	{"PROT_SEM", 8},
	{"PROT_GROWSDOWN", 0x01000000},
	{"PROT_GROWSUP", 0x02000000},
	{"MAP_FILE", 0},
	{"MAP_SHARED", 1},
	{"MAP_PRIVATE", 2},
	{"MAP_SHARED_VALIDATE", 3},
	{"MAP_FIXED", 0x10},
	{"MAP_ANONYMOUS", 0x20},
	{"MAP_32BIT", 0x40},
	{"MAP_GROWSDOWN", 0x100},
	{"MAP_DENYWRITE", 0x800},
	{"MAP_EXECUTABLE", 0x1000},
	{"MAP_LOCKED", 0x2000},
	{"MAP_NORESERVE", 0x4000},
	{"MAP_POPULATE", 0x8000},
	{"MAP_NONBLOCK", 0x10000},
	{"MAP_STACK", 0x20000},
	{"MAP_HUGETLB", 0x40000},
	{"MAP_SYNC", 0x80000},
	{"MAP_FIXED_NOREPLACE", 0x100000},
	{"MREMAP_MAYMOVE", 1},
	{"MREMAP_FIXED", 2},
	{"MREMAP_DONTUNMAP", 4},
	{"MCL_CURRENT", 1},
	{"MCL_FUTURE", 2},
	{"MCL_ONFAULT", 4},
	{"MLOCK_ONFAULT", 1},
	{"MS_ASYNC", 1},
	{"MS_INVALIDATE", 2},
	{"MS_SYNC", 4},
	{"MPOL_F_STATIC_NODES", 0x8000},
	{"MPOL_F_RELATIVE_NODES", 0x4000},
	{"MPOL_F_NUMA_BALANCING", 0x2000},
	{"MPOL_MF_STRICT", KERNEL_MPOL_MF_STRICT},
	{"MPOL_MF_MOVE", KERNEL_MPOL_MF_MOVE},
	{"MPOL_MF_MOVE_ALL", 4},
	{"O_RDONLY", 0},
	{"O_WRONLY", 1},
	{"O_RDWR", 2},
	{"O_CREAT", 0100},
	{"O_EXCL", 0200},
	{"O_NOCTTY", 0400},
	{"O_TRUNC", 01000},
	{"O_APPEND", 02000},
	{"O_NONBLOCK", 04000},
	{"O_DSYNC", 010000},
	{"O_ASYNC", 020000},
	{"O_DIRECT", 040000},
	{"O_LARGEFILE", 0100000},
	{"O_DIRECTORY", 0200000},
	{"O_NOFOLLOW", 0400000},
	{"O_NOATIME", 01000000},
	{"O_CLOEXEC", 02000000},
	{"O_SYNC", 04010000},
	{"O_PATH", 010000000},
	{"O_TMPFILE", 020200000},
	{"FD_CLOEXEC", 1},
	{"FALLOC_FL_KEEP_SIZE", 1},
	{"FALLOC_FL_PUNCH_HOLE", 2},
	{NULL, 0},
};

/* Names whose rest is in the tables of kernel_names.h, in capitals. */
static const struct {
	const char *prefix;
	const struct kernel_name *table;
} families[] = {
	{"MADV_", madvise_names},
	{"POSIX_FADV_", fadvise_names},
	{"MPOL_", mpol_names},
};

static bool family_name(const char *p, size_t n, uint64_t *v)
{
	char lower[32];

	for (size_t i = 0; i < ARRAY_LEN(families); i++) {
		size_t skip = strlen(families[i].prefix);

		if (n <= skip || n - skip >= sizeof lower || memcmp(p, families[i].prefix, skip))
			continue;
		for (size_t k = skip; k < n; k++)
			lower[k - skip] = (char)(p[k] >= 'A' && p[k] <= 'Z' ? p[k] + 32 : p[k]);
		if (kernel_name_find(families[i].table, lower, n - skip, v))
			return true;
	}
	return false;
}

/* One name or number without |; "21<<MAP_HUGE_SHIFT" too. */
static bool one_number(const char *p, size_t n, uint64_t *v)
{
	static const char shift[] = "<<MAP_HUGE_SHIFT";
	size_t tail = sizeof shift - 1;
	const char *end = p + n, *s;

	if (n == 4 && !memcmp(p, "NULL", 4)) {
		*v = 0;
		return true;
	}
	if (n > tail && !memcmp(end - tail, shift, tail) && text_dec(p, end, v) == end - tail) {
		*v = (*v & 63) << 26;
		return true;
	}
	if (n > 1 && p[0] == '0' && p[1] != 'x') {
		for (*v = 0, s = p; s < end && *s >= '0' && *s <= '7'; s++)
			*v = *v << 3 | (uint64_t)(*s - '0');
		return s == end;
	}
	if (text_number(p, end, v) == end)
		return true;
	return kernel_name_find(flags, p, n, v) || family_name(p, n, v);
}

bool strace_number(struct text_word w, uint64_t *v)
{
	const char *p = w.p, *end = w.p + w.n, *remark;
	uint64_t part;

	if (w.n && *p >= '1' && *p <= '9' && text_dec(p, end, v) == end)
		return true;
	remark = memmem(p, w.n, "/*", 2);
	if (remark) /* "0x40 / * MAP_??? * /" */
		end = remark;
	while (end > p && end[-1] == ' ')
		end--;
	*v = 0;
	do {
		const char *bar = memchr(p, '|', (size_t)(end - p));
		const char *stop = bar ? bar : end;

		if (!one_number(p, (size_t)(stop - p), &part))
			return false;
		*v |= part;
		p = bar ? bar + 1 : end;
	} while (p < end);
	return true;
}

bool strace_fd(struct text_word w, uint64_t *fd)
{
	const char *p = text_dec(w.p, w.p + w.n, fd);

	return p && (p == w.p + w.n || *p == '<') && *fd <= INT32_MAX;
}

/* Value of the escape at *p behind a backslash: a letter, or up to three octal digits. */
static unsigned char escape(const char **p, const char *end)
{
	static const char letters[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
	const char *hit = strchr(letters, **p);
	unsigned v = 0, n = 0;

	if (**p == 'x' && end - *p > 2) {
		v = (unsigned)(text_hex_digit[(uint8_t)(*p)[1]] << 4 | text_hex_digit[(uint8_t)(*p)[2]]);
		*p += 3;
		return (unsigned char)v;
	}
	for (; n < 3 && *p < end && **p >= '0' && **p <= '7'; n++)
		v = v << 3 | (unsigned)(*(*p)++ - '0');
	if (n)
		return (unsigned char)v;
	v = hit && **p ? (unsigned char)values[hit - letters] : (unsigned char)**p;
	(*p)++;
	return (unsigned char)v;
}

bool strace_string(struct text_word w, char *out, size_t n)
{
	const char *p = w.p, *end = w.p + w.n;
	size_t used = 0;

	if (w.n < 2 || *p++ != '"')
		return false;
	while (p < end && *p != '"') {
		unsigned char c = (unsigned char)*p;

		if (used + 1 == n)
			return false;
		if (c == '\\' && end - p > 1) {
			p++;
			c = escape(&p, end);
		} else {
			p++;
		}
		if (!c)
			return false;
		out[used++] = (char)c;
	}
	out[used] = '\0';
	return p + 1 == end && *p == '"';
}

bool strace_member(struct text_word w, const char *name, uint64_t *v)
{
	size_t n = strlen(name);
	const char *end = w.p + w.n, *p = w.p;

	while ((p = memmem(p, (size_t)(end - p), name, n))) {
		const char *s = p + n, *stop = s;
		bool begins = p == w.p || strchr("{[ ,", p[-1]);

		p = s;
		if (!begins || s == end || *s != '=')
			continue;
		for (stop = ++s; stop < end && !strchr(",} ", *stop);)
			stop++;
		return stop > s && strace_number((struct text_word){s, (size_t)(stop - s)}, v);
	}
	return false;
}
