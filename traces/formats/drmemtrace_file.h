/*
 * drmemtrace_file.h - one file of a drmemtrace trace: its records as batches, cut where its clock moves.
 *
 * The layout is described in drmemtrace.c.
 */
#ifndef TRACES_FORMATS_DRMEMTRACE_FILE_H
#define TRACES_FORMATS_DRMEMTRACE_FILE_H

#include "sim/map.h"
#include "traces/compress.h"
#include "traces/source.h"

#define DR_RECORD_BYTES  12
#define DR_BUFFER_BYTES  ((size_t)1024 * DR_RECORD_BYTES)
#define DR_BATCH         4096 /* accesses of a batch */
#define DR_BATCH_SLACK   32   /* more that one record may add */
#define DR_THREADS_MAX   65536
#define DR_VERSION_MAX   7
#define DR_FILE_FILTERED 0x2181 /* bits of the file type: all, fetches, data, or the beginning filtered */
#define DR_FILE_SYSCALLS 0x400  /* … : system calls are marked */

struct dr_record {
	uint16_t type, size;
	uint64_t addr;
};

/* A system call between its number and what comes behind its end. */
struct dr_call {
	bool pending;
	uint64_t number, arg[CONTROL_ARGS - 1];
	size_t nr_args;
	int64_t result;
};

struct dr_file {
	struct input *in;
	uint64_t version, file_type, time_us, epoch_us; /* time_us 0: no time marker yet */
	struct err bad;                                 /* ended by this; given out behind what came before */
	bool done;                                      /* nothing more is taken */
	bool over;                                      /* its owner knows */
	/* where it is */
	uint32_t pid, tid, cpu;
	bool has_thread, in_kernel;
	struct map pids; /* tid -> pid */
	uint64_t next_pc, function;
	struct dr_call call;
	/* records */
	size_t pos, len;
	uint64_t record_no; /* how many were taken */
	bool ended;         /* the last record was a footer */
	uint8_t buf[DR_BUFFER_BYTES];
	/* the batch being made */
	uint64_t *addr; /* DR_BATCH + DR_BATCH_SLACK + BATCH_SLACK; not owned */
	uint32_t *meta;
	size_t n;
	struct control control;
	bool has_control;
};

/* Opens and reads up to the first time marker. Release with dr_file_close, after an error too. */
int dr_file_open(struct dr_file *f, const char *path, struct err *e);
/*
 * The next batch of one thread within one time: 1 (b->n may be 0 with no control: only the clock moved), 0 at
 * the end, negative on error. f->addr and f->meta must be set.
 */
int dr_file_next(struct dr_file *f, struct batch *b, struct err *e);
void dr_file_close(struct dr_file *f);

/* Whether a file that begins with head[0 … n) is one. */
bool dr_file_probe(const uint8_t *head, size_t n);

#endif
