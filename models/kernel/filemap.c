/*
 * filemap.c - read(), write() and page faults on files.
 *
 * After mm/filemap.c, Linux 6.1: filemap_read, filemap_get_pages, filemap_get_read_batch,
 * filemap_update_page, filemap_create_folio, generic_perform_write, do_sync_mmap_readahead,
 * do_async_mmap_readahead, filemap_fault; fs/buffer.c __block_write_begin_int; mm/fadvise.c generic_fadvise;
 * fs/drop_caches.c.
 *
 * A copy costs cost.file_read_page a whole page, in proportion for less, but at least a quarter of it:
 * finding the page. Faults are charged by whoever handles them.
 *
 * Not modelled: direct I/O, holes (what lies before the end of the file is on the device), the 2 MiB
 * readahead of VM_HUGEPAGE mappings, access times, signals that interrupt a read.
 */
#include "models/kernel/filemap.h"

#include "models/kernel/memcg.h"
#include "models/kernel/pageio.h"
#include "models/kernel/shmem.h"

#define BATCH_PAGES    15 /* PAGEVEC_SIZE */
#define MMAP_LOTSAMISS 100

static void put(struct task *cur, pfn_t pfn)
{
	frame_put(cur->k, cur->exec->cpu, pfn);
}

static void unlock(struct task *cur, pfn_t pfn)
{
	page_unlock(cur->k, pfn, pageio_now(cur));
}

static bool is_at(struct task *cur, pfn_t pfn, const struct file *f, uint64_t index)
{
	const struct frame *fr = frame_of(cur->k->memory, pfn);

	return fr->file == f->id && fr->index == index;
}

static bool page_has(struct task *cur, pfn_t pfn, uint32_t flags)
{
	return frame_has(frame_of(cur->k->memory, pfn), flags);
}

/* Reads a page that we have locked, and waits; it is unlocked then. */
static void read_locked(struct task *cur, pfn_t pfn)
{
	readahead_submit(cur, &pfn, 1);
	page_wait_flags(cur, pfn, FR_LOCKED);
}

static void charge_copy(struct task *cur, uint64_t bytes)
{
	uint64_t cost = cur->k->cost.file_read_page;

	task_charge(cur, CYCLES_file, MAX_OF(cost * bytes / PAGE_SIZE, cost / 4));
}

/* A new page at index, locked, with our reference. PFN_NONE: short of memory (*taken false), or not needed.
 */
static pfn_t create_page(struct task *cur, struct file *f, uint64_t index, gfp_t gfp, bool *taken)
{
	pfn_t pfn;

	*taken = false;
	if (gfp & GFP_BIT_WRITE)
		writeback_refresh_node_limits(cur->k);
	pfn = alloc_page_cache(cur, gfp);
	if (pfn == PFN_NONE)
		return PFN_NONE;
	if (readahead_add_page(cur, f, index, pfn, gfp))
		return pfn;
	put(cur, pfn);
	*taken = pagecache_lookup(f, index).pfn != PFN_NONE;
	return PFN_NONE;
}

/* ---- read ---- */

struct read_batch {
	unsigned n;
	pfn_t pfns[BATCH_PAGES];
};

/* Cached pages from index to last, up to the first one that is marked or not uptodate; with references. */
static void collect(struct task *cur, struct file *f, uint64_t index, uint64_t last, struct read_batch *b)
{
	for (b->n = 0; b->n < BATCH_PAGES && index <= last; index++) {
		pfn_t pfn = pagecache_lookup(f, index).pfn;

		if (pfn == PFN_NONE)
			break;
		frame_get(cur->k, pfn);
		b->pfns[b->n++] = pfn;
		if (!page_has(cur, pfn, FR_UPTODATE) || page_has(cur, pfn, FR_READAHEAD))
			break;
	}
}

/* Waits for the last page of a batch, or reads it. False: look it up again. */
static bool make_uptodate(struct task *cur, struct file *f, uint64_t index, pfn_t pfn)
{
	if (!page_trylock(cur->k, pfn)) {
		page_wait_flags(cur, pfn, FR_LOCKED);
		return false;
	}
	if (!is_at(cur, pfn, f, index)) {
		unlock(cur, pfn);
		return false;
	}
	if (page_has(cur, pfn, FR_UPTODATE))
		unlock(cur, pfn);
	else
		read_locked(cur, pfn);
	return true;
}

/* filemap_get_pages: at least one uptodate page from index on, `end` is the index behind the read. False:
 * short of memory. */
static bool get_pages(struct task *cur, struct file *f, uint64_t index, uint64_t end, struct read_batch *b)
{
	for (;;) {
		uint64_t at;
		pfn_t pfn;

		collect(cur, f, index, end - 1, b);
		if (!b->n) {
			readahead_sync(cur, f, index, end - index);
			collect(cur, f, index, end - 1, b);
		}
		if (!b->n) {
			bool taken;

			pfn = create_page(cur, f, index, FILE_GFP, &taken);
			if (pfn == PFN_NONE && taken)
				continue;
			if (pfn == PFN_NONE)
				return false;
			read_locked(cur, pfn);
			b->pfns[b->n++] = pfn;
			return true;
		}
		at = index + b->n - 1;
		pfn = b->pfns[b->n - 1];
		if (page_has(cur, pfn, FR_READAHEAD))
			readahead_async(cur, f, at, pfn, end - at);
		if (page_has(cur, pfn, FR_UPTODATE) || make_uptodate(cur, f, at, pfn))
			return true;
		put(cur, pfn);
		if (--b->n)
			return true;
	}
}

/* Copies from the pages of a batch; pages other than the one read last are marked accessed. Returns bytes. */
static uint64_t copy_batch(struct task *cur, struct file *f, uint64_t pos, uint64_t end,
			   const struct read_batch *b)
{
	uint64_t from = pos;

	if ((int64_t)(pos >> PAGE_SHIFT) != (f->ra.prev_pos - 1) >> PAGE_SHIFT)
		lru_mark_accessed(cur, b->pfns[0]);
	for (unsigned i = 0; i < b->n && pos < end; i++) {
		uint64_t bytes = MIN_OF(end - pos, PAGE_SIZE - pos % PAGE_SIZE);

		if (i > 0)
			lru_mark_accessed(cur, b->pfns[i]);
		charge_copy(cur, bytes);
		pos += bytes;
		f->ra.prev_pos = (int64_t)pos;
	}
	return pos - from;
}

uint64_t filemap_read(struct task *cur, struct file *f, uint64_t off, uint64_t len)
{
	uint64_t pos = off, end = off + MIN_OF(len, UINT64_MAX - off);
	struct read_batch b;

	while (pos < end && pos < f->size) {
		sched_cond(cur);
		if (!get_pages(cur, f, pos >> PAGE_SHIFT, (end - 1) / PAGE_SIZE + 1, &b))
			break;
		if (pos < f->size)
			pos += copy_batch(cur, f, pos, MIN_OF(end, f->size), &b);
		for (unsigned i = 0; i < b.n; i++)
			put(cur, b.pfns[i]);
	}
	return pos - off;
}

/* ---- write ---- */

/* The page at index, locked, with a reference; PFN_NONE when short of memory. */
static pfn_t page_for_write(struct task *cur, struct file *f, uint64_t index)
{
	for (;;) {
		pfn_t pfn = pagecache_lookup(f, index).pfn;
		bool taken;

		if (pfn == PFN_NONE) {
			pfn = create_page(cur, f, index, FILE_GFP | GFP_BIT_WRITE, &taken);
			if (pfn != PFN_NONE || !taken)
				return pfn;
			continue;
		}
		frame_get(cur->k, pfn);
		page_lock(cur, pfn);
		if (is_at(cur, pfn, f, index))
			return pfn;
		unlock(cur, pfn);
		put(cur, pfn);
	}
}

static bool write_page(struct task *cur, struct file *f, uint64_t pos, uint64_t bytes)
{
	uint64_t index = pos >> PAGE_SHIFT, old_pages = (f->size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	pfn_t pfn;

	while ((pfn = page_for_write(cur, f, index)) != PFN_NONE) {
		if (page_has(cur, pfn, FR_UPTODATE) || bytes == PAGE_SIZE || index >= old_pages)
			break;
		read_locked(cur, pfn); /* only a part is written: the rest comes from the device */
		put(cur, pfn);
	}
	if (pfn == PFN_NONE)
		return false;
	page_make_buffers(cur, pfn);
	charge_copy(cur, bytes);
	frame_of(cur->k->memory, pfn)->flags |= FR_UPTODATE;
	page_mark_dirty(cur, pfn);
	f->size = MAX_OF(f->size, pos + bytes);
	unlock(cur, pfn);
	put(cur, pfn);
	return true;
}

uint64_t filemap_write(struct task *cur, struct file *f, uint64_t off, uint64_t len)
{
	uint64_t pos = off, end = off + MIN_OF(len, UINT64_MAX - off);

	while (pos < end) {
		uint64_t bytes = MIN_OF(end - pos, PAGE_SIZE - pos % PAGE_SIZE);

		if (!write_page(cur, f, pos, bytes))
			break;
		pos += bytes;
		sched_cond(cur);
		balance_dirty_pages(cur, 1);
	}
	return pos - off;
}

/* ---- faults ---- */

/* A fault on a page that is not cached: what else is read with it. */
static void sync_mmap_readahead(struct task *cur, uint32_t vm_flags, struct file *f, uint64_t index)
{
	struct ra_state *ra = &f->ra;

	if (vm_flags & VM_RAND_READ || !ra->ra_pages)
		return;
	if (vm_flags & VM_SEQ_READ) {
		readahead_sync(cur, f, index, ra->ra_pages);
		return;
	}
	if (ra->mmap_miss < MMAP_LOTSAMISS * 10)
		ra->mmap_miss++;
	if (ra->mmap_miss <= MMAP_LOTSAMISS) /* else far more misses than hits: it only hurts */
		readahead_around(cur, f, index);
}

/* True when it began to read: the fault lets go of mmap_lock for that, and is tried again. */
static bool async_mmap_readahead(struct task *cur, uint32_t vm_flags, struct file *f, uint64_t index,
				 pfn_t pfn)
{
	struct ra_state *ra = &f->ra;

	if (vm_flags & VM_RAND_READ || !ra->ra_pages)
		return false;
	if (ra->mmap_miss)
		ra->mmap_miss--;
	if (!page_has(cur, pfn, FR_READAHEAD))
		return false;
	readahead_async(cur, f, index, pfn, ra->ra_pages);
	return true;
}

/* The page with a reference, made if it is missing; PFN_NONE when short of memory. */
static pfn_t find_or_create(struct task *cur, struct file *f, uint64_t index)
{
	for (;;) {
		pfn_t pfn = pagecache_lookup(f, index).pfn;
		bool taken;

		if (pfn != PFN_NONE) {
			frame_get(cur->k, pfn);
			return pfn;
		}
		pfn = create_page(cur, f, index, FILE_GFP, &taken);
		if (pfn != PFN_NONE)
			unlock(cur, pfn);
		if (pfn != PFN_NONE || !taken)
			return pfn;
	}
}

pfn_t filemap_fault(struct task *cur, struct vma *vma, struct file *f, uint64_t index, bool *major,
		    bool *retry, bool *oom)
{
	uint32_t vm_flags = vma ? vma->flags : 0;
	pfn_t pfn;

	*major = *retry = *oom = false;
	if (index >= (f->size + PAGE_SIZE - 1) >> PAGE_SHIFT)
		return PFN_NONE;
	if (f->shmem) {
		vaddr_t addr = vma ? vma->start + ((index - vma->pgoff) << PAGE_SHIFT) : 0;

		pfn = shmem_get_page(cur, f, index, vma, addr, major);
		*oom = pfn == PFN_NONE;
		return pfn;
	}
	pfn = pagecache_lookup(f, index).pfn;
	if (pfn != PFN_NONE) {
		frame_get(cur->k, pfn);
		*retry = async_mmap_readahead(cur, vm_flags, f, index, pfn);
	} else {
		memcg_count_event(cur->k, memcg_of_task(cur), VMEV_PGMAJFAULT, 1);
		*major = *retry = true;
		sync_mmap_readahead(cur, vm_flags, f, index);
		pfn = find_or_create(cur, f, index);
	}
	while (pfn != PFN_NONE) {
		*retry |= page_has(cur, pfn, FR_LOCKED); /* lock_folio_maybe_drop_mmap */
		page_lock(cur, pfn);
		if (is_at(cur, pfn, f, index) && page_has(cur, pfn, FR_UPTODATE)) {
			unlock(cur, pfn);
			return pfn;
		}
		if (is_at(cur, pfn, f, index)) {
			read_locked(cur, pfn);
		} else { /* truncated or reclaimed meanwhile */
			unlock(cur, pfn);
			put(cur, pfn);
			pfn = find_or_create(cur, f, index);
		}
	}
	*oom = true;
	return PFN_NONE;
}

/* ---- advice ---- */

enum { FADV_NORMAL, FADV_RANDOM, FADV_SEQUENTIAL, FADV_WILLNEED, FADV_DONTNEED, FADV_NOREUSE };

/* Writes what is dirty, drops the whole pages of [off, last]. */
static void advise_dontneed(struct task *cur, struct file *f, uint64_t off, uint64_t last)
{
	uint64_t first = off / PAGE_SIZE + (off % PAGE_SIZE != 0), end = (last >> PAGE_SHIFT) + 1;

	writeback_file(cur, f, off >> PAGE_SHIFT, last >> PAGE_SHIFT, false);
	if ((last & ~PAGE_MASK) != PAGE_SIZE - 1 && last != f->size - 1)
		end--;
	if (end <= first)
		return;
	lru_drain(cur);
	pagecache_invalidate(cur, f, first, end - 1);
	if (pagecache_next(f, &(uint64_t){first}, 0) != PFN_NONE) { /* perhaps in another CPU's batch */
		lru_drain_all(cur->k);
		pagecache_invalidate(cur, f, first, end - 1);
	}
}

void filemap_advise(struct task *cur, struct file *f, uint64_t off, uint64_t len, int advice)
{
	uint64_t last = len && off + len >= len ? off + len - 1 : UINT64_MAX;
	uint32_t ra_pages = (uint32_t)(cur->k->params.read_ahead_kb >> (PAGE_SHIFT - 10));

	switch (advice) {
	case FADV_NORMAL:
	case FADV_SEQUENTIAL:
		f->advise_random = false;
		f->advise_sequential = advice == FADV_SEQUENTIAL;
		f->ra.ra_pages = ra_pages * (f->advise_sequential ? 2 : 1);
		break;
	case FADV_RANDOM:
		f->advise_random = true;
		break;
	case FADV_WILLNEED:
		readahead_force(cur, f, off >> PAGE_SHIFT, (last >> PAGE_SHIFT) - (off >> PAGE_SHIFT) + 1);
		break;
	case FADV_DONTNEED:
		advise_dontneed(cur, f, off, last);
		break;
	default: /* FADV_NOREUSE does nothing in 6.1 */
		break;
	}
}

void filemap_readahead(struct task *cur, struct file *f, uint64_t index, uint64_t nr)
{
	readahead_force(cur, f, index, nr);
}

void filemap_drop_all(struct task *cur)
{
	struct pagecache *pc = cur->k->pagecache;

	for (uint32_t id = 0; id < pagecache_nr_files(pc); id++)
		pagecache_invalidate(cur, pagecache_file_at(pc, id), 0, UINT64_MAX);
	vm_event(cur->k->memory, VMEV_DROP_PAGECACHE, 1);
}
