/*
 * test_importers.c - what holds for all text formats: files cut or damaged at every byte, probing,
 * compression.
 */
#include "tests/unit/formats_support.h"

#include <zstd.h>

#include "traces/formats/page_ranges.h"

static const struct {
	const char *format, *text;
} fixtures[] = {
	{"lackey",
	 "==7== Lackey\nI  1000,3\n L 50,8\n M 58,8\nSYSCALL[9,1](12) sys_brk ( 0x0 ) --> [x] Success(0x50) "
	 "\n"
	 "SYSCALL[9,1](257) sys_openat ( 1, 0x4a(/etc/a), 5 ) --> [async] ... \n"
	 "SYSCALL[9,1](257) ... [async] --> Success(0x3) \nSYSCALL[9,1](0) sys_read ( 3, 0x5, 8 )[sync] --> "
	 "Success(0x8) \n S 60,1\n"},
	{"course", "0041f7a0 R\n13f5e2c0 W\n"},
	{"memtrace", memtrace_text},
	{"text", text_text},
};

/* Whatever the cut, what is delivered is a prefix of the whole, but for the last record. */
START_TEST(cut_at_every_byte)
{
	const char *format = fixtures[_i].format, *text = fixtures[_i].text;
	static char whole[MAX_RECORDS][200];
	size_t all, n = strlen(text);
	struct got *g = import(format, "", text);

	ck_assert_str_eq(g->err.text, "");
	all = g->n;
	memcpy(whole, g->line, sizeof whole);
	for (size_t len = 0; len < n; len++) {
		g = import_bytes(format, "", text, len);
		ck_assert(g->result == 0 || g->result == -(int)ERR_TRUNCATED ||
			  g->result == -(int)ERR_FORMAT);
		ck_assert_uint_le(g->n, all);
		for (size_t i = 0; i + 1 < g->n; i++)
			if (strcmp(format, "lackey") != 0) /* there the beginning decides about mappings */
				ck_assert_str_eq(g->line[i], whole[i]);
	}
}
END_TEST

/* One byte wrong anywhere: an error or other records, never a crash. */
START_TEST(damage_at_every_byte)
{
	const char *format = fixtures[_i].format;
	char text[4096];
	size_t n = strlen(fixtures[_i].text);

	ck_assert(n < sizeof text);
	for (size_t at = 0; at < n; at++) {
		struct got *g;

		memcpy(text, fixtures[_i].text, n);
		text[at] = (char)(text[at] ^ 1 << at * 3 % 8);
		g = import_bytes(format, "", text, n);
		ck_assert_int_le(g->result, 0);
	}
}
END_TEST

START_TEST(probing)
{
	struct err e = {0};
	const struct importer_ops *ops;

	write_file(fixtures[_i].text, strlen(fixtures[_i].text));
	ops = importer_probe(path, &e);
	ck_assert_msg(ops != NULL, "%s: %s", fixtures[_i].format, e.text);
	ck_assert_str_eq(ops->name, fixtures[_i].format);
}
END_TEST

START_TEST(probing_nothing)
{
	struct err e = {0};

	write_file("", 0);
	ck_assert_ptr_null(importer_probe(path, &e));
	ck_assert_int_eq(e.code, ERR_FORMAT);
	err_clear(&e);
	write_file("What is this?\nProse.\n", 21);
	ck_assert_ptr_null(importer_probe(path, &e));
	ck_assert_int_eq(e.code, ERR_FORMAT);
	err_clear(&e);
	write_file("\x1f\x8b\x08\x00\x00\x00\x00", 7);
	ck_assert_ptr_null(importer_probe(path, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "zcat"));
	err_clear(&e);
	ck_assert_ptr_null(importer_probe("/nonexistent/file", &e));
	ck_assert_int_eq(e.code, ERR_OPEN);
	err_clear(&e);
	ck_assert_ptr_null(importer_probe("/tmp", &e));
	ck_assert_int_eq(e.code, ERR_OPEN);
}
END_TEST

/* ---- compression and large files ---- */

/* 100000 references, one of them in each of two zstd frames' halves, come back in order. */
START_TEST(zstd_frames)
{
	enum { N = 100000, BYTES = 11 };
	char *text = malloc((size_t)N * BYTES + 1), *packed;
	size_t half = (size_t)N / 2 * BYTES, bound = ZSTD_compressBound(half), n1, n2;
	const struct importer_ops *ops = importer_find("course");
	struct importer *im;
	struct err e = {0};
	uint64_t seen = 0, last_good;
	struct batch b;

	for (unsigned i = 0; i < N; i++)
		snprintf(text + (size_t)i * BYTES, BYTES + 1, "%08x %c\n", i * 64, i % 3 ? 'R' : 'W');
	packed = malloc(2 * bound);
	n1 = ZSTD_compress(packed, bound, text, half, 1);
	n2 = ZSTD_compress(packed + n1, bound, text + half, half, 1);
	write_file(packed, n1 + n2);
	ck_assert_int_eq(ops->open(&im, path, "", &e), 0);
	while (ops->next(im, &b, &e) > 0)
		for (size_t i = 0; i < b.n; i++, seen++) {
			ck_assert_uint_eq(b.addr[i], seen * 64);
			ck_assert_uint_eq(META_KIND(b.meta[i]), seen % 3 ? ACCESS_LOAD : ACCESS_STORE);
		}
	ck_assert_str_eq(e.text, "");
	ck_assert_uint_eq(seen, N);
	ops->close(im);
	/* Cut within the second frame: the first half and what the second one's blocks gave. */
	write_file(packed, n1 + n2 - 5);
	ck_assert_int_eq(ops->open(&im, path, "", &e), 0);
	for (last_good = 0; ops->next(im, &b, &e) > 0; last_good += b.n)
		ck_assert_uint_eq(b.addr[0], last_good * 64);
	ck_assert_int_eq(e.code, ERR_TRUNCATED);
	ck_assert_ptr_nonnull(strstr(e.text, "zstd frame"));
	ck_assert_uint_ge(last_good, N / 2);
	ops->close(im);
	/* A damaged byte within the second frame. */
	err_clear(&e);
	memset(packed + n1 + 20, 0xff, 8);
	write_file(packed, n1 + n2);
	ck_assert_int_eq(ops->open(&im, path, "", &e), 0);
	for (last_good = 0; ops->next(im, &b, &e) > 0; last_good += b.n)
		;
	ck_assert(e.code == ERR_FORMAT || e.code == ERR_TRUNCATED);
	ck_assert_uint_ge(last_good, N / 2);
	ops->close(im);
	free(packed);
	free(text);
}
END_TEST

START_TEST(endless_line)
{
	size_t n = 3u << 20;
	char *text = malloc(n);
	struct got *g;

	memset(text, 'a', n);
	memcpy(text, "00000000 R\n", 11);
	g = import_bytes("course", "", text, n);
	ck_assert_int_eq(g->result, -(int)ERR_FORMAT);
	ck_assert_uint_eq(g->n, 1);
	ck_assert_ptr_nonnull(strstr(g->err.text, "lines of at most"));
	free(text);
}
END_TEST

/* ---- page ranges against a bitmap ---- */

START_TEST(ranges)
{
	struct page_ranges v = {0};
	bool naive[64] = {false};
	uint32_t x = 12345;

	for (int step = 0; step < 20000; step++) {
		uint64_t first, end, page, gap, gap_end;
		bool add;

		x = x * 1664525 + 1013904223;
		first = x >> 8 & 63;
		end = first + (x >> 16 & 7);
		end = MIN_OF(end, UINT64_C(64));
		add = x >> 30 & 1;
		for (page = first; page < end; page++)
			naive[page] = add;
		if (add)
			page_ranges_add(&v, first, end);
		else
			page_ranges_remove(&v, first, end);
		page = x >> 20 & 63;
		gap = page;
		while (gap < 64 && naive[gap])
			gap++;
		ck_assert_int_eq(page_ranges_gap(&v, &page, 64, &gap_end), gap < 64);
		if (gap == 64)
			continue;
		ck_assert_uint_eq(page, gap);
		while (gap < 64 && !naive[gap])
			gap++;
		ck_assert_uint_eq(gap_end, gap);
	}
	for (size_t i = 1; i < v.n; i++)
		ck_assert_uint_lt(v.range[i - 1].end, v.range[i].first);
	page_ranges_release(&v);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("importers");
	TCase *t = tcase_create("all");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, cut_at_every_byte, 0, ARRAY_LEN(fixtures));
	tcase_add_loop_test(t, damage_at_every_byte, 0, ARRAY_LEN(fixtures));
	tcase_add_loop_test(t, probing, 0, ARRAY_LEN(fixtures));
	tcase_add_test(t, probing_nothing);
	tcase_add_test(t, zstd_frames);
	tcase_add_test(t, endless_line);
	tcase_add_test(t, ranges);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
