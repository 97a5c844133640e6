/*
 * writer.h - inside of an open writer, shared by writer.c, writer_block.c and writer_index.c.
 */
#ifndef TRACES_WRITER_H
#define TRACES_WRITER_H

#include "sim/map.h"
#include "traces/control.h"
#include "traces/encode_pool.h"
#include "traces/footprint.h"
#include "traces/live.h"
#include "traces/native.h"
#include "traces/source.h"

/* A thread seen, with its open block. */
struct open_thread {
	uint32_t pid, tid;
	uint64_t accesses, instr, first_order, first_block, last_block; /* of the blocks written */
	struct encoder_habit habit;
	/* the open block */
	struct live_block *live; /* what its accesses are in; NULL: addr and meta */
	uint64_t live_bytes;
	uint64_t *addr;
	uint32_t *meta;
	uint32_t n, cap, nr_pieces, nr_controls, nr_reads, nr_writes, flags;
	uint32_t piece_n; /* accesses of the open piece that lie in the open block */
	uint64_t piece_order, piece_after;
	bool piece_open;
	uint64_t block_order, block_instr, block_seq; /* first order; instructions; first seq or UINT64_MAX */
	struct control_base base;
	struct buf ctl;
	struct open_thread *seq_prev, *seq_next; /* list of open blocks with ordered records, by block_seq */
};

struct trace_writer {
	int fd;
	bool own_fd, failed;
	char *name;
	uint64_t offset, order, seq, open_bytes;
	int level;
	struct encoder enc;
	struct encode_job job;    /* the block at hand while there is no pool */
	struct encode_pool *pool; /* NULL: not started */
	unsigned workers;         /* threads the pool gets at most, or WRITER_WORKERS_AUTO */
	uint32_t large;           /* large blocks so far */
	struct footprint footprint;
	struct map by_id; /* pid << 32 | tid -> index in threads */
	struct open_thread **threads;
	size_t nr_threads, cap_threads;
	struct open_thread *current; /* whose piece is open, or NULL */
	struct open_thread *cached;
	struct open_thread *seq_first, *seq_last;
	struct trace_counts counts;
	uint32_t flags;   /* of the blocks written */
	struct buf index; /* entries of the open index page */
	uint64_t *pages;  /* offsets of the index pages written */
	size_t nr_pages, cap_pages;
	struct buf scratch;
};

#define WRITER_WORKERS_AUTO UINT32_MAX /* as the host has processors */

/* Encodes the open block of t, which has pieces, and writes it now or, from the pool, later; empties it. */
int writer_block(struct trace_writer *w, struct open_thread *t, struct err *e);
/* Writes what the pool has. */
int writer_settle(struct trace_writer *w, struct err *e);
/* Appends to the file; after an error the writer is spoilt. */
int writer_put(struct trace_writer *w, const void *p, size_t n, struct err *e);
/* Writes a block whose only section is the control section: an index page or the footer. */
int writer_put_plain(struct trace_writer *w, enum block_type type, uint32_t entries, const struct buf *raw,
		     struct err *e);
/* Writes the open index page, if it has entries. */
int writer_flush_index(struct trace_writer *w, struct err *e);
/* The footer's bytes, once all blocks are written. */
void writer_pack_footer(struct trace_writer *w, struct buf *b);

#endif
