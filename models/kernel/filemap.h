/*
 * filemap.h - reading, writing and faulting files through the page cache, with readahead (mm/filemap.c,
 * mm/readahead.c; 6.1).
 */
#ifndef MODELS_KERNEL_FILEMAP_H
#define MODELS_KERNEL_FILEMAP_H

#include "models/kernel/alloc.h"
#include "models/kernel/writeback.h"

/* filemap_read: brings [off, off+len) in, marks pages accessed, charges the copy. Returns bytes read (cut at
 * the file's end). */
uint64_t filemap_read(struct task *cur, struct file *f, uint64_t off, uint64_t len);
/* generic_perform_write: allocates or reads what is partially written, dirties, throttles. Extends the file.
 */
uint64_t filemap_write(struct task *cur, struct file *f, uint64_t off, uint64_t len);
/*
 * filemap_fault: the page at index for a fault of vma, read in if necessary, with a reference and uptodate.
 * *major is set when the page was not cached (a page still under input by earlier readahead is no major
 * fault, as in Linux), and PGMAJFAULT counted. *retry is set when mmap_lock would have been let go of: the
 * fault is tried again. Works for shmem files, too. PFN_NONE: behind the end of the file (SIGBUS) when *major
 * is false and *oom is false.
 */
pfn_t filemap_fault(struct task *cur, struct vma *vma, struct file *f, uint64_t index, bool *major,
		    bool *retry, bool *oom);
/* posix_fadvise. */
void filemap_advise(struct task *cur, struct file *f, uint64_t off, uint64_t len, int advice);
/* force_page_cache_readahead (MADV_WILLNEED). */
void filemap_readahead(struct task *cur, struct file *f, uint64_t index, uint64_t nr);
/* drop_caches 1: all clean unmapped pages of all files. */
void filemap_drop_all(struct task *cur);

#endif
