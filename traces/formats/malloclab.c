/*
 * malloclab.c - the request files (.rep) of the malloc laboratory of courses after Bryant and O'Hallaron.
 *
 *     lines of one number each in front: suggested heap size, number of ids, number of requests, weight
 *     (four; copies have two)
 *     a ID BYTES    allocate      r ID BYTES    reallocate      f ID    free (-1: free(NULL))
 *
 * The file asks an allocator for blocks and says nothing of where they lie. They are placed by size classes
 * with free lists: sizes with 8 bytes of header are rounded up to 16 bytes, at least 32; above 1 KiB to a
 * quarter of the power of two below. A class takes its last freed slot, else the next bytes of the heap (from
 * HEAP_BASE on). Blocks of 128 KiB and more get pages of their own (from LARGE_BASE on), 16 bytes behind the
 * start of the first. Slots are never split or joined; realloc stays where the class does not change.
 * Everything else: allocations.h. One process (pid 1), one thread.
 *
 * Memory grows with the ids that live and with the most slots that were free at once.
 *
 * Not modelled: other placements (the laboratory's own task), so that fragmentation is this allocator's.
 */
#include "traces/formats/formats.h"

#include <string.h>

#include "sim/map.h"
#include "sim/mem.h"
#include "traces/formats/allocations.h"

#define HEAP_BASE    (UINT64_C(1) << 32)
#define LARGE_BASE   (UINT64_C(7) << 44)
#define HEAP_END     (UINT64_C(127) << 40)
#define SMALL_STEP   16u
#define SMALL_MAX    1024u
#define LARGE_MIN    (UINT64_C(128) << 10)
#define BYTES_MAX    (UINT64_C(1) << 40)
#define CHUNK_HEADER 16
#define NR_CLASSES   (SMALL_MAX / SMALL_STEP + 4 * 32)

struct slots {
	uint64_t *addr;
	size_t n, cap;
};

struct malloclab {
	struct allocations *heap;
	struct map addr_of, size_of; /* of live ids */
	struct slots free[NR_CLASSES];
	uint64_t heap_next, large_next;
	bool begun;
};

static const struct allocator_thread only_thread = {.pid = 1, .tid = 1};

/* Class of a request, and how many bytes a slot of it has. */
static unsigned class_of(uint64_t bytes, uint64_t *slot)
{
	uint64_t n = MAX_OF((bytes + 8 + 15) / 16 * 16, UINT64_C(32)), step;
	unsigned log;

	if (n <= SMALL_MAX) {
		*slot = n;
		return (unsigned)(n / SMALL_STEP) - 1;
	}
	log = ilog2_u64(n - 1);
	step = UINT64_C(1) << (log - 2);
	*slot = (n + step - 1) / step * step;
	return SMALL_MAX / SMALL_STEP + (log - 10) * 4 + (unsigned)((*slot >> (log - 2)) - 5);
}

/* 0 when the address space is used up. */
static uint64_t place(struct malloclab *m, uint64_t bytes)
{
	uint64_t slot, addr;
	unsigned c = class_of(bytes, &slot);

	if (m->free[c].n)
		return m->free[c].addr[--m->free[c].n];
	if (bytes >= LARGE_MIN) {
		addr = m->large_next + CHUNK_HEADER;
		m->large_next += (slot + CHUNK_HEADER + PAGE_SIZE - 1) & PAGE_MASK;
		return m->large_next <= HEAP_END ? addr : 0;
	}
	addr = m->heap_next + CHUNK_HEADER;
	m->heap_next += slot;
	return m->heap_next <= LARGE_BASE ? addr : 0;
}

static void give_back(struct malloclab *m, uint64_t addr, uint64_t bytes)
{
	uint64_t slot;
	struct slots *f = &m->free[class_of(bytes, &slot)];

	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 16;
		f->addr = mem_realloc(f->addr, f->cap, sizeof *f->addr);
	}
	f->addr[f->n++] = addr;
}

/* Two classes hold large and small blocks: the limit lies within a class. */
static bool same_slot(uint64_t a, uint64_t b)
{
	uint64_t slot_a, slot_b;

	return class_of(a, &slot_a) == class_of(b, &slot_b) && (a >= LARGE_MIN) == (b >= LARGE_MIN);
}

/* ---- lines ---- */

static int allocate(struct malloclab *m, struct textfile *t, uint64_t id, uint64_t bytes, struct err *e)
{
	uint64_t old = 0, was = 0, addr = 0;

	map_get(&m->addr_of, id, &old);
	map_get(&m->size_of, id, &was);
	if (old && same_slot(was, bytes))
		addr = old;
	if (!addr)
		addr = place(m, bytes);
	if (!addr)
		return err_set(e, ERR_LIMIT, "%s:%" PRIu64 ": the requests need more than 127 TiB",
			       input_name(t->in), t->line_no);
	map_put(&m->addr_of, id, addr);
	map_put(&m->size_of, id, bytes);
	if (old && old != addr)
		give_back(m, old, was);
	return allocations_move(m->heap, t, &only_thread, old, addr, bytes, e);
}

static void release(struct malloclab *m, uint64_t id)
{
	uint64_t addr, bytes;

	if (!map_get(&m->addr_of, id, &addr) || !map_get(&m->size_of, id, &bytes))
		return;
	map_del(&m->addr_of, id);
	map_del(&m->size_of, id);
	give_back(m, addr, bytes);
	allocations_remove(m->heap, &only_thread, addr);
}

struct request {
	char op; /* a, r, f; 0: a line of the header or an empty one */
	uint64_t id, bytes;
};

static bool parse(const char *p, const char *end, struct request *r)
{
	struct text_word w[4];
	size_t n = text_words(p, end, w, ARRAY_LEN(w));

	*r = (struct request){0};
	if (n == 0)
		return true;
	if (n == 1)
		return text_word_number(w[0], &r->id) && *w[0].p != '-';
	if (w[0].n != 1 || !strchr("arf", *w[0].p) || n != (*w[0].p == 'f' ? 2u : 3u) ||
	    !text_word_number(w[1], &r->id))
		return false;
	r->op = *w[0].p;
	if (r->op == 'f')
		return *w[1].p != '-' || text_word_is(w[1], "-1");
	return *w[1].p != '-' && text_word_number(w[2], &r->bytes) && r->bytes <= BYTES_MAX;
}

static int malloclab_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	struct malloclab *m = t->state;
	struct request r;
	uint64_t addr;

	if (!parse(p, end, &r))
		return textfile_bad(t, p, end, "\"a ID BYTES\", \"r ID BYTES\" or \"f ID\"", e);
	if (!r.op && p != end && m->begun)
		return textfile_bad(t, p, end, "a request (numbers alone stand in front of the first)", e);
	if (!r.op)
		return 0;
	if (!m->begun)
		allocations_process(t, only_thread.pid, NULL);
	m->begun = true;
	if (r.op == 'a' && map_get(&m->addr_of, r.id, &addr))
		return textfile_bad(t, p, end, "an id that is not allocated", e);
	if (r.op == 'f' && r.id != UINT64_MAX && !map_get(&m->addr_of, r.id, &addr))
		return textfile_bad(t, p, end, "an id that is allocated", e);
	if (r.op == 'f')
		release(m, r.id);
	else
		return allocate(m, t, r.id, r.bytes, e);
	return 0;
}

static bool malloclab_more(struct textfile *t)
{
	return allocations_more(((struct malloclab *)t->state)->heap, t);
}

static int malloclab_start(struct textfile *t, struct err *e)
{
	struct malloclab *m = t->state;

	(void)e;
	m->heap = allocations_new(t->option[0]);
	m->heap_next = HEAP_BASE;
	m->large_next = LARGE_BASE;
	map_init(&m->addr_of);
	map_init(&m->size_of);
	t->provenance.recorder = "malloclab";
	t->provenance.notes =
		ALLOCATIONS_NOTE "; the file has no addresses: blocks are placed by size classes";
	t->provenance.no_threads = true;
	t->provenance.no_times = true;
	t->provenance.no_fetches = true;
	return 0;
}

static void malloclab_release(struct textfile *t)
{
	struct malloclab *m = t->state;

	for (size_t i = 0; i < NR_CLASSES; i++)
		mem_free(m->free[i].addr);
	map_release(&m->addr_of);
	map_release(&m->size_of);
	allocations_free(m->heap);
}

static bool is_line(const char *p, const char *end)
{
	struct request r;

	return parse(p, end, &r);
}

static bool is_request(const char *p, const char *end)
{
	struct request r;

	return parse(p, end, &r) && r.op;
}

static bool is_number(const char *p, const char *end)
{
	uint64_t v;

	return text_dec(p, end, &v) == end;
}

/* The first line is a number, and requests follow. */
static int malloclab_probe(const uint8_t *head, size_t n)
{
	const char *p = (const char *)head, *nl = memchr(head, '\n', n);

	if (!nl || !text_probe_lines(head, (size_t)(nl + 1 - p), is_number))
		return 0;
	return text_probe_lines(head, n, is_request) ? text_probe_lines(head, n, is_line) * 9 / 10 : 0;
}

static const struct text_format malloclab_format = {
	.options = {ALLOCATIONS_OPTION},
	.state_bytes = sizeof(struct malloclab),
	.start = malloclab_start,
	.line = malloclab_line,
	.more = malloclab_more,
	.release = malloclab_release,
};

const struct importer_ops malloclab_importer = {
	.name = "malloclab",
	.sentence = "malloc laboratory .rep files: requests, placed by size classes and stored once each",
	.probe = malloclab_probe,
	TEXTFILE_HOOKS(&malloclab_format),
};
