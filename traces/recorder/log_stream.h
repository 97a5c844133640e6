/*
 * log_stream.h - lines of text into a zstd-compressed file that can be read up to the last flush.
 */
#ifndef TRACES_RECORDER_LOG_STREAM_H
#define TRACES_RECORDER_LOG_STREAM_H

#include "sim/err.h"

#define LOG_STREAM_TEXT ((size_t)128 << 10)
#define LOG_STREAM_LINE 256 /* at least as much room has log_stream_room */

struct log_stream {
	int fd;
	char *path;
	size_t n; /* of text */
	uint64_t written;
	void *zstd, *out;
	bool failed; /* nothing is written any more */
	char text[LOG_STREAM_TEXT];
};

/* Creates path; ERR_OPEN. NULL on failure. */
struct log_stream *log_stream_open(const char *path, int level, struct err *e);
/* Compresses what is there, when there is no room for a line of LOG_STREAM_LINE bytes. */
int log_stream_compress(struct log_stream *s, struct err *e);
/* Any text, as long as it may be. */
int log_stream_put(struct log_stream *s, const char *text, struct err *e);
/* Makes everything readable that was put; end: the frame, too. */
int log_stream_flush(struct log_stream *s, bool end, struct err *e);
/* Closes without writing. s may be NULL. */
void log_stream_free(struct log_stream *s);

static inline int log_stream_room(struct log_stream *s, struct err *e)
{
	return UNLIKELY(s->n > LOG_STREAM_TEXT - LOG_STREAM_LINE) ? log_stream_compress(s, e) : 0;
}

/* The following expect room. */
static inline void log_stream_char(struct log_stream *s, char c)
{
	s->text[s->n++] = c;
}

static inline void log_stream_hex(struct log_stream *s, uint64_t v)
{
	unsigned digits = v ? ilog2_u64(v) / 4 + 1 : 1;

	for (unsigned i = digits; i-- > 0; v >>= 4)
		s->text[s->n + i] = "0123456789abcdef"[v & 15];
	s->n += digits;
}

#endif
