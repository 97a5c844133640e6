/*
 * textwords.c - numbers and words of lines, and probes of lines.
 */
#include "traces/formats/textfile.h"

#include <string.h>

#include "sim/mem.h"

#define NO  255
#define NO4 NO, NO, NO, NO
#define N16 NO4, NO4, NO4, NO4
const uint8_t text_hex_digit[256] = {
	N16, N16, N16, 0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   NO,  NO, NO4,
	NO,  10,  11,  12,  13,  14,  15,  NO,  NO4, NO4, N16, NO,  10,  11,  12, 13,
	14,  15,  NO,  NO4, NO4, N16, N16, N16, N16, N16, N16, N16, N16, N16,
};

const char *text_hex_within(const char *p, const char *end, uint64_t *v)
{
	uint64_t x = 0;
	const char *s = p;

	while (p < end && text_hex_digit[(uint8_t)*p] < 16) {
		if (UNLIKELY(x >> 60))
			return NULL;
		x = x << 4 | text_hex_digit[(uint8_t)*p++];
	}
	*v = x;
	return p == s ? NULL : p;
}

const char *text_dec_within(const char *p, const char *end, uint64_t *v)
{
	uint64_t x = 0;
	const char *s = p;

	for (; p < end && (unsigned)(*p - '0') < 10; p++) {
		uint64_t digit = (uint64_t)(*p - '0');

		if (UNLIKELY(x > (UINT64_MAX - digit) / 10))
			return NULL;
		x = x * 10 + digit;
	}
	*v = x;
	return p == s ? NULL : p;
}

const char *text_number(const char *p, const char *end, uint64_t *v)
{
	bool minus = p < end && *p == '-';

	p += minus;
	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p = text_hex(p + 2, end, v);
	else
		p = text_dec(p, end, v);
	if (p && minus)
		*v = ~*v + 1;
	return p;
}

/* The first blank or tab from p on, or end. */
static const char *word_end(const char *p, const char *end)
{
	for (; p < end; p += 16) {
		__m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i blank = _mm_or_si128(_mm_cmpeq_epi8(c, _mm_set1_epi8(' ')),
					     _mm_cmpeq_epi8(c, _mm_set1_epi8('\t')));
		unsigned mask = (unsigned)_mm_movemask_epi8(blank);

		if (mask) {
			p += __builtin_ctz(mask);
			break;
		}
	}
	return MIN_OF(p, end);
}

size_t text_words(const char *p, const char *end, struct text_word *w, size_t max)
{
	size_t n = 0;

	for (;;) {
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (p == end || n > max)
			return n;
		if (n < max)
			w[n].p = p;
		p = word_end(p, end);
		if (n < max)
			w[n].n = (size_t)(p - w[n].p);
		n++;
	}
}

bool text_word_number(struct text_word w, uint64_t *v)
{
	return text_number(w.p, w.p + w.n, v) == w.p + w.n;
}

int text_probe_share(const uint8_t *head, size_t n,
		     int (*line)(const void *ctx, const char *p, const char *end), const void *ctx)
{
	const char *p = (const char *)head, *stop = p + n;
	size_t good = 0, all = 0, lines = 0;
	char *copy = mem_alloc_late(n + TEXT_SLACK, 1);

	for (; p < stop; lines++) {
		const char *nl = memchr(p, '\n', (size_t)(stop - p));
		size_t len = (size_t)((nl ? nl : stop) - p);
		int r;

		if (!nl && lines)
			break; /* cut by the size of head, not by the file's end */
		memcpy(copy, p, len);
		p += len + 1;
		len -= len && copy[len - 1] == '\r';
		memset(copy + len, 0, TEXT_SLACK);
		r = len ? line(ctx, copy, copy + len) : 0;
		all += r != 0;
		good += r > 0;
	}
	mem_free(copy);
	return all ? (int)(good * 100 / all) : 0;
}

struct line_probe {
	bool (*is_line)(const char *p, const char *end);
};

static int probe_is_line(const void *ctx, const char *p, const char *end)
{
	return ((const struct line_probe *)ctx)->is_line(p, end) ? 1 : -1;
}

int text_probe_lines(const uint8_t *head, size_t n, bool (*is_line)(const char *p, const char *end))
{
	return text_probe_share(head, n, probe_is_line, &(struct line_probe){is_line});
}
