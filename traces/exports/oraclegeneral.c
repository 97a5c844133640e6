/*
 * oraclegeneral.c - writes cache traces of libCacheSim, 24 bytes a record, and the 27 bytes with operation
 * and namespace (the layout is in traces/formats/oraclegeneral.c). An object is a page of 4 KiB.
 *
 * Each record holds the number of the next access to its object, so the records go to a temporary file
 * without a name first; a second pass from its end to its beginning fills them in, with the last number seen
 * of each page in a map; a third copies the file out. Memory grows with the pages that are touched (about 40
 * bytes each), not with the length of the trace; the temporary file is as large as the output uncompressed.
 *
 * oraclegeneral has no processes: the n-th process to appear (from 0) has its pages at n * 2^45. oracleopns'
 * namespace is the pid - 1. Seconds are those of the last control record that had a time, 0 when none has.
 *
 * Not modelled: sizes: each object has 4096 bytes, whatever part is touched.
 */
#include "traces/exports/exports.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sim/map.h"
#include "traces/bytes.h"
#include "traces/tempfile.h"

#define RECORD_MAX    27
#define CHUNK_RECORDS 8192
#define OBJECT_BYTES  4096
#define PROCESS_SHIFT 45
#define PROCESSES_MAX (1u << 18)
#define OP_READ       12
#define OP_WRITE      13
#define NO_NEXT       UINT64_MAX

struct oracle {
	int fd; /* the temporary file; -1 before it is open */
	uint64_t records;
	struct map processes; /* pid -> ordinal */
	struct map next;      /* object -> number of its first access behind the chunk */
	size_t used;          /* records in chunk */
	uint8_t chunk[CHUNK_RECORDS * RECORD_MAX];
};

static bool has_op(const struct export *x)
{
	return x->ops == &oracleopns_exporter;
}

static size_t record_bytes(const struct export *x)
{
	return has_op(x) ? 27 : 24;
}

static int begin(struct export *x, struct err *e)
{
	struct oracle *o = x->state;

	o->fd = -1;
	map_init(&o->processes);
	map_init(&o->next);
	o->fd = tempfile_open("the records of the trace", e);
	return o->fd < 0 ? o->fd : 0;
}

/* The whole of buf at `at`; reading or writing. */
static int transfer(int fd, uint8_t *buf, size_t n, uint64_t at, bool write, struct err *e)
{
	while (n) {
		ssize_t r = write ? pwrite(fd, buf, n, (off_t)at) : pread(fd, buf, n, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return err_set(e, ERR_IO, "temporary file: %s failed: %s",
				       write ? "writing" : "reading", r ? strerror(errno) : "it ends early");
		buf += r;
		at += (uint64_t)r;
		n -= (size_t)r;
	}
	return 0;
}

static int write_chunk(struct export *x, struct err *e)
{
	struct oracle *o = x->state;
	size_t n = o->used;

	o->used = 0;
	return transfer(o->fd, o->chunk, n * record_bytes(x), (o->records - n) * record_bytes(x), true, e);
}

static int space_of(struct export *x, uint32_t pid, uint64_t *space, struct err *e)
{
	struct oracle *o = x->state;

	*space = pid - 1;
	if (has_op(x))
		return pid - 1 <= UINT16_MAX
			       ? 0
			       : err_set(e, ERR_LIMIT,
					 "oracleopns: process %" PRIu32 ": namespaces have 16 bits", pid);
	if (map_get(&o->processes, pid, space))
		return 0;
	*space = o->processes.len;
	map_put(&o->processes, pid, *space);
	return *space < PROCESSES_MAX ? 0 : err_set(e, ERR_LIMIT, "oraclegeneral: more than 2^18 processes");
}

static int oracle_access(struct export *x, const struct export_access *a, struct err *e)
{
	struct oracle *o = x->state;
	uint8_t *r = o->chunk + o->used * record_bytes(x);
	uint64_t space, object = a->addr / PAGE_SIZE;
	int rc = space_of(x, a->pid, &space, e);

	if (rc)
		return rc;
	put_u32(r, (uint32_t)MIN_OF(a->time_ns / 1000000000, (uint64_t)UINT32_MAX));
	put_u64(r + 4, has_op(x) ? object : object + (space << PROCESS_SHIFT));
	put_u32(r + 12, OBJECT_BYTES);
	if (has_op(x)) {
		r[16] = a->kind == ACCESS_STORE ? OP_WRITE : OP_READ;
		put_u16(r + 17, (uint16_t)space);
	}
	o->records++;
	return ++o->used == CHUNK_RECORDS ? write_chunk(x, e) : 0;
}

/* The object and its namespace as one key: pages have at most 52 bits, of which the kernel's half sets all
 * upper. */
static uint64_t key_of(const struct export *x, const uint8_t *r)
{
	uint64_t object = get_u64(r + 4);

	return has_op(x) ? (object & ((UINT64_C(1) << 48) - 1)) | (uint64_t)get_u16(r + 17) << 48 : object;
}

/* Fills in the chunk that begins with record `first`; chunks come from the last to the first. */
static int link_chunk(struct export *x, uint64_t first, size_t n, struct err *e)
{
	struct oracle *o = x->state;
	size_t bytes = record_bytes(x);
	int rc = transfer(o->fd, o->chunk, n * bytes, first * bytes, false, e);

	for (size_t i = n; i-- && !rc;) {
		uint8_t *r = o->chunk + i * bytes;
		uint64_t next = NO_NEXT, key = key_of(x, r);

		map_get(&o->next, key, &next);
		map_put(&o->next, key, first + i + 1); /* counted from 1 */
		put_u64(r + bytes - 8, next);
	}
	return rc ? rc : transfer(o->fd, o->chunk, n * bytes, first * bytes, true, e);
}

static int finish(struct export *x, struct err *e)
{
	struct oracle *o = x->state;
	size_t bytes = record_bytes(x);
	int rc = write_chunk(x, e);

	for (uint64_t end = o->records; end && !rc;) {
		size_t n = (size_t)((end - 1) % CHUNK_RECORDS + 1);

		end -= n;
		rc = link_chunk(x, end, n, e);
	}
	for (uint64_t at = 0; at < o->records && !rc; at += CHUNK_RECORDS) {
		size_t n = (size_t)MIN_OF(o->records - at, (uint64_t)CHUNK_RECORDS);

		rc = transfer(o->fd, o->chunk, n * bytes, at * bytes, false, e);
		if (!rc)
			rc = pack_write(x->out, o->chunk, n * bytes, e);
	}
	return rc;
}

static void release(struct export *x)
{
	struct oracle *o = x->state;

	if (o->fd >= 0)
		close(o->fd);
	map_release(&o->processes);
	map_release(&o->next);
}

#define ORACLE(name_, sentence_, keeps_)               \
	const struct exporter_ops name_##_exporter = { \
		.name = #name_,                        \
		.sentence = sentence_,                 \
		.keeps = keeps_,                       \
		.state_bytes = sizeof(struct oracle),  \
		.begin = begin,                        \
		.access = oracle_access,               \
		.finish = finish,                      \
		.release = release,                    \
	};

ORACLE(oraclegeneral, "libCacheSim oracleGeneral: an object a page",
       KEEPS_FETCHES | KEEPS_PROCESSES | KEEPS_PAGES)
ORACLE(oracleopns, "libCacheSim oracleGeneralOpNS: with operation and namespace",
       KEEPS_FETCHES | KEEPS_STORES | KEEPS_PROCESSES | KEEPS_PAGES)
