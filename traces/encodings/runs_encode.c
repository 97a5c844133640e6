/*
 * runs_encode.c - writes encoding "runs" (see runs.c).
 *
 * The next run is mostly the one that followed last time: it is compared first, and looked for in the hash
 * table of shapes only when it differs. Likewise a slot's last guess is kept as long as it gives the address
 * exactly, which also repeats code bytes; else the first guess that does, else the first with the shortest
 * correction.
 */
#include "traces/encodings/runs.h"

#include <stdlib.h>

#include "sim/map.h"
#include "sim/mem.h"

#define RUN_CUT     16 /* a run as long as this ends at its next fetch */
#define TABLE_FIRST 4096u

struct habit {
	uint8_t guess; /* the last one */
	uint8_t near;  /* how often it may be taken though it is not exact */
};

struct shape {
	uint64_t base;          /* first fetch, 0 when there is none */
	uint64_t end;           /* behind its last fetch, 0 when there is none */
	uint32_t at;            /* of an occurrence in the input */
	uint32_t slot0;         /* first slot */
	uint32_t next[2];       /* shapes that followed + 1, the last one first */
	uint32_t hash, fetches; /* a bit each access */
	uint8_t n;
};

struct runs_encoder {
	const struct encode_input *in;
	struct shape *shapes;
	uint32_t nr_shapes, nr_runs, nr_data, nr_slots, nr_words;
	uint32_t *table; /* hash table: shape number + 1 */
	uint32_t table_size;
	uint16_t *runs;
	struct slot *slots;
	struct habit *habits; /* of each slot */
	uint64_t *recent;     /* all data addresses so far, with zeros before */
	uint8_t *codes, *corrections;
	size_t nr_corrections; /* bytes */
};

/* The run that begins at `from`: everything of a shape but its slots. */
static struct shape find_run(const struct encode_input *in, uint32_t from)
{
	struct shape s = {.at = from};
	uint32_t i, most = MIN_OF(in->n - from, (uint32_t)RUN_MAX), hash = 0;

	for (i = 0; i < most; i++) {
		uint32_t word = in->meta[from + i];
		uint64_t addr = in->addr[from + i];

		if (META_KIND(word) == ACCESS_FETCH) {
			if (i && (addr != s.end || !s.fetches || i >= RUN_CUT))
				break;
			if (!s.fetches)
				s.base = addr;
			s.end = addr + META_SIZE(word);
			s.fetches |= UINT32_C(1) << i;
		}
		hash = (hash ^ word) * UINT32_C(0x9e3779b1);
	}
	s.n = (uint8_t)i;
	hash ^= (uint32_t)hash_u64(s.base);
	s.hash = hash ^ hash >> 15;
	return s;
}

static inline bool same_words(const uint32_t *a, const uint32_t *b, uint32_t n)
{
	uint64_t differs = 0, x, y;

	for (; n >= 2; n -= 2, a += 2, b += 2) {
		memcpy(&x, a, sizeof x);
		memcpy(&y, b, sizeof y);
		differs |= x ^ y;
	}
	return !(differs | (n ? *a ^ *b : 0));
}

/* Whether the run at `from` has this shape. */
static inline bool has_shape(const struct encode_input *in, const struct shape *s, uint32_t from)
{
	const uint32_t *meta = in->meta, to = from + s->n;
	uint64_t next = s->base;

	if (s->n > in->n - from)
		return false;
	for (uint32_t bits = s->fetches; bits; bits &= bits - 1) {
		uint32_t i = from + (uint32_t)__builtin_ctz(bits);

		if (in->addr[i] != next)
			return false;
		next += META_SIZE(meta[i]);
	}
	if (!same_words(meta + from, meta + s->at, s->n))
		return false;
	return to == in->n || s->n == RUN_MAX ||
	       (META_KIND(meta[to]) == ACCESS_FETCH &&
		(s->n >= RUN_CUT || !s->fetches || in->addr[to] != s->end));
}

static void grow_table(struct runs_encoder *r)
{
	uint32_t mask;

	r->table_size *= 4;
	mem_free(r->table);
	r->table = mem_alloc_late(r->table_size, sizeof *r->table);
	mask = r->table_size - 1;
	for (uint32_t i = 0; i < r->nr_shapes; i++) {
		uint32_t h = r->shapes[i].hash;

		while (r->table[h & mask])
			h++;
		r->table[h & mask] = i + 1;
	}
}

static uint32_t shape_number(struct runs_encoder *r, const struct shape *s)
{
	const uint32_t *meta = r->in->meta, mask = r->table_size - 1;
	uint32_t h, i, slots;

	for (h = s->hash; (i = r->table[h & mask]); h++) {
		const struct shape *o = &r->shapes[i - 1];

		if (o->hash == s->hash && o->base == s->base && o->n == s->n &&
		    same_words(meta + o->at, meta + s->at, s->n))
			return i - 1;
	}
	r->table[h & mask] = ++r->nr_shapes;
	r->shapes[r->nr_shapes - 1] = *s;
	r->shapes[r->nr_shapes - 1].slot0 = r->nr_slots;
	slots = s->n - (uint32_t)__builtin_popcount(s->fetches);
	memset(r->slots + r->nr_slots, 0, slots * sizeof *r->slots);
	memset(r->habits + r->nr_slots, 0, slots * sizeof *r->habits);
	r->nr_slots += slots;
	r->nr_words += s->n;
	if (r->nr_shapes > r->table_size / 2)
		grow_table(r);
	return r->nr_shapes - 1;
}

unsigned runs_best_guess(const uint64_t v[SLOT_FIELDS], const uint64_t *recent, uint64_t addr, uint64_t *z)
{
	uint64_t all[RUNS_GUESSES], least = UINT64_MAX, limit;
	unsigned g;

	*z = 0;
	if (addr == v[SLOT_NEXT])
		return SLOT_NEXT;
	if (addr == v[SLOT_LAST])
		return SLOT_LAST;
	all[SLOT_NEXT] = zigzag(addr - v[SLOT_NEXT]);
	all[SLOT_LAST] = zigzag(addr - v[SLOT_LAST]);
	all[SLOT_APART1] = zigzag(addr - recent[-1] - v[SLOT_APART1]);
	all[SLOT_APART2] = zigzag(addr - recent[-2] - v[SLOT_APART2]);
	for (g = SLOT_FIELDS; g < RUNS_GUESSES; g++)
		all[g] = zigzag(addr - recent[SLOT_FIELDS - 1 - (int)g]);
	for (g = 0; g < RUNS_GUESSES; g++)
		least = MIN_OF(least, all[g]);
	limit = correction_rows[correction_class(least)].mask;
	for (g = 0; all[g] > limit; g++)
		;
	*z = all[g];
	return g;
}

static inline void encode_data(struct runs_encoder *r, uint32_t slot, uint64_t addr)
{
	uint64_t *recent = r->recent + r->nr_data, z;
	struct slot *s = &r->slots[slot];
	struct habit *h = &r->habits[slot];
	unsigned class;

	z = zigzag(addr - guess_of(&guess_rows[h->guess], s, recent));
	if (LIKELY(z == 0)) {
		r->codes[r->nr_data++] = (uint8_t)(h->guess << 3);
	} else {
		if (!runs_stays_near(&h->near, z)) {
			h->guess = (uint8_t)runs_best_guess(s->v, recent, addr, &z);
			h->near = z ? RUNS_NEAR_TIMES : 0;
		}
		class = correction_class(z);
		r->codes[r->nr_data++] = (uint8_t)((unsigned)h->guess << 3 | class);
		put_u64(r->corrections + r->nr_corrections, z);
		r->nr_corrections += correction_rows[class].size;
	}
	slot_update(s->v, addr, recent[-1], recent[-2]);
	*recent = addr;
}

/* The number of the run's shape at `from`; `last` is the shape before. */
static inline uint32_t next_shape(struct runs_encoder *r, struct shape *last, uint32_t from)
{
	struct shape run;

	if (LIKELY(last->next[0]) && has_shape(r->in, &r->shapes[last->next[0] - 1], from))
		return last->next[0] - 1;
	if (last->next[1] && has_shape(r->in, &r->shapes[last->next[1] - 1], from)) {
		uint32_t swap = last->next[1];

		last->next[1] = last->next[0];
		return (last->next[0] = swap) - 1;
	}
	run = find_run(r->in, from);
	last->next[1] = last->next[0];
	return (last->next[0] = shape_number(r, &run) + 1) - 1;
}

static void encode_runs(struct runs_encoder *r)
{
	const struct encode_input *in = r->in;
	struct shape none = {0}, *s = &none;

	for (uint32_t from = 0; from < in->n; from += s->n) {
		uint32_t number = next_shape(r, s, from), slot;

		s = &r->shapes[number];
		slot = s->slot0;
		r->runs[r->nr_runs++] = (uint16_t)number;
		for (uint32_t bits = ~s->fetches & (uint32_t)((UINT64_C(1) << s->n) - 1); bits;
		     bits &= bits - 1)
			encode_data(r, slot++, in->addr[from + (uint32_t)__builtin_ctz(bits)]);
	}
}

static int by_base(const void *a, const void *b)
{
	const struct shape *x = a, *y = b;

	if (x->base != y->base)
		return x->base < y->base ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

/* Numbers the shapes by address, which makes their differences small; `slot0` is no longer theirs then. */
static void sort_shapes(struct runs_encoder *r)
{
	uint16_t *number = mem_alloc_late(r->nr_shapes, sizeof *number);

	for (uint32_t i = 0; i < r->nr_shapes; i++)
		r->shapes[i].slot0 = i;
	qsort(r->shapes, r->nr_shapes, sizeof *r->shapes, by_base);
	for (uint32_t i = 0; i < r->nr_shapes; i++)
		number[r->shapes[i].slot0] = (uint16_t)i;
	for (uint32_t i = 0; i < r->nr_runs; i++)
		r->runs[i] = number[r->runs[i]];
	mem_free(number);
}

void runs_write(const struct runs_parts *parts, struct buf *out)
{
	uint64_t last = 0;
	uint8_t *p;

	buf_u32(out, parts->nr_shapes);
	buf_u32(out, parts->nr_runs);
	buf_u32(out, parts->nr_data);
	buf_u32(out, parts->nr_words);
	buf_bytes(out, parts->lengths, parts->nr_shapes);
	words_encode(parts->words, parts->nr_words, out);
	for (uint32_t i = 0; i < parts->nr_shapes; i++) {
		buf_varint(out, zigzag(parts->bases[i] - last));
		last = parts->bases[i];
	}
	p = buf_room(out, (size_t)parts->nr_runs * 2);
	for (uint32_t i = 0; i < parts->nr_runs; i++) {
		p[i] = (uint8_t)parts->runs[i];
		p[parts->nr_runs + i] = (uint8_t)(parts->runs[i] >> 8);
	}
	out->len += (size_t)parts->nr_runs * 2;
	buf_bytes(out, parts->codes, parts->nr_data);
	buf_bytes(out, parts->corrections, parts->nr_corrections);
}

static void write_block(const struct runs_encoder *r, struct buf *out)
{
	uint8_t *lengths = mem_alloc_late(r->nr_shapes, sizeof *lengths);
	uint64_t *bases = mem_alloc_late(r->nr_shapes, sizeof *bases);
	uint32_t *words = mem_alloc_late(r->nr_words, sizeof *words), n = 0;

	for (uint32_t i = 0; i < r->nr_shapes; i++) {
		const struct shape *s = &r->shapes[i];

		lengths[i] = s->n;
		bases[i] = s->base;
		memcpy(words + n, r->in->meta + s->at, s->n * sizeof *words);
		n += s->n;
	}
	runs_write(&(struct runs_parts){.nr_shapes = r->nr_shapes,
					.nr_runs = r->nr_runs,
					.nr_data = r->nr_data,
					.nr_words = r->nr_words,
					.lengths = lengths,
					.words = words,
					.bases = bases,
					.runs = r->runs,
					.codes = r->codes,
					.corrections = r->corrections,
					.nr_corrections = r->nr_corrections},
		   out);
	mem_free(lengths);
	mem_free(bases);
	mem_free(words);
}

/* Tables for n accesses, cut out of the caller's scratch memory; slots are cleared as they come into use. */
static void lay_out(struct runs_encoder *r, struct buf *scratch)
{
	size_t n = r->in->n;
	uint8_t *p = buf_reset(
		scratch, n * (sizeof *r->shapes + sizeof *r->slots + 8 + 8 + 2 + sizeof *r->habits + 1) +
				 LOOK_BACK * 8 + 64);

	p += -(uintptr_t)p & 63;
	r->slots = (void *)p;
	p += n * sizeof *r->slots;
	r->shapes = (void *)p;
	p += n * sizeof *r->shapes;
	r->recent = (uint64_t *)(void *)p + LOOK_BACK;
	memset(p, 0, LOOK_BACK * 8);
	p += (LOOK_BACK + n) * 8;
	r->corrections = p;
	p += n * 8;
	r->runs = (void *)p;
	p += n * 2;
	r->habits = (void *)p;
	p += n * sizeof *r->habits;
	r->codes = p;
}

bool runs_encode(const struct encode_input *in, struct buf *out)
{
	struct runs_encoder r = {.in = in, .table_size = TABLE_FIRST};

	lay_out(&r, in->tables);
	r.table = mem_alloc_late(r.table_size, sizeof *r.table);
	encode_runs(&r);
	sort_shapes(&r);
	write_block(&r, out);
	mem_free(r.table);
	return true;
}
