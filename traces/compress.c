/*
 * compress.c - streaming input, plain or zstd (RFC 8878), chosen by magic.
 *
 * A file may hold several zstd frames and skippable frames one after another, as `cat a.zst b.zst` makes
 * them.
 */
#include "traces/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "sim/cli.h"
#include "sim/mem.h"

#define RAW_BYTES  ((size_t)256 << 10)
#define PIPE_BYTES (1 << 20)

struct input {
	int fd;
	char *name;
	uint64_t consumed, total; /* of the file on disk */
	ZSTD_DCtx *zstd;          /* NULL: plain */
	bool in_frame;            /* a zstd frame has begun and not ended */
	bool eof;                 /* the descriptor is at its end */
	size_t pos, len;          /* unread part of raw */
	uint8_t raw[RAW_BYTES];
};

static const struct {
	const char *name, *unpack;
	uint8_t magic[6];
	size_t n;
} refused[] = {
	{"gzip", "zcat", {0x1f, 0x8b}, 2},
	{"xz", "xzcat", {0xfd, '7', 'z', 'X', 'Z', 0}, 6},
	{"lz4", "lz4cat", {0x04, 0x22, 0x4d, 0x18}, 4},
	{"bzip2", "bzcat", {'B', 'Z', 'h'}, 3},
};

/*
 * Up to n bytes from the descriptor; *got is 0 at the end. A pipe is polled first, since poll, unlike read,
 * returns when Ctrl-C is pressed.
 */
static int read_some(struct input *in, void *buf, size_t n, size_t *got, struct err *e)
{
	struct pollfd p = {.fd = in->fd, .events = POLLIN};
	ssize_t r;

	do {
		if (cli_interrupted())
			return err_set(e, ERR_INTERRUPTED, "%s: interrupted", in->name);
		r = in->total ? 1 : poll(&p, 1, -1);
		if (r > 0)
			r = read(in->fd, buf, n);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_set(e, ERR_IO, "%s: reading failed at byte %" PRIu64 ": %s", in->name,
			       in->consumed, strerror(errno));
	in->eof = r == 0;
	*got = (size_t)r;
	return 0;
}

/* Reads more raw bytes behind those that are there. */
static int raw_fill(struct input *in, struct err *e)
{
	size_t got = 0;
	int r = 0;

	if (in->pos) {
		memmove(in->raw, in->raw + in->pos, in->len - in->pos);
		in->len -= in->pos;
		in->pos = 0;
	}
	if (!in->eof && in->len < RAW_BYTES)
		r = read_some(in, in->raw + in->len, RAW_BYTES - in->len, &got, e);
	in->len += got;
	return r;
}

static int refuse_unread(const struct input *in, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (in->len >= refused[i].n && !memcmp(in->raw, refused[i].magic, refused[i].n))
			return err_set(e, ERR_FORMAT,
				       "%s: %s-compressed; only zstd is read directly: use `%s FILE | "
				       "faultline trace convert - OUT.flt`",
				       in->name, refused[i].name, refused[i].unpack);
	return 0;
}

/* The magic of a frame or of a skippable frame. */
static bool is_zstd(const uint8_t *p, size_t n)
{
	uint32_t magic;

	if (n < 4)
		return false;
	magic = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	return magic == ZSTD_MAGICNUMBER || (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

static int probe_compression(struct input *in, struct err *e)
{
	int r;

	while (in->len < 6 && !in->eof) {
		r = raw_fill(in, e);
		if (r)
			return r;
	}
	if (is_zstd(in->raw, in->len)) {
		in->zstd = ZSTD_createDCtx();
		if (!in->zstd)
			return err_set(e, ERR_NOMEM, "%s: no memory for a zstd context", in->name);
	}
	return refuse_unread(in, e);
}

int input_open(struct input **out, const char *path, struct err *e)
{
	bool standard = !strcmp(path, "-");
	int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC), r;
	struct input *in;
	struct stat st;

	*out = NULL;
	if (fd < 0)
		return err_set(e, ERR_OPEN, "%s: %s", standard ? "standard input" : path, strerror(errno));
	if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_OPEN, "%s: is a directory", path);
	}
	in = mem_alloc_late(1, sizeof *in);
	in->fd = fd;
	/* A recorder at the other end of a pipe is woken less often; refused, it works all the same. */
	if (S_ISFIFO(st.st_mode))
		(void)fcntl(fd, F_SETPIPE_SZ, PIPE_BYTES);
	in->name = mem_strdup(standard ? "standard input" : path);
	in->total = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
	r = probe_compression(in, e);
	if (r) {
		input_close(in);
		return r;
	}
	*out = in;
	return 0;
}

static int read_plain(struct input *in, void *buf, size_t n, size_t *got, struct err *e)
{
	size_t have = in->len - in->pos;
	int r = 0;

	if (have) {
		have = MIN_OF(have, n);
		memcpy(buf, in->raw + in->pos, have);
		in->pos += have;
	} else if (!in->eof) {
		r = read_some(in, buf, n, &have, e);
	}
	in->consumed += have;
	*got = have;
	return r;
}

/* One call of the decoder on what is in raw. */
static int decode_some(struct input *in, ZSTD_outBuffer *ob, struct err *e)
{
	ZSTD_inBuffer ib = {in->raw + in->pos, in->len - in->pos, 0};
	size_t r = ZSTD_decompressStream(in->zstd, ob, &ib);

	in->pos += ib.pos;
	in->consumed += ib.pos;
	if (ZSTD_isError(r))
		return err_set(e, ERR_FORMAT, "%s: damaged zstd data near byte %" PRIu64 ": %s", in->name,
			       in->consumed, ZSTD_getErrorName(r));
	in->in_frame = r != 0;
	return 0;
}

static int read_zstd(struct input *in, void *buf, size_t n, size_t *got, struct err *e)
{
	ZSTD_outBuffer ob = {buf, n, 0};
	int r = 0;

	/* The decoder may hold output back although its input is used up, so it is called before refilling.
	 */
	while (!r && ob.pos == 0) {
		size_t before = in->pos;

		if (in->pos < in->len || in->in_frame) {
			r = decode_some(in, &ob, e);
			if (r || ob.pos || in->pos != before)
				continue;
		}
		if (in->eof)
			break;
		r = raw_fill(in, e);
	}
	if (!r && ob.pos == 0 && in->in_frame)
		r = err_set(e, ERR_TRUNCATED,
			    "%s: compressed data ends within a zstd frame, at byte %" PRIu64, in->name,
			    in->consumed + (in->len - in->pos));
	*got = ob.pos;
	return r;
}

int input_read(struct input *in, void *buf, size_t n, size_t *got, struct err *e)
{
	*got = 0;
	return in->zstd ? read_zstd(in, buf, n, got, e) : read_plain(in, buf, n, got, e);
}

const char *input_name(const struct input *in)
{
	return in->name;
}

void input_position(const struct input *in, uint64_t *done, uint64_t *total)
{
	*done = in->consumed;
	*total = in->total;
}

void input_close(struct input *in)
{
	if (!in)
		return;
	ZSTD_freeDCtx(in->zstd);
	if (in->fd >= 0)
		close(in->fd);
	mem_free(in->name);
	mem_free(in);
}
