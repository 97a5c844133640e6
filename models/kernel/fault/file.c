/*
 * file.c - faults on file mappings and on shared anonymous memory.
 *
 * Modelled after mm/memory.c do_read_fault, do_cow_fault, do_shared_fault, do_fault_around; mm/filemap.c
 * filemap_map_pages; mm/shmem.c shmem_fault; Linux 6.1. A fault that read the file is tried again, as in the
 * kernel (VM_FAULT_RETRY): it is counted twice as pgfault, and its second turn maps around the page.
 *
 * Not modelled: page_mkwrite of file systems that journal, DAX. (Huge pages of shared memory: thp.c.)
 */
#include "models/kernel/fault/parts.h"

#include "models/kernel/shmem.h"

/* The page with a reference; *r says what went wrong when there is none. */
static pfn_t get_page(struct fault *f, uint64_t index, enum fault_result *r)
{
	struct file *file = f->vma->file;
	bool major = false, retry = false, oom = false;
	pfn_t pfn;

	*r = FAULT_OOM;
	if (file->shmem) {
		if (index < (file->size + PAGE_SIZE - 1) >> PAGE_SHIFT) {
			pfn = shmem_get_page(f->cur, file, index, f->vma, f->addr, &major);
			f->major |= major;
			return pfn;
		}
		*r = FAULT_SIGBUS;
		return PFN_NONE;
	}
	pfn = filemap_fault(f->cur, f->vma, file, index, &major, &retry, &oom);
	f->major |= major;
	if (retry) {
		f->retried = true;
		memcg_count_event(f->k, f->mm->memcg, VMEV_PGFAULT, 1);
	}
	if (pfn == PFN_NONE && !oom)
		*r = FAULT_SIGBUS;
	return pfn;
}

static void map_file_page(struct fault *f, pfn_t pfn, bool write)
{
	bool shmem = frame_of(f->k->memory, page_head(f->k->memory, pfn))->flags & FR_SWAPBACKED;

	fault_map(f, pfn, fault_pte(f, pfn, write), shmem ? MM_SHMEMPAGES : MM_FILEPAGES);
}

static bool can_map_around(const struct frame *fr)
{
	return fr->flags & FR_UPTODATE && !(fr->flags & (FR_LOCKED | FR_READAHEAD));
}

/* do_fault_around: maps the cached pages of the aligned window; true when the faulting page was among them.
 */
static bool fault_around(struct fault *f, uint64_t index)
{
	uint64_t nr = f->k->params.fault_around_bytes >> PAGE_SHIFT;
	vaddr_t start = MAX_OF(f->addr & ~(nr * PAGE_SIZE - 1), f->vma->start);
	uint64_t room = PTABLE_ENTRIES - ptable_index(start, 1);
	vaddr_t end = MIN_OF(start + MIN_OF(nr, room) * PAGE_SIZE, f->vma->end);
	struct fault at = *f;
	bool hit = false;

	for (at.addr = start; at.addr < end; at.addr += PAGE_SIZE) {
		uint64_t i = index - (f->addr >> PAGE_SHIFT) + (at.addr >> PAGE_SHIFT);
		struct slot s = pagecache_lookup(f->vma->file, i);

		at.slot = ptable_index(at.addr, 1);
		if (s.pfn == PFN_NONE ||
		    !can_map_around(frame_of(f->k->memory, page_head(f->k->memory, s.pfn))) ||
		    i >= (f->vma->file->size + PAGE_SIZE - 1) >> PAGE_SHIFT)
			continue;
		if (f->vma->file->ra.mmap_miss)
			f->vma->file->ra.mmap_miss--;
		if (!pte_none(f->table->e[at.slot]))
			continue;
		frame_get(f->k, s.pfn);
		map_file_page(&at, s.pfn, false);
		task_charge(f->cur, CYCLES_fault, f->k->cost.fault_around_page);
		hit |= at.addr == f->addr;
	}
	return hit;
}

static enum fault_result read_fault(struct fault *f, uint64_t index)
{
	enum fault_result r;
	pfn_t pfn;

	if (f->k->params.fault_around_bytes > PAGE_SIZE && fault_around(f, index))
		return FAULT_DONE;
	pfn = get_page(f, index, &r);
	if (pfn == PFN_NONE)
		return r;
	if (!fault_unchanged(f)) {
		frame_put(f->k, f->cur->exec->cpu, pfn);
		return FAULT_DONE;
	}
	if (f->retried && f->k->params.fault_around_bytes > PAGE_SIZE && fault_around(f, index)) {
		frame_put(f->k, f->cur->exec->cpu, pfn);
		return FAULT_DONE;
	}
	map_file_page(f, pfn, false);
	return FAULT_DONE;
}

/* A private mapping is written: the copy is anonymous. */
static enum fault_result cow_fault(struct fault *f, uint64_t index)
{
	pfn_t copy = fault_new_anon(f, false), pfn;
	enum fault_result r = FAULT_OOM;

	if (copy == PFN_NONE)
		return FAULT_OOM;
	pfn = get_page(f, index, &r);
	if (pfn == PFN_NONE) {
		frame_put(f->k, f->cur->exec->cpu, copy);
		return r;
	}
	if (f->retried) { /* the second turn takes another page */
		frame_put(f->k, f->cur->exec->cpu, copy);
		copy = fault_new_anon(f, false);
		if (copy == PFN_NONE) {
			frame_put(f->k, f->cur->exec->cpu, pfn);
			return FAULT_OOM;
		}
	}
	task_charge(f->cur, CYCLES_clear_copy, f->k->cost.copy_page);
	if (fault_unchanged(f)) {
		fault_map_new_anon(f, copy, fault_pte(f, copy, true));
		f->cur->process->stats.cow_faults++;
	} else {
		frame_put(f->k, f->cur->exec->cpu, copy);
	}
	frame_put(f->k, f->cur->exec->cpu, pfn);
	return FAULT_DONE;
}

static enum fault_result shared_fault(struct fault *f, uint64_t index)
{
	enum fault_result r;
	pfn_t pfn = get_page(f, index, &r);

	if (pfn == PFN_NONE)
		return r;
	if (!f->vma->file->shmem)
		page_make_buffers(f->cur, pfn); /* page_mkwrite */
	if (!fault_unchanged(f)) {
		frame_put(f->k, f->cur->exec->cpu, pfn);
		return FAULT_DONE;
	}
	map_file_page(f, pfn, true);
	if (f->vma->file->shmem) {
		frame_of(f->k->memory, page_head(f->k->memory, pfn))->flags |=
			FR_DIRTY; /* fault_dirty_shared_page */
	} else {
		page_mark_dirty(f->cur, pfn);
		balance_dirty_pages(f->cur, 1);
	}
	return FAULT_DONE;
}

enum fault_result fault_file(struct fault *f)
{
	uint64_t index = f->vma->pgoff + ((f->addr - f->vma->start) >> PAGE_SHIFT);

	f->cur->process->stats.file_faults++;
	if (!(f->flags & FAULT_WRITE))
		return read_fault(f, index);
	if (!(f->vma->flags & VM_SHARED))
		return cow_fault(f, index);
	return shared_fault(f, index);
}
