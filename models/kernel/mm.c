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
	if (!mm->grabs)
		pool_put(&t->pool, mm);
}

void mm_grab(struct mm *mm)
{
	mm->grabs++;
}

void mm_drop(struct mm_table *t, struct mm *mm)
{
	CHECK(mm->grabs > 0, "address space %u was not grabbed", mm->id);
	if (--mm->grabs == 0 && (mm->id >= t->n || t->mm[mm->id] != mm))
		pool_put(&t->pool, mm);
}

bool mm_watch(struct mm_table *t, struct mm *mm)
{
	bool first = !t->thp_first;

	if (mm->thp_registered)
		return false;
	mm->thp_registered = true;
	mm->thp_prev = t->thp_last;
	mm->thp_next = NULL;
	*(t->thp_last ? &t->thp_last->thp_next : &t->thp_first) = mm;
	t->thp_last = mm;
	return first;
}

void mm_unwatch(struct mm_table *t, struct mm *mm)
{
	if (!mm->thp_registered)
		return;
	mm->thp_registered = false;
	if (t->thp_at == mm) {
		t->thp_at = mm->thp_next;
		t->thp_address = 0;
	}
	*(mm->thp_prev ? &mm->thp_prev->thp_next : &t->thp_first) = mm->thp_next;
	*(mm->thp_next ? &mm->thp_next->thp_prev : &t->thp_last) = mm->thp_prev;
}
