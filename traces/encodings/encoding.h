/*
 * encoding.h - the ways to write the accesses of one block, one file and one row each.
 *
 * An encoding turns n addresses and n packed words into bytes that zstd then makes small; the writer tries
 * those that suit and keeps the smallest. Decoding is what replay waits for, so a decoder has no branch an
 * access that the processor could guess wrong; and it must stand any input: wrong bytes may give wrong
 * accesses or false, never a read or write outside its arrays.
 */
#ifndef TRACES_ENCODINGS_ENCODING_H
#define TRACES_ENCODINGS_ENCODING_H

#include "traces/bytes.h"
#include "traces/record.h"

/* Blocks that are encoded whole are this long at most: the format knows longer ones. */
#define ENCODE_MAX 65536

struct encode_input {
	const uint64_t *addr;
	const uint32_t *meta;
	uint32_t n;         /* 1 … ENCODE_MAX */
	struct buf *tables; /* scratch of the encoder, kept from block to block */
};

/* Where a block is decoded to. */
struct decode_output {
	uint64_t *addr; /* ENCODING_FRONT entries before it are zero, n + ENCODING_BACK may be written */
	uint32_t *meta; /* likewise behind */
	uint32_t n;
	struct buf *tables; /* scratch of the decoder, kept from block to block */
};
#define ENCODING_FRONT 64
#define ENCODING_BACK  64

struct block_encoding_ops {
	const char *name;
	uint8_t number; /* in block headers; never reused */
	const char *sentence;
	/* Whether a trial is worth its time; NULL = always. */
	bool (*suits)(const struct encode_input *in);
	/* Appends to out, at most ENCODING_RAW_MAX(n) bytes; false when it cannot express the block. */
	bool (*encode)(const struct encode_input *in, struct buf *out);
	/* Decodes raw_size bytes with ENCODING_SLACK readable bytes behind; false when they are malformed. */
	bool (*decode)(const uint8_t *raw, size_t raw_size, const struct decode_output *out);
};
#define ENCODING_SLACK 512 /* BLOCK_SLACK of native.h */
/* So many corrections of at most eight bytes may be read before their end is compared with the section's. */
#define ENCODING_UNCHECKED  (ENCODING_SLACK / 8 - 1)
#define ENCODING_RAW_MAX(n) ((size_t)(n)*24 + 4096)

/* The table: encoding_at(i) until NULL; the order breaks ties. */
const struct block_encoding_ops *encoding_at(size_t i);
/* NULL when no encoding has this number. */
const struct block_encoding_ops *encoding_by_number(unsigned number);

extern const struct block_encoding_ops delta_encoding;
extern const struct block_encoding_ops runs_encoding;
extern const struct block_encoding_ops recent_encoding;
extern const struct block_encoding_ops planes_encoding;

/* The decoder of "delta" with or without SSSE3 (which is used only where there is one): both give the same.
 */
bool delta_decode_with(const uint8_t *raw, size_t raw_size, const struct decode_output *out, bool simd);

/* The encoder of "recent" with or without AVX2 (likewise): both write the same bytes. */
bool recent_encode_with(const struct encode_input *in, struct buf *out, bool simd);

/*
 * The packed words, for all encodings: a dictionary of the block's distinct words and a code for each access
 * (no bytes when there is one word, one byte up to 256 words, two above).
 */
void words_encode(const uint32_t *meta, uint32_t n, struct buf *out);
/* Reads what words_encode wrote; writes n words to meta. */
bool words_decode(struct cursor *c, uint32_t n, uint32_t *meta);
/* The same in two steps, for a decoder that takes the words in its own loop: meta[i] = table[codes[i]]. */
struct words {
	uint32_t len; /* the table serves when 1 < len <= 256 */
	const uint8_t *dict, *codes;
	uint32_t table[256];
};
bool words_begin(struct cursor *c, uint32_t n, struct words *w);
bool words_fill(const struct words *w, uint32_t n, uint32_t *meta);
/* A possible packed word: a kind, and a size within 1 … META_SIZE_MAX. */
static inline bool word_is_valid(uint32_t meta)
{
	return META_KIND(meta) != 3 && META_SIZE(meta) - 1 < META_SIZE_MAX;
}

#endif
