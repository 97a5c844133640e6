/*
 * malloc_merge.c - k-way merge by time, a round at a time.
 *
 * A round costs O(rings) and, for each run of events of one ring that no other ring's event falls into,
 * O(rings with events).
 */
#include "traces/recorder/malloc_merge.h"

#include <cpuid.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define TAKEN_AT_ONCE  1024 /* events after which the writer may use their room */
#define PROBES         64   /* rings a call of bury looks at */
#define CLAIM_SECONDS  1.0  /* a ring that is not taken into use by then has no thread any more */
#define INVARIANT_LEAF 0x80000007u
#define INVARIANT_TSC  (1u << 8)

uint64_t malloc_merge_clock(const struct malloc_shared *s)
{
	struct timespec t;
	unsigned cpu;

	if (s->use_tsc)
		return __rdtscp(&cpu);
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool clock_is_even(void)
{
	unsigned a, b, c, d;

	return __get_cpuid(INVARIANT_LEAF, &a, &b, &c, &d) && d & INVARIANT_TSC;
}

void malloc_merge_init(struct malloc_merge *m, struct malloc_shared *s, malloc_event_fn *take, void *ctx)
{
	long commands = syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 0, 0);

	memset(m, 0, sizeof *m);
	m->shared = s;
	m->take = take;
	m->ctx = ctx;
	s->use_tsc = clock_is_even();
	s->fence = commands < 0 || !(commands & MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}

/* ---- a round ---- */

static const struct malloc_event *event_at(const struct malloc_merge *m, uint32_t ring, uint64_t pos)
{
	return &malloc_ring_events(m->shared, ring)[pos % RING_EVENTS];
}

/* Looks at all rings: what is there, and up to when it is all. */
static uint64_t look(struct malloc_merge *m)
{
	struct malloc_shared *s = m->shared;
	uint64_t horizon = malloc_merge_clock(s);
	uint32_t n;

	s->now = horizon;
	if (!s->fence)
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	n = __atomic_load_n(&s->nr_rings, __ATOMIC_ACQUIRE);
	m->nr_ready = 0;
	for (uint32_t i = 0; i < MIN_OF(n, MALLOC_RINGS); i++) {
		struct malloc_ring_head *h = &s->ring[i];
		uint32_t state = __atomic_load_n(&h->state, __ATOMIC_ACQUIRE);
		uint64_t base, seq;

		if (state == MALLOC_RING_FREE)
			continue;
		base = state == MALLOC_RING_CLAIMED ? 0 : __atomic_load_n(&h->base, __ATOMIC_ACQUIRE);
		seq = __atomic_load_n(&h->seq, __ATOMIC_ACQUIRE);
		if (seq & 1 || state == MALLOC_RING_CLAIMED)
			horizon = MIN_OF(horizon, base);
		if (state == MALLOC_RING_LEFT && seq / 2 == h->tail) {
			__atomic_store_n(&h->state, MALLOC_RING_FREE, __ATOMIC_SEQ_CST);
			continue;
		}
		if (state != MALLOC_RING_ACTIVE && state != MALLOC_RING_LEFT)
			continue;
		m->avail[i] = seq / 2;
		if (m->avail[i] != h->tail)
			m->ready[m->nr_ready++] = i;
	}
	return horizon;
}

/* A writer that waits is woken when half of its ring is free, so that it does not come back at once. */
static void give_room(struct malloc_ring_head *h, uint64_t tail)
{
	__atomic_store_n(&h->tail, tail, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&h->waits, __ATOMIC_SEQ_CST) &&
	    __atomic_load_n(&h->seq, __ATOMIC_RELAXED) / 2 - tail <= RING_EVENTS / 2) {
		__atomic_store_n(&h->waits, 0, __ATOMIC_SEQ_CST);
		syscall(SYS_futex, &h->waits, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
}

/* The text behind an event; how many events it takes. A program may have damaged its ring: lengths are cut.
 */
static uint64_t read_text(struct malloc_merge *m, uint32_t ring, uint64_t pos, uint64_t bytes)
{
	uint64_t slots, n = MIN_OF(bytes, (uint64_t)MALLOC_TEXT_MAX);

	slots = (n + sizeof(struct malloc_event) - 1) / sizeof(struct malloc_event);
	slots = MIN_OF(slots, m->avail[ring] - pos - 1);
	for (uint64_t i = 0; i < slots; i++)
		memcpy(m->text + i * sizeof(struct malloc_event), event_at(m, ring, pos + 1 + i),
		       sizeof(struct malloc_event));
	m->text[MIN_OF(n, (uint64_t)MALLOC_TEXT_MAX - 1)] = 0;
	return slots;
}

/* Takes the events of a ring up to a time; the number taken or negative. */
static int64_t take_run(struct malloc_merge *m, uint32_t ring, uint64_t until, struct err *e)
{
	struct malloc_ring_head *h = &m->shared->ring[ring];
	uint64_t pos = h->tail, begin = pos;
	int r = 0;

	while (pos < m->avail[ring] && r >= 0) {
		struct malloc_event ev = *event_at(m, ring, pos);
		unsigned op = MALLOC_EVENT_OP(ev.what);
		uint64_t slots = 0;

		if (ev.time >= until)
			break;
		m->text[0] = 0;
		if (op == MALLOC_EVENT_START || op == MALLOC_EVENT_MODULE)
			slots = read_text(m, ring, pos, ev.size);
		r = m->take(m->ctx, h, &ev, m->text, e);
		pos += 1 + slots;
		if ((pos - begin) % TAKEN_AT_ONCE == 0)
			give_room(h, pos);
	}
	give_room(h, pos);
	return r < 0 ? r : (int64_t)(pos - begin);
}

int64_t malloc_merge_drain(struct malloc_merge *m, struct err *e)
{
	uint64_t horizon = look(m);
	int64_t all = 0;

	while (m->nr_ready) {
		uint64_t first = UINT64_MAX, second = UINT64_MAX;
		size_t best = 0;
		int64_t n;
		uint32_t ring;

		for (size_t i = 0; i < m->nr_ready; i++) {
			uint64_t t = event_at(m, m->ready[i], m->shared->ring[m->ready[i]].tail)->time;

			if (t < first) {
				second = first;
				first = t;
				best = i;
			} else if (t < second) {
				second = t;
			}
		}
		if (first >= horizon)
			break;
		ring = m->ready[best];
		n = take_run(m, ring, MIN_OF(horizon, second == UINT64_MAX ? second : second + 1), e);
		if (n < 0)
			return n;
		all += n;
		if (m->shared->ring[ring].tail == m->avail[ring])
			m->ready[best] = m->ready[--m->nr_ready];
	}
	return all;
}

/* ---- the dead ---- */

bool malloc_task_gone(uint32_t pid, uint32_t tid)
{
	char path[64], text[512];
	const char *p;
	size_t n;
	FILE *f;

	if (tid)
		snprintf(path, sizeof path, "/proc/%u/task/%u/stat", pid, tid);
	else
		snprintf(path, sizeof path, "/proc/%u/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return true;
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = 0;
	p = strrchr(text, ')');
	return !p || !p[1] || p[2] == 'Z' || p[2] == 'X';
}

static bool ring_gone(const struct malloc_ring_head *h, uint32_t state)
{
	uint32_t child = __atomic_load_n(&h->child, __ATOMIC_ACQUIRE);

	if (state == MALLOC_RING_FORKING) /* pid and tid are the parent's until the child is there */
		return child ? malloc_task_gone(child, 0) : malloc_task_gone(h->pid, h->tid);
	return malloc_task_gone(h->pid, h->tid);
}

uint32_t malloc_merge_bury(struct malloc_merge *m, bool all, double now)
{
	struct malloc_shared *s = m->shared;
	uint32_t n = MIN_OF(__atomic_load_n(&s->nr_rings, __ATOMIC_ACQUIRE), MALLOC_RINGS), used = 0;
	bool claimed = false;

	for (uint32_t i = 0; i < n; i++) {
		struct malloc_ring_head *h = &s->ring[i];
		uint32_t state = __atomic_load_n(&h->state, __ATOMIC_ACQUIRE);
		bool look_at = all || (i - m->probed) % MALLOC_RINGS < PROBES;

		used += state != MALLOC_RING_FREE;
		claimed |= state == MALLOC_RING_CLAIMED;
		if (state == MALLOC_RING_CLAIMED && m->claimed_since > 0 &&
		    now - m->claimed_since > CLAIM_SECONDS)
			look_at = true;
		else if (state == MALLOC_RING_FREE || state == MALLOC_RING_CLAIMED)
			continue;
		/* First gone, then empty: nothing can come any more. */
		if (!look_at || !ring_gone(h, state) ||
		    __atomic_load_n(&h->seq, __ATOMIC_ACQUIRE) / 2 != h->tail)
			continue;
		__atomic_store_n(&h->state, MALLOC_RING_FREE, __ATOMIC_SEQ_CST);
		used--;
	}
	m->probed = n ? (m->probed + PROBES) % n : 0;
	m->claimed_since = !claimed ? 0 : m->claimed_since > 0 ? m->claimed_since : now;
	return used;
}

bool malloc_merge_has(const struct malloc_merge *m, uint32_t pid)
{
	uint32_t n = MIN_OF(__atomic_load_n(&m->shared->nr_rings, __ATOMIC_ACQUIRE), MALLOC_RINGS);

	for (uint32_t i = 0; i < n; i++)
		if (__atomic_load_n(&m->shared->ring[i].state, __ATOMIC_ACQUIRE) != MALLOC_RING_FREE &&
		    m->shared->ring[i].pid == pid)
			return true;
	return false;
}

uint64_t malloc_merge_backlog(const struct malloc_merge *m)
{
	uint32_t n = MIN_OF(__atomic_load_n(&m->shared->nr_rings, __ATOMIC_ACQUIRE), MALLOC_RINGS);
	uint64_t most = 0;

	for (uint32_t i = 0; i < n; i++) {
		const struct malloc_ring_head *h = &m->shared->ring[i];

		if (__atomic_load_n(&h->state, __ATOMIC_ACQUIRE) == MALLOC_RING_ACTIVE)
			most = MAX_OF(most, __atomic_load_n(&h->seq, __ATOMIC_ACQUIRE) / 2 - h->tail);
	}
	return most;
}
