/*
 * summary_out.c - the summary as text and as JSON.
 */
#include "traces/inspect/summary.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/cli.h"
#include "traces/inspect/chart.h"

#define THREADS_SHOWN 16u
#define STRIDES_SHOWN 6u
#define SIZES_A_LINE  4u
#define BAR_WIDTH     24u

static const double hit_shares[] = {0.5, 0.9, 0.99, 0.999};

static double percent(uint64_t part, uint64_t all)
{
	return all ? 100.0 * (double)part / (double)all : 0;
}

static const char *memory_text(char *buf, size_t size, uint64_t pages)
{
	return chart_bytes(buf, size, (double)pages * (double)PAGE_SIZE);
}

/* Threads with the most accesses first. */
static int by_accesses(const void *a, const void *b)
{
	const struct summary_thread *x = a, *y = b;

	return (x->accesses < y->accesses) - (x->accesses > y->accesses);
}

static int print_threads(struct summary *s, struct err *e)
{
	static const char *const names[] = {"thread", "accesses", "share",       "loads",
					    "stores", "fetches",  "instructions"};
	struct table *t = table_new(TABLE_ALIGNED, ARRAY_LEN(names), names);
	size_t n = MIN_OF(s->nr_threads, THREADS_SHOWN);
	int r;

	if (s->nr_threads)
		qsort(s->threads, s->nr_threads, sizeof *s->threads, by_accesses);
	for (size_t i = 0; i < n; i++) {
		const struct summary_thread *th = &s->threads[i];

		table_cellf(t, false, "%" PRIu32 ".%" PRIu32, th->pid, th->tid);
		table_cellf(t, true, "%" PRIu64, th->accesses);
		table_cellf(t, true, "%.1f %%", percent(th->accesses, s->accesses));
		table_cellf(t, true, "%" PRIu64, th->reads);
		table_cellf(t, true, "%" PRIu64, th->writes);
		table_cellf(t, true, "%" PRIu64, th->fetches);
		table_cellf(t, true, "%" PRIu64, th->instructions);
	}
	r = table_finish(t, stdout, e);
	if (n < s->nr_threads)
		printf("… and %zu threads with fewer accesses\n", s->nr_threads - n);
	return r;
}

static void print_mappings(const struct summary_mappings *m)
{
	char all[32], largest[32], gone[32];

	if (!m->calls && !m->brk_calls && !m->unmap_calls)
		return;
	printf("\nmappings        %" PRIu64 " (%" PRIu64 " anonymous, %" PRIu64 " of files, %" PRIu64
	       " failed): %s, the largest %s\n",
	       m->calls, m->anonymous, m->files, m->failed, chart_bytes(all, sizeof all, (double)m->bytes),
	       chart_bytes(largest, sizeof largest, (double)m->largest));
	printf("                %" PRIu64 " munmap: %s; %" PRIu64 " brk\n", m->unmap_calls,
	       chart_bytes(gone, sizeof gone, (double)m->unmapped_bytes), m->brk_calls);
}

static void print_sizes(const struct summary *s)
{
	unsigned shown = 0;

	printf("\nsizes           ");
	for (unsigned i = 0; i < SUMMARY_SIZES; i++)
		if (s->by_size[i]) {
			printf("%s%s%u B: %.3g %%",
			       !shown                 ? ""
			       : shown % SIZES_A_LINE ? ", "
						      : ",\n                ",
			       i > 1 ? "up to " : "", 1u << i, percent(s->by_size[i], s->accesses));
			shown++;
		}
	printf("\nsplit           %" PRIu64 " accesses touch two pages of 4 KiB\n", s->splits);
}

static void print_reuse(struct summary *s)
{
	struct curve_sum sum;
	char memory[32];

	curve_sum(s->reuse, &sum);
	printf("\nreuse           %.0f first touches of %" PRIu64 " touches of pages of 4 KiB%s\n", sum.cold,
	       sum.touches, sum.rate < 1 ? "; what follows is estimated" : "");
	for (size_t i = 0; i < ARRAY_LEN(hit_shares); i++) {
		uint64_t pages = summary_memory_for(s, hit_shares[i]);

		if (pages)
			printf("                %5.4g %% hit in an LRU memory of %s\n", 100 * hit_shares[i],
			       memory_text(memory, sizeof memory, pages));
		else
			printf("                %5.4g %% do not hit in any memory\n", 100 * hit_shares[i]);
	}
}

/* The next most frequent near stride: its index, or -1. */
static int next_stride(const struct summary_strides *st, uint64_t below, int behind)
{
	int best = -1;

	for (int i = 0; i <= 2 * SUMMARY_NEAR; i++) {
		bool later = st->near[i] < below || (st->near[i] == below && i > behind);

		if (st->near[i] && later && (best < 0 || st->near[i] > st->near[best]))
			best = i;
	}
	return best;
}

static void print_strides(const struct summary_strides *st)
{
	int i = -1;
	uint64_t count = UINT64_MAX;

	printf("\nstrides         of %" PRIu64 " consecutive loads and stores of a thread\n", st->all);
	printf("                %.1f %% forward, %.1f %% backward, %.1f %% the same address\n",
	       percent(st->forward, st->all), percent(st->backward, st->all),
	       percent(st->near[SUMMARY_NEAR], st->all));
	printf("                %.1f %% below 64 B, %.1f %% below 4 KiB, %.1f %% below 2 MiB, %.1f %% "
	       "farther\n",
	       percent(st->line, st->all), percent(st->page, st->all), percent(st->large_page, st->all),
	       percent(st->far, st->all));
	printf("                most often");
	for (unsigned k = 0; k < STRIDES_SHOWN && (i = next_stride(st, count, i)) >= 0; k++) {
		count = st->near[i];
		printf(i == SUMMARY_NEAR ? "%s %d B (%.1f %%)" : "%s %+d B (%.1f %%)", k ? "," : "",
		       i - SUMMARY_NEAR, percent(count, st->all));
	}
	printf("\n");
}

static int print_windows(const struct summary *s, struct err *e)
{
	static const char *const names[] = {"from access", "pages",  "working set", "new pages",
					    "loads",       "stores", "fetches",     ""};
	struct table *t = table_new(TABLE_ALIGNED, ARRAY_LEN(names), names);
	uint64_t most = 1, from = 0;
	char memory[32], bar[3 * BAR_WIDTH + 1];

	for (size_t i = 0; i < s->nr_windows; i++)
		most = MAX_OF(most, s->windows[i].pages);
	for (size_t i = 0; i < s->nr_windows; from += s->windows[i++].accesses) {
		const struct summary_window *w = &s->windows[i];
		size_t n = (size_t)((w->pages * BAR_WIDTH + most - 1) / most);

		for (size_t k = 0; k < n; k++)
			snprintf(bar + 3 * k, 4, "\xe2\x96\x88");
		bar[3 * n] = '\0';
		table_cellf(t, true, "%" PRIu64, from);
		table_cellf(t, true, "%" PRIu64, w->pages);
		table_cell(t, memory_text(memory, sizeof memory, w->pages), true);
		table_cellf(t, true, "%" PRIu64, w->new_pages);
		table_cellf(t, true, "%.1f %%", percent(w->reads, w->accesses));
		table_cellf(t, true, "%.1f %%", percent(w->writes, w->accesses));
		table_cellf(t, true, "%.1f %%", percent(w->fetches, w->accesses));
		table_cell(t, bar, false);
	}
	return table_finish(t, stdout, e);
}

int summary_print(struct summary *s, struct err *e)
{
	int r;

	printf("\n");
	r = print_threads(s, e);
	print_mappings(&s->mappings);
	print_sizes(s);
	print_strides(&s->strides);
	print_reuse(s);
	printf("\nworking set in windows of %" PRIu64 " accesses\n", s->window_length);
	return r ? r : print_windows(s, e);
}

static void json_threads(const struct summary *s)
{
	printf(",\n  \"by_thread\": [");
	for (size_t i = 0; i < s->nr_threads; i++) {
		const struct summary_thread *t = &s->threads[i];

		printf("%s\n    {\"pid\": %" PRIu32 ", \"tid\": %" PRIu32 ", \"accesses\": %" PRIu64
		       ", \"reads\": %" PRIu64 ", \"writes\": %" PRIu64 ", \"fetches\": %" PRIu64
		       ", \"instructions\": %" PRIu64 "}",
		       i ? "," : "", t->pid, t->tid, t->accesses, t->reads, t->writes, t->fetches,
		       t->instructions);
	}
	printf("\n  ]");
}

static void json_windows(const struct summary *s)
{
	printf(",\n  \"window_accesses\": %" PRIu64 ",\n  \"windows\": [", s->window_length);
	for (size_t i = 0; i < s->nr_windows; i++) {
		const struct summary_window *w = &s->windows[i];

		printf("%s\n    {\"accesses\": %" PRIu64 ", \"pages\": %" PRIu64 ", \"new_pages\": %" PRIu64
		       ", \"reads\": %" PRIu64 ", \"writes\": %" PRIu64 ", \"fetches\": %" PRIu64 "}",
		       i ? "," : "", w->accesses, w->pages, w->new_pages, w->reads, w->writes, w->fetches);
	}
	printf("\n  ]");
}

static void json_strides(const struct summary_strides *st)
{
	uint64_t count = UINT64_MAX;
	const char *sep = "";
	int i = -1;

	printf(",\n  \"strides\": {\"all\": %" PRIu64 ", \"forward\": %" PRIu64 ", \"backward\": %" PRIu64
	       ", \"line\": %" PRIu64 ", \"page\": %" PRIu64 ", \"large_page\": %" PRIu64
	       ", \"far\": %" PRIu64 ", \"most\": {",
	       st->all, st->forward, st->backward, st->line, st->page, st->large_page, st->far);
	for (unsigned k = 0; k < STRIDES_SHOWN && (i = next_stride(st, count, i)) >= 0; k++) {
		count = st->near[i];
		printf("%s\"%d\": %" PRIu64, sep, i - SUMMARY_NEAR, count);
		sep = ", ";
	}
	printf("}}");
}

static void json_reuse(struct summary *s)
{
	struct curve_sum sum;

	curve_sum(s->reuse, &sum);
	printf(",\n  \"reuse\": {\"touches\": %" PRIu64
	       ", \"first_touches\": %.0f, \"rate\": %.9g, \"pages_for\": {",
	       sum.touches, sum.cold, sum.rate);
	for (size_t i = 0; i < ARRAY_LEN(hit_shares); i++) {
		uint64_t pages = summary_memory_for(s, hit_shares[i]);

		printf("%s\"%.4g\": ", i ? ", " : "", hit_shares[i]);
		if (pages)
			printf("%" PRIu64, pages);
		else
			printf("null");
	}
	printf("}}");
}

void summary_print_json(struct summary *s)
{
	const struct summary_mappings *m = &s->mappings;

	json_threads(s);
	printf(",\n  \"mappings\": {\"calls\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"anonymous\": %" PRIu64
	       ", \"files\": %" PRIu64 ", \"bytes\": %" PRIu64 ", \"largest\": %" PRIu64
	       ", \"munmap\": %" PRIu64 ", \"unmapped_bytes\": %" PRIu64 ", \"brk\": %" PRIu64 "}",
	       m->calls, m->failed, m->anonymous, m->files, m->bytes, m->largest, m->unmap_calls,
	       m->unmapped_bytes, m->brk_calls);
	printf(",\n  \"splits\": %" PRIu64 ",\n  \"sizes\": {", s->splits);
	for (unsigned i = 0, any = 0; i < SUMMARY_SIZES; i++)
		if (s->by_size[i])
			printf("%s\"%u\": %" PRIu64, any++ ? ", " : "", 1u << i, s->by_size[i]);
	printf("}");
	json_strides(&s->strides);
	json_reuse(s);
	json_windows(s);
}
