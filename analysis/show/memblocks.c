/*
 * memblocks.c - the memory blocks of sysfs, which lsmem(1) adds up.
 *
 * After drivers/base/memory.c, arch/x86/mm/init_64.c probe_memory_block_size: 128 MiB; from 64 GiB on up to 2
 * GiB, as far as the end of memory is a multiple. A block is there when a zone reaches into it; it belongs to
 * all nodes that do.
 *
 * Not modelled: memory hotplug (all blocks are online), and which blocks could be removed.
 */
#include "analysis/show/tree.h"

#include <stdlib.h>
#include <string.h>

#include "sim/mem.h"

#define BLOCKS      "sys/devices/system/memory"
#define MOST_PAGES  (UINT64_C(1) << 32) /* 16 TiB: more is in a damaged store only */
#define PAGE_BYTES  UINT64_C(4096)
#define SMALL_BLOCK (UINT64_C(128) << 20)
#define LARGE_BLOCK (UINT64_C(2) << 30)

struct span {
	uint64_t start, end; /* bytes */
	unsigned nid;
	const char *zone;
};

/* Zones with memory, by node and zone. Returns how many. */
static size_t read_spans(const struct show *s, struct span **out)
{
	struct span *v = NULL;
	size_t n = 0;

	for (unsigned nid = 0; nid < s->nr_nodes; nid++) {
		const char *zone;

		for (size_t z = 0; (zone = show_zone_name(z)); z++) {
			uint64_t start, pages;

			start = (uint64_t)show_getf(s, "start_pfn", "zone/%u/%s", nid, zone);
			pages = (uint64_t)show_getf(s, "spanned", "zone/%u/%s", nid, zone);
			if (!show_getf(s, "present", "zone/%u/%s", nid, zone) || start > MOST_PAGES ||
			    pages > MOST_PAGES)
				continue;
			v = mem_realloc(v, n + 1, sizeof *v);
			v[n++] = (struct span){start * PAGE_BYTES, (start + pages) * PAGE_BYTES, nid, zone};
		}
	}
	*out = v;
	return n;
}

static uint64_t block_bytes(uint64_t end)
{
	uint64_t bytes = LARGE_BLOCK;

	if (end < UINT64_C(64) << 30)
		return SMALL_BLOCK;
	while (bytes > SMALL_BLOCK && end % bytes)
		bytes >>= 1;
	return bytes;
}

static void write_block(struct tree *t, uint64_t block, uint64_t bytes, const struct span *v, size_t n)
{
	uint64_t start = block * bytes, end = start + bytes;
	const char *zone = NULL;
	char target[40];

	for (size_t i = 0; i < n && !t->rc; i++) {
		if (v[i].start >= end || v[i].end <= start)
			continue;
		/* valid_zones_show: "none" when more than one zone has pages of it */
		zone = zone && zone != v[i].zone ? "none" : v[i].zone;
		snprintf(target, sizeof target, "../../node/node%u", v[i].nid);
		tree_link(t, target, BLOCKS "/memory%" PRIu64 "/node%u", block, v[i].nid);
	}
	if (!zone || t->rc)
		return;
	tree_line(t, "online", BLOCKS "/memory%" PRIu64 "/state", block);
	tree_line(t, zone, BLOCKS "/memory%" PRIu64 "/valid_zones", block);
	tree_line(t, "1", BLOCKS "/memory%" PRIu64 "/removable", block);
	tree_line(t, "0", BLOCKS "/memory%" PRIu64 "/phys_device", block);
	{
		FILE *f = tree_open(t, BLOCKS "/memory%" PRIu64 "/phys_index", block);

		if (f)
			fprintf(f, "%08" PRIx64 "\n", start / SMALL_BLOCK);
		tree_close(t, f);
	}
}

void tree_memory_blocks(struct tree *t)
{
	struct span *v;
	size_t n = read_spans(t->s, &v);
	uint64_t end = 0, bytes;
	FILE *f;

	for (size_t i = 0; i < n; i++)
		end = MAX_OF(end, v[i].end);
	bytes = block_bytes(end);
	f = tree_open(t, BLOCKS "/block_size_bytes");
	if (f)
		fprintf(f, "%" PRIx64 "\n", bytes);
	tree_close(t, f);
	for (uint64_t b = 0; b * bytes < end && !t->rc; b++)
		write_block(t, b, bytes, v, n);
	mem_free(v);
}
