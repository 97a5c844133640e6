/*
 * ahead.h - a thread of the host that decodes the next block while this one is replayed.
 *
 * One worker a trace, started at the first use, only on a host with a second processor. It takes jobs in the
 * order given; whoever needs a block whose job has not begun takes the job back and does it itself, so nobody
 * waits for work that nobody does. What is decoded does not depend on who decodes it.
 */
#ifndef TRACES_AHEAD_H
#define TRACES_AHEAD_H

#include "traces/block.h"

/* A block to be decoded. The owner fills the first group and keeps the job until it is done or taken back. */
struct ahead_job {
	const struct reader_thread *thread;
	struct index_entry entry;
	uint64_t before;
	struct block *block;
	bool posted; /* the owner's: there is a job */
	/* the worker's */
	enum { JOB_NONE, JOB_WAITING, JOB_RUNNING, JOB_DONE } state;
	int rc;
	struct err err;
	struct ahead_job *next;
};

/* Hands j over; false when there is no worker (then nothing happens). */
bool ahead_post(struct trace *t, struct ahead_job *j);
/*
 * Ends the job, whatever its state: true when it was done (rc and err say how), false when it had not begun
 * and the caller may load the block itself. Without a job: false.
 */
bool ahead_finish(struct trace *t, struct ahead_job *j);
/* Stops the worker; no job may be left. */
void ahead_stop(struct trace *t);

#endif
