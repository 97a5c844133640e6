/*
 * mem.c - the host's memory.
 */
#include "sim/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/check.h"
#include "sim/err.h"

#define HUGE_BLOCK ((size_t)2 << 20)

static bool frozen;
static uint64_t fail_countdown;

static _Noreturn void out_of_memory(size_t bytes)
{
	fprintf(stderr, "faultline: out of memory: the host refused %zu bytes\n", bytes);
	exit(err_exit_status(ERR_NOMEM));
}

/* n * size; more than the address space holds is out of memory. */
static size_t total_of(size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		out_of_memory(SIZE_MAX);
	return total ? total : 1;
}

static bool must_fail(void)
{
	return fail_countdown && --fail_countdown == 0;
}

void *mem_alloc_late(size_t n, size_t size)
{
	size_t total = total_of(n, size);
	void *p = must_fail() ? NULL : calloc(1, total);

	if (!p)
		out_of_memory(total);
	return p;
}

void *mem_alloc(size_t n, size_t size)
{
	CHECK(!frozen, "allocation of %zu bytes after the machine was frozen", n * size);
	return mem_alloc_late(n, size);
}

void *mem_realloc(void *p, size_t n, size_t size)
{
	size_t total = total_of(n, size);
	void *q = must_fail() ? NULL : realloc(p, total);

	if (!q)
		out_of_memory(total);
	return q;
}

char *mem_strdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(mem_alloc_late(n, 1), s, n);
}

void mem_free(void *p)
{
	free(p);
}

void *mem_map(size_t bytes)
{
	void *p = must_fail() ? MAP_FAILED
			      : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		out_of_memory(bytes);
	return p;
}

void mem_unmap(void *p, size_t bytes)
{
	if (p)
		munmap(p, bytes);
}

void mem_freeze(void)
{
	frozen = true;
}

void mem_thaw(void)
{
	frozen = false;
}

void mem_fail_nth(uint64_t n)
{
	fail_countdown = n;
}

void pool_init(struct pool *p, size_t object_size, size_t per_block)
{
	memset(p, 0, sizeof *p);
	p->size = (MAX_OF(object_size, sizeof(void *)) + 15) & ~(size_t)15;
	p->per_block = per_block;
	p->next = per_block;
}

void pool_init_huge(struct pool *p, size_t object_size)
{
	pool_init(p, object_size, 1);
	p->per_block = p->next = HUGE_BLOCK / p->size;
	p->huge = true;
}

/* A block aligned to 2 MiB. */
static void *huge_block(void)
{
	char *p = aligned_alloc(HUGE_BLOCK, HUGE_BLOCK);

	if (!p || must_fail())
		out_of_memory(HUGE_BLOCK);
	madvise(p, HUGE_BLOCK, MADV_HUGEPAGE);
	return memset(p, 0, HUGE_BLOCK);
}

void pool_release(struct pool *p)
{
	for (size_t i = 0; i < p->nr_blocks; i++)
		mem_free(p->blocks[i]);
	mem_free(p->blocks);
	memset(p, 0, sizeof *p);
}

void *pool_get(struct pool *p)
{
	void *obj = p->free_list;

	p->in_use++;
	if (obj) {
		memcpy(&p->free_list, obj, sizeof(void *));
		memset(obj, 0, p->size);
		return obj;
	}
	if (p->next == p->per_block) {
		p->blocks = mem_realloc(p->blocks, p->nr_blocks + 1, sizeof *p->blocks);
		p->blocks[p->nr_blocks++] = p->huge ? huge_block() : mem_alloc_late(p->per_block, p->size);
		p->next = 0;
	}
	return (char *)p->blocks[p->nr_blocks - 1] + p->next++ * p->size;
}

void pool_put(struct pool *p, void *obj)
{
	DCHECK(p->in_use > 0, "pool of %zu-byte objects", p->size);
	p->in_use--;
	memcpy(obj, &p->free_list, sizeof(void *));
	p->free_list = obj;
}
