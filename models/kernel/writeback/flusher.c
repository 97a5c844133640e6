/*
 * flusher.c - the thread that writes dirty pages.
 *
 * After fs/fs-writeback.c wb_workfn, wb_do_writeback, wb_writeback, writeback_sb_inodes, queue_io,
 * requeue_inode, writeback_chunk_size, wb_split_bdi_pages, wakeup_flusher_threads (Linux 6.1). One thread
 * serves all groups that have work, in turn.
 *
 * Not modelled: flushers of several groups at the same time.
 */
#include "models/kernel/writeback/parts.h"

#include "models/kernel/pageio.h"
#include "models/kernel/sched.h"

#define MIN_CHUNK 1024 /* MIN_WRITEBACK_PAGES */

/* One call of wb_writeback. */
struct work {
	uint64_t nr_pages;
	bool background, kupdate;
};

/* Files that became dirty before `before` are to be written, oldest first, behind those written in part. */
static void queue_io(struct writeback *wb, tick_t before)
{
	struct file *f;

	while ((f = wb->queue[QUEUE_MORE_IO].first))
		wb_queue_move(wb, f, QUEUE_IO);
	while ((f = wb->queue[QUEUE_DIRTY].first) && f->dirtied_when <= before)
		wb_queue_move(wb, f, QUEUE_IO);
}

static uint64_t chunk_size(const struct writeback *wb, const struct work *w)
{
	uint64_t pages =
		MIN_OF(wb->throttle.avg_write_bandwidth / 2, wb->shared->throttle.domain.dirty_limit / 8);

	pages = MIN_OF(pages, w->nr_pages);
	return (pages + MIN_CHUNK) / MIN_CHUNK * MIN_CHUNK;
}

static void requeue(struct writeback *wb, struct file *f, bool used_up, tick_t now)
{
	const struct file *newest = wb->queue[QUEUE_DIRTY].last;

	if (!f->nr_dirty) {
		f->dirtied_when = 0;
		wb_queue_remove(wb, f);
	} else if (used_up) {
		wb_queue_move(wb, f, QUEUE_MORE_IO);
	} else {
		if (newest && newest != f && f->dirtied_when < newest->dirtied_when)
			f->dirtied_when = now;
		wb_queue_move(wb, f, QUEUE_DIRTY);
	}
}

/* writeback_sb_inodes: for at most 100 ms, so that limits are looked at again. Returns the progress made. */
static uint64_t write_queued(struct task *cur, struct writeback *wb, struct work *w)
{
	tick_t start = pageio_now(cur);
	uint64_t progress = 0;
	struct file *f;

	while ((f = wb->queue[QUEUE_IO].first)) {
		uint64_t chunk = chunk_size(wb, w);
		uint64_t from = f->writeback_index, n;

		n = wb_write_pages(cur, f, &f->writeback_index, UINT64_MAX, chunk, false);
		if (n < chunk && from) /* ext4_writepages goes round once */
			n += wb_write_pages(cur, f, &f->writeback_index, from - 1, chunk - n, false);
		w->nr_pages -= MIN_OF(n, w->nr_pages);
		progress += n + !f->nr_dirty;
		requeue(wb, f, n >= chunk, pageio_now(cur));
		sched_cond(cur);
		if (progress && (pageio_now(cur) > start + PS_PER_S / 10 || !w->nr_pages))
			break;
	}
	return progress;
}

static void do_work(struct task *cur, struct writeback *wb, struct work *w)
{
	while (w->nr_pages) {
		tick_t now = pageio_now(cur), before = TICK_NEVER;
		tick_t expire = wb->k->params.dirty_expire_centisecs * 10 * PS_PER_MS;

		if (w->background && !throttle_over_background(&wb->throttle, now / JIFFY))
			break;
		if (w->kupdate)
			before = now > expire ? now - expire : 0;
		if (!wb->queue[QUEUE_IO].first)
			queue_io(wb, before);
		if (!write_queued(cur, wb, w) && !wb->queue[QUEUE_MORE_IO].first)
			break;
	}
}

/* get_nr_dirty_pages and wb_split_bdi_pages: by what each of those with dirty files can write. */
static uint64_t nr_dirty(const struct writeback *wb)
{
	uint64_t pages = (uint64_t)memory_node_total(wb->k->memory, NR_FILE_DIRTY);
	uint64_t own = wb->throttle.avg_write_bandwidth, all = 0;

	for (uint32_t i = 0; i < wb->shared->n; i++)
		if (wb_has_dirty_files(&wb->k->writeback[i]))
			all += wb->k->writeback[i].throttle.avg_write_bandwidth;
	return own >= all ? pages : mul_div_u64(pages, own, all) + 1;
}

static void do_writeback(struct task *cur, struct writeback *wb)
{
	uint64_t interval = wb->k->params.dirty_writeback_centisecs * 10 * PS_PER_MS;
	struct work background = {.nr_pages = UINT64_MAX, .background = true};

	if (wb->start_all) {
		struct work all = {.nr_pages = nr_dirty(wb)};

		do_work(cur, wb, &all);
		wb->start_all = false;
	}
	if (interval && pageio_now(cur) >= wb->last_old_flush + interval) {
		struct work old = {.nr_pages = nr_dirty(wb), .kupdate = true};

		wb->last_old_flush = pageio_now(cur);
		do_work(cur, wb, &old);
	}
	do_work(cur, wb, &background);
}

/* The next that has work, from *at on, round; NULL: none has. */
static struct writeback *next_pending(struct kernel *k, uint32_t *at)
{
	uint32_t n = k->writeback->shared->n;

	for (uint32_t i = 0; i < n; i++) {
		struct writeback *wb = &k->writeback[(*at + i) % n];

		if (!wb->pending)
			continue;
		*at = (*at + i + 1) % n;
		return wb;
	}
	return NULL;
}

static void flusher(struct task *self)
{
	struct writeback *wb;
	uint32_t at = 0;

	for (;;) {
		while (!(wb = next_pending(self->k, &at)))
			sched_wait(self, WAIT_KEY(WAIT_FLUSHER, 0), TICK_NEVER, false);
		wb->pending = false;
		do_writeback(self, wb);
		if (wb_has_dirty_files(wb))
			wb_wake_delayed(wb, pageio_now(self));
	}
}

void writeback_start(struct kernel *k)
{
	k->writeback->shared->flusher =
		sched_kthread(k, "flush", MAX_NODES, flusher); /* not bound to a node */
}

void writeback_wake(struct kernel *k)
{
	for (uint32_t i = 0; i < k->writeback->shared->n; i++) {
		struct writeback *wb = &k->writeback[i];

		if (!wb_has_dirty_files(wb))
			continue;
		wb->start_all = true;
		wb_wake_flusher(wb, kernel_now(k));
	}
}
