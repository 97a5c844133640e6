/*
 * bytes.c - little-endian numbers, varints and a growing byte buffer.
 */
#include "traces/bytes.h"

#include "sim/mem.h"

uint8_t *buf_room(struct buf *b, size_t n)
{
	if (b->cap - b->len < n || !b->p) { /* never NULL, to which not even 0 may be added */
		size_t cap = b->cap ? b->cap : 256;

		while (cap - b->len < n)
			cap *= 2;
		b->p = mem_realloc(b->p, cap, 1);
		b->cap = cap;
	}
	return b->p + b->len;
}

uint8_t *buf_reset(struct buf *b, size_t n)
{
	b->len = 0;
	return buf_room(b, n);
}

void buf_release(struct buf *b)
{
	mem_free(b->p);
	memset(b, 0, sizeof *b);
}

void buf_u8(struct buf *b, unsigned v)
{
	*buf_room(b, 1) = (uint8_t)v;
	b->len++;
}

void buf_u32(struct buf *b, uint32_t v)
{
	put_u32(buf_room(b, 4), v);
	b->len += 4;
}

void buf_u64(struct buf *b, uint64_t v)
{
	put_u64(buf_room(b, 8), v);
	b->len += 8;
}

void buf_varint(struct buf *b, uint64_t v)
{
	uint8_t *p = buf_room(b, 10);

	while (v >= 0x80) {
		*p++ = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	*p++ = (uint8_t)v;
	b->len = (size_t)(p - b->p);
}

void buf_bytes(struct buf *b, const void *p, size_t n)
{
	if (n)
		memcpy(buf_room(b, n), p, n);
	b->len += n;
}

const uint8_t *cursor_take(struct cursor *c, size_t n)
{
	const uint8_t *p = c->p;

	if ((size_t)(c->end - p) < n) {
		c->bad = true;
		c->p = c->end;
		return NULL;
	}
	c->p += n;
	return p;
}

unsigned cursor_u8(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 1);

	return p ? *p : 0;
}

uint32_t cursor_u32(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 4);

	return p ? get_u32(p) : 0;
}

uint64_t cursor_u64(struct cursor *c)
{
	const uint8_t *p = cursor_take(c, 8);

	return p ? get_u64(p) : 0;
}

/* A varint when the ten bytes of the longest one are there. */
static uint64_t varint_there(struct cursor *c)
{
	const uint8_t *p = c->p;
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		v |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p++ & 0x80)) {
			c->p = p;
			return v;
		}
	}
	c->p = p;
	c->bad = true;
	return 0;
}

uint64_t cursor_varint(struct cursor *c)
{
	uint64_t v = 0;

	if (c->end - c->p >= 10)
		return varint_there(c);
	for (unsigned shift = 0; shift < 64; shift += 7) {
		const uint8_t *p = cursor_take(c, 1);

		if (!p)
			return 0;
		v |= (uint64_t)(*p & 0x7f) << shift;
		if (!(*p & 0x80))
			return v;
	}
	c->bad = true;
	return 0;
}
