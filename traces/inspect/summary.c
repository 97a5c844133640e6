/*
 * summary.c - counting what a trace does: threads, mappings, sizes, windows, reuse, strides.
 *
 * One pass, a few nanoseconds an access. Memory grows with the footprint (3 bits a page), the threads and the
 * windows, not with the length; reuse distances are exact up to SUMMARY_SAMPLES pages and estimated beyond
 * (curve.h).
 */
#include "traces/inspect/summary.h"

#include <string.h>

#include "sim/mem.h"

void summary_init(struct summary *s, uint64_t total, size_t windows)
{
	const struct curve_config config = {
		.page_shift = PAGE_SHIFT, .rate = CURVE_RATE_UNIT, .samples = SUMMARY_SAMPLES, .kinds = 7};

	memset(s, 0, sizeof *s);
	s->window_length = MAX_OF(1u, total / windows + (total % windows != 0));
	s->windows = mem_alloc_late(1, sizeof *s->windows);
	s->nr_windows = 1;
	s->reuse = curve_new(&config);
	map_init(&s->by_id);
	footprint_init(&s->all);
	footprint_init(&s->window);
}

void summary_release(struct summary *s)
{
	mem_free(s->threads);
	mem_free(s->windows);
	curve_free(s->reuse);
	map_release(&s->by_id);
	footprint_release(&s->all);
	footprint_release(&s->window);
}

static struct summary_thread *thread_of(struct summary *s, uint32_t pid, uint32_t tid)
{
	uint64_t id = (uint64_t)pid << 32 | tid, i;

	if (map_get(&s->by_id, id, &i))
		return &s->threads[i];
	if (s->nr_threads == s->cap_threads) {
		s->cap_threads = s->cap_threads ? s->cap_threads * 2 : 16;
		s->threads = mem_realloc(s->threads, s->cap_threads, sizeof *s->threads);
	}
	map_put(&s->by_id, id, s->nr_threads);
	s->threads[s->nr_threads] = (struct summary_thread){.pid = pid, .tid = tid};
	return &s->threads[s->nr_threads++];
}

static void end_window(struct summary *s)
{
	struct summary_window *w = &s->windows[s->nr_windows - 1];

	w->pages = s->window.count;
	footprint_release(&s->window);
	footprint_init(&s->window);
}

static void begin_window(struct summary *s)
{
	s->windows = mem_realloc(s->windows, s->nr_windows + 1, sizeof *s->windows);
	s->windows[s->nr_windows++] = (struct summary_window){0};
}

static void add_stride(struct summary_strides *st, uint64_t from, uint64_t to)
{
	uint64_t up = to - from, distance = up >> 63 ? from - to : up;

	st->all++;
	st->forward += distance && !(up >> 63);
	st->backward += up >> 63;
	if (distance <= SUMMARY_NEAR)
		st->near[up + SUMMARY_NEAR]++; /* modulo 2^64 */
	if (distance < 64)
		st->line++;
	else if (distance < PAGE_SIZE)
		st->page++;
	else if (distance < UINT64_C(2) << 20)
		st->large_page++;
	else
		st->far++;
}

static void add_accesses(struct summary *s, struct summary_thread *t, const uint64_t *addr,
			 const uint32_t *meta, size_t n)
{
	struct summary_window *w = &s->windows[s->nr_windows - 1];
	uint64_t kinds[4] = {0}, instructions = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t size = MAX_OF(1u, META_SIZE(meta[i]));

		kinds[META_KIND(meta[i])]++;
		instructions += META_ICOUNT(meta[i]);
		s->by_size[size > 1 ? MIN_OF(ilog2_u64(size - 1) + 1, SUMMARY_SIZES - 1u) : 0]++;
		s->splits += (addr[i] & (PAGE_SIZE - 1)) + size > PAGE_SIZE;
		if (META_KIND(meta[i]) == ACCESS_FETCH)
			continue;
		if (t->any)
			add_stride(&s->strides, t->last, addr[i]);
		t->last = addr[i];
		t->any = true;
	}
	t->reads += kinds[ACCESS_LOAD];
	t->writes += kinds[ACCESS_STORE];
	t->fetches += kinds[ACCESS_FETCH];
	t->instructions += instructions;
	t->accesses += n;
	w->reads += kinds[ACCESS_LOAD];
	w->writes += kinds[ACCESS_STORE];
	w->fetches += kinds[ACCESS_FETCH];
	w->accesses += n;
	s->accesses += n;
}

static void add_mapping(struct summary_mappings *m, uint64_t len, uint64_t fid)
{
	m->calls++;
	m->anonymous += fid == FID_NONE;
	m->files += fid != FID_NONE;
	m->bytes += len;
	m->largest = MAX_OF(m->largest, len);
}

static void add_control(struct summary *s, struct summary_thread *t, const struct control *c)
{
	struct summary_mappings *m = &s->mappings;

	if (c->op == REC_INSTR)
		t->instructions += c->arg[0];
	else if (c->op == REC_BRK)
		m->brk_calls++;
	else if (c->op == REC_MAPPING)
		add_mapping(m, c->arg[1], c->arg[4]);
	else if (c->op == REC_MMAP && c->result < 0 && c->result >= -4095)
		m->failed++;
	else if (c->op == REC_MMAP)
		add_mapping(m, c->arg[1], c->arg[4]);
	else if (c->op == REC_MUNMAP && c->result >= 0) {
		m->unmap_calls++;
		m->unmapped_bytes += c->arg[1];
	}
}

int summary_add(struct summary *s, const struct batch *b, struct err *e)
{
	struct summary_thread *t = thread_of(s, b->pid, b->tid);
	int r = curve_add(s->reuse, b->pid, b->addr, b->meta, b->n, e);

	for (size_t done = 0, n; done < b->n && !r; done += n) {
		struct summary_window *w = &s->windows[s->nr_windows - 1];
		uint64_t before = s->all.count;

		if (w->accesses == s->window_length) {
			end_window(s);
			begin_window(s);
			w = &s->windows[s->nr_windows - 1];
		}
		n = (size_t)MIN_OF((uint64_t)(b->n - done), s->window_length - w->accesses);
		footprint_add(&s->all, b->pid, b->addr + done, b->meta + done, n);
		footprint_add(&s->window, b->pid, b->addr + done, b->meta + done, n);
		w->new_pages += s->all.count - before;
		add_accesses(s, t, b->addr + done, b->meta + done, n);
	}
	if (b->control)
		add_control(s, t, b->control);
	return r;
}

void summary_finish(struct summary *s)
{
	end_window(s);
}

uint64_t summary_memory_for(struct summary *s, double hits)
{
	struct curve_sum sum;

	curve_sum(s->reuse, &sum);
	for (uint64_t p = 0; (p = curve_next_step(s->reuse, p));)
		if (curve_misses(s->reuse, p) <= (1 - hits) * (double)sum.touches)
			return p;
	return 0;
}
