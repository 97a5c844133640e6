/*
 * test_merge.c - the recorder's rings, read in one order.
 */
#include "traces/recorder/merge.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/suite.h"

static struct shared *shared;
static struct merge *merge;

static void setup(void)
{
	shared = mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		      -1, 0);
	ck_assert(shared != MAP_FAILED);
	merge = malloc(sizeof *merge);
	merge_init(merge, shared, false);
}

static void teardown(void)
{
	munmap(shared, SHARED_BYTES);
	free(merge);
}

/* ---- a thread's side ---- */

static void put(uint32_t ring, uint64_t word)
{
	struct ring_head *h = &shared->ring[ring];

	ring_words(shared, ring)[h->pos++ & (RING_WORDS - 1)] = word;
}

static void begin(uint32_t ring, uint64_t stamp)
{
	shared->ring[ring] =
		(struct ring_head){.low = 2 * stamp, .state = RING_ACTIVE, .pid = 1, .tid = ring + 1};
	shared->nr_rings = MAX_OF(shared->nr_rings, ring + 1);
}

static void sees(uint32_t ring, uint64_t stamp)
{
	put(ring, WORD_STAMP << 62 | stamp);
	shared->ring[ring].low = 2 * stamp + 1;
}

static void accesses(uint32_t ring, uint64_t a)
{
	put(ring, WORD_BLOCK << 62 | UINT64_C(1) << INSN_SHIFT | UINT64_C(4) << BYTES_SHIFT | a);
}

static void calls(uint32_t ring, uint64_t stamp, uint64_t after, uint32_t number)
{
	struct raw_call c = {.number = number, .stamp = stamp, .after = after};
	const uint64_t *w = (const void *)&c;

	c.head = WORD_RAW << 62 | (uint64_t)RAW_CALL << 16 | sizeof c / 8;
	for (size_t i = 0; i < sizeof c / 8; i++)
		put(ring, w[i]);
	shared->ring[ring].low = 2 * after + 1;
}

/* ---- the reader's side: what comes, as text: "1:a40 2:c7 " (thread, access or call) ---- */

static const char *read_all(double now)
{
	static char text[20000];
	static uint64_t addr[8];
	static uint32_t meta[8];
	uint64_t words[RAW_WORDS_MAX];
	struct merge_lane *l;
	size_t n = 0;

	text[0] = 0;
	merge_look(merge, now);
	while ((l = merge_next(merge)) && n < sizeof text - 100) {
		struct expanded x = {.addr = addr, .meta = meta, .room = 8};

		if (merge_record(l, words)) {
			n += (size_t)snprintf(
				text + n, sizeof text - n, "%u:c%u ", l->tid,
				(unsigned)((const struct raw_call *)(const void *)words)->number);
		} else {
			uint64_t before = l->tail;

			expand_words(&l->expand, l->words, &l->tail, l->end, l->whole, &x);
			for (size_t i = 0; i < x.n; i++)
				n += (size_t)snprintf(text + n, sizeof text - n, "%u:a%u ", l->tid,
						      (unsigned)addr[i]);
			ck_assert_uint_gt(l->tail, before);
		}
		merge_settle(l);
		merge_release(l);
	}
	return text;
}

START_TEST(one_thread)
{
	shared->clock = 1;
	begin(0, 1);
	sees(0, 1);
	accesses(0, 10);
	accesses(0, 11);
	shared->clock = 3;
	calls(0, 3, 3, 7);
	accesses(0, 12);
	ck_assert_str_eq(read_all(0), "1:a10 1:a11 1:c7 1:a12 ");
	ck_assert_uint_eq(shared->ring[0].tail, shared->ring[0].pos);
	ck_assert_uint_eq(merge_backlog(merge), 0);
}
END_TEST

/* A call at 5: what saw 4 comes before, what saw 5 behind, whichever ring is read first. */
START_TEST(a_call_between)
{
	for (uint32_t a = 0; a < 2; a++) {
		uint32_t b = 1 - a;
		char want[60];

		teardown();
		setup();
		shared->clock = 5;
		begin(0, 1);
		begin(1, 1);
		sees(a, 4);
		accesses(a, 1);
		sees(a, 5);
		accesses(a, 2);
		sees(b, 2);
		accesses(b, 3);
		calls(b, 5, 5, 9);
		snprintf(want, sizeof want, "%u:a3 %u:a1 %u:c9 %u:a2 ", b + 1, a + 1, b + 1, a + 1);
		ck_assert_str_eq(read_all(0), want);
	}
}
END_TEST

/* A thread that runs and has promised no more than 4 holds back what saw 6, until it is blocked. */
START_TEST(waits_for_promises)
{
	shared->clock = 6;
	begin(0, 1);
	begin(1, 1);
	sees(0, 6);
	accesses(0, 1);
	sees(1, 4);
	ck_assert_str_eq(read_all(0), "");
	shared->clock = 7;
	accesses(1, 2);
	calls(1, 7, 7, 3);
	ck_assert_str_eq(read_all(0.1), "2:a2 1:a1 ");
	sees(0, 8);
	accesses(0, 3);
	shared->clock = 8;
	ck_assert_str_eq(read_all(0.2), "2:c3 ");
	shared->ring[1].low = LOW_BLOCKED;
	ck_assert_str_eq(read_all(0.3), "1:a3 ");
}
END_TEST

/* Nothing beyond the clock as it was when the look began: a blocked thread may come back before it. */
START_TEST(not_beyond_the_clock)
{
	begin(0, 1);
	begin(1, 1);
	shared->clock = 5;
	shared->ring[1].low = LOW_BLOCKED;
	sees(0, 5);
	accesses(0, 1);
	sees(0, 6); /* the clock was bumped behind our back */
	accesses(0, 2);
	ck_assert_str_eq(read_all(0), "1:a1 ");
	shared->clock = 6;
	ck_assert_str_eq(read_all(0), "1:a2 ");
}
END_TEST

/* A stopped thread is waited for one second. */
START_TEST(patience_ends)
{
	shared->clock = 9;
	begin(0, 1);
	begin(1, 1);
	sees(0, 9);
	accesses(0, 1);
	sees(1, 2);
	ck_assert_str_eq(read_all(10), "");
	ck_assert_str_eq(read_all(10.5), "");
	ck_assert_str_eq(read_all(12), "1:a1 ");
	accesses(1, 2);
	ck_assert_str_eq(read_all(12.1), "2:a2 ");
}
END_TEST

/* Child of vfork, thread 3 of process 2: before all others, which its parent's thread lets through behind it.
 */
START_TEST(a_child_of_vfork_goes_first)
{
	shared->clock = 9;
	for (uint32_t ring = 0; ring < 2; ring++) {
		begin(ring, 1);
		sees(ring, 9);
		accesses(ring, ring + 1);
		shared->ring[ring].low = LOW_BLOCKED;
	}
	merge_hold(merge, 2);
	ck_assert_str_eq(read_all(10), ""); /* it is not there yet */
	begin(2, 9);
	shared->ring[2].pid = 2;
	sees(2, 9);
	accesses(2, 3);
	ck_assert_str_eq(read_all(10.9), "3:a3 ");
	ck_assert_str_eq(read_all(11.8), ""); /* patience counts from its last word */
	merge_unhold(merge, 3);               /* another one's */
	ck_assert_str_eq(read_all(11.8), "");
	merge_unhold(merge, 2);
	shared->ring[2].low = LOW_BLOCKED;
	ck_assert_str_eq(read_all(11.8), "1:a1 2:a2 ");
}
END_TEST

/* Without a word of it the others go on after a second; and the outer one of two holds again behind the
 * inner. */
START_TEST(a_silent_child_of_vfork_holds_nobody)
{
	shared->clock = 9;
	begin(0, 9);
	accesses(0, 1);
	shared->ring[0].low = LOW_BLOCKED;
	begin(1, 9);
	shared->ring[1].pid = 2;
	accesses(1, 2);
	shared->ring[1].low = LOW_BLOCKED;
	merge_hold(merge, 2);
	merge_hold(merge, 3); /* a child of the child */
	ck_assert_str_eq(read_all(10), "");
	merge_unhold(merge, 3);
	ck_assert_str_eq(read_all(10.1), "2:a2 ");
	ck_assert_str_eq(read_all(11), "");
	ck_assert_str_eq(read_all(11.2), "1:a1 ");
}
END_TEST

/*
 * Property: threads that take steps at random, read at random moments. All comes, each thread's in its order,
 * calls by growing stamp, and between two calls of others nothing that saw the later one.
 */
START_TEST(random_steps)
{
	enum { THREADS = 4, STEPS = 4000 };
	uint64_t seen[THREADS], next[THREADS] = {0}, last_call = 0, got = 0, put_words = 0;
	uint64_t saw[STEPS]; /* the stamp that access i had seen */
	unsigned state = (unsigned)_i + 1;

	shared->clock = 1;
	for (uint32_t t = 0; t < THREADS; t++) {
		begin(t, 1);
		sees(t, seen[t] = 1);
	}
	for (uint32_t i = 1; i < STEPS; i++) {
		uint32_t t = (state = state * 1103515245 + 12345) >> 16 & 3, what = state >> 20 & 7;

		if (what < 2) {
			seen[t] = ++shared->clock;
			calls(t, seen[t], seen[t], (uint32_t)seen[t]);
		} else if (what < 7) {
			if (seen[t] != shared->clock)
				sees(t, seen[t] = shared->clock);
			accesses(t, i);
			saw[i] = seen[t];
		}
		put_words += what < 7;
		if (what < 7 && i + 1 < STEPS)
			continue;
		for (uint32_t k = 0; i + 1 == STEPS && k < THREADS; k++)
			shared->ring[k].low = LOW_BLOCKED;
		for (const char *p = read_all(0); *p; p = strchr(p, ' ') + 1, got++) {
			uint64_t who = (uint64_t)(p[0] - '1'), v = strtoull(p + 3, NULL, 10);

			if (p[2] == 'c') {
				ck_assert_uint_gt(v, last_call);
				last_call = v;
			} else {
				ck_assert_uint_gt(v, next[who]);
				next[who] = v;
				ck_assert_uint_ge(saw[v], last_call);
			}
		}
	}
	ck_assert_uint_eq(got, put_words);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("merge");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, one_thread);
	tcase_add_test(t, a_call_between);
	tcase_add_test(t, waits_for_promises);
	tcase_add_test(t, not_beyond_the_clock);
	tcase_add_test(t, patience_ends);
	tcase_add_test(t, a_child_of_vfork_goes_first);
	tcase_add_test(t, a_silent_child_of_vfork_holds_nobody);
	tcase_add_loop_test(t, random_steps, 0, 20);
	return run_case("merge", t);
}
