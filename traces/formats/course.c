/*
 * course.c - the page-replacement traces of operating-systems courses: one reference a line, "ADDR R" or
 * "ADDR W".
 *
 * The address is hex with or without 0x (the classic files have exactly eight digits); R, W, READ and WRITE
 * in either case. Blank lines and lines that begin with # are skipped. One process (pid 1), one thread.
 *
 * The format has no sizes, threads, instructions or times: a reference is one byte and one instruction.
 */
#include "traces/formats/formats.h"

#include <string.h>
#include <strings.h>

#include "traces/formats/textfile.h"

/* 1: a reference; 0: nothing on the line; -1: neither. */
static int parse_line(const char *p, const char *end, uint64_t *addr, bool *store)
{
	size_t n;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p == '#')
		return 0;
	if (end - p > 2 && p[0] == '0' && (p[1] | 32) == 'x')
		p += 2;
	p = text_hex(p, end, addr);
	if (!p || p == end || (*p != ' ' && *p != '\t'))
		return -1;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	n = (size_t)(end - p);
	*store = n && (*p | 32) == 'w';
	if (n == 1)
		return *store || (*p | 32) == 'r' ? 1 : -1;
	return (n == 4 && !strncasecmp(p, "read", 4)) || (n == 5 && !strncasecmp(p, "write", 5)) ? 1 : -1;
}

static int course_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	uint64_t addr;
	bool store;
	int r = parse_line(p, end, &addr, &store);

	if (r < 0)
		return textfile_bad(t, p, end, "\"HEXADDRESS R\" or \"HEXADDRESS W\"", e);
	if (r > 0)
		textfile_access(t, 1, 1, addr, store ? ACCESS_STORE : ACCESS_LOAD, 1, 1);
	return 0;
}

/* The same for lines as the classic files have them: "HEX R". */
static void course_bulk(struct textfile *t, struct text_bulk *b)
{
	const char *end;

	(void)t;
	while ((end = text_bulk_line(b))) {
		uint64_t addr;
		const char *s = text_hex_prefixed(b->p, &addr);
		bool store;

		if (!s || s[0] != ' ' || s + 2 != end)
			break;
		store = (s[1] | 32) == 'w';
		if (!store && (s[1] | 32) != 'r')
			break;
		text_bulk_put(b, addr, store ? ACCESS_STORE : ACCESS_LOAD, 1, 1);
		text_bulk_took(b, end);
	}
}

static int course_start(struct textfile *t, struct err *e)
{
	(void)e;
	t->provenance.no_threads = true;
	t->provenance.no_sizes = true;
	t->provenance.no_times = true;
	t->provenance.no_fetches = true;
	return 0;
}

static bool is_reference(const char *p, const char *end)
{
	uint64_t addr;
	bool store;

	return parse_line(p, end, &addr, &store) == 1;
}

static bool is_line(const char *p, const char *end)
{
	uint64_t addr;
	bool store;

	return parse_line(p, end, &addr, &store) >= 0;
}

static bool is_plain(const char *p, const char *end)
{
	return is_line(p, end) && !(end - p > 2 && p[0] == '0' && (p[1] | 32) == 'x');
}

/* "0x… R" is also what a Ramulator trace looks like, and more often that. */
static int course_probe(const uint8_t *head, size_t n)
{
	int plain = text_probe_lines(head, n, is_plain) * 4 / 5,
	    all = text_probe_lines(head, n, is_line) * 3 / 5;

	return text_probe_lines(head, n, is_reference) ? MAX_OF(plain, all) : 0;
}

static const struct text_format course_format = {
	.start = course_start,
	.line = course_line,
	.bulk = course_bulk,
};

const struct importer_ops course_importer = {
	.name = "course",
	.sentence = "page-replacement traces of courses: \"HEXADDRESS R|W\", with or without 0x",
	.probe = course_probe,
	TEXTFILE_HOOKS(&course_format),
};
