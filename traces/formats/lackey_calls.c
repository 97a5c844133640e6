/*
 * lackey_calls.c - SYSCALL lines of a Valgrind log, x86-64 numbers.
 *
 * After coregrind/m_syswrap/syswrap-main.c of Valgrind 3.19 (VG_(client_syscall), VG_(post_syscall)):
 *     SYSCALL[pid,tid](number) sys_name ( arg, arg(text), … )[sync] --> Success(0xRESULT)
 *     SYSCALL[pid,tid](number) sys_name ( … ) --> [pre-success] Success(0xRESULT)   or Failure(0xERRNO)
 *     SYSCALL[pid,tid](number) sys_name ( … ) --> [async] ...
 *     SYSCALL[pid,tid](number) ... [async] --> Success(0xRESULT)                     the end of the line
 * before
 *
 * Descriptors are followed (open, dup, close, seek), so that reads, writes and mappings name files. The log
 * does not tell how large a file is: FILE declares what the first use needs, TRUNCATE lets it grow with later
 * ones.
 *
 * The mappings that exist at the start have no system call. A page outside all known mappings is inferred to
 * lie in one: the first data access is on the stack (8 MiB below it); for any other page an anonymous mapping
 * of its 64 KiB, as far as they are free, readable, writable and executable.
 *
 * Not modelled: calls of child processes (another pid) are left out; masks behind pointers (mbind,
 * set_mempolicy, sched_setaffinity) are not in the log, these calls become OTHER.
 */
#include "traces/formats/lackey_calls.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "sim/map.h"
#include "sim/mem.h"
#include "traces/formats/page_ranges.h"

#define STACK_BYTES (UINT64_C(8) << 20)
#define GAPS_MAX    16 /* between mappings, in one range; more are not filled */
#define MAX_FILES   65536
#define MAX_PENDING 256

struct open_file {
	char *path;
	uint64_t size;
	bool declared, created, known; /* known: size was asked for */
};

struct call {
	uint64_t number;
	unsigned nr_args;
	uint64_t arg[CONTROL_ARGS];
	const char *path; /* text of the argument that has one, not terminated */
	size_t path_len;
	int64_t result;
};

struct pending {
	uint64_t tid;
	struct call call;
	char path[CONTROL_TEXT_MAX];
};

struct lackey_calls_private {
	uint32_t pid, tid;
	uint64_t log_pid;
	bool stat_files, brk_known;
	uint64_t brk_start, brk_end; /* bytes */
	struct page_ranges mapped;
	struct open_file *file; /* index = fid */
	size_t nr_files;
	struct map fids, offsets; /* of open descriptors */
	struct pending *pending[MAX_PENDING];
};

struct lackey_calls *lackey_calls_new(uint32_t pid, uint32_t tid, bool stat_files)
{
	struct lackey_calls *c = mem_alloc_late(1, sizeof *c);

	c->private = mem_alloc_late(1, sizeof *c->private);
	c->private->pid = pid;
	c->private->tid = tid;
	c->private->stat_files = stat_files;
	map_init(&c->private->fids);
	map_init(&c->private->offsets);
	return c;
}

void lackey_calls_free(struct lackey_calls *c)
{
	struct lackey_calls_private *v = c ? c->private : NULL;

	if (!c)
		return;
	for (size_t i = 0; i < v->nr_files; i++)
		mem_free(v->file[i].path);
	for (size_t i = 0; i < MAX_PENDING; i++)
		mem_free(v->pending[i]);
	mem_free(v->file);
	page_ranges_release(&v->mapped);
	map_release(&v->fids);
	map_release(&v->offsets);
	mem_free(v);
	mem_free(c);
}

/* ---- what is mapped ---- */

static uint64_t page_of(uint64_t addr)
{
	return addr >> PAGE_SHIFT;
}

/* Pages from addr on that len bytes need; no wrap for the largest lengths. */
static uint64_t page_end(uint64_t addr, uint64_t len)
{
	uint64_t last = len ? addr + MIN_OF(len - 1, UINT64_MAX - addr) : addr;

	return len ? page_of(last) + 1 : page_of(addr);
}

static void unmap(struct lackey_calls *c, uint64_t first, uint64_t end)
{
	page_ranges_remove(&c->private->mapped, first, end);
	memset(c->page_cache, 0, sizeof c->page_cache);
}

static struct control control_of(const struct lackey_calls_private *v, enum record_op op, int64_t result)
{
	return (struct control){.op = op, .pid = v->pid, .tid = v->tid, .cpu = -1, .result = result};
}

/* A mapping that the log does not tell of. */
static void infer(struct lackey_calls_private *v, struct textfile *t, uint64_t first, uint64_t end)
{
	struct control m = control_of(v, REC_MAPPING, 0);

	m.arg[0] = first << PAGE_SHIFT;
	m.arg[1] = (end - first) << PAGE_SHIFT;
	m.arg[2] = PROT_READ | PROT_WRITE | PROT_EXEC;
	m.arg[3] = MAP_PRIVATE | MAP_ANONYMOUS;
	m.arg[4] = FID_NONE;
	textfile_control(t, &m);
	page_ranges_add(&v->mapped, first, end);
}

void lackey_calls_touch_range(struct lackey_calls *c, struct textfile *t, uint64_t addr, uint64_t len)
{
	struct lackey_calls_private *v = c->private;
	uint64_t page = page_of(addr), end = page_end(addr, len), gap_end;

	c->page_cache[page % LACKEY_PAGE_CACHE] = page + 1;
	for (unsigned i = 0; i < GAPS_MAX && page_ranges_gap(&v->mapped, &page, end, &gap_end); i++)
		infer(v, t, page, gap_end);
}

void lackey_calls_stack(struct lackey_calls *c, struct textfile *t, uint64_t addr)
{
	uint64_t end = page_of(addr) + 1, pages = STACK_BYTES >> PAGE_SHIFT, first;
	struct control m = control_of(c->private, REC_MAPPING, 0);

	c->stack_known = true;
	first = end > pages ? end - pages : 0;
	m.arg[0] = first << PAGE_SHIFT;
	m.arg[1] = (end - first) << PAGE_SHIFT;
	m.arg[2] = PROT_READ | PROT_WRITE;
	m.arg[3] = MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK;
	m.arg[4] = FID_NONE;
	textfile_control(t, &m);
	page_ranges_add(&c->private->mapped, first, end);
}

/* ---- files ---- */

/* Number of the file with this path; a new one when it was not seen. */
static uint64_t file_of(struct lackey_calls_private *v, const char *path, size_t n)
{
	for (size_t i = 0; i < v->nr_files; i++)
		if (strlen(v->file[i].path) == n && !memcmp(v->file[i].path, path, n))
			return i;
	if (v->nr_files == MAX_FILES)
		return FID_NONE;
	v->file = mem_realloc(v->file, v->nr_files + 1, sizeof *v->file);
	v->file[v->nr_files] = (struct open_file){.path = mem_alloc_late(n + 1, 1)};
	memcpy(v->file[v->nr_files].path, path, n);
	return v->nr_files++;
}

/* The size of the file on this machine, when it may be asked for. */
static bool file_stat(const struct lackey_calls_private *v, struct open_file *f)
{
	struct stat st;

	f->known = v->stat_files && !f->created && stat(f->path, &st) == 0 && S_ISREG(st.st_mode);
	if (f->known)
		f->size = (uint64_t)st.st_size;
	return f->known;
}

/* Declares the file, or lets it grow, so that it holds `end` bytes. A write lets it grow by itself. */
static void file_needs(struct lackey_calls_private *v, struct textfile *t, uint64_t fid, uint64_t end,
		       bool write)
{
	struct open_file *f = &v->file[fid];
	struct control c = control_of(v, f->declared ? REC_TRUNCATE : REC_FILE, 0);

	if (f->declared && (write || f->known || end <= f->size)) {
		if (write || !f->known)
			f->size = MAX_OF(f->size, end);
		return;
	}
	c.arg[0] = fid;
	c.arg[1] = write && f->created ? 0 : end;
	if (!f->declared && file_stat(v, f))
		c.arg[1] = end = f->size;
	if (!f->declared) {
		c.text = f->path;
		c.arg[2] = f->created;
	}
	f->declared = true;
	f->size = MAX_OF(f->size, end);
	textfile_control(t, &c);
}

static bool fid_of(const struct lackey_calls_private *v, uint64_t fd, uint64_t *fid)
{
	return map_get(&v->fids, (uint32_t)fd, fid);
}

static void opened(struct lackey_calls_private *v, const struct call *k, uint64_t flags)
{
	uint64_t fid = k->path && k->result >= 0 ? file_of(v, k->path, k->path_len) : FID_NONE;

	if (fid == FID_NONE)
		return;
	if (!v->file[fid].declared)
		v->file[fid].created = (flags & O_CREAT) && (flags & (O_TRUNC | O_EXCL));
	map_put(&v->fids, (uint32_t)k->result, fid);
	map_put(&v->offsets, (uint32_t)k->result, 0);
}

/* The new descriptor gets an offset of its own: programs that share one are rare. */
static void duplicated(struct lackey_calls_private *v, const struct call *k)
{
	uint64_t fid, off = 0;

	if (k->result < 0)
		return;
	map_del(&v->fids, (uint32_t)k->result);
	if (!fid_of(v, k->arg[0], &fid))
		return;
	map_get(&v->offsets, (uint32_t)k->arg[0], &off);
	map_put(&v->fids, (uint32_t)k->result, fid);
	map_put(&v->offsets, (uint32_t)k->result, off);
}

/* ---- calls ---- */

/* Calls whose arguments are the record's, in this order. */
static const struct {
	uint16_t number, op;
	uint8_t nr_args;
} plain_calls[] = {
	{SYS_mprotect, REC_MPROTECT, 3},
	{SYS_munmap, REC_MUNMAP, 2},
	{SYS_brk, REC_BRK, 1},
	{SYS_mremap, REC_MREMAP, 5},
	{SYS_msync, REC_MSYNC, 3},
	{SYS_madvise, REC_MADVISE, 3},
	{SYS_mlock, REC_MLOCK, 2},
	{SYS_munlock, REC_MUNLOCK, 2},
	{SYS_mlockall, REC_MLOCKALL, 1},
	{SYS_mlock2, REC_MLOCK, 3},
	{SYS_munlockall, REC_MUNLOCKALL, 0},
	{SYS_exit_group, REC_EXIT_GROUP, 1},
};

/* What a successful call does to the set of mappings. */
static void note_mapping(struct lackey_calls *c, const struct control *k)
{
	struct lackey_calls_private *v = c->private;
	uint64_t result = (uint64_t)k->result;

	if (k->result < 0)
		return;
	if (k->op == REC_MMAP) {
		page_ranges_add(&v->mapped, page_of(result), page_end(result, k->arg[1]));
	} else if (k->op == REC_MUNMAP) {
		unmap(c, page_of(k->arg[0]), page_end(k->arg[0], k->arg[1]));
	} else if (k->op == REC_MREMAP) {
		unmap(c, page_of(k->arg[0]), page_end(k->arg[0], k->arg[1]));
		page_ranges_add(&v->mapped, page_of(result), page_end(result, k->arg[2]));
	} else if (k->op == REC_BRK) {
		if (!v->brk_known)
			v->brk_start = v->brk_end = result;
		v->brk_known = true;
		if (result > v->brk_start)
			page_ranges_add(&v->mapped, page_of(v->brk_start),
					page_end(v->brk_start, result - v->brk_start));
		if (result < v->brk_end && result >= v->brk_start)
			unmap(c, page_of(result + PAGE_SIZE - 1), page_of(v->brk_end + PAGE_SIZE - 1));
		v->brk_end = result;
	}
}

static void other_call(struct lackey_calls_private *v, struct textfile *t, const struct call *k)
{
	struct control c = control_of(v, REC_OTHER, k->result);

	c.arg[0] = k->number;
	memcpy(c.arg + 1, k->arg, 5 * sizeof *k->arg);
	textfile_control(t, &c);
}

static void mmap_call(struct lackey_calls *c, struct textfile *t, const struct call *k)
{
	struct control m = control_of(c->private, REC_MMAP, k->result);
	uint64_t fid = FID_NONE;

	memcpy(m.arg, k->arg, 4 * sizeof *k->arg);
	if (!(k->arg[3] & MAP_ANONYMOUS) && fid_of(c->private, k->arg[4], &fid) && k->result >= 0)
		file_needs(c->private, t, fid, k->arg[5] + k->arg[1], false);
	m.arg[4] = fid;
	m.arg[5] = fid == FID_NONE ? 0 : k->arg[5];
	textfile_control(t, &m);
	note_mapping(c, &m);
}

/* read, write and their p and v kinds. iov: the buffers are not in the log. */
static void transfer(struct lackey_calls *calls, struct textfile *t, const struct call *k, bool write,
		     bool positioned, bool iov)
{
	struct lackey_calls_private *v = calls->private;
	struct control c = control_of(v, write ? REC_WRITE : REC_READ, k->result);
	uint64_t fid, off = 0;

	if (!fid_of(v, k->arg[0], &fid) || k->result < 0) {
		other_call(v, t, k);
		return;
	}
	if (positioned)
		off = k->arg[3];
	else
		map_get(&v->offsets, (uint32_t)k->arg[0], &off);
	if (!positioned)
		map_put(&v->offsets, (uint32_t)k->arg[0], off + (uint64_t)k->result);
	file_needs(v, t, fid, off + (uint64_t)k->result, write);
	/* A buffer that the kernel read or wrote is mapped, too. */
	if (!iov && k->result)
		lackey_calls_touch_range(calls, t, k->arg[1], (uint64_t)k->result);
	c.arg[0] = fid;
	c.arg[1] = off;
	c.arg[2] = iov ? (uint64_t)k->result : k->arg[2];
	c.arg[3] = iov ? 0 : k->arg[1];
	textfile_control(t, &c);
}

/* Calls on a descriptor that become a record with its file in front: fsync, fadvise, ftruncate. */
static void descriptor_call(struct lackey_calls_private *v, struct textfile *t, const struct call *k,
			    enum record_op op)
{
	struct control c = control_of(v, op, k->result);
	uint64_t fid;

	if (!fid_of(v, k->arg[0], &fid)) {
		other_call(v, t, k);
		return;
	}
	file_needs(v, t, fid, 0, false);
	memcpy(c.arg, k->arg, 4 * sizeof *k->arg);
	c.arg[0] = fid;
	if (op == REC_TRUNCATE && k->result == 0)
		v->file[fid].size = k->arg[1];
	textfile_control(t, &c);
}

static void descriptors(struct lackey_calls_private *v, struct textfile *t, const struct call *k)
{
	switch (k->number) {
	case SYS_open:
		opened(v, k, k->arg[1]);
		break;
	case SYS_openat:
		opened(v, k, k->arg[2]);
		break;
	case SYS_creat:
		opened(v, k, O_CREAT | O_TRUNC);
		break;
	case SYS_dup:
	case SYS_dup2:
	case SYS_dup3:
		duplicated(v, k);
		break;
	case SYS_fcntl:
		if (k->arg[1] == F_DUPFD || k->arg[1] == F_DUPFD_CLOEXEC)
			duplicated(v, k);
		break;
	case SYS_lseek:
		if (k->result >= 0)
			map_put(&v->offsets, (uint32_t)k->arg[0], (uint64_t)k->result);
		break;
	case SYS_close:
		map_del(&v->fids, (uint32_t)k->arg[0]);
		break;
	default:
		break;
	}
	other_call(v, t, k);
}

static void one_call(struct lackey_calls *c, struct textfile *t, const struct call *k)
{
	struct lackey_calls_private *v = c->private;

	for (size_t i = 0; i < ARRAY_LEN(plain_calls); i++)
		if (plain_calls[i].number == k->number) {
			struct control m = control_of(v, (enum record_op)plain_calls[i].op, k->result);

			memcpy(m.arg, k->arg, plain_calls[i].nr_args * sizeof *k->arg);
			textfile_control(t, &m);
			note_mapping(c, &m);
			return;
		}
	switch (k->number) {
	case SYS_mmap:
		mmap_call(c, t, k);
		break;
	case SYS_read:
	case SYS_pread64:
		transfer(c, t, k, false, k->number == SYS_pread64, false);
		break;
	case SYS_write:
	case SYS_pwrite64:
		transfer(c, t, k, true, k->number == SYS_pwrite64, false);
		break;
	case SYS_readv:
	case SYS_writev:
		transfer(c, t, k, k->number == SYS_writev, false, true);
		break;
	case SYS_fsync:
	case SYS_fdatasync:
		descriptor_call(v, t, k, REC_FSYNC);
		break;
	case SYS_fadvise64:
		descriptor_call(v, t, k, REC_FADVISE);
		break;
	case SYS_ftruncate:
		descriptor_call(v, t, k, REC_TRUNCATE);
		break;
	default:
		descriptors(v, t, k);
	}
}

/* ---- the text ---- */

/* "Success(0x…)" or "Failure(0x…)"; NULL when the result is not in p … end. */
static const char *parse_result(const char *p, const char *end, int64_t *result)
{
	static const char arrow[] = "--> ";
	const char *s = p, *hit = NULL;
	uint64_t v;

	while ((s = memmem(s, (size_t)(end - s), arrow, sizeof arrow - 1)))
		hit = s += sizeof arrow - 1;
	if (!hit)
		return NULL;
	if (*hit == '[')
		hit = memchr(hit, ' ', (size_t)(end - hit));
	while (hit && hit < end && *hit == ' ')
		hit++;
	if (!hit || end - hit < 8 || (memcmp(hit, "Success(", 8) && memcmp(hit, "Failure(", 8)))
		return NULL;
	s = text_number(hit + 8, end, &v);
	*result = *hit == 'S' ? (int64_t)v : -(int64_t)(v & 0xfff);
	return s;
}

/* Whether the text in parentheses ends at p: a number or the end of the list follows. */
static bool ends_text(const char *p, const char *end)
{
	if (*p != ')' || end - p < 4)
		return false;
	if (p[1] == ',' && p[2] == ' ')
		return text_hex_digit[(uint8_t)p[3]] < 10 || p[3] == '-';
	return p[1] == ' ' && p[2] == ')';
}

/* "( 3, 0x123(path), 42 )" */
static void parse_args(const char *p, const char *end, struct call *k)
{
	p = memchr(p, '(', (size_t)(end - p));
	for (p = p ? p + 1 : end; p < end && k->nr_args < CONTROL_ARGS; k->nr_args++) {
		const char *s;

		while (p < end && *p == ' ')
			p++;
		s = text_number(p, end, &k->arg[k->nr_args]);
		if (!s) /* no number, or no argument at all */
			s = p;
		if (s < end && *s == '(') {
			const char *close = s + 1;

			while (close < end && !ends_text(close, end))
				close++;
			k->path = s + 1;
			k->path_len = MIN_OF((size_t)(close - s - 1), (size_t)CONTROL_TEXT_MAX - 1);
			s = close + 1;
		}
		while (s < end && *s != ',' && *s != ')')
			s++;
		if (s >= end || *s == ')') {
			k->nr_args++;
			return;
		}
		p = s + 1;
	}
}

static struct pending **pending_of(struct lackey_calls_private *v, uint64_t tid)
{
	return tid < MAX_PENDING ? &v->pending[tid] : NULL;
}

/* Keeps a call whose result comes in a later line of its thread. */
static void keep_pending(struct lackey_calls_private *v, uint64_t tid, const struct call *k)
{
	struct pending **slot = pending_of(v, tid), *q;

	if (!slot)
		return;
	if (!*slot)
		*slot = mem_alloc_late(1, sizeof **slot);
	q = *slot;
	q->call = *k;
	if (k->path) {
		memcpy(q->path, k->path, k->path_len);
		q->call.path = q->path;
	}
}

static int bad_call(struct textfile *t, const char *p, const char *end, struct err *e)
{
	return textfile_bad(t, p, end, "\"SYSCALL[pid,tid](number) …\"", e);
}

int lackey_calls_line(struct lackey_calls *c, struct textfile *t, const char *p, const char *end,
		      struct err *e)
{
	struct lackey_calls_private *v = c->private;
	uint64_t pid, tid, number;
	struct call k = {0};
	const char *s = text_dec(p + 8, end, &pid);

	s = s && s < end && *s == ',' ? text_dec(s + 1, end, &tid) : NULL;
	s = s && end - s > 2 && s[0] == ']' && s[1] == '(' ? text_dec(s + 2, end, &number) : NULL;
	if (!s || s == end || *s != ')')
		return bad_call(t, p, end, e);
	if (!v->log_pid)
		v->log_pid = pid;
	if (pid != v->log_pid)
		return 0;
	s++;
	if (end - s > 5 && !memcmp(s, " ... ", 5)) {
		struct pending **slot = pending_of(v, tid);

		if (slot && *slot && (*slot)->call.number == number &&
		    parse_result(s, end, &(*slot)->call.result)) {
			one_call(c, t, &(*slot)->call);
			(*slot)->call.number = UINT64_MAX;
		}
		return 0;
	}
	k.number = number;
	parse_args(s, end, &k);
	if (parse_result(s, end, &k.result))
		one_call(c, t, &k);
	else if (memmem(s, (size_t)(end - s), "[async]", 7))
		keep_pending(v, tid, &k);
	else if (number == SYS_exit_group || number == SYS_exit)
		one_call(c, t, &k);
	return 0;
}
