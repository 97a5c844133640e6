/*
 * native.c - packing and checking of the native format's parts (see FORMAT.md).
 */
#include "traces/native.h"

#include <errno.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

#include "sim/mem.h"

/* One row a field of a block header: kind (bits), name. The order is the order on disk. */
#define BLOCK_HEADER_FIELDS(X)  \
	X(u32, pid)             \
	X(u32, tid)             \
	X(u64, first_order)     \
	X(u64, seq_complete)    \
	X(u32, nr_accesses)     \
	X(u32, nr_pieces)       \
	X(u32, nr_controls)     \
	X(u32, nr_reads)        \
	X(u32, nr_writes)       \
	X(u32, ctl_raw)         \
	X(u32, ctl_stored)      \
	X(u32, acc_raw)         \
	X(u32, acc_stored)      \
	X(u32, flags)           \
	X(u64, accesses_before) \
	X(u64, instr_before)    \
	X(u64, instr)           \
	X(u64, ctl_sum)         \
	X(u64, acc_sum)

uint64_t native_sum(const uint8_t *p, size_t n, uint64_t seed)
{
	return XXH3_64bits_withSeed(p, n, seed);
}

void block_header_pack(const struct block_header *h, uint64_t offset, uint8_t *out)
{
	uint8_t *p = out;

	put_u32(p, BLOCK_MAGIC);
	p[4] = h->type;
	p[5] = h->encoding;
	put_u16(p + 6, 0);
	p += 8;
#define BLOCK_FIELD_PUT(kind, name) \
	put_##kind(p, h->name);     \
	p += sizeof h->name;
	BLOCK_HEADER_FIELDS(BLOCK_FIELD_PUT)
#undef BLOCK_FIELD_PUT
	put_u64(p, native_sum(out, BLOCK_HEADER_SIZE - 8, offset));
}

static bool header_within_limits(const struct block_header *h)
{
	switch (h->type) {
	case BLOCK_DATA:
		return h->nr_accesses <= BLOCK_ACCESSES_MAX && h->nr_pieces <= BLOCK_PIECES_MAX &&
		       h->nr_pieces && h->nr_controls <= h->nr_pieces && h->ctl_raw <= BLOCK_CTL_RAW_MAX &&
		       h->acc_raw <= BLOCK_ACC_RAW_MAX && h->ctl_stored <= 2 * BLOCK_CTL_RAW_MAX &&
		       h->acc_stored <= 2 * BLOCK_ACC_RAW_MAX &&
		       (uint64_t)h->nr_reads + h->nr_writes <= h->nr_accesses;
	case BLOCK_INDEX:
		return h->nr_accesses == 0 && h->nr_controls && h->nr_controls <= INDEX_PAGE_ENTRIES &&
		       h->ctl_raw == h->nr_controls * INDEX_ENTRY_SIZE && h->acc_stored == 0 &&
		       h->ctl_stored <= 2 * INDEX_PAGE_ENTRIES * INDEX_ENTRY_SIZE;
	case BLOCK_FOOTER:
		return h->nr_accesses == 0 && h->acc_stored == 0 && h->ctl_raw >= FOOTER_FIXED_SIZE &&
		       h->ctl_stored <= NATIVE_SECTION_TRIM;
	default:
		return false;
	}
}

bool block_header_unpack(struct block_header *h, uint64_t offset, const uint8_t *in)
{
	const uint8_t *p = in + 8;

	if (get_u32(in) != BLOCK_MAGIC ||
	    get_u64(in + BLOCK_HEADER_SIZE - 8) != native_sum(in, BLOCK_HEADER_SIZE - 8, offset))
		return false;
	h->type = in[4];
	h->encoding = in[5];
#define BLOCK_FIELD_GET(kind, name) \
	h->name = get_##kind(p);    \
	p += sizeof h->name;
	BLOCK_HEADER_FIELDS(BLOCK_FIELD_GET)
#undef BLOCK_FIELD_GET
	return header_within_limits(h);
}

void index_entry_pack(const struct index_entry *en, uint8_t *out)
{
	put_u64(out, en->offset);
	put_u64(out + 8, en->first_order);
	put_u32(out + 16, en->pid);
	put_u32(out + 20, en->tid);
	put_u32(out + 24, en->nr_accesses);
}

void index_entry_unpack(struct index_entry *en, const uint8_t *in)
{
	en->offset = get_u64(in);
	en->first_order = get_u64(in + 8);
	en->pid = get_u32(in + 16);
	en->tid = get_u32(in + 20);
	en->nr_accesses = get_u32(in + 24);
}

void file_header_pack(struct buf *b, const char *json)
{
	size_t start = b->len, n = strlen(json);
	uint8_t *p;

	buf_bytes(b, NATIVE_MAGIC, NATIVE_MAGIC_SIZE);
	buf_u32(b, NATIVE_MAJOR | NATIVE_MINOR << 16);
	buf_u32(b, (uint32_t)n);
	buf_u64(b, 0);
	buf_bytes(b, json, n);
	p = b->p + start;
	put_u64(p + 16, native_sum(p + NATIVE_HEADER_SIZE, n, native_sum(p, 16, 0)));
}

int file_header_unpack(const uint8_t *p, size_t n, const char *name, size_t *need, const char **json,
		       size_t *json_len, struct err *e)
{
	size_t len;

	*need = 0;
	if (n < NATIVE_MAGIC_SIZE || memcmp(p, NATIVE_MAGIC, NATIVE_MAGIC_SIZE) != 0)
		return err_set(e, ERR_FORMAT, "%s: offset 0: not a native trace (its magic is missing)",
			       name);
	if (n < NATIVE_HEADER_SIZE)
		return err_set(e, ERR_FORMAT, "%s: offset %zu: ends inside the file header (%d bytes)", name,
			       n, NATIVE_HEADER_SIZE);
	if (get_u16(p + 8) > NATIVE_MAJOR)
		return err_set(e, ERR_FORMAT,
			       "%s: offset 8: trace format version %u.%u is newer than this program's %d.%d",
			       name, get_u16(p + 8), get_u16(p + 10), NATIVE_MAJOR, NATIVE_MINOR);
	len = get_u32(p + 12);
	if (len > NATIVE_JSON_MAX)
		return err_set(e, ERR_FORMAT, "%s: offset 12: provenance of %zu bytes, at most %u expected",
			       name, len, NATIVE_JSON_MAX);
	if (n < NATIVE_HEADER_SIZE + len) {
		*need = NATIVE_HEADER_SIZE + len;
		return 0;
	}
	if (get_u64(p + 16) != native_sum(p + NATIVE_HEADER_SIZE, len, native_sum(p, 16, 0)))
		return err_set(e, ERR_FORMAT, "%s: offset 16: the file header's checksum does not match",
			       name);
	*json = (const char *)p + NATIVE_HEADER_SIZE;
	*json_len = len;
	return 0;
}

void trailer_pack(uint64_t footer_offset, uint64_t file_size, uint8_t *out)
{
	memcpy(out, TRAILER_MAGIC, 8);
	put_u64(out + 8, footer_offset);
	put_u64(out + 16, file_size);
	put_u64(out + 24, native_sum(out, 24, 0));
}

bool trailer_unpack(const uint8_t *in, uint64_t file_size, uint64_t *footer_offset)
{
	*footer_offset = get_u64(in + 8);
	return memcmp(in, TRAILER_MAGIC, 8) == 0 && get_u64(in + 24) == native_sum(in, 24, 0) &&
	       get_u64(in + 16) == file_size && *footer_offset < file_size;
}

struct section_coder {
	ZSTD_CCtx *cctx;
	ZSTD_DCtx *dctx;
	int level;
};

struct section_coder *section_coder_new(int level)
{
	struct section_coder *c = mem_alloc_late(1, sizeof *c);

	c->level = level;
	return c;
}

void section_coder_free(struct section_coder *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->cctx);
	ZSTD_freeDCtx(c->dctx);
	mem_free(c);
}

size_t section_compress(struct section_coder *c, const uint8_t *raw, size_t n, struct buf *out)
{
	size_t bound = ZSTD_compressBound(n), got;

	if (!n)
		return 0;
	if (!c->cctx) {
		c->cctx = ZSTD_createCCtx();
		if (c->cctx)
			ZSTD_CCtx_setParameter(c->cctx, ZSTD_c_compressionLevel, c->level);
	}
	got = c->cctx ? ZSTD_compress2(c->cctx, buf_room(out, bound), bound, raw, n) : (size_t)-1;
	if (ZSTD_isError(got))
		mem_realloc(NULL, SIZE_MAX, 1); /* only memory can fail here: ends with ERR_NOMEM's status */
	out->len += got;
	return got;
}

bool section_decompress(struct section_coder *c, const uint8_t *stored, size_t n, size_t raw_size,
			struct buf *out)
{
	size_t got = 0;

	if (raw_size || n) {
		if (!raw_size || ZSTD_getFrameContentSize(stored, n) != raw_size ||
		    ZSTD_findFrameCompressedSize(stored, n) != n)
			return false;
		if (!c->dctx)
			c->dctx = ZSTD_createDCtx();
		if (!c->dctx)
			mem_realloc(NULL, SIZE_MAX, 1);
		buf_reset(out, raw_size + BLOCK_SLACK);
		got = ZSTD_decompressDCtx(c->dctx, out->p, raw_size, stored, n);
		if (got != raw_size)
			return false;
	}
	memset(buf_reset(out, raw_size + BLOCK_SLACK) + raw_size, 0, BLOCK_SLACK);
	out->len = raw_size;
	return true;
}

int native_read(int fd, const char *name, uint64_t offset, uint8_t *out, size_t n, struct err *e)
{
	while (n) {
		ssize_t got = pread(fd, out, n, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, ERR_IO, "%s: reading at offset %" PRIu64 ": %s", name, offset,
				       strerror(errno));
		if (got == 0)
			return err_set(e, ERR_TRUNCATED,
				       "%s: ends at offset %" PRIu64 ", %zu more bytes expected", name,
				       offset, n);
		out += got;
		offset += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int native_write(int fd, const char *name, uint64_t offset, const uint8_t *p, size_t n, struct err *e)
{
	while (n) {
		ssize_t put = pwrite(fd, p, n, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return err_set(e, ERR_IO, "%s: writing at offset %" PRIu64 ": %s", name, offset,
				       put < 0 ? strerror(errno) : "nothing was written");
		p += put;
		offset += (uint64_t)put;
		n -= (size_t)put;
	}
	return 0;
}
