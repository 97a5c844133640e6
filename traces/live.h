/*
 * live.h - a data block whose accesses are encoded as they come up, instead of being kept until it is full.
 *
 * The writer knows of such a block only how much is in it; whoever makes it knows what the accesses come from
 * and how to encode them (traces/recorder/live.c). The file is the same either way.
 */
#ifndef TRACES_LIVE_H
#define TRACES_LIVE_H

#include "traces/bytes.h"
#include "traces/source.h"

struct live_block;
struct live_block_ops {
	/* Appends the access section to out and begins a new block; the number of its encoding. */
	uint8_t (*finish)(struct live_block *b, struct buf *out);
	void (*free)(struct live_block *b);
};

#define LIVE_ROOM 8192 /* accesses that are added before the writer takes note */
struct live_block {
	const struct live_block_ops *ops;
	/* What was added since the writer took note of it. */
	uint32_t n, nr_reads, nr_writes;
	uint64_t instr;
	bool full;      /* the block has to be written */
	uint64_t bytes; /* memory that it holds now */
	/* Accesses that may lie on pages which none before them touched. */
	uint32_t nr_touched;
	uint64_t touched[LIVE_ROOM];
	uint32_t touched_meta[LIVE_ROOM];
};

/*
 * The open block of a thread, made by `make` when there is none, at most BLOCK_ACCESSES_MAX accesses long.
 * What is added belongs to the thread's piece, which comes behind what others did. trace_writer_took must
 * follow before anything else is written; a thread whose accesses come this way gets none by
 * trace_writer_batch. 0, or negative.
 */
int trace_writer_live(struct trace_writer *w, uint32_t pid, uint32_t tid, struct live_block *(*make)(void),
		      struct live_block **out, struct err *e);
/* Takes note of what was added to b, the block that trace_writer_live gave; writes it when it is full. */
int trace_writer_took(struct trace_writer *w, struct live_block *b, struct err *e);

#endif
