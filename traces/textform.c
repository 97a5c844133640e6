/*
 * textform.c - the printing half of the text format; traces/formats/text.c is the reading half.
 */
#include "traces/textform.h"

#include <string.h>

#include "traces/formats/kernel_names.h"

static char *put_hex(char *out, uint64_t v)
{
	static const char digits[] = "0123456789abcdef";
	unsigned n = v ? ilog2_u64(v) / 4 + 1 : 1;

	for (unsigned i = n; i-- > 0; v >>= 4)
		out[i] = digits[v & 15];
	return out + n;
}

static char *put_dec(char *out, uint32_t v)
{
	char digits[10];
	unsigned n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	while (n)
		*out++ = digits[--n];
	return out;
}

size_t textform_access(char *out, uint32_t pid, uint32_t tid, uint64_t addr, uint32_t meta)
{
	static const char kinds[] = "LSF?";
	char *p = put_dec(out, pid);

	*p++ = '.';
	p = put_dec(p, tid);
	*p++ = ' ';
	*p++ = kinds[META_KIND(meta)];
	*p++ = ' ';
	p = put_hex(p, addr);
	*p++ = ' ';
	p = put_dec(p, META_SIZE(meta));
	*p++ = ' ';
	p = put_dec(p, META_ICOUNT(meta));
	*p++ = '\n';
	return (size_t)(p - out);
}

/* Whether an argument of this name is printed in hex. */
static bool is_hex(const char *name, size_t n)
{
	static const struct kernel_name hex[] = {{"addr", 0}, {"old", 0},   {"new", 0}, {"buf", 0},
						 {"mask", 0}, {"from", 0},  {"to", 0},  {"prot", 0},
						 {"mode", 0}, {"flags", 0}, {"a0", 0},  {"a1", 0},
						 {"a2", 0},   {"a3", 0},    {"a4", 0},  {NULL, 0}};
	uint64_t unused;

	return kernel_name_find(hex, name, n, &unused);
}

static void put_text(FILE *f, const char *s)
{
	fputs(" text=\"", f);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < ' ' || c == 127)
			fprintf(f, "\\x%02x", c);
		else
			putc(c, f);
	}
	putc('"', f);
}

void textform_control(FILE *f, const struct control *c)
{
	const struct record_op_info *info = record_op_info(c->op);
	const char *name = info->args;
	unsigned nr = record_op_written(info, c);

	fprintf(f, "%" PRIu32 ".%" PRIu32 " %s", c->pid, c->tid, info->name);
	for (unsigned i = 0; i < nr; i++) {
		size_t n = strcspn(name, " ");

		if (n == 3 && !memcmp(name, "fid", 3) && c->arg[i] == FID_NONE)
			fprintf(f, " fid=-1");
		else
			fprintf(f, is_hex(name, n) ? " %.*s=0x%" PRIx64 : " %.*s=%" PRIu64, (int)n, name,
				c->arg[i]);
		name += n + (name[n] == ' ');
	}
	if (c->result && (c->op == REC_MMAP || c->op == REC_MREMAP || c->op == REC_BRK) && c->result > 0)
		fprintf(f, " result=0x%" PRIx64, (uint64_t)c->result);
	else if (c->result)
		fprintf(f, " result=%" PRId64, c->result);
	if (c->cpu >= 0)
		fprintf(f, " cpu=%" PRId32, c->cpu);
	if (c->time_ns)
		fprintf(f, " time=%" PRIu64, c->time_ns);
	if (c->text)
		put_text(f, c->text);
	putc('\n', f);
}

void textform_cut(FILE *f, uint32_t pid, uint32_t tid)
{
	fprintf(f, "%" PRIu32 ".%" PRIu32 " cut\n", pid, tid);
}
