/*
 * mapping_fixture.h - a task with an empty address space, for tests of the system calls on mappings.
 * Afterwards mappings and page tables are valid.
 */
#ifndef TESTS_UNIT_MAPPING_FIXTURE_H
#define TESTS_UNIT_MAPPING_FIXTURE_H

#include <check.h>

#include "tests/unit/vm_fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define P  PAGE_SIZE

static struct bed b;

static void setup(void)
{
	bed_new(&b, BED_SMALL, "swap.size=16MiB", NULL);
}

static void teardown(void)
{
	ck_assert(vma_tree_is_valid(&b.t->mm->vmas));
	ck_assert(pgtable_is_valid(&b.t->mm->pt));
	bed_free(&b);
}

static inline int64_t map(vaddr_t addr, uint64_t len, unsigned prot, unsigned flags)
{
	const struct mmap_request r = {addr, len, prot, flags, NULL, 0};

	return sys_mmap(b.t, &r);
}

static inline uint64_t nr_vmas(void)
{
	return b.t->mm->vmas.n;
}

#endif
