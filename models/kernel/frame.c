/*
 * frame.c - the table of page frames (struct page, mem_map; include/linux/mm_types.h, Linux 6.1).
 *
 * The table is mapped lazily: a simulated machine of which little is touched costs little host memory. What
 * the descriptors cost the simulated machine is charged by memory_init, by a parameter, not by the size of
 * the struct here.
 *
 * Not modelled: sparse sections and the vmemmap's own page tables.
 */
#include "models/kernel/frame.h"

#include "sim/mem.h"

void frame_list_splice(struct frames *m, struct frame_list *dst, struct frame_list *src)
{
	if (src->first == PFN_NONE)
		return;
	if (dst->last != PFN_NONE) {
		m->f[dst->last].next = src->first;
		m->f[src->first].prev = dst->last;
	} else {
		dst->first = src->first;
	}
	dst->last = src->last;
	dst->n += src->n;
	frame_list_init(src);
}

void frames_init(struct frames *m, pfn_t end)
{
	m->f = mem_map((size_t)end * sizeof(m->f[0]));
	m->end = end;
}

void frames_release(struct frames *m)
{
	if (m->f)
		mem_unmap(m->f, (size_t)m->end * sizeof(m->f[0]));
	m->f = NULL;
	m->end = 0;
}
