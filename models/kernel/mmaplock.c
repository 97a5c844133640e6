/*
 * mmaplock.c - the lock of an address space.
 */
#include "models/kernel/mmaplock.h"

#include "models/kernel/sched.h"

static uint64_t key_of(const struct mm *mm)
{
	return WAIT_KEY(WAIT_MMAP, mm->context_id);
}

void mmap_read_lock(struct task *cur, struct mm *mm)
{
	while (mm->lock < 0)
		sched_wait(cur, key_of(mm), TICK_NEVER, false);
	mm->lock++;
}

void mmap_read_unlock(struct task *cur, struct mm *mm)
{
	CHECK(mm->lock > 0, "mmap_lock of mm %u is not held", mm->id);
	if (--mm->lock == 0)
		sched_wake(cur->k, key_of(mm), task_now(cur));
}

void mmap_write_lock(struct task *cur, struct mm *mm)
{
	while (mm->lock != 0)
		sched_wait(cur, key_of(mm), TICK_NEVER, false);
	mm->lock = -1;
}

void mmap_write_unlock(struct task *cur, struct mm *mm)
{
	CHECK(mm->lock == -1, "mmap_lock of mm %u is not held for writing", mm->id);
	mm->lock = 0;
	sched_wake(cur->k, key_of(mm), task_now(cur));
}

void mmap_write_downgrade(struct task *cur, struct mm *mm)
{
	CHECK(mm->lock == -1, "mmap_lock of mm %u is not held for writing", mm->id);
	mm->lock = 1;
	sched_wake(cur->k, key_of(mm), task_now(cur));
}
