/*
 * block_table.c - the hash table of live blocks.
 */
#include "traces/recorder/block_table.h"

#include <string.h>

#include "sim/mem.h"

#define FIRST_CAP  1024
#define KIB_SHIFT  10
#define STEP_SHIFT 4
#define GOLDEN     UINT64_C(0x9e3779b97f4a7c15)

static size_t home(const struct block_table *t, uint64_t addr)
{
	size_t kib = (size_t)((addr >> KIB_SHIFT) * GOLDEN >> 20);

	return ((kib << (KIB_SHIFT - STEP_SHIFT)) + (addr >> STEP_SHIFT & 63)) & (t->cap - 1);
}

static void grow(struct block_table *t)
{
	struct block_table old = *t;

	t->cap = old.cap ? 2 * old.cap : FIRST_CAP;
	t->len = 0;
	t->slot = mem_alloc_late(t->cap, sizeof *t->slot);
	for (size_t i = 0; i < old.cap; i++)
		if (old.slot[i].addr)
			block_table_put(t, old.slot[i].addr, old.slot[i].value);
	mem_free(old.slot);
}

void block_table_put(struct block_table *t, uint64_t addr, uint64_t value)
{
	size_t i;

	if (UNLIKELY(2 * t->len >= t->cap))
		grow(t);
	for (i = home(t, addr); t->slot[i].addr && t->slot[i].addr != addr;)
		i = (i + 1) & (t->cap - 1);
	t->len += !t->slot[i].addr;
	t->slot[i] = (struct block){addr, value};
}

bool block_table_take(struct block_table *t, uint64_t addr, uint64_t *value)
{
	size_t i, hole, mask = t->cap - 1;

	if (!t->len)
		return false;
	for (i = home(t, addr); t->slot[i].addr != addr; i = (i + 1) & mask)
		if (!t->slot[i].addr)
			return false;
	*value = t->slot[i].value;
	t->len--;
	for (hole = i, i = (i + 1) & mask; t->slot[i].addr; i = (i + 1) & mask) {
		size_t h = home(t, t->slot[i].addr);

		/* It may move into the hole unless its home lies behind it. */
		if (((i - h) & mask) >= ((i - hole) & mask)) {
			t->slot[hole] = t->slot[i];
			hole = i;
		}
	}
	t->slot[hole].addr = 0;
	return true;
}

const struct block *block_table_next(const struct block_table *t, size_t *it)
{
	while (*it < t->cap) {
		const struct block *b = &t->slot[(*it)++];

		if (b->addr)
			return b;
	}
	return NULL;
}

void block_table_release(struct block_table *t)
{
	mem_free(t->slot);
	memset(t, 0, sizeof *t);
}
