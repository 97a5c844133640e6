/*
 * test_importers.c - what holds for all text formats: files cut or damaged at every byte, probing,
 * compression.
 */
#include "tests/unit/formats_support.h"

#include <zstd.h>

#include "tests/suite.h"

#include "tests/unit/formats_fixtures.h"
#include "traces/formats/page_ranges.h"
#include "traces/formats/textfile.h"

/* Whatever the cut, what is delivered is a prefix of the whole, but for the last record. */
START_TEST(cut_at_every_byte)
{
	const char *format = fixtures[_i].format;
	static char whole[MAX_RECORDS][200], text[FIXTURE_MAX];
	size_t all, n = fixture_bytes(_i, text);
	struct got *g = import_bytes(format, "", text, n);

	ck_assert_str_eq(g->err.text, "");
	all = g->n;
	memcpy(whole, g->line, sizeof whole);
	for (size_t len = 0; len < n; len++) {
		g = import_bytes(format, "", text, len);
		ck_assert(g->result == 0 || g->result == -(int)ERR_TRUNCATED ||
			  g->result == -(int)ERR_FORMAT);
		ck_assert_uint_le(g->n, all);
		for (size_t i = 0; i + 1 < g->n; i++)
			/* lackey: the beginning decides about mappings; malloclab: a size cut short moves all
			 */
			if (strcmp(format, "lackey") != 0 && strcmp(format, "malloclab") != 0)
				ck_assert_str_eq(g->line[i], whole[i]);
	}
}
END_TEST

/* One byte wrong anywhere: an error or other records, never a crash. */
START_TEST(damage_at_every_byte)
{
	const char *format = fixtures[_i].format;
	static char whole[FIXTURE_MAX], text[FIXTURE_MAX];
	size_t n = fixture_bytes(_i, whole);

	for (size_t at = 0; at < n; at++) {
		struct got *g;

		memcpy(text, whole, n);
		text[at] = (char)(text[at] ^ 1 << at * 3 % 8);
		g = import_bytes(format, "", text, n);
		ck_assert_int_le(g->result, 0);
	}
}
END_TEST

/* Each fixture is claimed by its own format, and by no other one as surely: all rows are asked. */
START_TEST(probing)
{
	static char text[FIXTURE_MAX];
	size_t n = fixture_bytes(_i, text);
	const struct importer_ops *own = importer_find(fixtures[_i].format), *ops;
	struct err e = {0};
	int sure;

	ck_assert_ptr_nonnull(own);
	sure = own->probe((const uint8_t *)text, n);
	ck_assert_msg(sure >= 50 && sure <= 100, "%s: %d", own->name, sure);
	for (size_t i = 0; (ops = importer_at(i)); i++) {
		int other = ops->probe((const uint8_t *)text, n);

		ck_assert_int_ge(other, 0);
		if (ops != own)
			ck_assert_msg(other < sure, "%s: %s says %d, itself %d", own->name, ops->name, other,
				      sure);
	}
	write_file(text, n);
	ops = importer_probe(path, &e);
	ck_assert_msg(ops == own, "%s: %s", own->name, ops ? ops->name : e.text);
}
END_TEST

/* No probe reads behind the head or minds what is in it. */
START_TEST(probing_anything)
{
	uint32_t x = 99;

	for (unsigned round = 0; round < 3000; round++) {
		size_t n = round % 97;
		uint8_t *head = malloc(n + 1);

		for (size_t i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			head[i] = round % 3 ? (uint8_t)(x >> 24)
					    : (uint8_t) " \n\t,:.0x9aRWrLS#[]-"[x >> 24 & 15];
		}
		for (size_t i = 0; importer_at(i); i++) {
			uint8_t *exact = malloc(n ? n : 1);
			int sure;

			memcpy(exact, head, n);
			sure = n ? importer_at(i)->probe(exact, n) : 0;
			ck_assert(sure >= 0 && sure <= 100);
			free(exact);
		}
		free(head);
	}
}
END_TEST

/* Lines that end as on other systems are read one by one, not in bulk: the records are the same. */
START_TEST(carriage_returns)
{
	static char text[FIXTURE_MAX], other[2 * FIXTURE_MAX], whole[MAX_RECORDS][200];
	size_t n = fixture_bytes(_i, text), m = 0, all;
	struct got *g;

	if (fixtures[_i].make)
		return;
	g = import_bytes(fixtures[_i].format, "", text, n);
	all = g->n;
	memcpy(whole, g->line, sizeof whole);
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\n')
			other[m++] = '\r';
		other[m++] = text[i];
	}
	g = import_bytes(fixtures[_i].format, "", other, m);
	if (!strcmp(fixtures[_i].format, "text"))
		return; /* this program's own form has one kind of line end */
	ck_assert_str_eq(g->err.text, "");
	ck_assert_uint_eq(g->n, all);
	for (size_t i = 0; i < all; i++)
		ck_assert_str_eq(g->line[i], whole[i]);
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
	ck_assert_int_eq(e.code, ERR_TRUNCATED);
	ck_assert_ptr_nonnull(strstr(e.text, "gzip member, at byte 7"));
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
	ck_assert_int_eq(importer_open(&im, ops, path, "", &e), 0);
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
	ck_assert_int_eq(importer_open(&im, ops, path, "", &e), 0);
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
	ck_assert_int_eq(importer_open(&im, ops, path, "", &e), 0);
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

/* ---- numbers ---- */

/* The fast readers and the plain ones agree on digits of any length, whatever stands behind them. */
START_TEST(fast_numbers)
{
	static const char behind[] = "g \n,:/@G`x-\x80\xff";
	uint32_t x = 7;

	for (unsigned round = 0; round < 40000; round++) {
		char text[64 + TEXT_SLACK];
		size_t n = round % 24, zeros = round / 24 % 4 * 7;
		bool hex = round & 1;
		uint64_t v1 = 1, v2 = 1;
		const char *a, *b;

		memset(text, '7', sizeof text);
		memset(text, '0', zeros);
		for (size_t i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			text[zeros + i] = hex ? "0123456789abcdefABCDEFfF"[(x >> 20) % 24]
					      : (char)('0' + (x >> 20) % 10);
		}
		text[zeros + n] = behind[round / 7 % sizeof behind];
		a = hex ? text_hex_fast(text, &v1) : text_dec_fast(text, &v1);
		b = hex ? text_hex(text, text + zeros + n, &v2) : text_dec(text, text + zeros + n, &v2);
		ck_assert_msg(a == b, "%.60s", text);
		if (a)
			ck_assert_uint_eq(v1, v2);
	}
}
END_TEST

START_TEST(number_limits)
{
	char text[64 + TEXT_SLACK] = "18446744073709551615";
	uint64_t v;

	ck_assert_ptr_eq(text_dec_fast(text, &v), text + 20);
	ck_assert(v == UINT64_MAX);
	text[19] = '6';
	ck_assert_ptr_null(text_dec_fast(text, &v));
	memcpy(text, "ffffffffffffffff ", 18);
	ck_assert_ptr_eq(text_hex_fast(text, &v), text + 16);
	ck_assert(v == UINT64_MAX);
	memcpy(text, "10000000000000000 ", 19);
	ck_assert_ptr_null(text_hex_fast(text, &v));
	memcpy(text, "00000000000000000fF,", 21);
	ck_assert_ptr_eq(text_hex_fast(text, &v), text + 19);
	ck_assert_uint_eq(v, 0xff);
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
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, cut_at_every_byte, 0, ARRAY_LEN(fixtures));
	tcase_add_loop_test(t, damage_at_every_byte, 0, ARRAY_LEN(fixtures));
	tcase_add_loop_test(t, probing, 0, ARRAY_LEN(fixtures));
	tcase_add_loop_test(t, carriage_returns, 0, ARRAY_LEN(fixtures));
	tcase_add_test(t, probing_nothing);
	tcase_add_test(t, probing_anything);
	tcase_add_test(t, zstd_frames);
	tcase_add_test(t, endless_line);
	tcase_add_test(t, fast_numbers);
	tcase_add_test(t, number_limits);
	tcase_add_test(t, ranges);
	return run_case("importers", t);
}
