/*
 * bytes.h - little-endian numbers, LEB128 varints and a growing byte buffer.
 *
 * Readers work on a cursor that never passes its end: after a short read everything reads as zero and `bad`
 * is set, so a caller checks once, at the end of what belongs together.
 */
#ifndef TRACES_BYTES_H
#define TRACES_BYTES_H

#include <string.h>

#include "sim/base.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "plain copies below are little endian");

static inline void put_u16(uint8_t *p, uint16_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline void put_u32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline void put_u64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof v);
}

static inline uint16_t get_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint32_t get_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t get_u64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint64_t zigzag(uint64_t difference)
{
	return (difference << 1) ^ (0 - (difference >> 63));
}

static inline uint64_t unzigzag(uint64_t z)
{
	return (z >> 1) ^ (0 - (z & 1));
}

/* Bytes that hold v: 0 for 0, else 1 … 8. */
static inline unsigned byte_width(uint64_t v)
{
	return v ? ilog2_u64(v) / 8 + 1 : 0;
}

/* A growing buffer; release with buf_release. */
struct buf {
	uint8_t *p;
	size_t len, cap;
};

/* Makes room for n more bytes and returns where they go; the caller adds to len. */
uint8_t *buf_room(struct buf *b, size_t n);
/* Empties b and makes room for n bytes. */
uint8_t *buf_reset(struct buf *b, size_t n);
void buf_release(struct buf *b);
void buf_u8(struct buf *b, unsigned v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
void buf_varint(struct buf *b, uint64_t v);
void buf_bytes(struct buf *b, const void *p, size_t n);

/* What is left to read. */
struct cursor {
	const uint8_t *p, *end;
	bool bad;
};

static inline struct cursor cursor_of(const uint8_t *p, size_t n)
{
	return (struct cursor){p, p + n, false};
}

/* The next n bytes, or NULL when there are fewer. */
const uint8_t *cursor_take(struct cursor *c, size_t n);
unsigned cursor_u8(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
uint64_t cursor_varint(struct cursor *c);

#endif
