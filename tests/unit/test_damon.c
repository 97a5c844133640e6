/*
 * test_damon.c - DAMON's regions, as perf script prints them and as JSON: the loads that come of them, bad
 * text.
 */
#include "tests/unit/formats_support.h"

#include <zlib.h>

#include "tests/suite.h"

#define LINE(target, nr, range, counts)                                                                   \
	"kdamond.0  4452 [000] 82877.315633: damon:damon_aggregated: target_id=" target " nr_regions=" nr \
	" " range ": " counts "\n"

/* 4096 … 12289 touches three pages. Targets are numbered as they come; an early kernel has no age. */
START_TEST(text_records)
{
	struct got *g = import("damon", "",
			       "# remark\n\n" LINE("18446623435582458880", "3", "4096-12289", "5 3")
				       LINE("18446623435582458880", "3", "16384-20480", "0 7")
					       LINE("18446623435582458880", "3", "20480-24576", "1 0")
						       LINE("7", "1", "8192-12288", "20")
							       LINE("7", "1", "8192-12288", "2 1"));

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 L 1000 1 1", "1.1 L 2000 1 1", "1.1 L 3000 1 1", "1.1 L 5000 1 1", "2.2 L 2000 1 1",
	       "2.2 L 2000 1 1");
	ck_assert(g->provenance.sampled && g->provenance.no_sizes && g->provenance.no_threads);
	ck_assert_ptr_nonnull(strstr(g->provenance.notes, "each page of a region"));
}
END_TEST

START_TEST(options)
{
	struct got *g = import("damon", "accesses=weighted", LINE("0", "1", "4096-12288", "3 0"));

	EXPECT(g, "1.1 L 1000 1 1", "1.1 L 2000 1 1", "1.1 L 1000 1 1", "1.1 L 2000 1 1", "1.1 L 1000 1 1",
	       "1.1 L 2000 1 1");
	/* three accesses over eight pages: every second page */
	g = import("damon", "accesses=samples", LINE("0", "1", "0-32768", "3 0"));
	EXPECT(g, "1.1 L 0 1 1", "1.1 L 2000 1 1", "1.1 L 4000 1 1");
	g = import("damon", "accesses=samples", LINE("0", "1", "4096-8192", "20 0"));
	EXPECT(g, "1.1 L 1000 1 1");
	g = import("damon", "accesses=all", "");
	ck_assert_int_eq(g->result, -(int)ERR_USAGE);
}
END_TEST

/* 2 TiB are passed over with 65536 loads, 8192 pages apart, in batches. */
START_TEST(huge_region)
{
	const struct importer_ops *ops = importer_find("damon");
	static const char text[] = LINE("0", "1", "0-2199023255552", "1 0");
	struct importer *im;
	struct err e = {0};
	uint64_t loads = 0;
	struct batch b;

	write_file(text, sizeof text - 1);
	ck_assert_int_eq(importer_open(&im, ops, path, "", &e), 0);
	while (ops->next(im, &b, &e) > 0)
		for (size_t i = 0; i < b.n; i++, loads++)
			ck_assert_uint_eq(b.addr[i], loads << 25);
	ck_assert_str_eq(e.text, "");
	ck_assert_uint_eq(loads, 65536);
	ops->close(im);
}
END_TEST

START_TEST(text_bad)
{
	static const char *const bad[] = {
		"hello\n",
		LINE("x", "1", "4096-8192", "1 1"),
		LINE("0", "1", "4096 8192", "1 1"),
		LINE("0", "1", "8192-4096", "1 1"),
		LINE("0", "1", "4096-99999999999999999999", "1 1"),
		LINE("0", "1", "4096-18446744073709551615", "1 1"),
		LINE("0", "1", "4096-8192", "1 1 1"),
		LINE("0", "1", "4096-8192", ""),
		"kdamond.0 1 [000] 1.0: damon:damon_aggregated: target_id=0\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		import_bad("damon", "", "# DAMON\n", bad[i], "");
	/* One of two regions. */
	ck_assert_int_eq(import("damon", "", LINE("0", "2", "0-4096", "1 1"))->result, -(int)ERR_TRUNCATED);
}
END_TEST

/* ---- JSON ---- */

static const char json[] =
	"[{\"kdamond_idx\": null, \"intervals\": {\"sample_us\": \"5 ms\", \"start\": [1, {\"a\": true}]},\n"
	"  \"target_id\": 44, \"scheme_filters\": [], \"note\": \"a \\\"{[,]}\\\" b\",\n"
	"  \"regions\": [{\"start\": 1, \"end\": 2}],\n"
	"  \"snapshots\": [{\"start_time\": \"1 s\", \"end_time\": 5.5e3, \"regions\": [\n"
	"    {\"start\": \"4,096\", \"end\": \"12,288\", \"nr_accesses\": {\"samples\": 5, \"percent\": "
	"null},\n"
	"     \"age\": {\"usec\": null, \"start\": 7, \"aggr_intervals\": \"3\"}, \"sz_filter_passed\": \"0 "
	"B\"},\n"
	"    {\"start\": 16384, \"end\": 20480, \"nr_accesses\": {\"samples\": 0, \"percent\": 0.0}},\n"
	"    {\"nr_accesses\": {\"percent\": 12.5, \"samples\": null}, \"end\": 24576, \"start\": 20480}],\n"
	"   \"total_bytes\": null}]},\n"
	" {\"target_id\": 45, \"snapshots\": [{\"regions\": "
	"[{\"start\":8192,\"end\":12288,\"nr_accesses\":2}]}]}]\n";

START_TEST(json_records)
{
	struct got *g = import("damonjson", "", json);

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 L 1000 1 1", "1.1 L 2000 1 1", "1.1 L 5000 1 1", "2.2 L 2000 1 1");
	ck_assert(g->provenance.sampled);
}
END_TEST

/* As damo writes it: one zlib stream; the file is found out. */
START_TEST(json_compressed)
{
	uint8_t packed[2000];
	uLongf n = sizeof packed;
	struct err e = {0};
	struct got *g;

	ck_assert_int_eq(compress(packed, &n, (const Bytef *)json, sizeof json - 1), Z_OK);
	g = import_bytes("damonjson", "", packed, n);
	ck_assert_str_eq(g->err.text, "");
	ck_assert_uint_eq(g->n, 4);
	ck_assert_ptr_eq(importer_probe(path, &e), importer_find("damonjson"));
}
END_TEST

START_TEST(json_bad)
{
	static const struct refusal bad[] = {
		{"[}", ERR_FORMAT},
		{"{]", ERR_FORMAT},
		{"[1 2]", ERR_FORMAT},
		{"{1}", ERR_FORMAT},
		{"5", ERR_FORMAT},
		{"[] []", ERR_FORMAT},
		{"[],", ERR_FORMAT},
		{"[\"a\" \"b\"]", ERR_FORMAT},
		{"[#]", ERR_FORMAT},
		{"[{\"target_id\": \"x\"}]", ERR_FORMAT},
		{"{\"regions\": [{\"start\": 1, \"nr_accesses\": 1}]}", ERR_FORMAT},
		{"{\"regions\": [{\"start\": 9999, \"end\": 1, \"nr_accesses\": 1}]}", ERR_FORMAT},
		{"{\"regions\": [{\"start\": \"-4\", \"end\": 1, \"nr_accesses\": 1}]}", ERR_FORMAT},
		{"{\"regions\": [{\"start\": 99999999999999999999, \"end\": 1, \"nr_accesses\": 1}]}",
		 ERR_FORMAT},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", ERR_FORMAT},
		{"[{\"a\": 1", ERR_TRUNCATED},
		{"[{\"a", ERR_TRUNCATED},
		{"", ERR_TRUNCATED},
	};

	expect_refusals("damonjson", bad, ARRAY_LEN(bad));
}
END_TEST

/* A piece without an end takes no memory. */
START_TEST(json_endless)
{
	size_t n = 4u << 20;
	char *text = malloc(n);
	struct got *g;

	memset(text, 'a', n);
	text[0] = '[';
	text[1] = '"';
	g = import_bytes("damonjson", "", text, n);
	ck_assert_int_eq(g->result, -(int)ERR_FORMAT);
	free(text);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, text_records);
	tcase_add_test(t, options);
	tcase_add_test(t, huge_region);
	tcase_add_test(t, text_bad);
	tcase_add_test(t, json_records);
	tcase_add_test(t, json_compressed);
	tcase_add_test(t, json_bad);
	tcase_add_test(t, json_endless);
	return run_case("damon", t);
}
