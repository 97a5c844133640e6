/*
 * parts.h - what the parts of write-back share: the device's writes by group, their queues of files.
 */
#ifndef MODELS_KERNEL_WRITEBACK_PARTS_H
#define MODELS_KERNEL_WRITEBACK_PARTS_H

#include "models/kernel/writeback/throttle.h"

/* Of files: whose pages are dirty, to be written now, to be written further. */
enum { QUEUE_NONE, QUEUE_DIRTY, QUEUE_IO, QUEUE_MORE_IO, NR_QUEUES };

struct writeback_shared {
	struct throttle_common throttle;
	struct pageio_cpu *cpus;
	struct task *flusher;
	uint32_t n; /* the root's and the groups', by id */
};

/* The device's writes of one group, or of the root: k->writeback is the first of shared->n. */
struct writeback {
	struct kernel *k;
	struct writeback_shared *shared;
	struct throttle throttle;
	struct {
		struct file *first, *last; /* oldest first */
	} queue[NR_QUEUES];
	struct event timer;     /* wakes the flusher (wb_wakeup_delayed) */
	struct event bandwidth; /* measures after the last write (bw_dwork) */
	bool pending;           /* the flusher has work */
	bool start_all;         /* asked to write everything there is */
	tick_t last_old_flush;
};

void wb_wake_flusher(struct writeback *wb, tick_t now);
/* wb_wakeup_delayed: in vm.dirty_writeback_centisecs. */
void wb_wake_delayed(struct writeback *wb, tick_t now);
bool wb_has_dirty_files(const struct writeback *wb);
void wb_queue_remove(struct writeback *wb, struct file *f);
/* To the end of that queue, from where it is. */
void wb_queue_move(struct writeback *wb, struct file *f, int to);
/* write_cache_pages: dirty pages of f in [*first, last], at most nr; returns how many. *first is left behind
 * the last one seen. */
uint64_t wb_write_pages(struct task *cur, struct file *f, uint64_t *first, uint64_t last, uint64_t nr,
			bool sync);

#endif
