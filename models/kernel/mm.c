/*
 * mm.c - the table of address spaces.
 *
 * After kernel/fork.c (mm_alloc, __mmdrop) of Linux 6.1. Ids are small and reused because reverse mappings
 * store them in 24 bits; the lowest free one is taken, so they depend on the order of events alone. Context
 * ids are never reused.
 */
#include "models/kernel/mm.h"

#include <string.h>

void mm_table_init(struct mm_table *t)
{
	*t = (struct mm_table){0};
	t->next_context = 1;
	pool_init(&t->pool, sizeof(struct mm), 64);
}

void mm_table_release(struct mm_table *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (t->mm[i]) {
			pgtable_discard(&t->mm[i]->pt);
			vma_tree_release(&t->mm[i]->vmas);
		}
	pool_release(&t->pool);
	mem_free(t->mm);
	*t = (struct mm_table){0};
}

struct mm *mm_table_add(struct mm_table *t)
{
	struct mm *mm = pool_get(&t->pool);
	uint32_t id = 0;

	while (id < t->n && t->mm[id])
		id++;
	if (id == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : 64;
		struct mm **grown = mem_alloc_late(cap, sizeof(struct mm *));

		if (t->n)
			memcpy(grown, t->mm, t->n * sizeof(struct mm *));
		mem_free(t->mm);
		t->mm = grown;
		t->cap = cap;
	}
	if (id == t->n)
		t->n++;
	t->mm[id] = mm;
	mm->id = id;
	mm->context_id = t->next_context++;
	mm->users = 1;
	mm->mmap_base = MMAP_BASE;
	mm->stack_top = STACK_TOP;
	mm->start_brk = mm->brk = ELF_ET_DYN_BASE;
	vma_tree_init(&mm->vmas);
	return mm;
}

void mm_table_del(struct mm_table *t, struct mm *mm)
{
	CHECK(mm->id < t->n && t->mm[mm->id] == mm, "address space %u is not in the table", mm->id);
	CHECK(mm->vmas.n == 0, "address space %u goes with %zu mappings", mm->id, mm->vmas.n);
	t->mm[mm->id] = NULL;
	vma_tree_release(&mm->vmas);
	pool_put(&t->pool, mm);
}
