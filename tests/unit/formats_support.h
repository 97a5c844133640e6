/*
 * formats_support.h - what the tests of the text formats share: an import into lines of text, and two texts.
 */
#ifndef TESTS_UNIT_FORMATS_SUPPORT_H
#define TESTS_UNIT_FORMATS_SUPPORT_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "traces/source.h"
#include "traces/textform.h"

#define MAX_RECORDS 256

/* All that an importer yields, in order, with accesses and controls as text. */
struct got {
	char line[MAX_RECORDS][200];
	size_t n;
	struct err err;
	int result;
	struct provenance provenance;
	char program[64], arguments[64];
};

/* A file in memory: thousands of small files would keep a disk busy for long. */
static char path[32];
static int path_fd;

static void setup(void)
{
	path_fd = memfd_create("test_formats", MFD_CLOEXEC);
	ck_assert_int_ge(path_fd, 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", path_fd);
}

static void teardown(void)
{
	close(path_fd);
}

static void write_file(const void *data, size_t n)
{
	FILE *f = fopen(path, "wb");

	ck_assert_ptr_nonnull(f);
	ck_assert(fwrite(data, 1, n, f) == n);
	ck_assert_int_eq(fclose(f), 0);
}

static void add_control(struct got *g, const struct control *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	textform_control(f, c);
	fclose(f);
	text[size - 1] = '\0';
	if (g->n < MAX_RECORDS)
		snprintf(g->line[g->n++], sizeof g->line[0], "%.199s", text);
	free(text);
}

static void add_batch(struct got *g, const struct batch *b)
{
	for (size_t i = 0; i < b->n && g->n < MAX_RECORDS; i++) {
		char *s = g->line[g->n++];
		size_t n = textform_access(s, b->pid, b->tid, b->addr[i], b->meta[i]);

		ck_assert(n < TEXTFORM_ACCESS_MAX);
		s[n - 1] = '\0';
	}
	if (b->control)
		add_control(g, b->control);
}

/* Imports n bytes of data. */
static struct got *import_bytes(const char *format, const char *options, const void *data, size_t n)
{
	const struct importer_ops *ops = importer_find(format);
	static struct got g;
	struct importer *im;
	struct batch b;

	memset(&g, 0, sizeof g);
	ck_assert_ptr_nonnull(ops);
	write_file(data, n);
	g.result = importer_open(&im, ops, path, options, &g.err);
	if (g.result) {
		ck_assert_int_eq(g.result, -(int)g.err.code);
		return &g;
	}
	ops->provenance(im, &g.provenance);
	snprintf(g.program, sizeof g.program, "%s", g.provenance.program ? g.provenance.program : "");
	snprintf(g.arguments, sizeof g.arguments, "%s", g.provenance.arguments ? g.provenance.arguments : "");
	while ((g.result = ops->next(im, &b, &g.err)) > 0)
		add_batch(&g, &b);
	ck_assert_int_eq(g.result, -(int)g.err.code);
	ops->close(im);
	return &g;
}

static inline struct got *import(const char *format, const char *options, const char *text)
{
	return import_bytes(format, options, text, strlen(text));
}

/*
 * Imports good, bad and behind in a row: bad is refused, with the place where it begins and what was
 * expected. What came before it is there.
 */
static inline struct got *import_bad(const char *format, const char *options, const char *good,
				     const char *bad, const char *behind)
{
	char text[512], at[128];
	unsigned line = 1;
	struct got *g;

	ck_assert_uint_lt(strlen(good) + strlen(bad) + strlen(behind), sizeof text);
	snprintf(text, sizeof text, "%s%s%s", good, bad, behind);
	for (const char *c = good; *c; c++)
		line += *c == '\n';
	snprintf(at, sizeof at, "%s:%u: at byte %zu: ", path, line, strlen(good));
	g = import(format, options, text);
	ck_assert_msg(g->result == -(int)ERR_FORMAT, "%s: %d %s", bad, g->result, g->err.text);
	ck_assert_msg(strstr(g->err.text, at) != NULL, "%s: %s", bad, g->err.text);
	ck_assert_msg(strstr(g->err.text, "expected") != NULL, "%s: %s", bad, g->err.text);
	return g;
}

/* An importer's text and how it is refused. */
struct refusal {
	const char *text;
	enum err_code code;
};

static inline void expect_refusals(const char *format, const struct refusal *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct got *g = import(format, "", r[i].text);

		ck_assert_msg(g->result == -(int)r[i].code, "%s: %d %s", r[i].text, g->result, g->err.text);
		ck_assert_ptr_nonnull(strstr(g->err.text, path));
	}
}

static inline void expect(const struct got *g, const char *const *lines, size_t n)
{
	for (size_t i = 0; i < MIN_OF(n, g->n); i++)
		ck_assert_str_eq(g->line[i], lines[i]);
	ck_assert_uint_eq(g->n, n);
}

#define EXPECT(g, ...)                                             \
	do {                                                       \
		static const char *const lines_[] = {__VA_ARGS__}; \
		expect(g, lines_, ARRAY_LEN(lines_));              \
	} while (0)

static const char memtrace_text[] = "# memtrace 1\n"
				    "# scenario mix\n"
				    "F 0 /data/f16 16777216 old\n"
				    "F 1 /data/new 8388608 new\n"
				    "# op 0 spawn 1 cpu=1\n"
				    "M 1 1 1 0 spawn\n"
				    "M 1 1 1 1 mmap 0x1000000000 8192 rw- private,anon,populate -1 0\n"
				    "M 1 1 1 2 mmap 0x1000200000 4096 r-- shared,file 0 4096\n"
				    "W 1 1 1000000000 8\n"
				    "R 1 1 1000000ffc 8\n"
				    "# sum 3 2 abc\n"
				    "M 1 1 1 5 fork 2\n"
				    "R 2 2 1000000000 8\n"
				    "M 2 2 1 7 exit\n"
				    "M 1 1 1 8 affinity 3\n"
				    "M 1 1 3 9 mprotect 0x1000000000 4096 ---\n"
				    "M 1 1 3 10 madvise 0x1000000000 4096 pageout\n"
				    "M 1 1 3 11 mlock 0x1000000000 4096\n"
				    "M 1 1 3 12 munlock 0x1000000000 4096\n"
				    "M 1 1 3 13 mremap 0x1000000000 8192 0x1000400000 4096\n"
				    "M 1 1 3 14 set_mempolicy interleave 0xf\n"
				    "M 1 1 3 15 mbind 0x1000400000 4096 preferred_many 0x2 move\n"
				    "M 1 1 3 16 mbind 0x1000400000 4096 default 0x0 -\n"
				    "M 1 1 3 17 read 0 4096 65536\n"
				    "M 1 1 3 18 write 1 0 4096\n"
				    "M 1 1 3 19 fsync 1\n"
				    "M 1 1 3 20 fadvise 0 0 4096 willneed\n"
				    "M 1 1 3 21 munmap 0x1000400000 4096\n"
				    "M 1 1 3 22 oom_score_adj -500\n"
				    "M 0 0 0 23 drop_caches 3\n"
				    "M 0 0 0 24 sleep 250\n"
				    "S 25 after\n"
				    "# end accesses 3 events 26\n";

static const char text_text[] =
	"# faultline trace text 1\n"
	"# provenance {\"program\": \"p \\\"q\\\"\", \"no_times\": true}\n"
	"7.7 process ppid=1 text=\"a \\\"b\\\" \\\\ \\x0a\"\n"
	"7.7 L 7ffe12345678 8 1\n"
	"7.8 S 0 1 65535\n"
	"7.8 F ffffffffffffffff 4096 0\n"
	"# a remark\n"
	"7.7 cut\n"
	"7.7 mmap addr=0x1000 len=4096 prot=0x3 flags=0x22 fid=-1 off=0 result=-12 cpu=3 time=99\n"
	"7.7 instr count=70000\n"
	"# end accesses 3 controls 3\n";

#endif
