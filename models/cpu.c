/*
 * cpu.c - the hot path: accesses through TLB, walk and memory.
 *
 * The loop keeps its sums in registers; an access that hits the TLB's front costs one compare, one stamp and
 * a few additions. Everything else (second-level hits, walks, accesses that touch two pages, faults) leaves
 * the loop for slow_access(). Where one access in sixteen leaves it, accesses run one by one, and the entry
 * that the walk of a later access reads is fetched ahead.
 *
 * Time: instructions cost cpi_milli thousandths of a cycle, summed exactly; memory costs whole cycles. An
 * access is charged when it completes: one that faults is charged its failed walk only, then again in full
 * when it is replayed.
 *
 * After arch/x86/mm/tlb.c, Linux 6.1: choose_new_asid with six ids a CPU, tlb_gen,
 * tlb_single_page_flush_ceiling. Not modelled: out-of-order overlap of misses, speculation, SMT, the kernel's
 * own TLB entries; instructions without accesses beyond 106 days of simulated time (not executed).
 */
#include "models/cpu.h"

#include <string.h>

#include "models/cpu/miss.h"
#include "models/cpu/prefetch.h"

PARAM_TABLE(cpu, cpu_params, CPU_PARAMS);
STAT_TABLE(cpu, cpu_stats, CPU_STATS);

#define FLUSH_CEILING 33

int cpu_init(struct cpu *c, unsigned id, const struct cpu_params *p, const struct tlb_params *tp,
	     const struct mmu_params *mp, const struct cost_params *cost, const struct topology *t,
	     struct memsys *ms, uint64_t seed, struct err *e)
{
	memset(c, 0, sizeof *c);
	c->params = p;
	c->cost = cost;
	c->topo = t;
	c->memsys = ms;
	c->caches = memsys_has_caches(ms);
	c->pcid = tp->pcid;
	c->mmu_l2_cycles = tp->l2_hit_cycles;
	c->asid = 1;
	c->next_asid = 1;
	c->hint_context = UINT64_MAX; /* nobody's */
	c->x.cpu = id;
	c->x.nid = t->cpu_nid[id];
	c->x.clock = &t->cpu_clock;
	for (unsigned i = 0; i < t->nr_nodes; i++)
		c->flat_milli[i] = c->caches ? 0 : 1000 * memsys_flat_cycles(ms, c->x.nid, i, false);
	for (unsigned i = 0; i < t->nr_nodes; i++)
		c->max_flat_milli = MAX_OF(c->max_flat_milli, c->flat_milli[i]);
	mmu_init(&c->mmu, mp, t, ms, id);
	c->max_miss_milli =
		2 * (c->max_flat_milli + 1000 * (tp->l2_hit_cycles + mp->cache_cycles +
						 PGTABLE_LEVELS * (uint64_t)c->mmu.flat_cycles[0]));
	return tlb_init(&c->tlb, tp, id, c->x.nid, c->flat_milli, seed, e);
}

void cpu_release(struct cpu *c)
{
	tlb_release(&c->tlb);
}

/* The walk behind a TLB miss; false when it ends in a fault. */
static bool walk(struct cpu *c, vaddr_t va, uint32_t kind, struct cpu_run *r)
{
	bool store = kind == ACCESS_STORE, fetch = kind == ACCESS_FETCH;
	struct walk w;
	pfn_t pfn;

	mmu_walk(&c->mmu, &c->mm->pt, c->asid, va, store, fetch, c->x.cycles, &w);
	exec_charge(&c->x, CYCLES_walk, w.cycles);
	if (w.result != WALK_OK) {
		note_fault(r, va, kind);
		return false;
	}
	pfn = pte_pfn(w.entry);
	tlb_fill(&c->tlb, fetch ? TLB_INSN : TLB_DATA, va >> PAGE_SHIFT, c->asid, pfn,
		 (uint16_t)nid_of(c, pfn), w.shift, tlb_flags_of(w.entry));
	return true;
}

/* Brings the translation of va into the front; false when it faults. */
static bool translate(struct cpu *c, vaddr_t va, uint32_t kind, struct cpu_run *r)
{
	enum tlb_kind tk = kind == ACCESS_FETCH ? TLB_INSN : TLB_DATA;
	enum usual usual;

	if (UNLIKELY(va >= USER_ADDRESS_END)) { /* not canonical or the kernel's: no walk, a fault */
		note_fault(r, va, kind);
		return false;
	}
	usual = usual_miss(c, va, kind, false, r);
	if (usual != USUAL_NOT)
		return usual == USUAL_DONE;
	switch (tlb_lookup(&c->tlb, tk, va >> PAGE_SHIFT, c->asid, kind == ACCESS_STORE)) {
	case TLB_HIT_L1:
		return true;
	case TLB_HIT_L2:
		exec_charge(&c->x, CYCLES_tlb, c->mmu_l2_cycles);
		return true;
	case TLB_MISS:
	case TLB_NOT_DIRTY:
		break;
	}
	return walk(c, va, kind, r);
}

/* What a call of cpu_run adds up. */
struct sums {
	uint64_t instructions, front_hits[2], kinds[4], remote;
	uint64_t mem_milli;  /* memory, thousandths of a cycle */
	uint64_t used_milli; /* instructions and memory so far: the caches' clock is that far ahead of the
				CPU's */
};

static uint64_t memory_cycles(struct cpu *c, const struct tlb_place *f, vaddr_t va, uint32_t size,
			      uint32_t kind, uint64_t now)
{
	static const enum mem_access_kind kinds[4] = {MEM_LOAD, MEM_STORE, MEM_FETCH, MEM_FETCH};

	return memsys_access(c->memsys, c->x.cpu, ((paddr_t)f->pfn << PAGE_SHIFT) | (va & (PAGE_SIZE - 1)),
			     size, kinds[kind], now);
}

/* An access that touches two pages: both are translated, then both parts accessed. */
static bool split_access(struct cpu *c, vaddr_t va, uint32_t meta, struct sums *s, struct cpu_run *r)
{
	uint32_t kind = META_KIND(meta), size = META_SIZE(meta),
		 first = (uint32_t)(PAGE_SIZE - (va & (PAGE_SIZE - 1)));
	enum tlb_kind tk = kind == ACCESS_FETCH ? TLB_INSN : TLB_DATA;
	const struct tlb_place *f;
	vaddr_t second = (va | (PAGE_SIZE - 1)) + 1;

	if (!translate(c, va, kind, r))
		return false;
	f = tlb_place_of(&c->tlb, tk, va >> PAGE_SHIFT);
	s->mem_milli += f->cost_milli;
	if (c->caches)
		s->mem_milli += 1000 * memory_cycles(c, f, va, first, kind, c->x.cycles);
	if (!translate(c, second, kind, r)) {
		s->mem_milli -= f->cost_milli;
		return false;
	}
	f = tlb_place_of(&c->tlb, tk, second >> PAGE_SHIFT);
	if (c->caches)
		s->mem_milli += 1000 * memory_cycles(c, f, second, size - first, kind, c->x.cycles);
	else
		s->mem_milli += f->cost_milli;
	s->remote += f->remote;
	c->stats.split_accesses++;
	return true;
}

/* Puts the sums into clock and statistics. */
static void settle(struct cpu *c, const struct sums *s, size_t done)
{
	uint64_t insn_milli = c->insn_milli + s->instructions * c->params->cpi_milli;

	exec_charge(&c->x, CYCLES_user_insn, insn_milli / 1000);
	c->insn_milli = insn_milli % 1000;
	exec_charge(&c->x, CYCLES_user_memory, s->mem_milli / 1000);
	c->stats.instructions += s->instructions;
	c->stats.accesses += done;
	c->stats.loads += s->kinds[ACCESS_LOAD];
	c->stats.stores += s->kinds[ACCESS_STORE];
	c->stats.fetches += s->kinds[ACCESS_FETCH];
	c->stats.remote_accesses += s->remote;
	c->stats.local_accesses += done - s->remote;
	c->tlb.stats.l1d_hits += s->front_hits[TLB_DATA];
	c->tlb.stats.l1i_hits += s->front_hits[TLB_INSN];
}

/* The way past the front for access i; false when it faults. Charges what it takes; sums grow by the access.
 */
static __attribute__((noinline)) bool slow_access(struct cpu *c, vaddr_t va, uint32_t m, struct sums *s,
						  struct cpu_run *r)
{
	uint32_t kind = META_KIND(m);
	enum tlb_kind tk = kind == ACCESS_FETCH ? TLB_INSN : TLB_DATA;
	const struct tlb_place *at;

	if (m & META_SPLIT) {
		if (!split_access(c, va, m, s, r))
			return false;
	} else {
		if (!translate(c, va, kind, r))
			return false;
		at = tlb_place_of(&c->tlb, tk, va >> PAGE_SHIFT);
		s->mem_milli += at->cost_milli;
		s->remote += at->remote;
		if (c->caches)
			s->mem_milli += 1000 * memory_cycles(c, at, va, META_SIZE(m), kind,
							     c->x.cycles + s->used_milli / 1000);
	}
	s->front_hits[tk]--; /* counted by the TLB itself */
	return true;
}

static inline bool front_hit(const struct tlb_front *f, uint64_t key, uint32_t m)
{
	return ((f->tag[m & 1] ^ key) | (m & META_SPLIT)) == 0;
}

/* Of at most a chunk: the sum stays below 2^32. */
static inline uint64_t sum_instructions(const uint32_t *meta, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += meta[i] >> META_ICOUNT_SHIFT;
	return sum;
}

/* Accesses from i on that hit the front, up to `end`; returns the first that does not. Adds memory time and
 * remote ones. */
static inline size_t run_hits(struct cpu *c, const uint64_t *addr, const uint32_t *meta, size_t i, size_t end,
			      uint64_t asid, struct sums *s)
{
	struct tlb *const t = &c->tlb;
	uint64_t now = t->now, sum = 0;

	for (; i < end; i++) {
		const uint32_t m = meta[i];
		const uint64_t vpn = addr[i] >> PAGE_SHIFT;
		const struct tlb_front *f = &t->front[(m >> 1) & 1][tlb_front_slot(vpn)];

		if (UNLIKELY(!front_hit(f, vpn | asid, m)))
			break;
		*f->touched = ++now;
		sum += f->charge;
	}
	t->now = now;
	s->mem_milli += sum & ((UINT64_C(1) << TLB_REMOTE_SHIFT) - 1);
	s->remote += sum >> TLB_REMOTE_SHIFT;
	return i;
}

#ifndef RUN_CHUNK /* the hostile build makes it tiny */
#define RUN_CHUNK 64
#endif

/* What a batch's accesses were, for the statistics. */
static void count_kinds(struct sums *s, const uint32_t *meta, size_t n)
{
	uint64_t stores = 0, fetches = 0;

	for (size_t i = 0; i < n; i++) {
		stores += meta[i] & 1;
		fetches += (meta[i] >> 1) & 1;
	}
	s->kinds[ACCESS_STORE] = stores;
	s->kinds[ACCESS_FETCH] = fetches;
	s->kinds[ACCESS_LOAD] = n - stores - fetches;
	s->front_hits[TLB_INSN] += fetches;
	s->front_hits[TLB_DATA] += n - fetches;
}

/* One access, with everything checked; false when it faults. Counts an access that leaves the front. */
static inline bool one_access(struct cpu *c, vaddr_t va, uint32_t m, uint64_t asid, struct sums *s,
			      struct cpu_run *r, size_t *misses)
{
	const uint64_t vpn = va >> PAGE_SHIFT;
	const enum tlb_kind tk = m & META_FETCH ? TLB_INSN : TLB_DATA;
	const struct tlb_front *f = tlb_front_of(&c->tlb, tk, vpn);

	s->instructions += m >> META_ICOUNT_SHIFT;
	s->used_milli = s->instructions * c->params->cpi_milli + s->mem_milli;
	if (front_hit(f, vpn | asid, m)) {
		const struct tlb_place *at = tlb_place_of(&c->tlb, tk, vpn);

		*f->touched = ++c->tlb.now;
		s->mem_milli += at->cost_milli;
		s->remote += at->remote;
		if (c->caches)
			s->mem_milli += 1000 * memory_cycles(c, at, va, META_SIZE(m), META_KIND(m),
							     c->x.cycles + s->used_milli / 1000);
		return true;
	}
	++*misses;
	if (slow_access(c, va, m, s, r))
		return true;
	s->instructions -= m >> META_ICOUNT_SHIFT;
	return false;
}

/* Whether at least one access in sixteen left the front of late: then prefetching pays. */
static void note_misses(struct cpu *c, size_t accesses, size_t misses)
{
	c->recent_accesses += accesses;
	c->recent_misses += misses;
	if (c->recent_accesses >= 1024) {
		c->many_misses = c->recent_misses * 16 > c->recent_accesses;
		c->recent_accesses = c->recent_misses = 0;
	}
}

/* Thousandths of a cycle until the limit. */
static inline uint64_t budget_of(const struct cpu *c, uint64_t limit)
{
	return limit > c->x.cycles ? (limit - c->x.cycles) * 1000 : 0;
}

/* Whether the clock reached the limit. */
static inline bool reached(const struct cpu *c, const struct sums *s, uint64_t limit)
{
	return s->instructions * c->params->cpi_milli + s->mem_milli >= budget_of(c, limit);
}

/*
 * Chunks whose time cannot reach the limit even if every access costs the most run without looking at the
 * clock. The sums are in thousandths of a cycle; what the slow way charges goes to the clock at once. Returns
 * the first access that is not done.
 */
static inline size_t run_chunks(struct cpu *c, const uint64_t *addr, const uint32_t *meta, size_t n,
				uint64_t limit, struct cpu_run *r, struct sums *s, size_t *misses)
{
	const uint64_t asid = (uint64_t)c->asid << TLB_ASID_SHIFT, cpi = c->params->cpi_milli;
	size_t i = 0, end = 0;
	uint64_t ahead = 0; /* instructions of accesses i … end-1 */

	while (i < n) {
		size_t from = i;

		if (i == end) {
			end = MIN_OF(i + RUN_CHUNK, n);
			ahead = sum_instructions(meta + i, end - i);
		}
		if ((s->instructions + ahead) * cpi + s->mem_milli + RUN_CHUNK * c->max_flat_milli <
		    budget_of(c, limit)) {
			i = run_hits(c, addr, meta, i, end, asid, s);
			if (i == end) {
				s->instructions += ahead;
				continue;
			}
			ahead -= sum_instructions(meta + from, i - from);
			s->instructions += sum_instructions(meta + from, i - from);
		}
		if (!one_access(c, addr[i], meta[i], asid, s, r, misses)) {
			r->stop = CPU_FAULT;
			break;
		}
		ahead -= META_ICOUNT(meta[i]);
		i++;
		if (reached(c, s, limit)) {
			r->stop = i < n ? CPU_LIMIT : CPU_DONE;
			break;
		}
	}
	return i;
}

/* The same one by one: with caches, and where many accesses miss the front. */
static inline size_t run_singly(struct cpu *c, const uint64_t *addr, const uint32_t *meta, size_t n,
				uint64_t limit, struct cpu_run *r, struct sums *s, size_t *misses)
{
	const uint64_t asid = (uint64_t)c->asid << TLB_ASID_SHIFT;
	const struct ptable *root = c->mm->pt.root;
	const bool prefetches = c->many_misses;

	for (size_t i = 0; i < n; i++) {
		if (prefetches) {
			prefetch_walk(c, addr[i + PREFETCH_AHEAD]);
			if (c->caches)
				prefetch_sets(c, root, addr[i + PREFETCH_SETS]);
		}
		if (!one_access(c, addr[i], meta[i], asid, s, r, misses)) {
			r->stop = CPU_FAULT;
			return i;
		}
		if (reached(c, s, limit)) {
			r->stop = i + 1 < n ? CPU_LIMIT : CPU_DONE;
			return i + 1;
		}
	}
	return n;
}

/* Accesses i … end-1 in flat memory, most of which miss, and which cannot reach the limit. Returns the first
 * that is not done: one that faults. */
static inline size_t run_misses(struct cpu *c, const uint64_t *addr, const uint32_t *meta, size_t i,
				size_t end, struct cpu_run *r, struct sums *s, size_t *misses)
{
	const uint64_t asid = (uint64_t)c->asid << TLB_ASID_SHIFT;
	uint64_t sum = 0, missed = 0;

	for (; i < end; i++) {
		const uint32_t m = meta[i];
		const uint64_t va = addr[i], vpn = va >> PAGE_SHIFT;
		const enum tlb_kind tk = m & META_FETCH ? TLB_INSN : TLB_DATA;
		const struct tlb_front *f = tlb_front_of(&c->tlb, tk, vpn);
		enum usual usual;

		prefetch_walk(c, addr[i + PREFETCH_AHEAD]);
		if (front_hit(f, vpn | asid, m)) {
			*f->touched = ++c->tlb.now;
			sum += f->charge;
			continue;
		}
		missed++;
		usual = USUAL_NOT; /* fetches and split accesses go the general way: the code for data is
				      short */
		if (LIKELY(!(m & (META_SPLIT | META_FETCH))))
			usual = usual_miss(c, va, m & META_STORE, true, r);
		if (LIKELY(usual == USUAL_DONE)) {
			s->front_hits[tk]--; /* counted by the TLB itself */
			sum += f->charge;
		} else if (usual == USUAL_FAULT || !slow_access(c, va, m, s, r)) {
			prefetch_fault(c, va);
			r->stop = CPU_FAULT;
			break;
		}
	}
	*misses += missed;
	s->mem_milli += sum & ((UINT64_C(1) << TLB_REMOTE_SHIFT) - 1);
	s->remote += sum >> TLB_REMOTE_SHIFT;
	return i;
}

/* Chunks of which many accesses miss, in flat memory; those that may reach the limit one by one. */
static size_t run_flat(struct cpu *c, const uint64_t *addr, const uint32_t *meta, size_t n, uint64_t limit,
		       struct cpu_run *r, struct sums *s, size_t *misses)
{
	const uint64_t cpi = c->params->cpi_milli;
	size_t i = 0, chunk = MIN_OF(4, RUN_CHUNK); /* short at first, since a fault may be near */

	while (i < n && r->stop == CPU_DONE) {
		size_t from = i, end = MIN_OF(i + chunk, n);
		uint64_t ahead = sum_instructions(meta + i, end - i);

		chunk = MIN_OF(2 * chunk, RUN_CHUNK);
		if ((s->instructions + ahead) * cpi + s->mem_milli + RUN_CHUNK * c->max_miss_milli >=
		    budget_of(c, limit)) {
			i += run_singly(c, addr + i, meta + i, end - i, limit, r, s, misses);
			if (r->stop == CPU_DONE && i < n && reached(c, s, limit))
				r->stop = CPU_LIMIT;
			continue;
		}
		i = run_misses(c, addr, meta, i, end, r, s, misses);
		s->instructions += i == end ? ahead : sum_instructions(meta + from, i - from);
	}
	return i;
}

void cpu_run(struct cpu *c, const uint64_t *addr, const uint32_t *meta, size_t n, uint64_t limit,
	     struct cpu_run *r)
{
	struct sums s = {0};
	size_t misses = 0;

	r->stop = CPU_DONE;
	if (c->many_misses)
		check_hints(c);
	if (c->many_misses && c->mmu.flat)
		r->done = run_flat(c, addr, meta, n, limit, r, &s, &misses);
	else if (c->caches || c->many_misses)
		r->done = run_singly(c, addr, meta, n, limit, r, &s, &misses);
	else
		r->done = run_chunks(c, addr, meta, n, limit, r, &s, &misses);
	if (c->mmu.flat)
		mmu_settle(&c->mmu);
	note_misses(c, r->done, misses);
	count_kinds(&s, meta, r->done);
	settle(c, &s, r->done);
	if (r->stop == CPU_FAULT) {
		c->stats.exceptions++;
		exec_charge(&c->x, CYCLES_exception, c->cost->exception);
	}
}

void cpu_execute(struct cpu *c, uint64_t instructions)
{
	uint64_t end = clock_cycles(c->x.clock, CLOCK_HORIZON),
		 left = end > c->x.cycles ? end - c->x.cycles : 0;
	uint64_t cpi = MAX_OF(c->params->cpi_milli, UINT64_C(1));
	struct sums s = {.instructions = MIN_OF(instructions,
						mul_div_u64(MIN_OF(left, UINT64_MAX / 2000), 1000, cpi))};

	settle(c, &s, 0);
}

/* ---- address spaces ---- */

static void flush_asid(struct cpu *c, uint16_t asid)
{
	tlb_flush_asid(&c->tlb, asid);
	mmu_flush(&c->mmu, asid);
}

static void set_active(struct mm *mm, unsigned cpu, bool on)
{
	uint64_t bit = UINT64_C(1) << (cpu % 64);

	if (on)
		mm->cpus[cpu / 64] |= bit;
	else
		mm->cpus[cpu / 64] &= ~bit;
}

static void choose_asid(struct cpu *c, const struct mm *mm)
{
	for (uint16_t a = 1; c->pcid && a <= CPU_ASIDS; a++) {
		if (c->context[a].context_id != mm->context_id)
			continue;
		c->asid = a;
		if (c->context[a].tlb_gen != mm->tlb_gen) {
			flush_asid(c, a);
			c->stats.asid_flushes++;
		}
		c->context[a].tlb_gen = mm->tlb_gen;
		return;
	}
	c->asid = (uint16_t)(c->pcid ? c->next_asid : 1);
	c->next_asid = c->next_asid % CPU_ASIDS + 1;
	flush_asid(c, c->asid);
	c->stats.asid_flushes++;
	c->context[c->asid].context_id = mm->context_id;
	c->context[c->asid].tlb_gen = mm->tlb_gen;
}

void cpu_load_mm(struct cpu *c, struct mm *mm)
{
	if (c->mm != mm || c->context[c->asid].context_id != mm->context_id) {
		if (!c->pcid) {
			tlb_flush_all(&c->tlb);
			mmu_flush_all(&c->mmu);
		}
		c->stats.mm_switches++;
		exec_charge(&c->x, CYCLES_schedule, c->cost->cr3_write);
		choose_asid(c, mm);
	} else if (c->context[c->asid].tlb_gen != mm->tlb_gen) { /* lazy meanwhile: it missed shootdowns */
		flush_asid(c, c->asid);
		c->context[c->asid].tlb_gen = mm->tlb_gen;
		c->stats.asid_flushes++;
	}
	c->mm = mm;
	set_active(mm, c->x.cpu, true);
}

void cpu_leave_mm(struct cpu *c)
{
	if (c->mm)
		set_active(c->mm, c->x.cpu, false);
}

void cpu_flush(struct cpu *c, struct mm *mm, vaddr_t start, vaddr_t end)
{
	uint64_t pages = (end - start + PAGE_SIZE - 1) >> PAGE_SHIFT;
	bool missed;

	if (c->mm != mm)
		return;
	missed = c->context[c->asid].tlb_gen + 1 < mm->tlb_gen; /* while it was lazy (flush_tlb_func) */
	c->context[c->asid].tlb_gen = mm->tlb_gen;
	if (pages > FLUSH_CEILING || missed) {
		flush_asid(c, c->asid);
		exec_charge(&c->x, CYCLES_shootdown, c->cost->cr3_write);
		return;
	}
	for (vaddr_t a = start & PAGE_MASK; a < end; a += PAGE_SIZE)
		tlb_flush_page(&c->tlb, a >> PAGE_SHIFT, c->asid);
	mmu_flush(&c->mmu, c->asid);
	exec_charge(&c->x, CYCLES_shootdown, pages * c->cost->invlpg);
}
