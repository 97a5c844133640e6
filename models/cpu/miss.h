/*
 * miss.h - what a CPU does for an access that the TLB's front does not know: second level, walk, fill.
 *
 * usual_miss() is the whole way in one piece for pages of 4 KiB and LRU arrays (hw/tlb/miss.h,
 * hw/mmu/walk.h); what it does not know it leaves alone, and the caller goes the general way. No result
 * depends on which.
 */
#ifndef MODELS_CPU_MISS_H
#define MODELS_CPU_MISS_H

#include "models/cpu.h"
#include "models/hw/mmu/walk.h"
#include "models/hw/tlb/miss.h"
#include "models/kernel/fault.h"
#include "traces/record.h"

enum usual { USUAL_DONE, USUAL_FAULT, USUAL_NOT };

static inline unsigned nid_of(const struct cpu *c, pfn_t pfn)
{
	return c->topo->nr_nodes == 1 ? 0 : topology_pfn_nid(c->topo, pfn);
}

static inline void note_fault(struct cpu_run *r, vaddr_t va, uint32_t kind)
{
	r->fault_addr = va;
	r->fault_flags = kind == ACCESS_STORE ? FAULT_WRITE : kind == ACCESS_FETCH ? FAULT_EXEC : 0;
}

/* What the TLB keeps of a page-table entry's bits. */
static inline unsigned tlb_flags_of(pte_t e)
{
	return (e & PTE_WRITE ? TLB_WRITABLE : 0) | (e & PTE_DIRTY ? TLB_DIRTY : 0) |
	       (e & PTE_NX ? TLB_NX : 0);
}

/* Brings the translation of va into the front. flat, a constant: whether c->mmu.flat is known to be set. */
MISS_INLINE enum usual usual_miss(struct cpu *c, vaddr_t va, uint32_t kind, const bool flat,
				  struct cpu_run *r)
{
	const enum tlb_kind tk = kind == ACCESS_FETCH ? TLB_INSN : TLB_DATA;
	const bool store = kind == ACCESS_STORE;
	const uint64_t vpn = va >> PAGE_SHIFT, key = vpn | (uint64_t)c->asid << TLB_ASID_SHIFT;
	struct tlb_quest q;
	struct walk w;

	if (UNLIKELY(va >= USER_ADDRESS_END) || !tlb_is_plain(&c->tlb, tk))
		return USUAL_NOT;
	switch (quest_look(&c->tlb, &q, tk, vpn, key, store)) {
	case TLB_HIT_L2:
		exec_charge(&c->x, CYCLES_tlb, c->mmu_l2_cycles);
		return USUAL_DONE;
	case TLB_MISS:
		break;
	default:
		return USUAL_NOT;
	}
	walk_tables(&c->mmu, &c->mm->pt, c->asid, va, store, tk == TLB_INSN, c->x.cycles, flat, &w);
	exec_charge(&c->x, CYCLES_walk, w.cycles);
	if (flat && LIKELY(w.result == WALK_OK && w.shift == PAGE_SHIFT))
		c->mmu.walked[w.start]++;
	else
		mmu_count_walk(&c->mmu, &w);
	if (UNLIKELY(w.result != WALK_OK)) {
		note_fault(r, va, kind);
		return USUAL_FAULT;
	}
	if (LIKELY(w.shift == PAGE_SHIFT))
		quest_fill(&c->tlb, &q, pte_pfn(w.entry), (uint16_t)(flat ? 0 : nid_of(c, pte_pfn(w.entry))),
			   (uint8_t)tlb_flags_of(w.entry));
	else
		tlb_fill(&c->tlb, tk, vpn, c->asid, pte_pfn(w.entry), (uint16_t)nid_of(c, pte_pfn(w.entry)),
			 w.shift, tlb_flags_of(w.entry));
	return USUAL_DONE;
}

#endif
