/*
 * pageio.c - page lock and write-back states, waiting and waking.
 *
 * O(1) each, but for the waiters woken. Invariants: NR_WRITEBACK of a node = its pages with FR_WRITEBACK.
 *
 * Not modelled: the hashed wait queues' bookmarks and lock hand-over (a woken task tries again); I/O errors.
 */
#include "models/kernel/pageio.h"

#include "sim/mem.h"

struct pageio_cpu *pageio_cpus_new(struct kernel *k, unsigned nr_cpus)
{
	struct pageio_cpu *c = mem_alloc(nr_cpus, sizeof *c);

	for (unsigned i = 0; i < nr_cpus; i++)
		c[i] = (struct pageio_cpu){k, i};
	return c;
}

static void account_writeback(struct kernel *k, const struct frame *f, int64_t pages)
{
	frame_stat_add(k->memory, f, NR_WRITEBACK, pages);
	zone_stat_add(frame_zone(k->memory, f), NR_ZONE_WRITE_PENDING, pages);
}

void pageio_start_writeback(struct kernel *k, pfn_t pfn)
{
	struct frame *f = frame_of(k->memory, pfn);

	CHECK(!frame_has(f, FR_WRITEBACK), "frame %u is under write-back already", pfn);
	f->flags |= FR_WRITEBACK;
	account_writeback(k, f, frame_nr_pages(f));
}

/* __acct_reclaim_writeback: 32 pages for each throttled reclaimer wake them (reclaim's throttle reason 0). */
static void account_throttled(struct kernel *k, struct node *n, int64_t pages)
{
	node_stat_add(n, NR_THROTTLED_WRITTEN, pages);
	if (n->stat.item[NR_THROTTLED_WRITTEN] - n->nr_reclaim_start >
	    32 * (int64_t)n->nr_writeback_throttled)
		sched_wake(k, WAIT_KEY(WAIT_RECLAIM, n->nid * 4), kernel_now(k));
}

void pageio_end_writeback(struct kernel *k, unsigned cpu, pfn_t pfn)
{
	struct frame *f = frame_of(k->memory, pfn);
	struct node *n = frame_node(k->memory, f);

	CHECK(frame_has(f, FR_WRITEBACK), "frame %u is not under write-back", pfn);
	if (frame_has(f, FR_RECLAIM)) {
		f->flags &= ~(uint32_t)FR_RECLAIM;
		lru_rotate(k, cpu, pfn);
	}
	f->flags &= ~(uint32_t)FR_WRITEBACK;
	account_writeback(k, f, -(int64_t)frame_nr_pages(f));
	node_stat_add(n, NR_WRITTEN, frame_nr_pages(f));
	if (n->nr_writeback_throttled)
		account_throttled(k, n, frame_nr_pages(f));
	sched_wake(k, WAIT_KEY(WAIT_FRAME, pfn), kernel_now(k));
}

void pageio_end_read(struct kernel *k, pfn_t pfn)
{
	struct frame *f = frame_of(k->memory, pfn);

	CHECK(frame_has(f, FR_LOCKED), "frame %u is not under input", pfn);
	f->flags |= FR_UPTODATE;
	page_unlock(k, pfn, kernel_now(k));
}

bool page_trylock(struct kernel *k, pfn_t pfn)
{
	struct frame *f = frame_of(k->memory, pfn);

	if (frame_has(f, FR_LOCKED))
		return false;
	f->flags |= FR_LOCKED;
	return true;
}

void page_lock(struct task *cur, pfn_t pfn)
{
	while (!page_trylock(cur->k, pfn))
		page_wait_flags(cur, pfn, FR_LOCKED);
}

void page_unlock(struct kernel *k, pfn_t pfn, tick_t now)
{
	struct frame *f = frame_of(k->memory, pfn);

	CHECK(frame_has(f, FR_LOCKED), "frame %u is not locked", pfn);
	f->flags &= ~(uint32_t)FR_LOCKED;
	sched_wake(k, WAIT_KEY(WAIT_FRAME, pfn), now);
}

bool page_wait_flags(struct task *cur, pfn_t pfn, uint32_t flags)
{
	bool waited = false;

	while (frame_has(frame_of(cur->k->memory, pfn), flags)) {
		sched_wait(cur, WAIT_KEY(WAIT_FRAME, pfn), TICK_NEVER, true);
		waited = true;
	}
	return waited;
}
