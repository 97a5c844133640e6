/*
 * reader.h - inside of an open native trace, shared by reader.c, index.c, stream.c and merged.c.
 */
#ifndef TRACES_READER_H
#define TRACES_READER_H

#include <pthread.h>

#include "traces/native.h"
#include "traces/source.h"

#define INDEX_CACHE_PAGES 8

struct reader_thread {
	struct trace_thread pub;
	uint64_t first_block, last_block; /* numbers of data blocks, in file order */
	uint64_t accesses, instr;         /* in the readable blocks */
};

struct trace {
	int fd;
	char *name;
	uint64_t size, data_start;
	bool truncated;
	uint64_t cut; /* offset of the first byte that belongs to no whole block, when truncated */
	char *json, *keep;
	struct provenance provenance;
	struct trace_counts counts;
	bool counts_footprint; /* counts.footprint_pages is known */
	uint32_t flags;
	uint64_t seq_limit; /* `after` is never above this: later ordered records may be lost */
	struct reader_thread *threads;
	size_t nr_threads, cap_threads;
	uint64_t *pages;
	size_t nr_pages, cap_pages;
	struct buf tail; /* packed index entries of blocks behind the last index page (no footer) */
	char fingerprint[33];
	/* pages of the index, least recently used goes first; streams of several threads may share it */
	pthread_mutex_t lock;
	struct section_coder *coder;
	struct buf stored;
	struct index_page {
		uint64_t page; /* UINT64_MAX = empty */
		uint64_t stamp;
		struct buf entries;
	} cache[INDEX_CACHE_PAGES];
	uint64_t stamp;
	/* decoding by a second thread of the host (ahead.h) */
	struct ahead *ahead;
	bool ahead_tried;
	uint32_t ahead_streams; /* open streams that use it */
};

/* trace_open on an open descriptor, which the trace owns from then on (also after an error). */
int trace_open_fd(struct trace **out, int fd, const char *name, struct err *e);

/*
 * The first data block of thread pid/tid whose number is at least *block and at most last: 1 with *block its
 * number and *en its entry, 0 when there is none, negative on error. Takes the lock.
 */
int index_find(struct trace *t, uint32_t pid, uint32_t tid, uint64_t *block, uint64_t last,
	       struct index_entry *en, struct err *e);
/* Reads and checks the header at offset; ERR_FORMAT names the offset. */
int block_read_header(const struct trace *t, uint64_t offset, struct block_header *h, struct err *e);

/* Buffers of decoding; one is enough for any number of streams that are read in turn. */
struct scratch {
	struct section_coder *coder;
	struct buf stored, raw, tables;
};
void scratch_init(struct scratch *s);
void scratch_release(struct scratch *s);

/* A stream with the caller's scratch (which must outlive it) instead of its own. */
int stream_open_shared(struct stream **out, struct trace *t, size_t thread, struct scratch *scratch,
		       struct err *e);
/* The order of the batch that stream_next gives next: 1, 0 at the end, negative on error. */
int stream_peek_order(struct stream *s, uint64_t *order, struct err *e);

#endif
