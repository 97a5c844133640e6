/*
 * test_blkdev.c - completion times against the queue's rule, computed by hand.
 */
#include <check.h>
#include <stdlib.h>

#include "models/kernel/blkdev.h"
#include "tests/suite.h"

static struct eventq q;
static struct blkdev d;
static struct {
	tick_t time;
	pfn_t first;
	unsigned n;
	bool is_write;
} seen[64];
static unsigned nr_seen;

static void done(void *ctx, const pfn_t *pfns, unsigned n, bool is_write)
{
	ck_assert_ptr_eq(ctx, &q);
	seen[nr_seen].time = q.now;
	seen[nr_seen].first = pfns[0];
	seen[nr_seen].n = n;
	seen[nr_seen++].is_write = is_write;
}

/* 4.096 MB/s... at 4096 MB/s a page takes exactly 1 us */
static void open_device(uint64_t read_us, uint64_t write_us, uint64_t mb, uint64_t servers)
{
	struct blkdev_params p = {read_us, write_us, mb, servers};

	nr_seen = 0;
	eventq_init(&q);
	blkdev_init(&d, &q, &p);
}

static void close_device(void)
{
	blkdev_release(&d);
	eventq_release(&q);
}

static tick_t submit(tick_t now_us, pfn_t pfn, unsigned n, bool is_write)
{
	pfn_t pfns[BLKDEV_MAX_PAGES];

	for (unsigned i = 0; i < n; i++)
		pfns[i] = pfn + i;
	return blkdev_submit(&d, now_us * PS_PER_US, pfns, n, is_write, done, &q);
}

/* A lone request takes its latency; eight pages take seven transfers more. */
START_TEST(alone)
{
	open_device(80, 20, 4096, 4);
	ck_assert_uint_eq(submit(10, 1, 1, false), 90 * PS_PER_US);
	while (eventq_step(&q))
		;
	ck_assert_uint_eq(submit(200, 2, 1, true), 220 * PS_PER_US);
	while (eventq_step(&q))
		;
	ck_assert_uint_eq(submit(300, 3, 8, false), (300 + 79 + 8) * PS_PER_US);
	while (eventq_step(&q))
		;
	ck_assert_uint_eq(nr_seen, 3);
	ck_assert_uint_eq(seen[2].n, 8);
	ck_assert_uint_eq(seen[2].first, 3);
	ck_assert(seen[1].is_write && !seen[2].is_write);
	ck_assert_uint_eq(d.stats.reads, 2);
	ck_assert_uint_eq(d.stats.read_bytes, 9 * 4096);
	ck_assert_uint_eq(d.stats.write_bytes, 4096);
	ck_assert_uint_eq(d.stats.busy_ps, (80 + 20 + 87) * PS_PER_US);
	ck_assert_uint_eq(d.stats.read_latency.max, 87000);
	ck_assert_int_eq(d.stats.in_flight, 0);
	close_device();
}
END_TEST

/* Two servers, five reads at once: the data path lets one begin each microsecond, the servers two each 80. */
START_TEST(servers)
{
	static const tick_t want[] = {80, 81, 160, 161, 240};

	open_device(80, 20, 4096, 2);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(submit(0, i, 1, false), want[i] * PS_PER_US);
	ck_assert_int_eq(d.stats.in_flight, 5);
	while (eventq_step(&q))
		;
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(seen[i].first, i);
		ck_assert_uint_eq(seen[i].time, want[i] * PS_PER_US);
	}
	close_device();
}
END_TEST

/* Servers enough: the rate is the bandwidth, 100 pages need 100 us and the last one's access. */
START_TEST(bandwidth)
{
	tick_t last = 0;

	open_device(80, 20, 4096, 1000);
	for (unsigned i = 0; i < 100; i++)
		last = submit(0, i, 1, true);
	ck_assert_uint_eq(last, (99 + 19 + 1) * PS_PER_US);
	close_device();
}
END_TEST

/* A later but faster request overtakes: completions fire in order of time, not of submission. */
START_TEST(overtaking)
{
	open_device(80, 20, 4096, 8);
	submit(0, 1, 1, false);
	submit(0, 2, 1, true);
	while (eventq_step(&q))
		;
	ck_assert_uint_eq(seen[0].first, 2);
	ck_assert_uint_eq(seen[0].time, 21 * PS_PER_US);
	ck_assert_uint_eq(seen[1].time, 80 * PS_PER_US);
	close_device();
}
END_TEST

/* Latency below one transfer (zram): the transfer remains. */
START_TEST(no_latency)
{
	open_device(0, 0, 4096, 1);
	ck_assert_uint_eq(submit(5, 1, 1, false), 6 * PS_PER_US);
	ck_assert_uint_eq(submit(5, 2, 2, false), 8 * PS_PER_US);
	close_device();
}
END_TEST

/* Any number of servers serves in order of becoming free, as a sorted list would. */
START_TEST(heap_of_servers)
{
	tick_t naive[7] = {0};
	uint32_t x = 12345;

	open_device(50, 30, 1000000, 7);
	for (unsigned i = 0; i < 500; i++) {
		tick_t now = i * PS_PER_US, begin, end;
		unsigned best = 0;
		bool w = (x = x * 1664525 + 1013904223) >> 31;

		for (unsigned s = 1; s < 7; s++)
			if (naive[s] < naive[best])
				best = s;
		begin = now > naive[best] ? now : naive[best];
		end = submit(i, i, 1, w);
		/* the data path (4096 ps a page) is never what is waited for here, but right after a start */
		ck_assert_uint_ge(end, begin + (w ? 30 : 50) * PS_PER_US);
		ck_assert_uint_le(end, begin + (w ? 30 : 50) * PS_PER_US + 7 * 4096);
		naive[best] = end;
	}
	close_device();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("blkdev");

	tcase_add_test(t, alone);
	tcase_add_test(t, servers);
	tcase_add_test(t, bandwidth);
	tcase_add_test(t, overtaking);
	tcase_add_test(t, no_latency);
	tcase_add_test(t, heap_of_servers);
	return run_case("blkdev", t);
}
