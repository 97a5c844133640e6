/*
 * io.c - swap input and output.
 *
 * After mm/page_io.c swap_writepage, swap_readpage and block/blk-core.c, block/blk-mq.c (blk_start_plug,
 * blk_finish_plug, blk_mq_submit_bio: what a plug collects goes out sorted, neighbours as one request) of
 * Linux 6.1.
 *
 * Not modelled: write errors, the limit of a request (max_sectors_kb) for a huge page's: it goes out as
 * requests of BLKDEV_MAX_PAGES.
 */
#include "models/kernel/swap/parts.h"

#define PLUG_REQUESTS      32u
#define PLUG_FLUSH_PAGES   32u
#define PLUG_REQUEST_PAGES 254u /* segments of a request (virtio-blk with a queue of 256) */

/* What ended since goes back to the slab in the time of who takes the next one, not of the interrupt. */
static void bio_take(struct task *cur)
{
	struct kernel *k = cur->k;
	struct bios *b = &k->swap->bios;
	struct slab_cache *c = slab_cache_of(k->slab, SLAB_CACHE_BIO);
	slab_obj_t bio;

	for (; b->ended; b->ended--, b->n--) {
		bio = b->ring[b->first];
		b->first = (b->first + 1) % b->cap;
		if (bio)
			slab_free(k->slab, c, cur, cur->exec->cpu, bio);
	}
	bio = slab_alloc(k->slab, c, cur, cur->exec->cpu, GFP_NOWAIT | GFP_BIT_NOWARN, NULL);
	if (b->n == b->cap) { /* others may have run meanwhile and filled the ring */
		size_t cap = b->cap ? 2 * b->cap : 256;
		slab_obj_t *ring = mem_alloc_late(cap, sizeof *ring);

		for (size_t i = 0; i < b->n; i++)
			ring[i] = b->ring[(b->first + i) % b->cap];
		mem_free(b->ring);
		*b = (struct bios){ring, cap, 0, b->n, b->ended};
	}
	b->ring[(b->first + b->n++) % b->cap] = bio;
}

static void io_done(void *ctx, const pfn_t *pfns, unsigned n, bool is_write)
{
	const struct pageio_cpu *c = ctx;

	for (unsigned i = 0; i < n; i++) {
		pfn_t head = page_head(c->k->memory, pfns[i]);
		struct frame *h = frame_of(c->k->memory, head);

		if (frame_has(h, FR_HEAD) && --h[TAIL_PARTS].index)
			continue;
		c->k->swap->bios.ended++;
		if (is_write)
			pageio_end_writeback(c->k, c->cpu, head);
		else
			pageio_end_read(c->k, pfns[i]);
	}
}

static void submit(struct task *cur, const pfn_t *pfns, unsigned n, unsigned bios, bool is_write)
{
	struct kernel *k = cur->k;
	const struct cost_params *c = &k->cost;

	task_charge(cur, CYCLES_swap, bios * (is_write ? c->swap_out : c->swap_in));
	sched_sync(cur);
	vm_event(k->memory, is_write ? VMEV_PSWPOUT : VMEV_PSWPIN, n);
	vm_event(k->memory, is_write ? VMEV_PGPGOUT : VMEV_PGPGIN, (uint64_t)n << (PAGE_SHIFT - 10));
	blkdev_submit(&k->swap->device, pageio_now(cur), pfns, n, is_write, io_done,
		      &k->swap->cpus[cur->exec->cpu]);
}

/* A huge page is one bio; its write-back ends when all of it is written. */
static void submit_huge(struct task *cur, pfn_t head)
{
	struct frame *h = frame_of(cur->k->memory, head);
	uint32_t nr = frame_nr_pages(h);
	pfn_t pfns[BLKDEV_MAX_PAGES];

	h[TAIL_PARTS].index = nr;
	vm_event(cur->k->memory, VMEV_THP_SWPOUT, 1);
	for (uint32_t i = 0; i < nr; i += BLKDEV_MAX_PAGES) {
		for (uint32_t j = 0; j < BLKDEV_MAX_PAGES; j++)
			pfns[j] = head + i + j;
		submit(cur, pfns, BLKDEV_MAX_PAGES, 1, true);
	}
}

/* Sorts the pages by slot and sends neighbours together. */
void swap_unplug(struct task *cur, struct swap_plug *plug)
{
	const struct frame *f = cur->k->memory->frames.f;
	pfn_t *p = plug->pfns;
	unsigned n = plug->n;

	plug->n = plug->nr_requests = plug->last_pages = 0;
	for (unsigned i = 1; i < n; i++) {
		pfn_t x = p[i];
		unsigned j = i;

		for (; j > 0 && f[p[j - 1]].private > f[x].private; j--)
			p[j] = p[j - 1];
		p[j] = x;
	}
	for (unsigned from = 0, to; from < n; from = to) {
		to = from + 1;
		if (f[p[from]].flags & FR_HEAD) {
			submit_huge(cur, p[from]);
			continue;
		}
		while (to < n && to - from < PLUG_REQUEST_PAGES && !(f[p[to]].flags & FR_HEAD) &&
		       f[p[to]].private == f[p[to - 1]].private + 1)
			to++;
		submit(cur, p + from, to - from, to - from, plug->is_write);
	}
}

static void plug_add(struct task *cur, struct swap_plug *plug, pfn_t pfn, bool is_write)
{
	const struct frame *f = cur->k->memory->frames.f;
	bool merges;

	if (plug->n == ARRAY_LEN(plug->pfns) || (plug->n && plug->is_write != is_write))
		swap_unplug(cur, plug);
	merges = plug->n && plug->last_pages < PLUG_REQUEST_PAGES && !(f[pfn].flags & FR_HEAD) &&
		 f[plug->pfns[plug->n - 1]].private + 1 == f[pfn].private;
	if (!merges && (plug->nr_requests == PLUG_REQUESTS || plug->last_pages >= PLUG_FLUSH_PAGES))
		swap_unplug(cur, plug);
	plug->nr_requests += !merges || !plug->n;
	plug->last_pages = merges ? plug->last_pages + 1 : frame_nr_pages(&f[pfn]);
	bio_take(cur);
	plug->is_write = is_write;
	plug->pfns[plug->n++] = pfn;
}

void swap_plug_start(struct task *cur, struct swap_plug *plug)
{
	plug->n = plug->nr_requests = plug->last_pages = 0;
	if (!cur->plug)
		cur->plug = plug;
}

bool swap_plug_flush(struct task *cur)
{
	if (!cur->plug || !cur->plug->n)
		return false;
	swap_unplug(cur, cur->plug);
	return true;
}

void swap_plug_finish(struct task *cur, const struct swap_plug *plug)
{
	if (cur->plug != plug)
		return;
	(void)swap_plug_flush(cur);
	cur->plug = NULL;
}

void swap_write_plugged(struct task *cur, struct swap_plug *plug, pfn_t pfn)
{
	struct frame *f = frame_of(cur->k->memory, pfn);

	CHECK(frame_has(f, FR_SWAPCACHE) && frame_has(f, FR_LOCKED),
	      "frame %u is written to swap with flags %#x", pfn, f->flags);
	if (!swap_try_to_free(cur, pfn)) {
		f->flags &= ~(uint32_t)FR_DIRTY;
		pageio_start_writeback(cur->k, pfn);
		plug_add(cur, plug, pfn, true);
	}
}

void swap_read_plugged(struct task *cur, struct swap_plug *plug, pfn_t pfn)
{
	const struct frame *f = frame_of(cur->k->memory, pfn);

	CHECK(frame_has(f, FR_SWAPCACHE) && frame_has(f, FR_LOCKED),
	      "frame %u is read from swap with flags %#x", pfn, f->flags);
	plug_add(cur, plug, pfn, false);
}

void swap_write(struct task *cur, pfn_t pfn)
{
	struct swap_plug plug;

	if (cur->plug) {
		swap_write_plugged(cur, cur->plug, pfn);
		return;
	}
	plug.n = plug.nr_requests = plug.last_pages = 0;
	swap_write_plugged(cur, &plug, pfn);
	swap_unplug(cur, &plug);
}

void swap_read(struct task *cur, pfn_t pfn)
{
	struct swap_plug plug;

	plug.n = plug.nr_requests = plug.last_pages = 0;
	swap_read_plugged(cur, &plug, pfn);
	swap_unplug(cur, &plug);
}
