/*
 * native.h - the layout of the native trace format (.flt); FORMAT.md describes it byte by byte.
 *
 * Shared by the writer and the reader only; nobody else depends on the layout. All limits of the format are
 * here, and every size read from a file is checked against them before anything is allocated.
 */
#ifndef TRACES_NATIVE_H
#define TRACES_NATIVE_H

#include "sim/err.h"
#include "traces/bytes.h"

#define NATIVE_MAGIC \
	"\x89"       \
	"FLT\r\n\x1a\n"
#define NATIVE_MAGIC_SIZE  8
#define NATIVE_MAJOR       2
#define NATIVE_MINOR       0
#define NATIVE_HEADER_SIZE 24 /* before the provenance */
#define NATIVE_JSON_MAX    (UINT32_C(1) << 20)

#define BLOCK_MAGIC       UINT32_C(0x4b4c4246) /* "FBLK" */
#define BLOCK_HEADER_SIZE 120
enum block_type { BLOCK_DATA = 1, BLOCK_INDEX = 2, BLOCK_FOOTER = 3 };

#define BLOCK_ACCESSES_MAX UINT32_C(262144)
#define BLOCK_PIECES_MAX   UINT32_C(65536)
#define BLOCK_CTL_RAW_MAX  (UINT32_C(1) << 20)
#define BLOCK_ACC_RAW_MAX  (BLOCK_ACCESSES_MAX * 24 + 4096)
#define BLOCK_SLACK        512 /* bytes readable behind every decompressed section */
#define BLOCK_HAS_MAPPINGS 1u  /* flag of a block header and of the footer */

#define INDEX_PAGE_ENTRIES 4096
#define INDEX_ENTRY_SIZE   28

#define FOOTER_FIXED_SIZE   104
#define FOOTER_THREAD_SIZE  48
#define TRAILER_MAGIC       "FLTEND\r\n"
#define TRAILER_SIZE        32
#define NATIVE_THREADS_MAX  (UINT32_C(1) << 20)
#define NATIVE_SECTION_TRIM (UINT32_C(1) << 30) /* a stored section is never larger */

/* The header of every block; on disk in this order, little endian, without holes. */
struct block_header {
	uint8_t type, encoding;
	uint32_t pid, tid;
	uint64_t first_order;
	uint64_t seq_complete; /* ordered records numbered below lie in this block or before it */
	uint32_t nr_accesses, nr_pieces, nr_controls, nr_reads, nr_writes;
	uint32_t ctl_raw, ctl_stored, acc_raw, acc_stored, flags;
	uint64_t accesses_before, instr_before, instr; /* of this thread */
	uint64_t ctl_sum, acc_sum;                     /* XXH3 of the stored sections */
};

struct index_entry {
	uint64_t offset, first_order;
	uint32_t pid, tid, nr_accesses;
};

/* Packs into BLOCK_HEADER_SIZE bytes; the checksum is seeded with the offset, so a moved block is noticed. */
void block_header_pack(const struct block_header *h, uint64_t offset, uint8_t *out);
/* False when magic or checksum are wrong or a field is out of the format's limits. */
bool block_header_unpack(struct block_header *h, uint64_t offset, const uint8_t *in);
static inline uint64_t block_size(const struct block_header *h)
{
	return BLOCK_HEADER_SIZE + (uint64_t)h->ctl_stored + h->acc_stored;
}

/* The footer's row of a block, to and from its fixed number of bytes; what it says is checked by the reader.
 */
void index_entry_pack(const struct index_entry *en, uint8_t *out);
void index_entry_unpack(struct index_entry *en, const uint8_t *in);

/* The whole file header with its JSON, appended to b. */
void file_header_pack(struct buf *b, const char *json);
/*
 * Checks magic, version and checksum of the first bytes of the file `name`; n may be less than the whole
 * header, then *need says how many bytes it takes (0 when complete) and *json where the JSON lies.
 */
int file_header_unpack(const uint8_t *p, size_t n, const char *name, size_t *need, const char **json,
		       size_t *json_len, struct err *e);

/* The last bytes of a file; false when they are not, or name another size. */
void trailer_pack(uint64_t footer_offset, uint64_t file_size, uint8_t *out);
bool trailer_unpack(const uint8_t *in, uint64_t file_size, uint64_t *footer_offset);

/* Compression of one section. */
struct section_coder; /* holds the zstd contexts */
struct section_coder *section_coder_new(int level);
void section_coder_free(struct section_coder *c);
/* Appends to out; returns the stored size. */
size_t section_compress(struct section_coder *c, const uint8_t *raw, size_t n, struct buf *out);
/* Exactly raw_size bytes into out (reset, with BLOCK_SLACK zero bytes behind); false when it is none. */
bool section_decompress(struct section_coder *c, const uint8_t *stored, size_t n, size_t raw_size,
			struct buf *out);

/* XXH3 of n bytes. */
uint64_t native_sum(const uint8_t *p, size_t n, uint64_t seed);
/* Whole-range pread and pwrite; negative errors name `name` and the offset. */
int native_read(int fd, const char *name, uint64_t offset, uint8_t *out, size_t n, struct err *e);
int native_write(int fd, const char *name, uint64_t offset, const uint8_t *p, size_t n, struct err *e);

#endif
