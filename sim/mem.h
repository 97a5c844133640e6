/*
 * mem.h - the host's memory: allocation that never returns NULL, pools, a freeze, and failure on request.
 *
 * After mem_freeze() an allocation through mem_alloc is a programming error (the hot path allocates nothing);
 * mem_alloc_late is for tables of the simulated machine that grow with what it holds (page-table pages,
 * VMAs). Running out of memory ends the program with one line and ERR_NOMEM's exit status: nothing that is
 * stored is lost, because the store commits in transactions.
 */
#ifndef SIM_MEM_H
#define SIM_MEM_H

#include "sim/base.h"

/* Zeroed memory; release with mem_free. Exits with ERR_NOMEM's status when the host has none. */
void *mem_alloc(size_t n, size_t size);
/* The same, after mem_freeze(), too. */
void *mem_alloc_late(size_t n, size_t size);
/* Grows or shrinks, after mem_freeze(), too; new bytes are not cleared. */
void *mem_realloc(void *p, size_t n, size_t size);
char *mem_strdup(const char *s);
/* NULL is nothing to free. */
void mem_free(void *p);

/* Large zeroed tables whose untouched parts cost nothing (mmap); release with mem_unmap. */
void *mem_map(size_t bytes);
void mem_unmap(void *p, size_t bytes);

/* From the freeze to the thaw mem_alloc is a programming error. */
void mem_freeze(void);
void mem_thaw(void);
/* Makes the n-th allocation from now fail (0 = never): for tests of the out-of-memory path. */
void mem_fail_nth(uint64_t n);

/*
 * A pool of objects of one size, in blocks that are never given back before pool_release. Freed objects are
 * reused last in, first out. pool_get returns zeroed memory.
 */
struct pool {
	size_t size; /* of an object, bytes */
	bool huge;   /* blocks are of the host's huge pages */
	size_t per_block;
	void *free_list;
	void **blocks;
	size_t nr_blocks, next; /* next: unused objects of the last block start here */
	uint64_t in_use;
};

void pool_init(struct pool *p, size_t object_size, size_t per_block);
/* For large objects that are many: blocks of 2 MiB that the host may back by huge pages. */
void pool_init_huge(struct pool *p, size_t object_size);
void pool_release(struct pool *p);
void *pool_get(struct pool *p);
void pool_put(struct pool *p, void *obj);

#endif
