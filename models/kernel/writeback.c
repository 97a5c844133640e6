/*
 * writeback.c - dirty pages and how they come to be written.
 *
 * After mm/page-writeback.c folio_mark_dirty, folio_clear_dirty_for_io, write_cache_pages; mm/rmap.c
 * folio_mkclean; mm/shmem.c shmem_writepage; fs/fs-writeback.c __mark_inode_dirty,
 * inode_attach_wb (Linux 6.1); the flusher: writeback/flusher.c. One flusher thread, as there is one file
 * device. Each group has queues, limits and rates of its own (struct bdi_writeback by memcg): a file's writes
 * are those of the group whose page was the first to be dirty. Files with dirty pages stand in three queues:
 * dirty, to be written, to be written further. Contiguous dirty pages go out as one request of up to 256.
 * Limits and throttling: writeback/throttle.c.
 *
 * Invariants: NR_FILE_DIRTY = pages with a dirty tag; a file with dirty pages is in a queue.
 *
 * Not modelled: files that go over to the group that dirties most of them (inode_switch_wbs), the inodes' own
 * blocks and the journal, delayed allocation, data ordering, laptop mode, lazytime, I/O errors. The times the
 * kernel checks in jiffies are jiffies of 4 ms.
 */
#include "models/kernel/writeback.h"

#include "models/kernel/pageio.h"
#include "models/kernel/rmap.h"
#include "models/kernel/swap.h"
#include "models/kernel/writeback/parts.h"

void wb_wake_flusher(struct writeback *wb, tick_t now)
{
	wb->pending = true;
	sched_wake(wb->k, WAIT_KEY(WAIT_FLUSHER, 0), now);
}

static void timer_fire(struct event *ev)
{
	wb_wake_flusher(CONTAINER_OF(ev, struct writeback, timer), ev->time);
}

static void bandwidth_fire(struct event *ev)
{
	struct writeback *wb = CONTAINER_OF(ev, struct writeback, bandwidth);

	throttle_update_bandwidth(&wb->throttle, ev->time / JIFFY);
}

struct writeback *writeback_new(struct kernel *k)
{
	unsigned nr_cpus = k->memory->topo->nr_cpus;
	struct writeback_shared *shared = mem_alloc(1, sizeof *shared);
	struct writeback *all;
	uint32_t n = 1;

	while (memcg_at(k, n - 1))
		n++;
	all = mem_alloc(n, sizeof *all);
	shared->n = n;
	shared->cpus = pageio_cpus_new(k, nr_cpus);
	throttle_common_init(&shared->throttle, k, nr_cpus);
	for (uint32_t i = 0; i < n; i++) {
		all[i].k = k;
		all[i].shared = shared;
		throttle_init(&all[i].throttle, &shared->throttle, memcg_of(k, i));
		event_init(&all[i].timer, EVENT_PRIO_TIMER, timer_fire);
		event_init(&all[i].bandwidth, EVENT_PRIO_TIMER, bandwidth_fire);
	}
	writeback_refresh_node_limits(k);
	return all;
}

void writeback_free(struct writeback *all)
{
	struct writeback_shared *shared = all->shared;

	for (uint32_t i = 0; i < shared->n; i++) {
		eventq_cancel(all->k->eventq, &all[i].timer);
		eventq_cancel(all->k->eventq, &all[i].bandwidth);
	}
	throttle_common_release(&shared->throttle);
	mem_free(shared->cpus);
	mem_free(shared);
	mem_free(all);
}

/* inode_to_wb */
static struct writeback *wb_of(const struct kernel *k, const struct file *f)
{
	return &k->writeback[f->wb ? f->wb - 1 : 0];
}

bool writeback_is_valid(const struct kernel *k)
{
	uint64_t dirty[MEMCG_GROUPS + 1] = {0}, in_flight[MEMCG_GROUPS + 1] = {0};
	struct pagecache *pc = k->pagecache;

	for (uint32_t id = 0; id < pagecache_nr_files(pc); id++) {
		const struct file *f = pagecache_file_at(pc, id);

		if (!f || f->shmem)
			continue;
		if (f->nr_dirty && (!f->wb || f->dirty_list == QUEUE_NONE))
			return false;
		dirty[f->wb ? f->wb - 1 : 0] += f->nr_dirty;
		in_flight[f->wb ? f->wb - 1 : 0] += f->nr_writeback;
	}
	for (uint32_t i = 0; i < k->writeback->shared->n; i++)
		if (dirty[i] != k->writeback[i].throttle.nr_dirty ||
		    in_flight[i] != k->writeback[i].throttle.nr_writeback)
			return false;
	return true;
}

/* ---- queues of dirty files ---- */

void wb_queue_remove(struct writeback *wb, struct file *f)
{
	if (f->dirty_list == QUEUE_NONE)
		return;
	*(f->dirty_prev ? &f->dirty_prev->dirty_next : &wb->queue[f->dirty_list].first) = f->dirty_next;
	*(f->dirty_next ? &f->dirty_next->dirty_prev : &wb->queue[f->dirty_list].last) = f->dirty_prev;
	f->dirty_list = QUEUE_NONE;
}

void wb_queue_move(struct writeback *wb, struct file *f, int to)
{
	wb_queue_remove(wb, f);
	f->dirty_prev = wb->queue[to].last;
	f->dirty_next = NULL;
	*(f->dirty_prev ? &f->dirty_prev->dirty_next : &wb->queue[to].first) = f;
	wb->queue[to].last = f;
	f->dirty_list = (uint8_t)to;
}

bool wb_has_dirty_files(const struct writeback *wb)
{
	return wb->queue[QUEUE_DIRTY].first || wb->queue[QUEUE_IO].first || wb->queue[QUEUE_MORE_IO].first;
}

void wb_wake_delayed(struct writeback *wb, tick_t now)
{
	uint64_t interval = wb->k->params.dirty_writeback_centisecs;

	if (interval && !event_is_scheduled(&wb->timer))
		eventq_schedule(wb->k->eventq, &wb->timer, now + interval * 10 * PS_PER_MS);
}

/* __mark_inode_dirty(I_DIRTY_PAGES) */
static void mark_file_dirty(struct writeback *wb, struct file *f, tick_t now)
{
	if (!f->dirtied_when)
		f->dirtied_when = MAX_OF(now, (tick_t)1);
	if (f->dirty_list != QUEUE_NONE)
		return;
	if (!wb_has_dirty_files(wb))
		wb_wake_delayed(wb, now);
	wb_queue_move(wb, f, QUEUE_DIRTY);
}

/* ---- pages ---- */

static struct file *file_of(struct kernel *k, const struct frame *f)
{
	return f->file == FILE_NONE ? NULL : file_by_id(k->pagecache, f->file);
}

static void account_dirty(struct kernel *k, const struct frame *f, int64_t pages)
{
	frame_stat_add(k->memory, f, NR_FILE_DIRTY, pages);
	zone_stat_add(frame_zone(k->memory, f), NR_ZONE_WRITE_PENDING, pages);
}

/* inode_attach_wb */
static struct writeback *attach(struct kernel *k, struct file *file, const struct frame *f)
{
	if (!file->wb) {
		file->wb = f->memcg + 1;
		file->wb_dirty = &k->writeback[f->memcg].throttle.nr_dirty;
	}
	return wb_of(k, file);
}

void page_mark_dirty(struct task *cur, pfn_t pfn)
{
	struct kernel *k = cur->k;
	struct frame *f = frame_of(k->memory, pfn);
	struct file *file = file_of(k, f);
	struct writeback *wb;

	f->flags &= ~(uint32_t)FR_RECLAIM;
	if (frame_has(f, FR_DIRTY))
		return;
	f->flags |= FR_DIRTY;
	if (!file || file->shmem)
		return;
	wb = attach(k, file, f);
	pagecache_set_tag(k, pfn, PAGECACHE_DIRTY, true);
	account_dirty(k, f, 1);
	frame_stat_add(k->memory, f, NR_DIRTIED, 1);
	wb->throttle.dirtied++;
	wb->shared->throttle.cpu_dirtied[cur->exec->cpu]++;
	cur->dirtied_pages++;
	mark_file_dirty(wb, file, pageio_now(cur));
}

bool page_clear_dirty(struct kernel *k, pfn_t pfn)
{
	struct frame *f = frame_of(k->memory, pfn);
	struct file *file = file_of(k, f);

	if (!frame_has(f, FR_DIRTY))
		return false;
	f->flags &= ~(uint32_t)FR_DIRTY;
	if (file && !file->shmem) {
		pagecache_set_tag(k, pfn, PAGECACHE_DIRTY, false);
		account_dirty(k, f, -1);
	}
	return true;
}

void page_start_writeback(struct kernel *k, pfn_t pfn)
{
	struct file *file = file_of(k, frame_of(k->memory, pfn));
	struct throttle *t = &wb_of(k, file)->throttle;

	t->nr_busy_files += file->nr_writeback == 0;
	pagecache_set_tag(k, pfn, PAGECACHE_WRITEBACK, true);
	t->nr_writeback++;
	pageio_start_writeback(k, pfn);
}

void page_end_writeback(struct kernel *k, unsigned cpu, pfn_t pfn)
{
	struct file *file = file_of(k, frame_of(k->memory, pfn));
	struct writeback *wb = wb_of(k, file);

	pagecache_set_tag(k, pfn, PAGECACHE_WRITEBACK, false);
	wb->throttle.nr_writeback--;
	throttle_written(&wb->throttle, kernel_now(k) / JIFFY);
	if (file->nr_writeback == 0) {
		wb->throttle.nr_busy_files--;
		if (!event_is_scheduled(&wb->bandwidth))
			eventq_schedule(k->eventq, &wb->bandwidth,
					kernel_now(k) + BANDWIDTH_INTERVAL * JIFFY);
	}
	pageio_end_writeback(k, cpu, pfn);
}

void page_wait(struct task *cur, pfn_t pfn)
{
	page_wait_flags(cur, pfn, FR_LOCKED | FR_WRITEBACK);
}

/* ---- requests ---- */

static void write_done(void *ctx, const pfn_t *pfns, unsigned n, bool is_write)
{
	const struct pageio_cpu *c = ctx;

	(void)is_write;
	for (unsigned i = 0; i < n; i++)
		page_end_writeback(c->k, c->cpu, pfns[i]);
}

static void submit(struct task *cur, const pfn_t *pfns, unsigned n)
{
	struct kernel *k = cur->k;
	struct writeback_shared *shared = k->writeback->shared;

	task_charge(cur, cur == shared->flusher ? CYCLES_writeback : CYCLES_file, k->cost.submit_io);
	sched_sync(cur);
	vm_event(k->memory, VMEV_PGPGOUT, (uint64_t)n << (PAGE_SHIFT - 10));
	blkdev_submit(k->file_dev, pageio_now(cur), pfns, n, true, write_done, &shared->cpus[cur->exec->cpu]);
}

/* Contiguous pages under write-back that have not been submitted yet. */
struct run {
	struct task *cur;
	uint64_t next; /* index behind the last one */
	unsigned n;
	pfn_t pfns[BLKDEV_MAX_PAGES];
};

static void run_flush(struct run *r)
{
	unsigned n = r->n;

	r->n = 0;
	if (n)
		submit(r->cur, r->pfns, n);
}

static bool mkclean_one(struct mm *mm, uint64_t vpn, void *arg)
{
	struct task *cur = arg;
	vaddr_t va = vpn << PAGE_SHIFT;
	pte_t *pte = pgtable_find(&mm->pt, va);

	if (pte && *pte & (PTE_DIRTY | PTE_WRITE)) {
		*pte &= ~(PTE_DIRTY | PTE_WRITE);
		if (cur->k->hooks.tlb_flush)
			cur->k->hooks.tlb_flush(cur->k->hooks.ctx, cur, mm, va, va + PAGE_SIZE);
	}
	return true;
}

/*
 * Locks a dirty page and turns it to write-back; whatever may have to be waited for is waited for with
 * nothing in hand. False: it is not to be written (any more).
 */
static bool begin_page(struct run *r, struct file *f, uint64_t index, pfn_t pfn, bool sync)
{
	struct kernel *k = r->cur->k;
	struct frame *fr = frame_of(k->memory, pfn);
	bool mine;

	frame_get(k, pfn);
	if (!page_trylock(k, pfn)) {
		run_flush(r);
		page_lock(r->cur, pfn);
	}
	if (sync && frame_has(fr, FR_WRITEBACK)) {
		run_flush(r);
		page_wait_flags(r->cur, pfn, FR_WRITEBACK);
	}
	mine = fr->file == f->id && fr->index == index && frame_has(fr, FR_DIRTY) &&
	       !frame_has(fr, FR_WRITEBACK);
	if (mine) {
		rmap_walk(k, pfn, mkclean_one, r->cur);
		page_clear_dirty(k, pfn);
		page_start_writeback(k, pfn);
	}
	page_unlock(k, pfn, pageio_now(r->cur));
	frame_put(k, r->cur->exec->cpu, pfn);
	return mine;
}

/* write_cache_pages: dirty pages of f in [*first, last], at most nr. *first is left behind the last one seen.
 */
uint64_t wb_write_pages(struct task *cur, struct file *f, uint64_t *first, uint64_t last, uint64_t nr,
			bool sync)
{
	struct throttle *t = &wb_of(cur->k, f)->throttle;
	struct run r = {.cur = cur};
	uint64_t written = 0, i;
	pfn_t pfn;

	throttle_estimate_start(t, pageio_now(cur) / JIFFY);
	for (i = *first;
	     written < nr && (pfn = pagecache_next(f, &i, PAGECACHE_DIRTY)) != PFN_NONE && i <= last; i++) {
		if (r.n == BLKDEV_MAX_PAGES || (r.n && r.next != i))
			run_flush(&r);
		if (!begin_page(&r, f, i, pfn, sync))
			continue;
		r.pfns[r.n++] = pfn;
		r.next = i + 1;
		written++;
	}
	run_flush(&r);
	*first = written < nr ? 0 : i;
	throttle_update_bandwidth(t, pageio_now(cur) / JIFFY);
	return written;
}

/* ---- on behalf of tasks ---- */

static void wait_range(struct task *cur, struct file *f, uint64_t first, uint64_t last)
{
	pfn_t pfn;

	for (uint64_t i = first; (pfn = pagecache_next(f, &i, PAGECACHE_WRITEBACK)) != PFN_NONE && i <= last;
	     i++) {
		frame_get(cur->k, pfn);
		page_wait_flags(cur, pfn, FR_WRITEBACK);
		frame_put(cur->k, cur->exec->cpu, pfn);
	}
}

void writeback_file(struct task *cur, struct file *f, uint64_t first, uint64_t last, bool wait)
{
	uint64_t i = first;

	if (f->shmem)
		return;
	wb_write_pages(cur, f, &i, last, UINT64_MAX, wait);
	if (wait)
		wait_range(cur, f, first, last);
}

void writeback_sync_all(struct task *cur)
{
	struct pagecache *pc = cur->k->pagecache;

	for (int wait = 0; wait < 2; wait++) /* all are started before any is waited for */
		for (uint32_t id = 0; id < pagecache_nr_files(pc); id++)
			writeback_file(cur, pagecache_file_at(pc, id), 0, UINT64_MAX, wait);
}

/* shmem_writepage: the page goes over from its file to the swap cache. */
static void write_shmem(struct task *cur, pfn_t pfn)
{
	struct kernel *k = cur->k;
	struct frame *f = frame_of(k->memory, pfn);

	if (!swap_add_page(cur, pfn))
		return;
	swap_dup(k, f->private);
	pagecache_set_swapped(k, pfn, f->private);
	frame_put(k, cur->exec->cpu, pfn);
	swap_write(cur, pfn);
}

void page_write(struct task *cur, pfn_t pfn)
{
	struct file *file = file_of(cur->k, frame_of(cur->k->memory, pfn));

	CHECK(file && frame_has(frame_of(cur->k->memory, pfn), FR_LOCKED),
	      "frame %u cannot be written to a file", pfn);
	if (file->shmem) {
		write_shmem(cur, pfn);
		return;
	}
	if (!page_clear_dirty(cur->k, pfn))
		return;
	page_start_writeback(cur->k, pfn);
	submit(cur, &pfn, 1);
}

void balance_dirty_pages(struct task *cur, uint64_t pages_dirtied)
{
	struct writeback *wb = &cur->k->writeback[memcg_of_task(cur)]; /* wb_get_create_current */
	bool again = true;

	if (!pages_dirtied || !throttle_must_check(&wb->throttle, cur))
		return;
	while (again) {
		tick_t now = pageio_now(cur);
		uint64_t pause = throttle_pause(&wb->throttle, cur, &again);

		if (throttle_wants_flusher(&wb->throttle) || pause)
			wb_wake_flusher(wb, now);
		if (pause)
			sched_sleep_until(cur, now + pause * JIFFY, true);
		if (cur->process && cur->process->killed)
			break;
	}
}
