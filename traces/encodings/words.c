/*
 * words.c - the packed words of a block: a dictionary in order of first appearance and codes.
 *
 * A real block holds a few dozen distinct words, so one byte an access is the rule; decoding is one table
 * load an access. Layout: u32 number of words, the words, then the codes (see encoding.h).
 *
 * The first loop of decoding checks nothing: a byte code indexes a table of 256 entries whose unused ones are
 * a valid word too.
 */
#include "traces/encodings/encoding.h"

#include "sim/mem.h"

/* Number of the word in a small hash table of indexes into the dictionary at dict; grows the dictionary. */
static uint32_t word_number(uint32_t *slots, uint32_t mask, uint32_t *dict, uint32_t *len, uint32_t word)
{
	uint32_t h = (word * UINT32_C(0x9e3779b1)) >> 15 & mask;

	for (;; h = (h + 1) & mask) {
		if (slots[h] == 0) {
			dict[*len] = word;
			slots[h] = ++*len;
			return *len - 1;
		}
		if (dict[slots[h] - 1] == word)
			return slots[h] - 1;
	}
}

#define NARROW_WORDS 256
#define NARROW_SLOTS 1024

/* At most 256 distinct words, the rule: tables that stay in the first-level cache. false: there are more. */
static bool encode_narrow(const uint32_t *meta, uint32_t n, struct buf *out)
{
	uint32_t dict[NARROW_WORDS], len = 0, dict_bytes;
	uint16_t slots[NARROW_SLOTS] = {0}; /* number + 1 */
	uint8_t *p = buf_room(out, 4 + sizeof dict + n), *codes = p + 4 + sizeof dict;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t h = (meta[i] * UINT32_C(0x9e3779b1)) >> 22;

		while (slots[h] && dict[slots[h] - 1] != meta[i])
			h = (h + 1) & (NARROW_SLOTS - 1);
		if (UNLIKELY(!slots[h])) {
			if (len == NARROW_WORDS)
				return false;
			dict[len] = meta[i];
			slots[h] = (uint16_t)++len;
		}
		codes[i] = (uint8_t)(slots[h] - 1);
	}
	dict_bytes = len * 4;
	put_u32(p, len);
	memcpy(p + 4, dict, dict_bytes);
	if (len > 1)
		memmove(p + 4 + dict_bytes, codes, n);
	out->len += 4 + dict_bytes + (len > 1 ? n : 0);
	return true;
}

static void encode_wide(const uint32_t *meta, uint32_t n, struct buf *out)
{
	uint32_t nr_slots = UINT32_C(2) << ilog2_u64(2 * (uint64_t)n);
	uint32_t *slots = mem_alloc_late(nr_slots, sizeof *slots);
	uint32_t *dict = mem_alloc_late(n, sizeof *dict);
	uint16_t *codes = mem_alloc_late(n, sizeof *codes);
	uint32_t len = 0, last = 0, code = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (i == 0 || meta[i] != last)
			code = word_number(slots, nr_slots - 1, dict, &len, meta[i]);
		last = meta[i];
		codes[i] = (uint16_t)code;
	}
	buf_u32(out, len);
	buf_bytes(out, dict, (size_t)len * 4);
	buf_bytes(out, codes, (size_t)n * 2);
	mem_free(slots);
	mem_free(dict);
	mem_free(codes);
}

void words_encode(const uint32_t *meta, uint32_t n, struct buf *out)
{
	if (!encode_narrow(meta, n, out))
		encode_wide(meta, n, out);
}

bool words_begin(struct cursor *c, uint32_t n, struct words *w)
{
	uint32_t len = cursor_u32(c);
	const uint8_t *dict = len && len <= n ? cursor_take(c, (size_t)len * 4) : NULL;

	if (!dict)
		return false;
	for (uint32_t i = 0; i < len; i++)
		if (!word_is_valid(get_u32(dict + (size_t)i * 4)))
			return false;
	w->len = len;
	w->dict = dict;
	for (uint32_t i = 0; i < 256; i++)
		w->table[i] = get_u32(dict + (size_t)(i < len ? i : 0) * 4);
	w->codes = len == 1 ? NULL : cursor_take(c, (size_t)n * (len > 256 ? 2 : 1));
	return len == 1 || w->codes;
}

/* Two-byte codes. */
static bool decode_wide(const struct words *w, uint32_t n, uint32_t *meta)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t code = get_u16(w->codes + (size_t)i * 2);

		if (code >= w->len)
			return false;
		meta[i] = get_u32(w->dict + (size_t)code * 4);
	}
	return true;
}

bool words_fill(const struct words *w, uint32_t n, uint32_t *restrict meta)
{
	if (w->len > 256)
		return decode_wide(w, n, meta);
	if (w->len == 1) {
		for (uint32_t i = 0; i < n; i++)
			meta[i] = w->table[0];
		return true;
	}
	for (uint32_t i = 0; i < n; i++)
		meta[i] = w->table[w->codes[i]];
	return true;
}

bool words_decode(struct cursor *c, uint32_t n, uint32_t *meta)
{
	struct words w;

	return words_begin(c, n, &w) && words_fill(&w, n, meta);
}
