/*
 * test_compress.c - input files of every compression: whole, in several frames, through a pipe, cut, damaged,
 * and made to eat memory. What is read was packed by the formats' own libraries.
 */
#include <bzlib.h>
#include <check.h>
#include <fcntl.h>
#include <lz4frame.h>
#include <lzma.h>
#include <snappy-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>
#include <zstd.h>

#include "sim/rng.h"
#include "tests/suite.h"
#include "traces/compress.h"

enum { CONTENT = 150000, ROOM = 1 << 20 };

static uint8_t content[CONTENT], packed[ROOM], unpacked[ROOM];

/* Words that pack to about a third, so that every compression has several blocks to write. */
static void make_content(void)
{
	struct rng r;

	rng_init(&r, 5, "test.compress");
	for (size_t i = 0; i < CONTENT; i++)
		content[i] = (uint8_t)("0123456789abcdef\n"[rng_below(&r, i % 7 ? 4 : 17)]);
}

/* ---- packing by the libraries: n bytes of data to out, one frame; returns its length ---- */

static size_t pack_zstd(const uint8_t *data, size_t n, uint8_t *out)
{
	ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t r;

	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	r = ZSTD_compress2(c, out, ROOM, data, n);
	ck_assert(!ZSTD_isError(r));
	ZSTD_freeCCtx(c);
	return r;
}

static size_t pack_gzip(const uint8_t *data, size_t n, uint8_t *out)
{
	z_stream z = {
		.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)n, .next_out = out, .avail_out = ROOM};

	ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static size_t pack_zlib(const uint8_t *data, size_t n, uint8_t *out)
{
	uLongf at = ROOM;

	ck_assert_int_eq(compress2(out, &at, data, n, 6), Z_OK);
	return at;
}

static size_t pack_xz(const uint8_t *data, size_t n, uint8_t *out)
{
	size_t at = 0;

	ck_assert_int_eq(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, data, n, out, &at, ROOM),
			 LZMA_OK);
	return at;
}

static size_t pack_lz4(const uint8_t *data, size_t n, uint8_t *out)
{
	LZ4F_preferences_t p = {.frameInfo = {.blockSizeID = LZ4F_max64KB,
					      .contentChecksumFlag = LZ4F_contentChecksumEnabled}};
	size_t at, r = 0;
	LZ4F_cctx *c;

	ck_assert(!LZ4F_isError(LZ4F_createCompressionContext(&c, LZ4F_VERSION)));
	at = LZ4F_compressBegin(c, out, ROOM, &p);
	for (size_t i = 0; i < n; i += r) {
		r = MIN_OF(n - i, (size_t)65536);
		at += LZ4F_compressUpdate(c, out + at, ROOM - at, data + i, r, NULL);
	}
	at += LZ4F_compressEnd(c, out + at, ROOM - at, NULL);
	ck_assert_uint_lt(at, ROOM);
	LZ4F_freeCompressionContext(c);
	return at;
}

static size_t pack_bzip2(const uint8_t *data, size_t n, uint8_t *out)
{
	unsigned len = ROOM;

	ck_assert_int_eq(
		BZ2_bzBuffToBuffCompress((char *)out, &len, (char *)(uintptr_t)data, (unsigned)n, 1, 0, 0),
		BZ_OK);
	return len;
}

/* A CRC-32C bit by bit, masked as the framing format says. */
static uint32_t snappy_sum(const uint8_t *p, size_t n)
{
	uint32_t c = ~0u;

	for (size_t i = 0; i < n; i++) {
		c ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78u : 0);
	}
	c = ~c;
	return (c >> 15 | c << 17) + 0xa282ead8u;
}

static void put(uint8_t *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static size_t pack_snappy(const uint8_t *data, size_t n, uint8_t *out)
{
	size_t at = 10, chunks = 0;

	memcpy(out, "\xff\x06\0\0sNaPpY", 10);
	for (size_t i = 0; i < n; i += 65536, chunks++) {
		size_t len = MIN_OF(n - i, (size_t)65536), body = ROOM - at;

		if (chunks == 1) { /* one that is not packed, and one to be skipped in front of it */
			memcpy(out + at, "\x80\x03\0\0abc", 7);
			at += 7;
			out[at] = 1;
			memcpy(out + at + 8, data + i, len);
			body = len;
		} else {
			out[at] = 0;
			ck_assert_int_eq(
				snappy_compress((const char *)data + i, len, (char *)out + at + 8, &body),
				SNAPPY_OK);
		}
		put(out + at + 1, body + 4, 3);
		put(out + at + 4, snappy_sum(data + i, len), 4);
		at += 8 + body;
	}
	return at;
}

/* Two members, the second stored. */
static size_t pack_zip(const uint8_t *data, size_t n, uint8_t *out)
{
	char name[] = "/tmp/test_compress_XXXXXX";
	int fd = mkstemp(name);
	zip_t *z = zip_open(name, ZIP_TRUNCATE | ZIP_CREATE, NULL);
	size_t half = n - n / 300;
	ssize_t len;

	ck_assert(fd >= 0 && z);
	ck_assert_int_eq(zip_file_add(z, "chunk.0000", zip_source_buffer(z, data, half, 0), 0), 0);
	ck_assert_int_eq(zip_file_add(z, "chunk.0001", zip_source_buffer(z, data + half, n - half, 0), 0), 1);
	ck_assert_int_eq(zip_set_file_compression(z, 1, ZIP_CM_STORE, 0), 0);
	ck_assert_int_eq(zip_close(z), 0);
	close(fd);
	fd = open(name, O_RDONLY);
	len = read(fd, out, ROOM);
	ck_assert(len > 0);
	close(fd);
	unlink(name);
	return (size_t)len;
}

static const struct {
	const char *name;
	size_t (*pack)(const uint8_t *data, size_t n, uint8_t *out);
} ways[] = {{"zstd", pack_zstd},   {"gzip", pack_gzip},     {"xz", pack_xz},   {"lz4", pack_lz4},
	    {"bzip2", pack_bzip2}, {"snappy", pack_snappy}, {"zip", pack_zip}, {"zlib", pack_zlib}};

/* ---- reading ---- */

struct result {
	size_t n;
	struct err err;
};

static struct result read_all(const char *path, size_t step)
{
	struct result res = {0};
	struct input *in;
	size_t got = 1;

	if (input_open(&in, path, &res.err) < 0)
		return res;
	while (got) {
		size_t room = MIN_OF(step, ROOM - res.n);
		int r = input_read(in, unpacked + res.n, room, &got, &res.err);

		if (r != -(int)res.err.code || (r && got)) /* ck_assert costs a write each time */
			ck_abort_msg("%d, %zu bytes: %s", r, got, res.err.text);
		res.n += got;
	}
	input_close(in);
	return res;
}

/* A file in memory. */
static struct result read_bytes(const uint8_t *data, size_t n, size_t step)
{
	int fd = memfd_create("packed", 0);
	struct result res;
	char path[64];

	ck_assert(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	res = read_all(path, step);
	close(fd);
	return res;
}

static void expect_content(const struct result *res, size_t n)
{
	ck_assert_str_eq(res->err.text, "");
	ck_assert_uint_eq(res->n, n);
	for (size_t i = 0; i < n; i += CONTENT)
		ck_assert_int_eq(memcmp(unpacked + i, content, MIN_OF(n - i, (size_t)CONTENT)), 0);
}

START_TEST(whole)
{
	static const size_t steps[] = {7, 1000, 65536, ROOM};
	struct result res;
	size_t n;

	make_content();
	n = ways[_i].pack(content, CONTENT, packed);
	ck_assert_uint_lt(n, CONTENT);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		res = read_bytes(packed, n, steps[i]);
		expect_content(&res, CONTENT);
	}
	n = ways[_i].pack(content, 0, packed);
	res = read_bytes(packed, n, 100);
	expect_content(&res, 0);
}
END_TEST

/* An empty one, two whole ones and an empty one behind each other are one stream. */
START_TEST(frames)
{
	struct result res;
	size_t n;

	make_content();
	n = ways[_i].pack(content, 0, packed);
	n += ways[_i].pack(content, CONTENT, packed + n);
	n += ways[_i].pack(content, CONTENT, packed + n);
	n += ways[_i].pack(content, 0, packed + n);
	res = read_bytes(packed, n, 65536);
	expect_content(&res, 2 * (size_t)CONTENT);
	/* What follows is not of this compression. */
	memcpy(packed + n, "garbage of twenty bytes and more", 32);
	res = read_bytes(packed, n + 32, 65536);
	ck_assert_uint_eq(res.n, 2 * (size_t)CONTENT);
	ck_assert_int_eq(res.err.code, ERR_FORMAT);
	ck_assert_ptr_nonnull(strstr(res.err.text, ways[_i].name));
}
END_TEST

START_TEST(pipe_input)
{
	struct result res;
	char path[64];
	int fds[2];
	size_t n;

	make_content();
	n = ways[_i].pack(content, CONTENT, packed);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_ge(fcntl(fds[1], F_SETPIPE_SZ, 1 << 20), 1 << 20);
	ck_assert_int_eq((int)write(fds[1], packed, n), (int)n);
	close(fds[1]);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fds[0]);
	res = read_all(path, 5000);
	expect_content(&res, CONTENT);
	close(fds[0]);
}
END_TEST

/* What comes out of a file that is cut is a beginning of the content, and the error names the cut. */
START_TEST(cut)
{
	size_t n, longest = 0;

	make_content();
	n = ways[_i].pack(content, CONTENT, packed);
	for (size_t i = 0; i < 16 + 8; i++) {
		size_t len = i < 16 ? n * i / 16 : n - (i - 15);
		struct result res;
		char at[40];

		if (len < 10)
			continue; /* nothing tells what it was */
		res = read_bytes(packed, len, 65536);
		ck_assert_msg(res.err.code == ERR_TRUNCATED, "%zu: %d %s", len, (int)res.err.code,
			      res.err.text);
		snprintf(at, sizeof at, ", at byte %zu", len);
		ck_assert_ptr_nonnull(strstr(res.err.text, at));
		ck_assert_uint_le(res.n, CONTENT);
		ck_assert_int_eq(memcmp(unpacked, content, res.n), 0);
		longest = MAX_OF(longest, res.n);
	}
	ck_assert_uint_gt(longest, CONTENT / 2);
}
END_TEST

/* One bit wrong: it is found, or it was one that says nothing of the content (a name, a time). */
START_TEST(flipped)
{
	size_t n, found = 0, tried = 0;

	make_content();
	n = ways[_i].pack(content, CONTENT, packed);
	for (size_t at = 10; at < n; at += at < 40 || at > n - 80 ? 1 : n / 40, tried++) {
		uint8_t bit =
			(uint8_t)(1 << at * 3 % 7); /* not 7: a chunk of Snappy may become one to skip */
		struct result res;

		packed[at] ^= bit;
		res = read_bytes(packed, n, 65536);
		packed[at] ^= bit;
		ck_assert(res.err.code == ERR_OK || res.err.code == ERR_FORMAT ||
			  res.err.code == ERR_TRUNCATED || res.err.code == ERR_LIMIT);
		found += res.err.code != ERR_OK;
		if (res.err.code == ERR_OK)
			expect_content(&res, CONTENT);
	}
	ck_assert_uint_gt(found, tried / 2);
}
END_TEST

/* ---- memory ---- */

static size_t resident_bytes(void)
{
	unsigned long total, resident;
	FILE *f = fopen("/proc/self/statm", "r");

	ck_assert_int_eq(fscanf(f, "%lu %lu", &total, &resident), 2);
	fclose(f);
	return resident * 4096;
}

/* 12 MB of zeros, read in pieces, take no memory. */
START_TEST(bomb)
{
	enum { HUGE = 12 << 20 };
	size_t got = 1, all = 0, before, peak = 0, n;
	uint8_t *zeros = mmap(NULL, HUGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *out = malloc(65536);
	int fd = memfd_create("bomb", 0);
	struct err e = {0};
	struct input *in;
	char path[64];

	n = ways[_i].pack(zeros, HUGE, packed);
	ck_assert(write(fd, packed, n) == (ssize_t)n);
	munmap(zeros, HUGE);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	memset(out, 1, 65536);
	before = resident_bytes();
	ck_assert_int_eq(input_open(&in, path, &e), 0);
	for (size_t i = 0; got; i++) {
		if (input_read(in, out, 65536, &got, &e))
			ck_abort_msg("%s", e.text);
		all += got;
		if (i % 64 == 0)
			peak = MAX_OF(peak, resident_bytes());
	}
	ck_assert_uint_eq(all, HUGE);
	ck_assert_uint_lt(peak, before + (6u << 20));
	input_close(in);
	free(out);
	close(fd);
}
END_TEST

/* Frames that say they need much are refused before anything is allocated. */
START_TEST(memory_limits)
{
	/* zstd: a window of 2^28; one empty block. */
	static const uint8_t window[] = {0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3, 1, 0, 0};
	struct result res = read_bytes(window, sizeof window, 100);
	size_t n, header;
	uint8_t *filter;

	ck_assert_int_eq(res.err.code, ERR_LIMIT);
	ck_assert_ptr_nonnull(strstr(res.err.text, "zstd"));
	/* xz: the block header behind the 12 bytes of the stream's, its dictionary changed to 512 MiB. */
	n = pack_xz((const uint8_t *)"hello", 5, packed);
	header = ((size_t)packed[12] + 1) * 4;
	filter = memmem(packed + 12, header, "\x21\x01", 2); /* LZMA2, one byte of properties */
	ck_assert_ptr_nonnull(filter);
	filter[2] = 34;
	put(packed + 12 + header - 4, lzma_crc32(packed + 12, header - 4, 0), 4);
	res = read_bytes(packed, n, 100);
	ck_assert_int_eq(res.err.code, ERR_LIMIT);
	ck_assert_ptr_nonnull(strstr(res.err.text, "128 MiB"));
}
END_TEST

/* ---- zip archives that libzip does not write ---- */

struct by_hand {
	unsigned flags, method, width; /* of the sizes in the descriptor: 0 for none, 4 or 8 */
	bool signature, zip64;
	unsigned entries; /* what the end record says */
};

/* "hello, world\n" as the only member. */
static size_t zip_by_hand(const struct by_hand *h, uint8_t *out)
{
	static const char text[] = "hello, world\n";
	size_t n = sizeof text - 1, at, len = n, header;
	uint32_t crc = (uint32_t)crc32(0, (const Bytef *)text, (uInt)n);
	z_stream z = {.next_in = (Bytef *)(uintptr_t)text, .avail_in = (uInt)n, .avail_out = 100};

	memset(out, 0, 400);
	put(out, 0x04034b50, 4);
	put(out + 6, h->flags, 2);
	put(out + 8, h->method, 2);
	put(out + 26, 1, 2);
	out[30] = 'm';
	header = 31 + (h->zip64 ? 20 : 0);
	memcpy(out + header, text, n);
	if (h->method == 8) {
		z.next_out = out + header;
		deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
		deflate(&z, Z_FINISH);
		len = z.total_out;
		deflateEnd(&z);
	}
	if (!h->width) {
		put(out + 14, crc, 4);
		put(out + 18, h->zip64 ? UINT32_MAX : len, 4);
		put(out + 22, h->zip64 ? UINT32_MAX : n, 4);
	}
	if (h->zip64) {
		put(out + 28, 20, 2);
		put(out + 31, 1, 2);
		put(out + 33, 16, 2);
		put(out + 35, n, 8);
		put(out + 43, len, 8);
	}
	at = header + len;
	if (h->width && h->signature) {
		put(out + at, 0x08074b50, 4);
		at += 4;
	}
	if (h->width) {
		put(out + at, crc, 4);
		put(out + at + 4, len, h->width);
		put(out + at + 4 + h->width, n, h->width);
		at += 4 + 2 * h->width;
	}
	put(out + at, 0x02014b50, 4);
	put(out + at + 28, 1, 2);
	at += 47;
	put(out + at, 0x06054b50, 4);
	put(out + at + 10, h->entries, 2);
	put(out + at + 20, 3, 2); /* a comment */
	return at + 25;
}

START_TEST(zip_variants)
{
	static const struct {
		struct by_hand zip;
		enum err_code code;
	} rows[] = {
		{{0, 8, 0, false, false, 1}, ERR_OK},    {{0, 0, 0, false, false, 1}, ERR_OK},
		{{8, 8, 4, true, false, 1}, ERR_OK},     {{8, 8, 4, false, false, 1}, ERR_OK},
		{{8, 8, 8, true, false, 1}, ERR_OK},     {{8, 8, 8, false, false, 1}, ERR_OK},
		{{0, 8, 0, false, true, 1}, ERR_OK},     {{0, 0, 0, false, true, 1}, ERR_OK},
		{{0, 8, 0, false, false, 2}, ERR_LIMIT}, {{1, 8, 0, false, false, 1}, ERR_LIMIT},
		{{8, 0, 4, true, false, 1}, ERR_LIMIT},  {{0, 93, 0, false, false, 1}, ERR_LIMIT},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = zip_by_hand(&rows[i].zip, packed);
		struct result res = read_bytes(packed, n, 4);

		ck_assert_msg(res.err.code == rows[i].code, "row %zu: %s", i, res.err.text);
		if (rows[i].code)
			continue;
		ck_assert_uint_eq(res.n, 13);
		ck_assert_int_eq(memcmp(unpacked, "hello, world\n", 13), 0);
		for (size_t len = 10; len < n; len++) {
			res = read_bytes(packed, len, 100);
			/* a short descriptor may be missing and the comment's length may hide that */
			ck_assert_msg(res.err.code == ERR_TRUNCATED, "row %zu, %zu bytes: %s", i, len,
				      res.err.text);
		}
	}
}
END_TEST

/* gzip pads with zeros to the block of a tape; a header with all optional fields. */
START_TEST(gzip_padding)
{
	struct result res;
	size_t n;

	make_content();
	n = pack_gzip(content, CONTENT, packed);
	memset(packed + n, 0, 1000);
	n += 1000;
	n += pack_gzip(content, CONTENT, packed + n);
	res = read_bytes(packed, n, 65536);
	expect_content(&res, 2 * (size_t)CONTENT);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, whole, 0, ARRAY_LEN(ways));
	tcase_add_loop_test(t, frames, 0, ARRAY_LEN(ways));
	tcase_add_loop_test(t, pipe_input, 0, ARRAY_LEN(ways));
	tcase_add_loop_test(t, cut, 0, ARRAY_LEN(ways));
	tcase_add_loop_test(t, flipped, 0, ARRAY_LEN(ways));
	tcase_add_loop_test(t, bomb, 0, ARRAY_LEN(ways));
	tcase_add_test(t, memory_limits);
	tcase_add_test(t, zip_variants);
	tcase_add_test(t, gzip_padding);
	return run_case("compress", t);
}
