/*
 * thin.c - traces with some of their accesses.
 *
 * The number of instructions of each thread stays what it was, but for what follows its last kept access or
 * control record. Time in the replay is therefore that of the whole program's instructions, without the
 * memory time of the accesses that are gone.
 */
#include "traces/inspect/thin.h"

#include <string.h>

#include "sim/mem.h"

void thin_init(struct thin *t, bool (*keep)(const void *ctx, uint32_t pid, uint64_t *addr, uint32_t *meta),
	       const void *ctx)
{
	*t = (struct thin){.keep = keep, .ctx = ctx};
	map_init(&t->owed);
}

void thin_release(struct thin *t)
{
	map_release(&t->owed);
	mem_free(t->addr);
	mem_free(t->meta);
}

static int write_instructions(const struct batch *b, uint64_t count, struct trace_writer *w, struct err *e)
{
	const struct control c = {.op = REC_INSTR, .pid = b->pid, .tid = b->tid, .cpu = -1, .arg = {count}};
	const struct batch out = {.pid = b->pid, .tid = b->tid, .control = &c};

	return trace_writer_batch(w, &out, e);
}

static int write_kept(struct thin *t, const struct batch *b, size_t n, struct trace_writer *w, struct err *e)
{
	struct batch out = {.pid = b->pid, .tid = b->tid, .n = n, .addr = t->addr, .meta = t->meta};

	t->kept += n;
	return n ? trace_writer_batch(w, &out, e) : 0;
}

static void make_room(struct thin *t, size_t n)
{
	if (n <= t->cap)
		return;
	t->cap = n;
	t->addr = mem_realloc(t->addr, n, sizeof *t->addr);
	t->meta = mem_realloc(t->meta, n, sizeof *t->meta);
}

int thin_write(struct thin *t, const struct batch *b, struct trace_writer *w, struct err *e)
{
	uint64_t id = (uint64_t)b->pid << 32 | b->tid, before = 0, owed;
	size_t n = 0;
	int r = 0;

	make_room(t, b->n);
	map_get(&t->owed, id, &before);
	owed = before;
	for (size_t i = 0; i < b->n && !r; i++) {
		uint64_t addr = b->addr[i];
		uint32_t meta = b->meta[i], own = META_ICOUNT(meta);

		if (!t->keep(t->ctx, b->pid, &addr, &meta)) {
			owed += own;
			t->dropped++;
			continue;
		}
		if (owed + own > META_ICOUNT_MAX) {
			r = write_kept(t, b, n, w, e);
			n = 0;
			if (!r)
				r = write_instructions(b, owed, w, e);
			owed = 0;
		}
		t->addr[n] = addr;
		t->meta[n++] = meta + ((uint32_t)owed << META_ICOUNT_SHIFT);
		owed = 0;
	}
	if (!r)
		r = write_kept(t, b, n, w, e);
	if (!r && b->control && owed) {
		r = write_instructions(b, owed, w, e);
		owed = 0;
	}
	if (owed != before)
		map_put(&t->owed, id, owed);
	if (!r && b->control) {
		const struct batch out = {.pid = b->pid, .tid = b->tid, .control = b->control};

		r = trace_writer_batch(w, &out, e);
	}
	return r;
}
