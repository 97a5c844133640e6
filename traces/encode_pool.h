/*
 * encode_pool.h - threads of the host that encode and compress blocks while the main one reads on.
 *
 * The main thread gives blocks and takes them back encoded in the same order; when the pool is full it
 * encodes one itself instead of waiting. What a block becomes does not depend on who encodes it, nor on how
 * many threads there are.
 */
#ifndef TRACES_ENCODE_POOL_H
#define TRACES_ENCODE_POOL_H

#include "traces/encoder.h"

/* A block on its way into the file. */
struct encode_job {
	/* the giver's: a block and what is known of it; `in` and the control section are the job's own */
	struct encode_input in;
	uint64_t *addr;
	uint32_t *meta;
	uint32_t cap; /* of addr and meta */
	struct buf ctl;
	struct encoder_habit
		*habit; /* of the block's thread; between post and end only the pool touches it */
	struct block_header h;
	/* the result: h complete, and the stored block behind BLOCK_HEADER_SIZE bytes of room for the header
	 */
	struct buf block;
	/* the pool's */
	enum { ENCODE_FREE, ENCODE_WAITING, ENCODE_RUNNING, ENCODE_DONE } state;
	bool trial;
	struct encoder_habit own; /* the habit as the block found it */
};

/* Encodes j with its habit; the result in j->h and j->block. Without a pool. */
void encode_job_run(struct encode_job *j, struct encoder *enc);
/* Appends what was encoded (enc->best, h) behind the control section to j->block. */
void encode_job_assemble(struct encode_job *j, struct encoder *enc);
void encode_job_release(struct encode_job *j);

struct encode_pool;
/* nr threads (at most ENCODE_POOL_MAX); level as in trace_writer_open. NULL when no thread can be started. */
#define ENCODE_POOL_MAX 3
struct encode_pool *encode_pool_new(unsigned nr, int level);
/* Ends the threads; what was not begun is dropped. NULL is allowed. */
void encode_pool_free(struct encode_pool *p);
/* A job to fill; NULL when the pool is full (then the oldest has to be taken out first). */
struct encode_job *encode_pool_slot(struct encode_pool *p);
/* Gives the job of the slot. */
void encode_pool_post(struct encode_pool *p);
/* The oldest job, when it is done; wait: when it will be. NULL: it is not, or there is none. */
struct encode_job *encode_pool_oldest(struct encode_pool *p, struct encoder *enc, bool wait);
/* The oldest job was taken out. */
void encode_pool_took(struct encode_pool *p);

#endif
