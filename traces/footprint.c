/*
 * footprint.c - the set of touched pages.
 */
#include "traces/footprint.h"

#include <string.h>

#include "sim/map.h"
#include "sim/mem.h"
#include "traces/record.h"

#define REGION_SHIFT 6 /* log2 of the pages of a region: one bit each in a word */

void footprint_init(struct footprint *f)
{
	memset(f, 0, sizeof *f);
}

void footprint_release(struct footprint *f)
{
	mem_free(f->entries);
	memset(f, 0, sizeof *f);
}

static struct footprint_entry *find(const struct footprint *f, uint32_t pid, uint64_t region)
{
	size_t i = hash_u64(region * UINT64_C(0x9e3779b97f4a7c15) + pid) & (f->cap - 1);

	while (f->entries[i].pages && (f->entries[i].region != region || f->entries[i].pid != pid))
		i = (i + 1) & (f->cap - 1);
	return &f->entries[i];
}

static void grow(struct footprint *f)
{
	struct footprint old = *f;

	f->cap = old.cap ? old.cap * 2 : 64;
	f->entries = mem_alloc_late(f->cap, sizeof *f->entries);
	for (size_t i = 0; i < old.cap; i++)
		if (old.entries[i].pages)
			*find(f, old.entries[i].pid, old.entries[i].region) = old.entries[i];
	mem_free(old.entries);
}

static void add_page(struct footprint *f, uint32_t pid, uint64_t page)
{
	uint64_t bit = UINT64_C(1) << (page & ((1u << REGION_SHIFT) - 1)), region = page >> REGION_SHIFT;
	struct footprint_entry *en;

	if (4 * (f->len + 1) > 3 * f->cap)
		grow(f);
	en = find(f, pid, region);
	if (!en->pages) {
		en->region = region;
		en->pid = pid;
		f->len++;
	}
	f->count += !(en->pages & bit);
	en->pages |= bit;
}

void footprint_add(struct footprint *f, uint32_t pid, const uint64_t *addr, const uint32_t *meta, size_t n)
{
	uint64_t last;

	if (pid != f->seen_pid)
		memset(f->seen, 0, sizeof f->seen);
	f->seen_pid = pid;
	for (size_t i = 0; i < n; i++) {
		uint64_t page = addr[i] >> PAGE_SHIFT, *seen = &f->seen[page % FOOTPRINT_SEEN];

		if (LIKELY(*seen == page + 1 && !(meta[i] & META_SPLIT)))
			continue;
		add_page(f, pid, page);
		*seen = page + 1;
		if (meta[i] & META_SPLIT) {
			last = addr[i] + META_SIZE(meta[i]) - 1;
			add_page(f, pid, (last < addr[i] ? UINT64_MAX : last) >> PAGE_SHIFT);
		}
	}
}
