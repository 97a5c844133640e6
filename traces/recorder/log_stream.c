/*
 * log_stream.c - a buffer of text, one zstd frame.
 */
#include "traces/recorder/log_stream.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "sim/mem.h"
#include "traces/tempfile.h"

struct log_stream *log_stream_open(const char *path, int level, struct err *e)
{
	int fd = outfile_open(path, path, e);
	struct log_stream *s;

	if (fd < 0)
		return NULL;
	s = mem_alloc_late(1, sizeof *s);
	s->fd = fd;
	s->path = mem_strdup(path);
	s->out = mem_alloc_late(ZSTD_CStreamOutSize(), 1);
	s->zstd = ZSTD_createCCtx();
	if (!s->zstd || ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, level)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_checksumFlag, 1))) {
		err_set(e, ERR_NOMEM, "%s: no memory for a zstd context", path);
		log_stream_free(s);
		return NULL;
	}
	return s;
}

static int write_all(struct log_stream *s, const char *p, size_t n, struct err *e)
{
	while (n) {
		ssize_t w = write(s->fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0) {
			s->failed = true;
			return err_set(e, ERR_IO, "%s: writing failed at byte %" PRIu64 ": %s", s->path,
				       s->written, w < 0 ? strerror(errno) : "no room");
		}
		p += w;
		n -= (size_t)w;
		s->written += (uint64_t)w;
	}
	return 0;
}

static int compress(struct log_stream *s, ZSTD_EndDirective how, struct err *e)
{
	ZSTD_inBuffer in = {s->text, s->n, 0};
	size_t left;

	if (s->failed)
		return -ERR_IO;
	do {
		ZSTD_outBuffer out = {s->out, ZSTD_CStreamOutSize(), 0};
		int r;

		left = ZSTD_compressStream2(s->zstd, &out, &in, how);
		if (ZSTD_isError(left))
			return err_set(e, ERR_IO, "%s: zstd: %s", s->path, ZSTD_getErrorName(left));
		r = write_all(s, s->out, out.pos, e);
		if (r)
			return r;
	} while (how == ZSTD_e_continue ? in.pos < in.size : left != 0);
	s->n = 0;
	return 0;
}

int log_stream_compress(struct log_stream *s, struct err *e)
{
	return compress(s, ZSTD_e_continue, e);
}

int log_stream_put(struct log_stream *s, const char *text, struct err *e)
{
	size_t left = strlen(text);

	while (left) {
		size_t n = MIN_OF(left, LOG_STREAM_TEXT - s->n);
		int r;

		memcpy(s->text + s->n, text, n);
		s->n += n;
		text += n;
		left -= n;
		r = left ? compress(s, ZSTD_e_continue, e) : log_stream_room(s, e);
		if (r)
			return r;
	}
	return 0;
}

int log_stream_flush(struct log_stream *s, bool end, struct err *e)
{
	int r = compress(s, end ? ZSTD_e_end : ZSTD_e_flush, e);

	if (!r && end && fsync(s->fd) != 0 && errno != EINVAL && errno != EROFS)
		r = err_set(e, ERR_IO, "%s: %s", s->path, strerror(errno));
	return r;
}

void log_stream_free(struct log_stream *s)
{
	if (!s)
		return;
	ZSTD_freeCCtx(s->zstd);
	close(s->fd);
	mem_free(s->path);
	mem_free(s->out);
	mem_free(s);
}
