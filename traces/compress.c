/*
 * compress.c - streaming input, plain or compressed in one of the ways of traces/compress/.
 */
#include "traces/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "traces/compress/compression.h"

#define RAW_BYTES  ((size_t)256 << 10)
#define PIPE_BYTES (1 << 20)
#define STEP_BYTES ((size_t)16 << 10) /* given to an unpacker at once: so near is "near byte" */

_Static_assert(RAW_BYTES > UNPACK_NEEDS_MAX, "an unpacker can have what it needs at once");

struct input {
	int fd;
	char *name;
	uint64_t consumed, total;                  /* of the file on disk */
	const struct compression_ops *compression; /* NULL: plain */
	void *unpacker;
	bool in_frame;   /* a frame has begun and not ended */
	bool eof;        /* the descriptor is at its end */
	struct err bad;  /* what ended the content; given out behind all that could be read */
	size_t pos, len; /* unread part of raw */
	uint8_t raw[RAW_BYTES];
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

static int probe_compression(struct input *in, struct err *e)
{
	int r;

	while (in->len < COMPRESSION_MAGIC_MAX && !in->eof) {
		r = raw_fill(in, e);
		if (r)
			return r;
	}
	for (size_t i = 0; compression_at(i) && !in->compression; i++)
		if (compression_at(i)->probe(in->raw, in->len))
			in->compression = compression_at(i);
	if (in->compression)
		in->unpacker = in->compression->unpack_open();
	if (in->compression && !in->unpacker)
		return err_set(e, ERR_NOMEM, "%s: no memory to unpack %s data", in->name,
			       in->compression->name);
	return 0;
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

static void note_failure(struct input *in, enum unpack_result r, const char *why)
{
	const char *name = in->compression->name;

	switch (r) {
	case UNPACK_DAMAGED:
		err_set(&in->bad, ERR_FORMAT, "%s: damaged %s data near byte %" PRIu64 ": %s", in->name, name,
			in->consumed, why);
		break;
	case UNPACK_LIMIT:
		err_set(&in->bad, ERR_LIMIT, "%s: %s data that is not read, at byte %" PRIu64 ": %s",
			in->name, name, in->consumed, why);
		break;
	case UNPACK_NOMEM:
		err_set(&in->bad, ERR_NOMEM, "%s: no memory to unpack %s data", in->name, name);
		break;
	default:
		break;
	}
}

/* One call of the unpacker on the next `len` bytes of raw; true: it got on. */
static bool unpack_some(struct input *in, size_t len, void *buf, size_t n, size_t *got)
{
	struct code_io io = {.in = in->raw + in->pos,
			     .in_len = len,
			     .out = buf,
			     .out_len = n,
			     .last = in->eof && len == in->len - in->pos,
			     .why = ""};
	enum unpack_result r = in->compression->unpack(in->unpacker, &io);
	size_t used = len - io.in_len;

	*got = n - io.out_len;
	in->consumed += used;
	in->pos += used;
	in->in_frame = r == UNPACK_MORE;
	note_failure(in, r, io.why);
	return used || *got;
}

/* The same on a step of it, and on all of it when the step is not enough. */
static bool unpack_step(struct input *in, void *buf, size_t n, size_t *got)
{
	size_t all = in->len - in->pos, step = MIN_OF(all, STEP_BYTES);

	if (!all && !in->in_frame)
		return false;
	return unpack_some(in, step, buf, n, got) ||
	       (step < all && !in->bad.code && unpack_some(in, all, buf, n, got));
}

static int read_packed(struct input *in, void *buf, size_t n, size_t *got, struct err *e)
{
	bool last = false;

	/*
	 * The unpacker may hold output back although its input is used up, so it is called before refilling,
	 * and once more when it can know that nothing follows.
	 */
	while (!in->bad.code && !*got && !last) {
		bool had_all = in->eof;

		if (unpack_step(in, buf, n, got))
			continue;
		last = had_all;
		if (!last && !in->bad.code && raw_fill(in, &in->bad) < 0)
			break;
	}
	if (last && (in->in_frame || in->pos < in->len))
		err_set(&in->bad, ERR_TRUNCATED, "%s: compressed data ends within a %s %s, at byte %" PRIu64,
			in->name, in->compression->name, in->compression->frame,
			in->consumed + (in->len - in->pos));
	if (*got || !in->bad.code)
		return 0;
	if (e && e->code == ERR_OK)
		*e = in->bad;
	return -(int)in->bad.code;
}

int input_read(struct input *in, void *buf, size_t n, size_t *got, struct err *e)
{
	*got = 0;
	return in->unpacker ? read_packed(in, buf, n, got, e) : read_plain(in, buf, n, got, e);
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
	if (in->unpacker)
		in->compression->unpack_close(in->unpacker);
	if (in->fd >= 0)
		close(in->fd);
	mem_free(in->name);
	mem_free(in);
}
