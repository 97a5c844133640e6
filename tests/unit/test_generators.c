/*
 * test_generators.c - facts about the synthetic patterns that can be worked out by hand.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/suite.h"
#include "traces/source.h"

static struct importer *start(const char *name, const char *options)
{
	const struct importer_ops *ops = generator_find(name);
	struct importer *im;
	struct err e = {0};

	ck_assert_ptr_nonnull(ops);
	ck_assert_msg(importer_open(&im, ops, "-", options, &e) == 0, "%s", e.text);
	return im;
}

/* All accesses of a generator; the caller frees. */
struct accesses {
	uint64_t *addr;
	uint32_t *meta, *tid;
	size_t n;
};

static struct accesses all(const char *name, const char *options)
{
	struct importer *im = start(name, options);
	struct accesses a = {0};
	struct batch b;
	struct err e = {0};
	int rc;

	while ((rc = im->ops->next(im, &b, &e)) > 0) {
		a.addr = realloc(a.addr, (a.n + b.n + 1) * sizeof *a.addr);
		a.meta = realloc(a.meta, (a.n + b.n + 1) * sizeof *a.meta);
		a.tid = realloc(a.tid, (a.n + b.n + 1) * sizeof *a.tid);
		for (size_t i = 0; i < b.n; i++, a.n++) {
			a.addr[a.n] = b.addr[i];
			a.meta[a.n] = b.meta[i];
			a.tid[a.n] = b.tid;
		}
	}
	ck_assert_int_eq(rc, 0);
	im->ops->close(im);
	return a;
}

static void drop(struct accesses *a)
{
	free(a->addr);
	free(a->meta);
	free(a->tid);
}

START_TEST(stride_addresses)
{
	/* 3 pages of 4096 hold 12 places 1000 bytes apart: 12 * 1000 <= 12288 */
	struct accesses a = all("stride", "count=30,pages=3,stride=1000,base=0x10000,size=4,write=0");

	ck_assert_uint_eq(a.n, 30);
	for (size_t i = 0; i < a.n; i++) {
		ck_assert_uint_eq(a.addr[i], 0x10000 + i % 12 * 1000);
		ck_assert_uint_eq(META_KIND(a.meta[i]), ACCESS_LOAD);
		ck_assert_uint_eq(META_SIZE(a.meta[i]), 4);
		ck_assert_uint_eq(META_ICOUNT(a.meta[i]), 1);
	}
	drop(&a);
}
END_TEST

START_TEST(sequential_addresses)
{
	struct accesses a = all("sequential", "count=1500,bytes=4097,size=8,write=1,icount=5");

	for (size_t i = 0; i < a.n; i++) {
		ck_assert_uint_eq(a.addr[i], UINT64_C(0x100000000000) + i % 1024 * 8);
		ck_assert_uint_eq(META_KIND(a.meta[i]), ACCESS_STORE);
		ck_assert_uint_eq(META_ICOUNT(a.meta[i]), 5);
	}
	ck_assert_uint_eq(a.n, 1500);
	drop(&a);
}
END_TEST

START_TEST(chase_visits_each_page_once_a_round)
{
	enum { PAGES = 1000 };
	struct accesses a = all("chase", "count=3000,pages=1000,base=0");
	unsigned seen[PAGES] = {0}, neighbours = 0;

	for (size_t i = 0; i < a.n; i++) {
		uint64_t page = a.addr[i] >> 12;

		ck_assert_uint_lt(page, PAGES);
		ck_assert_uint_eq(seen[page]++, i / PAGES);
		ck_assert_uint_eq(a.addr[i] % 64, 0);
		if (i >= PAGES)
			ck_assert_uint_eq(a.addr[i], a.addr[i - PAGES]);
		neighbours += i && page == (a.addr[i - 1] >> 12) + 1;
	}
	ck_assert_uint_lt(neighbours, 30); /* 3 expected of a random order */
	drop(&a);
}
END_TEST

static void zipf_shares(double theta, const char *options)
{
	enum { PAGES = 64, N = 200000 };
	struct accesses a = all("zipf", options);
	double seen[PAGES] = {0}, norm = 0;

	for (size_t i = 0; i < a.n; i++) {
		ck_assert_uint_lt(a.addr[i] >> 12, PAGES);
		seen[a.addr[i] >> 12]++;
	}
	for (unsigned k = 0; k < PAGES; k++)
		norm += pow(k + 1, -theta);
	for (unsigned k = 0; k < PAGES; k++) {
		double p = pow(k + 1, -theta) / norm, mean = N * p, sd = sqrt(N * p * (1 - p));

		ck_assert_msg(fabs(seen[k] - mean) < 5 * sd + 1, "theta %g rank %u: %g seen, %g expected",
			      theta, k + 1, seen[k], mean);
	}
	drop(&a);
}

START_TEST(zipf_frequencies)
{
	zipf_shares(0, "count=200000,pages=64,base=0,scatter=0,theta=0");
	zipf_shares(0.5, "count=200000,pages=64,base=0,scatter=0,theta=0.5");
	zipf_shares(1, "count=200000,pages=64,base=0,scatter=0,theta=1");
	zipf_shares(2.5, "count=200000,pages=64,base=0,scatter=0,theta=2.5,seed=9");
}
END_TEST

/* Scattering moves pages about and changes nothing else: sorted counts are the same. */
static int by_value(const void *a, const void *b)
{
	const unsigned *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

START_TEST(zipf_scatter)
{
	struct accesses a = all("zipf", "count=50000,pages=100,base=0,scatter=0");
	struct accesses b = all("zipf", "count=50000,pages=100,base=0");
	unsigned na[100] = {0}, nb[100] = {0};

	for (size_t i = 0; i < a.n; i++) {
		na[a.addr[i] >> 12]++;
		nb[b.addr[i] >> 12]++;
	}
	ck_assert_mem_ne(na, nb, sizeof na);
	qsort(na, 100, sizeof *na, by_value);
	qsort(nb, 100, sizeof *nb, by_value);
	ck_assert_mem_eq(na, nb, sizeof na);
	drop(&a);
	drop(&b);
}
END_TEST

START_TEST(uniform_frequencies)
{
	struct accesses a = all("uniform", "count=100000,pages=10,base=0,write=0.5,size=16");
	double seen[10] = {0}, stores = 0;

	for (size_t i = 0; i < a.n; i++) {
		seen[a.addr[i] >> 12]++;
		stores += META_KIND(a.meta[i]) == ACCESS_STORE;
		ck_assert_uint_eq(a.addr[i] % 16, 0);
	}
	for (unsigned k = 0; k < 10; k++)
		ck_assert_double_lt(fabs(seen[k] - 10000), 5 * 95); /* sd sqrt(1e5 * .1 * .9) = 95 */
	ck_assert_double_lt(fabs(stores - 50000), 5 * 158);
	drop(&a);
}
END_TEST

START_TEST(hotcold_shares)
{
	struct accesses a = all("hotcold", "count=100000,pages=100,base=0,hot=0.2,to_hot=0.8");
	double hot = 0, first_cold = 0;

	for (size_t i = 0; i < a.n; i++) {
		hot += a.addr[i] >> 12 < 20;
		first_cold += a.addr[i] >> 12 == 20;
		ck_assert_uint_lt(a.addr[i] >> 12, 100);
	}
	ck_assert_double_lt(fabs(hot - 80000), 5 * 126);
	ck_assert_double_lt(fabs(first_cold - 250), 5 * 16);
	drop(&a);
	/* nothing is cold */
	a = all("hotcold", "count=1000,pages=1,to_hot=0,base=0");
	for (size_t i = 0; i < a.n; i++)
		ck_assert_uint_eq(a.addr[i] >> 12, 0);
	drop(&a);
}
END_TEST

START_TEST(phases_move)
{
	struct accesses a = all("phases", "count=10000,pages=10,base=0,phase=1000,window=4,shift=3");

	for (size_t i = 0; i < a.n; i++) {
		uint64_t start = i / 1000 * 3 % 10, page = a.addr[i] >> 12;

		ck_assert_uint_lt((page + 10 - start) % 10, 4);
	}
	drop(&a);
}
END_TEST

START_TEST(same_seed_same_trace)
{
	for (size_t i = 0; generator_at(i); i++) {
		const char *name = generator_at(i)->name;
		struct accesses a = all(name, "count=9000,pages=500,seed=5"),
				b = all(name, "count=9000,pages=500,seed=5");
		struct accesses c = all(name, "count=9000,pages=500,seed=6");

		ck_assert_uint_eq(a.n, 9000);
		ck_assert_mem_eq(a.addr, b.addr, a.n * sizeof *a.addr);
		ck_assert_mem_eq(a.meta, b.meta, a.n * sizeof *a.meta);
		ck_assert_mem_ne(a.meta, c.meta, a.n * sizeof *a.meta); /* other stores, with any pattern */
		if (strcmp(name, "stride") != 0 && strcmp(name, "sequential") != 0)
			ck_assert_mem_ne(a.addr, c.addr, a.n * sizeof *a.addr);
		for (size_t k = 0; k < a.n; k++)
			ck_assert_uint_lt(a.addr[k] - UINT64_C(0x100000000000), 500 * 4096);
		drop(&a);
		drop(&b);
		drop(&c);
	}
}
END_TEST

START_TEST(another_write_share_same_addresses)
{
	struct accesses a = all("zipf", "count=5000,write=0"), b = all("zipf", "count=7000,write=1");

	ck_assert_mem_eq(a.addr, b.addr, a.n * sizeof *a.addr);
	drop(&a);
	drop(&b);
}
END_TEST

START_TEST(threads_and_maps)
{
	struct importer *im = start("uniform", "count=100001,threads=2,processes=2,maps=1,pages=4");
	uint64_t n[4] = {0};
	struct batch b;
	struct err e = {0};
	unsigned ops[REC_NR] = {0};

	while (im->ops->next(im, &b, &e) > 0) {
		if (b.control) {
			ck_assert_uint_eq(n[0] + n[1] + n[2] + n[3], 0);
			ops[b.control->op]++;
			if (b.control->op == REC_MMAP) {
				ck_assert_uint_eq(b.control->arg[1], 4 * 4096);
				ck_assert_uint_eq((uint64_t)b.control->result, b.control->arg[0]);
				ck_assert_uint_eq(b.control->arg[4], FID_NONE);
			}
		}
		ck_assert_uint_eq(b.pid, 1000 + (b.tid - 1000) / 2 * 2);
		n[b.tid - 1000] += b.n;
	}
	im->ops->close(im);
	ck_assert_uint_eq(ops[REC_PROCESS], 2);
	ck_assert_uint_eq(ops[REC_MMAP], 2);
	ck_assert_uint_eq(ops[REC_THREAD], 2);
	ck_assert_uint_eq(n[0], 25001);
	ck_assert_uint_eq(n[1], 25000);
	ck_assert_uint_eq(n[3], 25000);
}
END_TEST

START_TEST(refusals)
{
	static const struct {
		const char *name, *options, *said;
	} bad[] = {
		{"zipf", "thet=1", "unknown option \"thet\""},
		{"zipf", "theta=-1", "from 0 to 20"},
		{"zipf", "theta=nan", "from 0 to 20"},
		{"zipf", "theta", "theta=NUMBER"},
		{"zipf", "pages=12x", "pages=12x"},
		{"zipf", "pages=0", "at least 1"},
		{"uniform", "count=-3", "count=-3"},
		{"uniform", "count=99999999999999999999", "count="},
		{"uniform", "count=17179869184T", "count="},
		{"uniform", "base=1", "multiple of 4096"},
		{"uniform", "base=0xfffffffffffff000,pages=2", "highest address"},
		{"uniform", "threads=4096,processes=2", "8192 threads"},
		{"uniform", "size=0", "from 1 to 4096"},
		{"uniform", "stride=5", "unknown option"},
		{"stride", "stride=8K,pages=1", "does not fit"},
		{"phases", "window=11,pages=10", "window of 11"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct importer *im;
		struct err e = {0};

		ck_assert_int_lt(importer_open(&im, generator_find(bad[i].name), "-", bad[i].options, &e), 0);
		ck_assert_msg(strstr(e.text, bad[i].said), "%s", e.text);
		ck_assert_ptr_null(im);
	}
	ck_assert_ptr_null(generator_find("nosuch"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("generators");

	tcase_add_test(tc, stride_addresses);
	tcase_add_test(tc, sequential_addresses);
	tcase_add_test(tc, chase_visits_each_page_once_a_round);
	tcase_add_test(tc, zipf_frequencies);
	tcase_add_test(tc, zipf_scatter);
	tcase_add_test(tc, uniform_frequencies);
	tcase_add_test(tc, hotcold_shares);
	tcase_add_test(tc, phases_move);
	tcase_add_test(tc, same_seed_same_trace);
	tcase_add_test(tc, another_write_share_same_addresses);
	tcase_add_test(tc, threads_and_maps);
	tcase_add_test(tc, refusals);
	return run_case("generators", tc);
}
