/*
 * pack.c - streaming output, plain or compressed.
 */
#include "traces/pack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/mem.h"
#include "traces/compress/compression.h"
#include "traces/tempfile.h"

#define BUFFER_BYTES ((size_t)256 << 10)

struct pack {
	int fd;
	char *path, *tmp; /* NULL: standard output */
	const struct compression_ops *compression;
	void *packer; /* NULL: plain */
	size_t len;   /* of buf */
	uint8_t buf[BUFFER_BYTES], packed[BUFFER_BYTES];
};

static bool ends_with(const char *path, const char *suffix)
{
	size_t n = strlen(path), m = strlen(suffix);

	return n > m && !strcmp(path + n - m, suffix);
}

static const struct compression_ops *compression_of(const char *path)
{
	const struct compression_ops *c;

	for (size_t i = 0; (c = compression_at(i)); i++)
		if (ends_with(path, c->suffix))
			return c;
	return NULL;
}

static const char *name_of(const struct pack *p)
{
	return p->path ? p->path : "standard output";
}

static void pack_free(struct pack *p)
{
	if (p->packer)
		p->compression->pack_close(p->packer);
	if (p->fd >= 0)
		close(p->fd);
	mem_free(p->path);
	mem_free(p->tmp);
	mem_free(p);
}

static int create(struct pack *p, const char *path, struct err *e)
{
	size_t n = strlen(path) + sizeof ".tmp";

	if (!strcmp(path, "-")) {
		p->fd = dup(STDOUT_FILENO);
	} else {
		p->path = mem_strdup(path);
		p->tmp = mem_alloc_late(n, 1);
		snprintf(p->tmp, n, "%s.tmp", path);
		p->fd = outfile_open(p->tmp, path, e);
		return MIN_OF(p->fd, 0);
	}
	return p->fd < 0 ? err_set(e, ERR_OPEN, "%s: cannot be created: %s", name_of(p), strerror(errno)) : 0;
}

int pack_open(struct pack **out, const char *path, int level, struct err *e)
{
	const struct compression_ops *c = compression_of(path);
	struct pack *p;
	int r;

	*out = NULL;
	if (c && !c->pack_open)
		return err_set(e, ERR_USAGE, "%s: %s files are only read; written are .gz, .xz and .zst",
			       path, c->name);
	p = mem_alloc_late(1, sizeof *p);
	r = create(p, path, e);
	if (!r && c) {
		p->compression = c;
		p->packer = c->pack_open(level);
		if (!p->packer)
			r = err_set(e, ERR_NOMEM, "%s: no memory to write %s data", path, c->name);
	}
	if (r)
		pack_abort(p);
	else
		*out = p;
	return r;
}

static int write_all(struct pack *p, const uint8_t *data, size_t n, struct err *e)
{
	while (n) {
		ssize_t r = write(p->fd, data, n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return err_set(e, ERR_IO, "%s: writing failed: %s", name_of(p), strerror(errno));
		data += r;
		n -= (size_t)r;
	}
	return 0;
}

/* Empties buf; last: and ends the compressed frame. */
static int flush(struct pack *p, bool last, struct err *e)
{
	struct code_io io = {.in = p->buf, .in_len = p->len, .last = last};
	int r = 0, done = 0;

	p->len = 0;
	if (!p->packer)
		return write_all(p, p->buf, io.in_len, e);
	while (!r && (io.in_len || (last && !done))) {
		io.out = p->packed;
		io.out_len = sizeof p->packed;
		done = p->compression->pack(p->packer, &io);
		if (done < 0)
			return err_set(e, ERR_NOMEM, "%s: no memory to write %s data", name_of(p),
				       p->compression->name);
		r = write_all(p, p->packed, sizeof p->packed - io.out_len, e);
	}
	return r;
}

void *pack_room(struct pack *p, size_t n, struct err *e)
{
	return BUFFER_BYTES - p->len < n && flush(p, false, e) ? NULL : p->buf + p->len;
}

void pack_commit(struct pack *p, size_t n)
{
	p->len += n;
}

int pack_write(struct pack *p, const void *data, size_t n, struct err *e)
{
	const uint8_t *from = data;
	int r = 0;

	while (n && !r) {
		size_t part = MIN_OF(n, BUFFER_BYTES - p->len);

		memcpy(p->buf + p->len, from, part);
		p->len += part;
		from += part;
		n -= part;
		if (p->len == BUFFER_BYTES)
			r = flush(p, false, e);
	}
	return r;
}

int pack_close(struct pack *p, struct err *e)
{
	int r = flush(p, true, e), fd = p->fd;

	p->fd = -1;
	if (!r && p->tmp && fsync(fd) != 0 && errno != EINVAL)
		r = err_set(e, ERR_IO, "%s: writing failed: %s", p->path, strerror(errno));
	if (close(fd) != 0 && !r)
		r = err_set(e, ERR_IO, "%s: writing failed: %s", name_of(p), strerror(errno));
	if (!r && p->tmp && rename(p->tmp, p->path) != 0)
		r = err_set(e, ERR_IO, "%s: cannot be renamed from %s: %s", p->path, p->tmp, strerror(errno));
	if (r && p->tmp)
		unlink(p->tmp);
	pack_free(p);
	return r;
}

void pack_abort(struct pack *p)
{
	if (!p)
		return;
	if (p->tmp && p->fd >= 0)
		unlink(p->tmp);
	pack_free(p);
}
