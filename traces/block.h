/*
 * block.h - one data block, read, checked and decoded.
 */
#ifndef TRACES_BLOCK_H
#define TRACES_BLOCK_H

#include "traces/reader.h"

/* A decoded block; release with block_release. Its arrays grow to the largest block seen and are kept. */
struct block {
	uint64_t offset; /* in the file */
	struct block_header h;
	uint64_t *addr; /* h.nr_accesses entries, BATCH_SLACK readable behind */
	uint32_t *meta;
	struct buf ctl; /* the control section, uncompressed */
	bool decoded;   /* addr and meta hold its accesses */
	uint64_t *addr_base;
	uint32_t cap;
};

void block_release(struct block *b);
/*
 * Loads the block that en names, which must be of th and follow `before` of its accesses. Uses nothing of t
 * that changes, so it may run beside other threads with a scratch of their own.
 */
int block_load(struct block *b, const struct trace *t, const struct reader_thread *th,
	       const struct index_entry *en, uint64_t before, struct scratch *scratch, struct err *e);
/* The same without its accesses: neither read nor checked. */
int block_load_control(struct block *b, const struct trace *t, const struct reader_thread *th,
		       const struct index_entry *en, uint64_t before, struct scratch *scratch, struct err *e);
/* And then with them. */
int block_load_accesses(struct block *b, const struct trace *t, const struct reader_thread *th,
			struct scratch *scratch, struct err *e);
/* An error that names the block. */
int block_damaged(const struct block *b, const struct trace *t, const struct reader_thread *th,
		  const char *what, struct err *e);

#endif
