/*
 * zip.c - the members of a zip archive, one behind another, as one stream (APPNOTE 6.3.9).
 *
 * Read from front to back by the members' own headers, so that an archive can come through a pipe and memory
 * does not grow with the number of members; sizes and CRC-32 of each member are checked, and at the end the
 * directory's count of members.
 *
 * Not modelled: encryption, methods other than stored and deflated, stored members whose size only follows
 * them, archives in several pieces, and members that were replaced or deleted within the archive (the count
 * tells).
 */
#include "traces/compress/compression.h"

#include <string.h>
#include <zlib.h>

#include "sim/mem.h"

#define HEADER_BYTES     30 /* of a member, without name and extra field */
#define DIRECTORY_BYTES  46 /* of an entry, without name, extra field and comment */
#define END_BYTES        22
#define LOCATOR_BYTES    20
#define DESCRIPTOR_BYTES 24 /* the longest; what follows it is not shorter than what a short one lacks */

#define ENTRIES_MANY 0xffff /* the count is in the zip64 record */

enum signature {
	SIG_MEMBER = 0x04034b50,
	SIG_DESCRIPTOR = 0x08074b50,
	SIG_DIRECTORY = 0x02014b50,
	SIG_END = 0x06054b50,
	SIG_END64 = 0x06064b50,
	SIG_LOCATOR64 = 0x07064b50,
};

enum place { AT_HEADER, IN_STORED, IN_DEFLATED, AT_DESCRIPTOR };

struct zip {
	z_stream z;
	enum place place;
	bool in_archive; /* something came and the end record did not */
	bool descriptor; /* sizes and checksum follow the member */
	uint32_t crc, want_crc;
	uint64_t packed, want_packed, size, want_size; /* bytes so far of this member; what its header says */
	uint64_t skip, members;
};

static uint64_t le(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | p[bytes];
	return v;
}

static bool zip_probe(const uint8_t *p, size_t n)
{
	return n >= 4 && (le(p, 4) == SIG_MEMBER || le(p, 4) == SIG_END);
}

static void *zip_unpack_open(void)
{
	struct zip *s = mem_alloc_late(1, sizeof *s);

	if (inflateInit2(&s->z, -15) == Z_OK)
		return s;
	mem_free(s);
	return NULL;
}

static void take(struct code_io *io, size_t n)
{
	io->in += n;
	io->in_len -= n;
}

static enum unpack_result damaged(struct code_io *io, const char *why)
{
	io->why = why;
	return UNPACK_DAMAGED;
}

static enum unpack_result unread(struct code_io *io, const char *why)
{
	io->why = why;
	return UNPACK_LIMIT;
}

/* Sizes of 2^32 - 1 stand in the extra field's block 1 instead, the content's first. */
static void read_zip64(struct zip *s, const uint8_t *p, size_t n)
{
	while (n >= 4) {
		size_t len = (size_t)le(p + 2, 2);

		if (len > n - 4)
			return;
		if (le(p, 2) == 1) {
			size_t at = 0;

			if (s->want_size == UINT32_MAX && at + 8 <= len) {
				s->want_size = le(p + 4 + at, 8);
				at += 8;
			}
			if (s->want_packed == UINT32_MAX && at + 8 <= len)
				s->want_packed = le(p + 4 + at, 8);
		}
		p += 4 + len;
		n -= 4 + len;
	}
}

static enum unpack_result begin_member(struct zip *s, struct code_io *io)
{
	const uint8_t *p = io->in;
	size_t name, extra;
	unsigned flags, method;

	if (io->in_len < HEADER_BYTES)
		return UNPACK_MORE;
	flags = (unsigned)le(p + 6, 2);
	method = (unsigned)le(p + 8, 2);
	name = (size_t)le(p + 26, 2);
	extra = (size_t)le(p + 28, 2);
	if (io->in_len < HEADER_BYTES + name + extra)
		return UNPACK_MORE;
	if (flags & 1)
		return unread(io, "an encrypted member");
	if (method != 0 && method != 8)
		return unread(io, "a member that is neither stored nor deflated");
	s->descriptor = flags & 8;
	s->want_crc = (uint32_t)le(p + 14, 4);
	s->want_packed = le(p + 18, 4);
	s->want_size = le(p + 22, 4);
	read_zip64(s, p + HEADER_BYTES + name, extra);
	if (method == 0 && s->descriptor && s->want_packed == 0)
		return unread(io, "a stored member whose size is not known before its end");
	s->crc = (uint32_t)crc32(0, NULL, 0);
	s->packed = s->size = 0;
	s->place = method ? IN_DEFLATED : IN_STORED;
	s->members++;
	inflateReset(&s->z);
	take(io, HEADER_BYTES + name + extra);
	return UNPACK_MORE;
}

/* The last record: its comment is skipped. */
static enum unpack_result end_archive(struct zip *s, struct code_io *io)
{
	uint64_t entries;

	if (io->in_len < END_BYTES)
		return UNPACK_MORE;
	entries = le(io->in + 10, 2);
	if (entries != ENTRIES_MANY && entries != s->members)
		return unread(io, "members were replaced or deleted in the archive");
	s->skip = le(io->in + 20, 2);
	s->members = 0;
	s->in_archive = false;
	take(io, END_BYTES);
	return UNPACK_END;
}

static enum unpack_result skip_record(struct zip *s, struct code_io *io, size_t fixed, uint64_t more)
{
	s->skip = more;
	take(io, fixed);
	return UNPACK_MORE;
}

static enum unpack_result next_record(struct zip *s, struct code_io *io)
{
	const uint8_t *p = io->in;

	if (io->in_len == 0 && !s->in_archive)
		return UNPACK_END;
	s->in_archive = true;
	if (io->in_len < 4)
		return UNPACK_MORE;
	switch (le(p, 4)) {
	case SIG_MEMBER:
		return begin_member(s, io);
	case SIG_END:
		return end_archive(s, io);
	case SIG_DIRECTORY:
		if (io->in_len < DIRECTORY_BYTES)
			return UNPACK_MORE;
		return skip_record(s, io, DIRECTORY_BYTES, le(p + 28, 2) + le(p + 30, 2) + le(p + 32, 2));
	case SIG_END64:
		return io->in_len < 12 ? UNPACK_MORE : skip_record(s, io, 12, le(p + 4, 8));
	case SIG_LOCATOR64:
		return io->in_len < LOCATOR_BYTES ? UNPACK_MORE : skip_record(s, io, LOCATOR_BYTES, 0);
	default:
		return damaged(io, "no member and no directory follows the last member");
	}
}

/* Counts n bytes of content that were put out and packed bytes that were taken. */
static void count(struct zip *s, const uint8_t *content, size_t n, size_t packed)
{
	s->crc = (uint32_t)crc32_z(s->crc, content, n);
	s->size += n;
	s->packed += packed;
}

static enum unpack_result end_member(struct zip *s, struct code_io *io)
{
	if (s->descriptor) {
		s->place = AT_DESCRIPTOR;
		return UNPACK_MORE;
	}
	if (s->crc != s->want_crc || s->size != s->want_size || s->packed != s->want_packed)
		return damaged(io, "wrong checksum or size of a member");
	s->place = AT_HEADER;
	return UNPACK_MORE;
}

static enum unpack_result copy_stored(struct zip *s, struct code_io *io)
{
	uint64_t left = s->want_packed - s->packed;
	size_t n = (size_t)MIN_OF(left, (uint64_t)MIN_OF(io->in_len, io->out_len));

	memcpy(io->out, io->in, n);
	count(s, io->out, n, n);
	take(io, n);
	io->out += n;
	io->out_len -= n;
	return s->packed == s->want_packed ? end_member(s, io) : UNPACK_MORE;
}

static enum unpack_result inflate_some(struct zip *s, struct code_io *io)
{
	const uint8_t *out = io->out;
	int r;

	s->z.next_in = (Bytef *)(uintptr_t)io->in;
	s->z.avail_in = (uInt)MIN_OF(io->in_len, (size_t)1 << 30);
	s->z.next_out = io->out;
	s->z.avail_out = (uInt)MIN_OF(io->out_len, (size_t)1 << 30);
	r = inflate(&s->z, Z_NO_FLUSH);
	io->out = s->z.next_out;
	io->out_len -= (size_t)(io->out - out);
	count(s, out, (size_t)(io->out - out), (size_t)(s->z.next_in - io->in));
	take(io, (size_t)(s->z.next_in - io->in));
	switch (r) {
	case Z_OK:
	case Z_BUF_ERROR:
		return UNPACK_MORE;
	case Z_STREAM_END:
		return end_member(s, io);
	case Z_MEM_ERROR:
		return UNPACK_NOMEM;
	default:
		return damaged(io, s->z.msg ? s->z.msg : "corrupt data");
	}
}

/* It may have a signature or not, and sizes of 4 or of 8 bytes: the form that fits what was read. */
static enum unpack_result read_descriptor(struct zip *s, struct code_io *io)
{
	if (io->in_len < DESCRIPTOR_BYTES)
		return UNPACK_MORE;
	for (unsigned form = 0; form < 4; form++) {
		const uint8_t *p = io->in + (form & 1 ? 0 : 4);
		unsigned width = form & 2 ? 8 : 4;
		uint64_t mask = form & 2 ? UINT64_MAX : UINT32_MAX;

		if (p != io->in && le(io->in, 4) != SIG_DESCRIPTOR)
			continue;
		if (le(p, 4) != s->crc || le(p + 4, width) != (s->packed & mask) ||
		    le(p + 4 + width, width) != (s->size & mask))
			continue;
		take(io, (size_t)(p - io->in) + 4 + 2 * width);
		s->place = AT_HEADER;
		return UNPACK_MORE;
	}
	return damaged(io, "wrong checksum or size of a member");
}

static enum unpack_result step(struct zip *s, struct code_io *io)
{
	switch (s->place) {
	case IN_STORED:
		return copy_stored(s, io);
	case IN_DEFLATED:
		return inflate_some(s, io);
	case AT_DESCRIPTOR:
		return read_descriptor(s, io);
	case AT_HEADER:
	default:
		return next_record(s, io);
	}
}

static enum unpack_result zip_unpack(void *state, struct code_io *io)
{
	struct zip *s = state;
	enum unpack_result r;

	for (;;) {
		size_t skipped = (size_t)MIN_OF(s->skip, (uint64_t)io->in_len), in, out;
		enum place place = s->place;

		s->skip -= skipped;
		take(io, skipped);
		if (s->skip)
			return UNPACK_MORE;
		in = io->in_len;
		out = io->out_len;
		r = step(s, io);
		/* An empty member takes neither input nor room, but leads on. */
		if (r > UNPACK_END || (io->in_len == in && io->out_len == out && s->place == place))
			return r;
	}
}

static void zip_unpack_close(void *state)
{
	struct zip *s = state;

	inflateEnd(&s->z);
	mem_free(s);
}

const struct compression_ops zip_compression = {
	.name = "zip",
	.frame = "archive",
	.suffix = ".zip",
	.probe = zip_probe,
	.unpack_open = zip_unpack_open,
	.unpack = zip_unpack,
	.unpack_close = zip_unpack_close,
};
