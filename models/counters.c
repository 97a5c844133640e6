/*
 * counters.c - the modelled kernel seen from user space.
 *
 * After mm/vmstat.c (vmstat, zoneinfo, buddyinfo), fs/proc/meminfo.c with mm/page_alloc.c si_mem_available,
 * drivers/base/node.c (numastat), fs/proc/task_mmu.c (smaps, numa_maps), mm/slub.c (slabinfo); Linux 6.1.
 * Units are those of the files: pages in vmstat, kB in meminfo and smaps.
 *
 * Not modelled: counters of what is not modelled are left out.
 */
#include "models/counters.h"

#include <stdio.h>
#include <string.h>

#include "models/kernel/pcp.h"
#include "models/kernel/rmap.h"
#include "models/kernel/sched.h"
#include "models/kernel/slab.h"
#include "models/kernel/swap.h"
#include "models/kernel/writeback.h"

#define KB(pages) ((int64_t)(pages) << (PAGE_SHIFT - 10))

void counters_refresh_process(struct process *p)
{
	struct process_stats *s = &p->stats;
	const struct mm *mm = p->mm;

	s->rss_anon_pages = mm ? mm->rss[MM_ANONPAGES] : 0;
	s->rss_file_pages = mm ? mm->rss[MM_FILEPAGES] : 0;
	s->rss_shmem_pages = mm ? mm->rss[MM_SHMEMPAGES] : 0;
	s->rss_pages = s->rss_anon_pages + s->rss_file_pages + s->rss_shmem_pages;
	s->swap_pages = mm ? mm->rss[MM_SWAPENTS] : 0;
	s->table_pages = mm ? (int64_t)mm->pt.nr_tables : 0;
	s->vm_pages = mm ? (int64_t)mm->total_vm : 0;
	if (mm && (int64_t)mm->peak_rss > s->peak_rss_pages)
		s->peak_rss_pages = (int64_t)mm->peak_rss;
}

/* Rows of one snapshot; the first error stops the rest. */
struct out {
	struct metrics *m;
	struct err *e;
	int rc;
	char scope[64];
};

static void put(struct out *o, const char *counter, int64_t value)
{
	if (o->rc >= 0)
		o->rc = metrics_kernel_counter(o->m, o->scope, counter, value, o->e);
}

static void put_rows(struct out *o, const struct stat_table *t, const int64_t *values)
{
	for (size_t i = 0; i < t->nr_rows; i++)
		put(o, t->rows[i].name, values[i]);
}

/* As /proc names them; sysfs has other names. */
static const char *const numa_names[NR_NUMA_ITEMS] = {"numa_hit",        "numa_miss",  "numa_foreign",
						      "numa_interleave", "numa_local", "numa_other"};

static void put_vmstat(struct kernel *k, struct out *o)
{
	const struct memory *m = k->memory;
	uint64_t background, hard;

	snprintf(o->scope, sizeof o->scope, "vmstat");
	for (unsigned i = 0; i < NR_ZONE_ITEMS; i++)
		put(o, zone_vmstat_stat_table.rows[i].name, memory_zone_total(m, (enum zone_item)i));
	for (unsigned i = 0; i < NR_NODE_ITEMS; i++) {
		int64_t v = memory_node_total(m, (enum node_item)i);

		/* vmstat_item_print_in_thp */
		if (i == NR_ANON_THPS || i == NR_FILE_THPS || i == NR_SHMEM_THPS)
			v >>= 9;
		put(o, node_vmstat_stat_table.rows[i].name, v);
	}
	for (unsigned i = 0; i < NR_NUMA_ITEMS; i++) {
		uint64_t sum = 0;

		for (unsigned n = 0; n < m->nr_nodes; n++)
			for (unsigned z = 0; z < NR_ZONES; z++)
				sum += m->node[n].zone[z].numa.item[i];
		put(o, numa_names[i], (int64_t)sum);
	}
	put_rows(o, &vmstat_stat_table, (const int64_t *)m->vmstat.event);
	writeback_limits(k, &background, &hard);
	put(o, "nr_dirty_threshold", (int64_t)hard);
	put(o, "nr_dirty_background_threshold", (int64_t)background);
}

/* si_mem_available */
static int64_t available_pages(const struct memory *m)
{
	int64_t low = 0, free = (int64_t)memory_free_pages(m), cache, reclaimable;

	for (unsigned n = 0; n < m->nr_nodes; n++)
		for (unsigned z = 0; z < NR_ZONES; z++)
			low += (int64_t)m->node[n].zone[z].watermark[WMARK_LOW];
	cache = memory_node_total(m, NR_ACTIVE_FILE) + memory_node_total(m, NR_INACTIVE_FILE);
	cache -= MIN_OF(cache / 2, low);
	reclaimable = memory_node_total(m, NR_SLAB_RECLAIMABLE);
	reclaimable -= MIN_OF(reclaimable / 2, low);
	free += cache + reclaimable - (int64_t)m->totalreserve_pages;
	return MAX_OF(free, (int64_t)0);
}

static void put_meminfo(struct kernel *k, struct out *o)
{
	const struct memory *m = k->memory;
	int64_t item[NR_NODE_ITEMS];

	for (unsigned i = 0; i < NR_NODE_ITEMS; i++)
		item[i] = memory_node_total(m, (enum node_item)i);
	snprintf(o->scope, sizeof o->scope, "meminfo");
	put(o, "MemTotal", KB(m->totalram_pages));
	put(o, "MemFree", KB(memory_free_pages(m)));
	put(o, "MemAvailable", KB(available_pages(m)));
	put(o, "Cached", KB(item[NR_FILE_PAGES] - item[NR_SWAPCACHE]));
	put(o, "SwapCached", KB(item[NR_SWAPCACHE]));
	put(o, "Active", KB(item[NR_ACTIVE_ANON] + item[NR_ACTIVE_FILE]));
	put(o, "Inactive", KB(item[NR_INACTIVE_ANON] + item[NR_INACTIVE_FILE]));
	put(o, "Active(anon)", KB(item[NR_ACTIVE_ANON]));
	put(o, "Inactive(anon)", KB(item[NR_INACTIVE_ANON]));
	put(o, "Active(file)", KB(item[NR_ACTIVE_FILE]));
	put(o, "Inactive(file)", KB(item[NR_INACTIVE_FILE]));
	put(o, "Unevictable", KB(item[NR_UNEVICTABLE]));
	put(o, "Mlocked", KB(memory_zone_total(m, NR_MLOCK)));
	put(o, "SwapTotal", KB(swap_total_slots(k->swap)));
	put(o, "SwapFree", KB(swap_free_slots(k->swap)));
	put(o, "Dirty", KB(item[NR_FILE_DIRTY]));
	put(o, "Writeback", KB(item[NR_WRITEBACK]));
	put(o, "AnonPages", KB(item[NR_ANON_MAPPED]));
	put(o, "Mapped", KB(item[NR_FILE_MAPPED]));
	put(o, "Shmem", KB(item[NR_SHMEM]));
	put(o, "Slab", KB(item[NR_SLAB_RECLAIMABLE] + item[NR_SLAB_UNRECLAIMABLE]));
	put(o, "SReclaimable", KB(item[NR_SLAB_RECLAIMABLE]));
	put(o, "SUnreclaim", KB(item[NR_SLAB_UNRECLAIMABLE]));
	put(o, "PageTables", KB(item[NR_PAGETABLE]));
	put(o, "Committed_AS", KB(k->mms->committed_pages));
	snprintf(o->scope, sizeof o->scope, "sysctl");
	put(o, "min_free_kbytes", (int64_t)m->min_free_kbytes);
}

/* What /proc/pagetypeinfo counts: free blocks and page blocks by migrate type. Zeros are left out. */
static void put_pagetypes(const struct zone *z, struct out *o)
{
	static const char *const names[NR_MIGRATETYPES] = {"Unmovable", "Movable", "Reclaimable",
							   "HighAtomic"};
	uint64_t blocks[NR_MIGRATETYPES] = {0};
	char name[16];

	for (uint64_t i = 0; i < z->nr_pageblocks; i++)
		if (z->pageblock_type[i] < NR_MIGRATETYPES)
			blocks[z->pageblock_type[i]]++;
	for (unsigned t = 0; t < NR_MIGRATETYPES; t++) {
		snprintf(o->scope, sizeof o->scope, "pagetype/%u/%s/%s", z->nid, zone_name(z->id), names[t]);
		if (blocks[t])
			put(o, "blocks", (int64_t)blocks[t]);
		for (unsigned i = 0; i < NR_ORDERS; i++) {
			snprintf(name, sizeof name, "order_%u", i);
			if (z->area[i].list[t].n)
				put(o, name, (int64_t)z->area[i].list[t].n);
		}
	}
}

static void put_zone(struct kernel *k, const struct zone *z, struct out *o)
{
	char name[24];

	snprintf(o->scope, sizeof o->scope, "zone/%u/%s", z->nid, zone_name(z->id));
	put(o, "free", (int64_t)zone_free_pages(z));
	put(o, "min", (int64_t)zone_wmark(z, WMARK_MIN));
	put(o, "low", (int64_t)zone_wmark(z, WMARK_LOW));
	put(o, "high", (int64_t)zone_wmark(z, WMARK_HIGH));
	put(o, "boost", (int64_t)z->watermark_boost);
	put(o, "spanned", (int64_t)(z->end - z->start));
	put(o, "present", (int64_t)z->present);
	put(o, "managed", (int64_t)z->managed);
	put(o, "pcp_count", (int64_t)zone_pcp_count(k->memory, z));
	put(o, "nr_reserved_highatomic", (int64_t)z->nr_highatomic);
	for (unsigned i = 0; i < NR_ZONES; i++) {
		snprintf(name, sizeof name, "protection_%u", i);
		put(o, name, (int64_t)z->lowmem_reserve[i]);
	}
	put(o, "start_pfn", (int64_t)z->start);
	put(o, "pcp_high", (int64_t)z->pcp_high);
	put(o, "pcp_batch", (int64_t)z->pcp_batch);
	for (unsigned i = 0; z->pcp && i < k->memory->topo->nr_cpus; i++) {
		snprintf(name, sizeof name, "pcp_count_%u", i);
		put(o, name, (int64_t)z->pcp[i].count);
	}
	put_rows(o, &zone_vmstat_stat_table, z->stat.item);
	for (unsigned i = 0; i < NR_NUMA_ITEMS; i++)
		put(o, numa_names[i], (int64_t)z->numa.item[i]);
	snprintf(o->scope, sizeof o->scope, "buddy/%u/%s", z->nid, zone_name(z->id));
	for (unsigned i = 0; i < NR_ORDERS; i++) {
		snprintf(name, sizeof name, "order_%u", i);
		put(o, name, (int64_t)z->area[i].nr_free);
	}
	put_pagetypes(z, o);
}

static void put_node(struct kernel *k, const struct node *n, struct out *o)
{
	for (unsigned z = 0; z < NR_ZONES; z++)
		if (n->zone[z].managed)
			put_zone(k, &n->zone[z], o);
	snprintf(o->scope, sizeof o->scope, "node/%u", n->nid);
	for (unsigned i = 0; i < NR_NUMA_ITEMS; i++) {
		uint64_t sum = 0;

		for (unsigned z = 0; z < NR_ZONES; z++)
			sum += n->zone[z].numa.item[i];
		put(o, numastat_stat_table.rows[i].name, (int64_t)sum);
	}
	put_rows(o, &node_vmstat_stat_table, n->stat.item);
	put(o, "kswapd_failures", n->kswapd_failures);
}

static void put_swap_areas(struct kernel *k, struct out *o)
{
	struct swap_area_info a;

	for (unsigned i = 0; swap_area_at(k->swap, i, &a); i++) {
		snprintf(o->scope, sizeof o->scope, "swap/%u", i);
		put(o, "pages", (int64_t)a.pages);
		put(o, "inuse", (int64_t)a.inuse);
		put(o, "priority", a.priority);
	}
}

int counters_machine(struct kernel *k, struct metrics *m, struct err *e)
{
	struct out o = {.m = m, .e = e};
	struct slab_info s;

	put_vmstat(k, &o);
	put_meminfo(k, &o);
	for (unsigned i = 0; i < k->memory->nr_nodes; i++)
		put_node(k, &k->memory->node[i], &o);
	put_swap_areas(k, &o);
	for (size_t i = 0; slab_info_at(k->slab, i, &s); i++) {
		if (!s.num_slabs)
			continue;
		snprintf(o.scope, sizeof o.scope, "slab/%s", s.name);
		put(&o, "active_objs", (int64_t)s.active_objs);
		put(&o, "num_objs", (int64_t)s.num_objs);
		put(&o, "objsize", s.objsize);
		put(&o, "objperslab", s.objs_per_slab);
		put(&o, "pagesperslab", s.pages_per_slab);
		put(&o, "num_slabs", (int64_t)s.num_slabs);
		put(&o, "reclaimable", s.reclaimable);
	}
	return o.rc;
}

/* ---- processes ---- */

/* What smaps and numa_maps add up over a mapping; pss in 1/4096 of a page, as the kernel does. */
struct usage {
	struct kernel *k;
	int64_t rss, anonymous, lazyfree, huge, huge_shmem, swap, shared_clean, shared_dirty, private_clean,
		private_dirty, referenced, locked;
	int64_t dirty, active, swapcache, writeback, mapmax; /* numa_maps: pages */
	uint64_t pss, pss_dirty, pss_anon, pss_shmem, pss_locked, swap_pss;
	int64_t node[MAX_NODES];
};

/* gather_stats */
static void add_numa_page(struct usage *u, const struct frame *f, int32_t mapcount, bool dirty, int64_t n)
{
	u->node[f->nid] += n;
	u->dirty += dirty ? n : 0;
	u->active += f->flags & (FR_ACTIVE | FR_UNEVICTABLE) ? n : 0;
	u->swapcache += f->flags & FR_SWAPCACHE ? n : 0;
	u->writeback += f->flags & FR_WRITEBACK ? n : 0;
	u->mapmax = MAX_OF(u->mapmax, (int64_t)mapcount);
}

/* smaps_page_accumulate: one page, which is mapped so many times. */
static void add_share(struct usage *u, const struct frame *f, int32_t mapcount, bool dirty)
{
	uint64_t pss = (UINT64_C(1) << 12) / (uint64_t)MAX_OF(mapcount, 1);

	u->pss += pss;
	u->pss_dirty += dirty ? pss : 0;
	u->pss_anon += f->flags & FR_ANON ? pss : 0;
	u->pss_shmem += !(f->flags & FR_ANON) && f->flags & FR_SWAPBACKED ? pss : 0;
	if (mapcount > 1)
		*(dirty ? &u->shared_dirty : &u->shared_clean) += 1;
	else
		*(dirty ? &u->private_dirty : &u->private_clean) += 1;
}

/* smaps_account: n pages that one entry maps. */
static void add_page(struct usage *u, pte_t e, int64_t n)
{
	const struct memory *m = u->k->memory;
	const struct frame *f = &m->frames.f[page_head(m, pte_pfn(e))];
	bool dirty = e & PTE_DIRTY || f->flags & FR_DIRTY;

	u->rss += n;
	u->anonymous += f->flags & FR_ANON ? n : 0;
	u->lazyfree += (f->flags & (FR_ANON | FR_SWAPBACKED)) == FR_ANON && !dirty ? n : 0;
	u->referenced += e & PTE_ACCESSED || f->flags & FR_REFERENCED ? n : 0;
	for (int64_t i = 0; i < n; i++)
		add_share(u, f, frames_mapcount(&m->frames, pte_pfn(e) + (pfn_t)i), dirty);
	add_numa_page(u, f, frames_mapcount(&m->frames, pte_pfn(e)), dirty, n);
}

static void add_huge(struct usage *u, pte_t e, vaddr_t first, vaddr_t last)
{
	int64_t n = (int64_t)((last - first) >> PAGE_SHIFT);

	if (!pte_present(e) || e & PTE_SPECIAL)
		return;
	add_page(u, e, n);
	if (frame_of(u->k->memory, pte_pfn(e))->flags & FR_ANON)
		u->huge += n;
	else
		u->huge_shmem += n;
}

static void add_table(void *arg, struct ptable *t, vaddr_t first, vaddr_t last)
{
	struct usage *u = arg;

	if (t->level != 1) {
		add_huge(u, t->e[ptable_index(first, 2)], first, last);
		return;
	}
	for (vaddr_t a = first; a < last; a += PAGE_SIZE) {
		pte_t e = t->e[ptable_index(a, 1)];

		if (pte_is_swap(e)) {
			unsigned n = swap_count(u->k->swap, pte_swap_entry(e));

			u->swap++;
			u->swap_pss += (UINT64_C(1) << 12) / MAX_OF(n, 1u);
		} else if (pte_present(e) && !(e & PTE_SPECIAL)) {
			add_page(u, e, 1);
		}
	}
}

static int64_t pss_kb(uint64_t pss)
{
	return (int64_t)(pss >> (12 - PAGE_SHIFT + 10));
}

static void put_usage(struct out *o, const struct usage *u)
{
	char name[16];

	put(o, "Rss", KB(u->rss));
	put(o, "Pss", pss_kb(u->pss));
	put(o, "Pss_Dirty", pss_kb(u->pss_dirty));
	put(o, "Shared_Clean", KB(u->shared_clean));
	put(o, "Shared_Dirty", KB(u->shared_dirty));
	put(o, "Private_Clean", KB(u->private_clean));
	put(o, "Private_Dirty", KB(u->private_dirty));
	put(o, "Referenced", KB(u->referenced));
	put(o, "Anonymous", KB(u->anonymous));
	put(o, "LazyFree", KB(u->lazyfree));
	put(o, "AnonHugePages", KB(u->huge));
	put(o, "ShmemPmdMapped", KB(u->huge_shmem));
	put(o, "Swap", KB(u->swap));
	put(o, "SwapPss", pss_kb(u->swap_pss));
	put(o, "Locked", pss_kb(u->pss_locked));
	for (unsigned i = 0; i < u->k->memory->nr_nodes; i++) {
		snprintf(name, sizeof name, "N%u", i);
		put(o, name, u->node[i]);
	}
}

static void sum_usage(struct usage *sum, const struct usage *u)
{
	sum->rss += u->rss;
	sum->anonymous += u->anonymous;
	sum->lazyfree += u->lazyfree;
	sum->huge += u->huge;
	sum->huge_shmem += u->huge_shmem;
	sum->swap += u->swap;
	sum->shared_clean += u->shared_clean;
	sum->shared_dirty += u->shared_dirty;
	sum->private_clean += u->private_clean;
	sum->private_dirty += u->private_dirty;
	sum->referenced += u->referenced;
	sum->pss += u->pss;
	sum->pss_dirty += u->pss_dirty;
	sum->pss_anon += u->pss_anon;
	sum->pss_shmem += u->pss_shmem;
	sum->pss_locked += u->pss_locked;
	sum->swap_pss += u->swap_pss;
	for (unsigned i = 0; i < MAX_NODES; i++)
		sum->node[i] += u->node[i];
}

/* Text has no place among the counters: a name is kept as the one counter of a scope, with the number it
 * names. */
static void put_name(struct out *o, const char *kind, const char *whose, const char *name, int64_t number)
{
	char scope[sizeof o->scope];

	if (!name || !*name)
		return;
	memcpy(scope, o->scope, sizeof scope);
	snprintf(o->scope, sizeof o->scope, "%s/%s", kind, whose);
	put(o, name, number);
	memcpy(o->scope, scope, sizeof scope);
}

static void put_policy(struct out *o, const struct mempolicy *policy)
{
	if (!policy)
		return;
	put(o, "Policy", policy->mode);
	put(o, "PolicyFlags",
	    policy->flags & (MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING));
	put(o, "PolicyNodes", (int64_t)policy->nodes);
}

/* What a mapping is, for the head of a smaps entry; and numa_maps' numbers, in pages. */
static void put_region(struct out *o, const struct vma *v, const struct usage *u, const char *whose)
{
	put(o, "Size", (int64_t)((v->end - v->start) >> 10));
	put(o, "Flags", v->flags & ~VM_ON_DEMAND);
	put(o, "Dirty", u->dirty);
	put(o, "Active", u->active);
	put(o, "SwapCache", u->swapcache);
	put(o, "Writeback", u->writeback);
	put(o, "MapMax", u->mapmax);
	if (v->file && !v->file->shmem) {
		put(o, "Offset", (int64_t)(v->pgoff << PAGE_SHIFT));
		put(o, "Inode", (int64_t)v->file->fid + 1); /* files count from 0, inode 0 is no file */
		put_name(o, "path", whose, v->file->path, (int64_t)v->file->fid);
	}
	put_policy(o, v->policy);
}

/* is_exec_mapping */
static int64_t exec_pages(const struct mm *mm)
{
	int64_t n = 0;

	for (size_t i = 0; i < mm->vmas.n; i++) {
		const struct vma *v = mm->vmas.v[i];

		if ((v->flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC)
			n += (int64_t)((v->end - v->start) >> PAGE_SHIFT);
	}
	return n;
}

/* task_mem */
static void put_status(struct out *o, const struct mm *mm)
{
	put(o, "VmSize", KB(mm->total_vm));
	put(o, "VmLck", KB(mm->locked_vm));
	put(o, "VmHWM", KB(MAX_OF(mm->peak_rss, mm_rss(mm))));
	put(o, "VmRSS", KB(mm_rss(mm)));
	put(o, "RssAnon", KB(mm->rss[MM_ANONPAGES]));
	put(o, "RssFile", KB(mm->rss[MM_FILEPAGES]));
	put(o, "RssShmem", KB(mm->rss[MM_SHMEMPAGES]));
	put(o, "VmData", KB(mm->data_vm));
	put(o, "VmStk", KB(mm->stack_vm));
	put(o, "VmLib", KB(exec_pages(mm)));
	put(o, "VmPTE", KB(mm->pt.nr_tables));
	put(o, "VmSwap", KB(mm->rss[MM_SWAPENTS]));
	put(o, "start_brk", (int64_t)mm->start_brk);
	put(o, "brk", (int64_t)mm->brk);
}

int counters_process(struct kernel *k, struct process *p, const struct task *first, struct metrics *m,
		     struct err *e)
{
	struct out o = {.m = m, .e = e};
	struct usage sum = {.k = k};
	struct mm *mm = p->mm;

	for (size_t i = 0; mm && i < mm->vmas.n; i++) {
		const struct vma *v = mm->vmas.v[i];
		struct usage u = {.k = k};
		char name[48];

		pgtable_for_each(&mm->pt, v->start, v->end, add_table, &u);
		snprintf(o.scope, sizeof o.scope, "region/%s/%" PRIx64, p->name, v->start);
		snprintf(name, sizeof name, "%s/%" PRIx64, p->name, v->start);
		put_region(&o, v, &u, name);
		u.pss_locked = v->flags & VM_LOCKED ? u.pss : 0;
		put_usage(&o, &u);
		sum_usage(&sum, &u);
		if (o.rc >= 0)
			o.rc = metrics_struct(m, &vma_stat_table, &v->stats, STAT_SCOPE_VMA, name, e);
	}
	snprintf(o.scope, sizeof o.scope, "proc/%s", p->name);
	put(&o, "minflt", (int64_t)p->stats.min_flt);
	put(&o, "majflt", (int64_t)p->stats.maj_flt);
	put(&o, "ppid", p->ppid);
	put(&o, "threads", p->live_threads);
	put(&o, "oom_score_adj", p->oom_score_adj);
	put(&o, "killed", p->killed);
	if (k->memcgs)
		put(&o, "memcg", p->memcg);
	if (k->cpusets)
		put(&o, "cpuset", counters_cpuset_id(k, p));
	put_policy(&o, first ? first->policy : NULL); /* numa_maps shows it for mappings without one */
	if (mm) {
		put_status(&o, mm);
		put_usage(&o, &sum);
		put(&o, "Pss_Anon", pss_kb(sum.pss_anon)); /* smaps_rollup tells them apart */
		put(&o, "Pss_Shmem", pss_kb(sum.pss_shmem));
		put(&o, "Pss_File", pss_kb(sum.pss - sum.pss_anon - sum.pss_shmem));
	}
	put_name(&o, "comm", p->name, p->comm, p->pid);
	return o.rc;
}

/* ---- conservation ---- */

/* A level without what was there before the run. */
static int64_t modelled(const struct memory *m, enum node_item i)
{
	return memory_node_total(m, i) - m->boot.item[i];
}

/* Every frame is in exactly one state; lists and counters agree with the frames' flags. */
void counters_check(struct kernel *k)
{
	struct memory *m = k->memory;
	int64_t lru[NR_LRU_LISTS] = {0}, anon = 0, file = 0, cache = 0, swapcache = 0;
	uint64_t free_frames = 0;

	for (pfn_t pfn = 0; pfn < m->frames.end; pfn++) {
		const struct frame *f = &m->frames.f[pfn];

		if (f->flags & FR_BUDDY)
			free_frames += UINT64_C(1) << f->order;
		if (f->flags & FR_LRU)
			lru[lru_counted_as(k, f)] += frame_nr_pages(f);
		if (f->mapcount > 0 && !(f->flags & FR_TAIL))
			*(f->flags & FR_ANON ? &anon : &file) += frame_mapped_pages(f);
		swapcache += f->flags & FR_SWAPCACHE ? frame_nr_pages(f) : 0;
		cache += f->file != FILE_NONE && !(f->flags & (FR_BUDDY | FR_PCP | FR_ANON | FR_RESERVED)) &&
			 f->refs > 0;
		CHECK(f->flags & FR_TAIL || f->refs >= f->mapcount, "frame %u: %d references, %d mappings",
		      pfn, f->refs, f->mapcount);
	}
	CHECK(free_frames == memory_free_pages(m), "%" PRIu64 " frames are free, the counters say %" PRIu64,
	      free_frames, memory_free_pages(m));
	for (unsigned l = 0; l < NR_LRU_LISTS; l++)
		CHECK(lru[l] == modelled(m, (enum node_item)(NR_INACTIVE_ANON + l)),
		      "list %u holds %" PRId64 " pages, the counters say %" PRId64, l, lru[l],
		      modelled(m, (enum node_item)(NR_INACTIVE_ANON + l)));
	CHECK(anon == modelled(m, NR_ANON_MAPPED), "%" PRId64 " anonymous pages are mapped, not %" PRId64,
	      anon, modelled(m, NR_ANON_MAPPED));
	CHECK(file == modelled(m, NR_FILE_MAPPED), "%" PRId64 " file pages are mapped, not %" PRId64, file,
	      modelled(m, NR_FILE_MAPPED));
	CHECK(swapcache == modelled(m, NR_SWAPCACHE), "%" PRId64 " pages are in the swap cache, not %" PRId64,
	      swapcache, modelled(m, NR_SWAPCACHE));
	CHECK(cache + swapcache == modelled(m, NR_FILE_PAGES),
	      "%" PRId64 " pages are in caches, not %" PRId64, cache + swapcache, modelled(m, NR_FILE_PAGES));
	CHECK(swap_is_valid(k), "the swap map and its counters disagree%s", "");
	CHECK(writeback_is_valid(k), "dirty files and the counts of dirty pages disagree%s", "");
	counters_check_memcg(k);
}
