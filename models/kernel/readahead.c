/*
 * readahead.c - the window that runs ahead of a sequential reader.
 *
 * After mm/readahead.c, Linux 6.1: page_cache_ra_unbounded, do_page_cache_ra, force_page_cache_ra,
 * get_init_ra_size, get_next_ra_size, count_history_pages, try_context_readahead, ondemand_readahead,
 * page_cache_sync_ra, page_cache_async_ra; mm/filemap.c filemap_add_folio. A window is [start, start + size);
 * its last async_size pages begin with a marked page, and whoever uses that one starts the next window.
 * Contiguous missing pages go out as one request of up to 256 (BIO_MAX_VECS).
 *
 * Not modelled: large folios (ext4 of 6.1 has none), where a file lies on the device (it is one extent),
 * holes, files open more than once (a file has one window), congestion of block cgroups.
 */
#include "models/kernel/readahead.h"

#include "models/kernel/charge.h"
#include "models/kernel/pageio.h"
#include "models/kernel/workingset.h"

#define IO_PAGES    320 /* bdi->io_pages: BLK_DEF_MAX_SECTORS, 2560 of 512 bytes (block/blk-settings.c) */
#define FORCE_CHUNK 512 /* 2 MiB */

/* ---- pages and requests ---- */

static void read_done(void *ctx, const pfn_t *pfns, unsigned n, bool is_write)
{
	(void)is_write;
	for (unsigned i = 0; i < n; i++)
		pageio_end_read(ctx, pfns[i]);
}

void readahead_submit(struct task *cur, const pfn_t *pfns, unsigned n)
{
	struct kernel *k = cur->k;

	task_charge(cur, CYCLES_file, k->cost.submit_io);
	sched_sync(cur);
	vm_event(k->memory, VMEV_PGPGIN, (uint64_t)n << (PAGE_SHIFT - 10));
	blkdev_submit(k->file_dev, pageio_now(cur), pfns, n, false, read_done, k);
}

bool readahead_add_page(struct task *cur, struct file *f, uint64_t index, pfn_t pfn, gfp_t gfp)
{
	struct frame *fr = frame_of(cur->k->memory, pfn);
	uint64_t shadow;

	fr->flags |= FR_LOCKED;
	if (!charge(cur, memcg_of_task(cur), pfn, gfp) || !pagecache_insert(cur, f, index, pfn, &shadow)) {
		page_unlock(cur->k, pfn, pageio_now(cur));
		return false;
	}
	if (!(gfp & GFP_BIT_WRITE) && shadow)
		workingset_refault(cur, pfn, shadow);
	lru_add(cur, pfn);
	return true;
}

/* Pages added to the file but not submitted. */
struct batch {
	struct task *cur;
	unsigned n;
	pfn_t pfns[BLKDEV_MAX_PAGES];
};

static void batch_flush(struct batch *b)
{
	struct task *cur = b->cur;
	unsigned n = b->n;

	b->n = 0;
	if (!n)
		return;
	readahead_submit(cur, b->pfns, n);
	for (unsigned i = 0; i < n; i++)
		frame_put(cur->k, cur->exec->cpu, b->pfns[i]);
}

/* page_cache_ra_unbounded: what is missing of nr pages from index; the one `lookahead` before the end is
 * marked. */
static void read_unbounded(struct task *cur, struct file *f, uint64_t index, uint64_t nr, uint64_t lookahead)
{
	gfp_t gfp = (FILE_GFP & ~GFP_BIT_FS) | GFP_BIT_NORETRY | GFP_BIT_NOWARN;
	struct batch b = {.cur = cur};

	for (uint64_t i = 0; i < nr; i++) {
		pfn_t pfn;

		if (b.n == BLKDEV_MAX_PAGES)
			batch_flush(&b);
		if (pagecache_lookup(f, index + i).pfn != PFN_NONE) {
			batch_flush(&b);
			continue;
		}
		pfn = alloc_page_cache(cur, gfp);
		if (pfn == PFN_NONE)
			break;
		if (!readahead_add_page(cur, f, index + i, pfn, gfp)) {
			frame_put(cur->k, cur->exec->cpu, pfn);
			batch_flush(&b);
			continue;
		}
		if (i == nr - lookahead)
			frame_of(cur->k->memory, pfn)->flags |= FR_READAHEAD;
		b.pfns[b.n++] = pfn;
	}
	batch_flush(&b);
}

/* do_page_cache_ra: not behind the end of the file. */
static void read_window(struct task *cur, struct file *f, uint64_t index, uint64_t nr, uint64_t lookahead)
{
	uint64_t last = f->size ? (f->size - 1) >> PAGE_SHIFT : 0;

	if (!f->size || index > last)
		return;
	if (nr > last - index)
		nr = last - index + 1;
	read_unbounded(cur, f, index, nr, lookahead);
}

void readahead_force(struct task *cur, struct file *f, uint64_t index, uint64_t nr)
{
	nr = MIN_OF(nr, MAX_OF((uint64_t)IO_PAGES, (uint64_t)f->ra.ra_pages));
	while (nr) {
		uint64_t n = MIN_OF(nr, (uint64_t)FORCE_CHUNK);

		read_window(cur, f, index, n, 0);
		index += n;
		nr -= n;
	}
}

/* ---- window sizes ---- */

static uint64_t initial_size(uint64_t req, uint64_t max)
{
	uint64_t size = req > 1 ? UINT64_C(2) << ilog2_u64(req - 1) : 1; /* roundup_pow_of_two */

	if (size <= max / 32)
		return size * 4;
	return size <= max / 4 ? size * 2 : max;
}

static uint64_t next_size(uint64_t size, uint64_t max)
{
	if (size < max / 16)
		return 4 * size;
	return size <= max / 2 ? 2 * size : max;
}

static void set_window(struct ra_state *ra, uint64_t start, uint64_t size, uint64_t async)
{
	ra->start = start;
	ra->size = (uint32_t)size;
	ra->async_size = (uint32_t)async;
}

/* What a stream leaves behind: cached pages right before index, more of them than are asked for. */
static bool context_window(struct file *f, uint64_t index, uint64_t req, uint64_t max)
{
	uint64_t size = index - 1 - pagecache_prev_miss(f, index - 1, max);

	if (size <= req)
		return false;
	if (size >= index) /* from the file's beginning */
		size *= 2;
	set_window(&f->ra, index, MIN_OF(size + req, max), 1);
	return true;
}

/* A marked page without a window that fits: the next gap is where the window was to end. */
static bool marker_window(struct file *f, uint64_t index, uint64_t req, uint64_t max)
{
	uint64_t start = pagecache_next_miss(f, index + 1, max), size;

	if (!start || start - index > max)
		return false;
	size = next_size(start - index + req, max);
	set_window(&f->ra, start, size, size);
	return true;
}

/* Chooses the window; false: there is none to read (a lone read has been done, or nothing is to be done). */
static bool choose_window(struct task *cur, struct file *f, uint64_t index, bool marked, uint64_t req,
			  uint64_t max)
{
	struct ra_state *ra = &f->ra;
	uint64_t size;

	if (index && (index == ra->start + ra->size - ra->async_size || index == ra->start + ra->size)) {
		size = MAX_OF((uint64_t)ra->size, next_size(ra->size, max));
		set_window(ra, ra->start + ra->size, size, size);
		return true;
	}
	if (index && marked)
		return marker_window(f, index, req, max);
	if (index && req <= max && index - ((uint64_t)ra->prev_pos >> PAGE_SHIFT) > 1) {
		if (context_window(f, index, req, max))
			return true;
		read_window(cur, f, index, req, 0);
		return false;
	}
	size = initial_size(req, max);
	set_window(ra, index, size, size > req ? size - req : size);
	return true;
}

/* ondemand_readahead */
static void on_demand(struct task *cur, struct file *f, uint64_t index, bool marked, uint64_t req)
{
	struct ra_state *ra = &f->ra;
	uint64_t max = ra->ra_pages;

	if (req > max && IO_PAGES > max)
		max = MIN_OF(req, (uint64_t)IO_PAGES);
	if (!choose_window(cur, f, index, marked, req, max))
		return;
	if (index == ra->start && ra->size == ra->async_size) { /* it would meet its own mark at once */
		uint64_t add = next_size(ra->size, max);

		if (ra->size + add <= max)
			set_window(ra, ra->start, ra->size + add, add);
		else
			set_window(ra, ra->start, max, max >> 1);
	}
	read_window(cur, f, ra->start, ra->size, ra->async_size);
}

void readahead_sync(struct task *cur, struct file *f, uint64_t index, uint64_t req)
{
	if (!f->ra.ra_pages)
		readahead_force(cur, f, index, 1);
	else if (f->advise_random)
		readahead_force(cur, f, index, req);
	else
		on_demand(cur, f, index, false, req);
}

void readahead_async(struct task *cur, struct file *f, uint64_t index, pfn_t pfn, uint64_t req)
{
	struct frame *fr = frame_of(cur->k->memory, pfn);

	if (!f->ra.ra_pages || frame_has(fr, FR_WRITEBACK))
		return;
	fr->flags &= ~(uint32_t)FR_READAHEAD;
	on_demand(cur, f, index, true, req);
}

void readahead_around(struct task *cur, struct file *f, uint64_t index)
{
	struct ra_state *ra = &f->ra;

	set_window(ra, index > ra->ra_pages / 2 ? index - ra->ra_pages / 2 : 0, ra->ra_pages,
		   ra->ra_pages / 4);
	read_window(cur, f, ra->start, ra->size, ra->async_size);
}
