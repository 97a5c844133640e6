/*
 * merged.c - all threads of a trace in the recorded order.
 *
 * A binary heap of the threads by the order of their next batch. A thread's stream is opened when its first
 * piece is due and closed at its end, and all share one set of decoding buffers, so memory grows with the
 * threads that live at the same time: one decoded block each.
 */
#include "traces/reader.h"

#include "sim/mem.h"

struct merged_thread {
	uint64_t order;
	size_t thread;
	struct stream *stream; /* NULL until due */
};

struct merged {
	struct trace *t;
	struct scratch scratch;
	struct merged_thread *heap;
	size_t n;
	bool advance; /* the batch of the root was given out: its stream is to be moved on first */
};

void merged_close(struct merged *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++)
		stream_close(m->heap[i].stream);
	mem_free(m->heap);
	scratch_release(&m->scratch);
	mem_free(m);
}

static bool is_before(const struct merged_thread *a, const struct merged_thread *b)
{
	return a->order < b->order || (a->order == b->order && a->thread < b->thread);
}

static void sift_down(struct merged *m, size_t i)
{
	struct merged_thread x = m->heap[i];
	size_t child;

	while ((child = 2 * i + 1) < m->n) {
		if (child + 1 < m->n && is_before(&m->heap[child + 1], &m->heap[child]))
			child++;
		if (!is_before(&m->heap[child], &x))
			break;
		m->heap[i] = m->heap[child];
		i = child;
	}
	m->heap[i] = x;
}

int merged_open(struct merged **out, struct trace *t, struct err *e)
{
	struct merged *m = mem_alloc_late(1, sizeof *m);

	(void)e;
	m->t = t;
	m->n = t->nr_threads;
	m->heap = mem_alloc_late(m->n, sizeof *m->heap);
	for (size_t i = 0; i < m->n; i++)
		m->heap[i] = (struct merged_thread){t->threads[i].pub.first_order, i, NULL};
	for (size_t i = m->n / 2; i-- > 0;)
		sift_down(m, i);
	scratch_init(&m->scratch);
	*out = m;
	return 0;
}

/* Gives the root its new key, or drops it at its end. */
static int move_on(struct merged *m, struct err *e)
{
	int rc = stream_peek_order(m->heap[0].stream, &m->heap[0].order, e);

	if (rc < 0)
		return rc;
	if (rc == 0) {
		stream_close(m->heap[0].stream);
		m->heap[0] = m->heap[--m->n];
	}
	m->advance = false;
	if (m->n)
		sift_down(m, 0);
	return 0;
}

/* Brings the stream whose piece is next to the root: 1, 0 when there is none. */
static int find_next(struct merged *m, struct err *e)
{
	int rc;

	while (m->n && (m->advance || !m->heap[0].stream)) {
		if (!m->advance && (rc = stream_open_shared(&m->heap[0].stream, m->t, m->heap[0].thread,
							    &m->scratch, e)) < 0)
			return rc;
		rc = move_on(m, e);
		if (rc < 0)
			return rc;
	}
	return m->n != 0;
}

int merged_next(struct merged *m, struct batch *b, struct err *e)
{
	int rc = find_next(m, e);

	if (rc <= 0)
		return rc;
	rc = stream_next(m->heap[0].stream, b, e);
	m->advance = rc > 0;
	return rc;
}

int merged_skim(struct merged *m, struct batch *b, struct err *e)
{
	int rc = find_next(m, e);

	if (rc <= 0)
		return rc;
	rc = stream_skim(m->heap[0].stream, b, e);
	m->advance = rc > 0;
	return rc;
}

int merged_reveal(struct merged *m, struct batch *b, struct err *e)
{
	return stream_reveal(m->heap[0].stream, b, e);
}
