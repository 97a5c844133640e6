/*
 * oneline.c - the formats that hold one access a line, a row of the table each (traces/formats/oneline.c and
 * course.c read them).
 *
 *   course      "ADDR R|W", at least eight hex digits
 *   din         "LABEL ADDR", hex: 0 read, 1 write, 2 fetch; each is one aligned word of four bytes
 *   pages       csv for everything else: a heading, then process, r, w or f, and the decimal number of the
 * page; a line for each page that an access touches ramulator   "0xADDR R|W" ramulator2  "LD|ST 0xADDR" rw
 * "r|w ADDR", hex xdin        "r|w|i ADDR SIZE", hex
 */
#include "traces/exports/exports.h"

#include <string.h>

#define LINE_MAX_BYTES 128

/* Puts a line without its end; returns its end. */
typedef char *line_fn(char *p, const struct export_access *a);

static int put_line(struct export *x, const struct export_access *a, line_fn *line, struct err *e)
{
	char *p = pack_room(x->out, LINE_MAX_BYTES, e), *end;

	if (!p)
		return -(int)e->code;
	end = line(p, a);
	*end++ = '\n';
	pack_commit(x->out, (size_t)(end - p));
	return 0;
}

static char *put_text(char *p, const char *text)
{
	size_t n = strlen(text);

	memcpy(p, text, n);
	return p + n;
}

static char *put_kind(char *p, const struct export_access *a, const char kinds[3])
{
	*p = kinds[a->kind];
	return p + 1;
}

static char *course_line(char *p, const struct export_access *a)
{
	p = export_hex(p, a->addr, 8);
	*p++ = ' ';
	return put_kind(p, a, "RW");
}

static char *din_line(char *p, const struct export_access *a)
{
	p = put_kind(p, a, "012");
	*p++ = ' ';
	return export_hex(p, a->addr & ~UINT64_C(3), 1);
}

static char *xdin_line(char *p, const struct export_access *a)
{
	p = put_kind(p, a, "rwi");
	*p++ = ' ';
	p = export_hex(p, a->addr, 1);
	*p++ = ' ';
	return export_hex(p, a->size, 1);
}

static char *rw_line(char *p, const struct export_access *a)
{
	p = put_kind(p, a, "rw");
	*p++ = ' ';
	return export_hex(p, a->addr, 1);
}

static char *ramulator_line(char *p, const struct export_access *a)
{
	p = export_hex(put_text(p, "0x"), a->addr, 1);
	*p++ = ' ';
	return put_kind(p, a, "RW");
}

static char *ramulator2_line(char *p, const struct export_access *a)
{
	p = put_text(p, a->kind == ACCESS_STORE ? "ST 0x" : "LD 0x");
	return export_hex(p, a->addr, 1);
}

static char *pages_line(char *p, const struct export_access *a)
{
	p = export_dec(p, a->pid);
	*p++ = ',';
	p = put_kind(p, a, "rwf");
	*p++ = ',';
	return export_dec(p, a->addr / PAGE_SIZE);
}

static int pages_begin(struct export *x, struct err *e)
{
	static const char heading[] = "process,access,page\n";

	return pack_write(x->out, heading, sizeof heading - 1, e);
}

#define ONELINE(name_, sentence_, ...)                                                            \
	static int name_##_access(struct export *x, const struct export_access *a, struct err *e) \
	{                                                                                         \
		return put_line(x, a, name_##_line, e);                                           \
	}                                                                                         \
	const struct exporter_ops name_##_exporter = {                                            \
		.name = #name_, .sentence = sentence_, .access = name_##_access, __VA_ARGS__};

ONELINE(course, "page-replacement traces of courses: \"ADDR R|W\"", .keeps = KEEPS_STORES)
ONELINE(din, "Dinero III and IV: \"LABEL ADDR\"", .keeps = KEEPS_STORES | KEEPS_FETCHES)
ONELINE(xdin, "Dinero IV: \"r|w|i ADDR SIZE\"", .keeps = KEEPS_STORES | KEEPS_FETCHES | KEEPS_SIZES)
ONELINE(rw, "\"r|w ADDR\", hex", .keeps = KEEPS_STORES)
ONELINE(ramulator, "Ramulator 1: \"0xADDR R|W\"", .keeps = KEEPS_STORES)
ONELINE(ramulator2, "Ramulator 2: \"LD|ST 0xADDR\"", .keeps = KEEPS_STORES)
ONELINE(pages, "csv: process, r, w or f, number of the page of 4 KiB",
	.keeps = KEEPS_STORES | KEEPS_FETCHES | KEEPS_PROCESSES | KEEPS_PAGES, .begin = pages_begin)
