/*
 * memcg.h - memory cgroups: groups of processes, what each holds and may hold (mm/memcontrol.c,
 * mm/page_counter.c, include/linux/memcontrol.h; Linux 6.1, cgroup v2, and v1's swappiness of a group).
 *
 * Here are the groups, their counters and whose page is whose. How a charge that does not fit gets its
 * pages: charge.h. A group is NULL where the root is meant; the root is not charged and has no limits.
 */
#ifndef MODELS_KERNEL_MEMCG_H
#define MODELS_KERNEL_MEMCG_H

#include "models/kernel/task.h"
#include "sim/stat.h"

#define MEMCG_MAX          UINT64_MAX
#define MEMCG_CHARGE_BATCH 64u
#define MEMCG_NAME_LEN     32
#define MEMCG_GROUPS       1024u

#define MEMCG_PARAMS(X, S)                                                                                 \
	X(S, STR, name, "memcg.name", "", 0, 0, "",                                                        \
	  "names of the groups, \"web web/cache db\": a group lies in that whose name and a slash begin "  \
	  "its own; empty = g0, g1 and so on, as many as the longest list has entries")                    \
	X(S, STR, of, "memcg.of", "", 0, 0, "",                                                            \
	  "groups of processes, \"1:web 2:0 3:root\": the recorded pid, and the group by name or place; "  \
	  "children are in their parent's; empty = all in the first group")                                \
	X(S, LIST, max, "memcg.max", "", 0, UINT64_MAX, "bytes",                                           \
	  "memory.max: a group that would grow beyond it reclaims its own memory, then loses a process "   \
	  "(this list and the others: one entry a group, or one for all)")                                 \
	X(S, LIST, high, "memcg.high", "", 0, UINT64_MAX, "bytes",                                         \
	  "memory.high: beyond it a group reclaims, and its tasks are made to wait")                       \
	X(S, LIST, low, "memcg.low", "", 0, UINT64_MAX, "bytes",                                           \
	  "memory.low: not reclaimed as long as others have something to give")                            \
	X(S, LIST, min, "memcg.min", "", 0, UINT64_MAX, "bytes", "memory.min: never reclaimed")            \
	X(S, LIST, swap_max, "memcg.swap_max", "", 0, UINT64_MAX, "bytes",                                 \
	  "memory.swap.max: swap that a group may use")                                                    \
	X(S, LIST, swap_high, "memcg.swap_high", "", 0, UINT64_MAX, "bytes",                               \
	  "memory.swap.high: with more of it in use a group's tasks are made to wait")                     \
	X(S, LIST, swappiness, "memcg.swappiness", "", 0, 200, "",                                         \
	  "memory.swappiness of a group (as cgroup v1 has it); empty = vm.swappiness")                     \
	X(S, LIST, oom_group, "memcg.oom_group", "", 0, 1, "",                                             \
	  "memory.oom.group: 1 = when one process of the group is killed, all of it are")                  \
	X(S, BOOL, recursiveprot, "memcg.recursiveprot", "true", 0, 1, "",                                 \
	  "what of a group's protection the groups in it do not claim protects them all (cgroup2's mount " \
	  "option memory_recursiveprot, which systemd gives)")
PARAM_STRUCT(memcg_params, MEMCG_PARAMS);
extern const struct param_table memcg_param_table;

/* memory.events and memory.swap.events: they count for the group and for those it lies in. The first of them
 * are the counters in the order of enum memcg_event. */
#define MEMCG_STATS(X, S)                                                                              \
	X(S, COUNTER, low, "reclaims", "reclaimed although it holds no more than memory.low")          \
	X(S, COUNTER, high, "reclaims", "reclaims because it held more than memory.high")              \
	X(S, COUNTER, max, "charges", "charges that memory.max did not allow at first")                \
	X(S, COUNTER, oom, "charges", "charges for which a process was to be killed")                  \
	X(S, COUNTER, oom_kill, "processes", "processes of it that were killed for want of memory")    \
	X(S, COUNTER, oom_group_kill, "kills", "kills of the whole group")                             \
	X(S, COUNTER, swap_high, "charges", "charges while it had more in swap than memory.swap.high") \
	X(S, COUNTER, swap_max, "slots", "swap slots that memory.swap.max did not allow")              \
	X(S, COUNTER, swap_fail, "slots", "swap slots not to be had, for any reason")                  \
	X(S, COUNTER, charged, "pages", "charged to it or to groups in it")                            \
	X(S, COUNTER, throttles, "waits", "times a task was made to wait for memory.high")             \
	X(S, COUNTER, throttled_ps, "ps", "time that tasks were made to wait for memory.high")         \
	X(S, GAUGE, current_pages, "pages", "memory.current")                                          \
	X(S, GAUGE, peak_pages, "pages", "largest memory.current")                                     \
	X(S, GAUGE, swap_pages, "pages", "memory.swap.current")                                        \
	X(S, GAUGE, kernel_pages, "pages",                                                             \
	  "of memory.current, the kernel's: page tables, stacks, slab objects")
STAT_STRUCT(memcg_stats, MEMCG_STATS);
extern const struct stat_table memcg_stat_table;

enum memcg_event {
	MEMCG_LOW,
	MEMCG_HIGH,
	MEMCG_OVER_MAX,
	MEMCG_OOM,
	MEMCG_OOM_KILL,
	MEMCG_OOM_GROUP_KILL,
	MEMCG_SWAP_HIGH,
	MEMCG_SWAP_MAX,
	MEMCG_SWAP_FAIL,
	NR_MEMCG_EVENTS
};

/* Pages used in a group and all in it (struct page_counter). */
struct page_counter {
	struct page_counter *parent;
	uint64_t usage, watermark;
	uint64_t failcnt; /* charges that did not fit */
	uint64_t min, low, high, max;
	uint64_t emin, elow; /* in effect: what the groups above afford it (memcg_calculate_protection) */
	uint64_t min_usage, low_usage, children_min_usage, children_low_usage;
};

struct memcg {
	struct page_counter memory, swap; /* memory first: a counter is its group's */
	uint32_t id, last;                /* frame.memcg; it and all groups in it: id to last */
	struct memcg *parent;
	char name[MEMCG_NAME_LEN];
	uint64_t swappiness;
	bool oom_group;
	int64_t kernel_pages; /* of the group itself */
	/* objects of slab caches: pages charged for them; of these, bytes that no CPU holds
	 * (nr_charged_bytes); bytes of live objects, [1] of caches that can be reclaimed */
	uint64_t object_pages, spare_bytes, slab_bytes[2];
	struct vmstat vmstat; /* of the group itself */
	struct memcg_stats stats;
	struct lruvec *lruvec; /* by node */
};

/* Whether it may name a group or a set: parts of letters, digits and .-_ between slashes, none of which
 * begins with a dot; no number alone, not "root", shorter than MEMCG_NAME_LEN. */
bool memcg_name_is_valid(const char *s, size_t n);
/* Reads the parameters; k->memcgs stays NULL where they ask for no group. Errors (ERR_CONFIG): bad names, a
 * list of the wrong length, a process in a group that there is not. k must outlive it. */
int memcg_new(struct kernel *k, const struct memcg_params *p, unsigned nr_cpus, struct err *e);
void memcg_free(struct kernel *k);
/* By place in pre-order; NULL past the last. */
struct memcg *memcg_at(const struct kernel *k, size_t i);
/* The group of frame.memcg and process.memcg, NULL: the root. */
struct memcg *memcg_of(const struct kernel *k, uint32_t id);
/* The group that a process begins in (process.memcg); parent: who forked it, NULL where nobody did. */
uint32_t memcg_of_pid(const struct kernel *k, uint32_t pid, const struct process *parent);
static inline uint32_t memcg_of_task(const struct task *t)
{
	return t->process ? t->process->memcg : 0;
}
/* mem_cgroup_is_descendant: g is root or lies in it. */
static inline bool memcg_is_in(const struct memcg *g, const struct memcg *root)
{
	return !root || (g && g->id >= root->id && g->id <= root->last);
}
/* mem_cgroup_lruvec */
static inline struct lruvec *memcg_lruvec(const struct memcg *g, struct node *n)
{
	return g ? &g->lruvec[n->nid] : &n->lruvec;
}
/*
 * mem_cgroup_iter without a cookie: the lists of root, then of all groups in it, each before those in it;
 * prev NULL: the first. NULL after the last.
 */
struct lruvec *memcg_next(struct kernel *k, struct node *n, const struct memcg *root,
			  const struct lruvec *prev);

/* ---- counters ---- */
/* page_counter_try_charge: false, and *fail the first group that it is too much for. */
bool memcg_try_charge(struct memcg *g, uint64_t pages, struct memcg **fail);
/* page_counter_charge: whatever the limits. */
void memcg_force_charge(struct memcg *g, uint64_t pages);
void memcg_uncharge_pages(struct memcg *g, uint64_t pages);
/* consume_stock, refill_stock, drain_all_stock: pages charged in advance, by CPU. */
bool memcg_consume_stock(struct kernel *k, unsigned cpu, const struct memcg *g, uint64_t pages);
void memcg_refill_stock(struct kernel *k, unsigned cpu, struct memcg *g, uint64_t pages);
void memcg_drain_stock(struct kernel *k, const struct memcg *root);
/* consume_obj_stock, refill_obj_stock: bytes charged in advance. may_uncharge: whole pages go back. */
bool memcg_consume_bytes(struct kernel *k, unsigned cpu, const struct memcg *g, uint64_t bytes);
void memcg_refill_bytes(struct kernel *k, unsigned cpu, struct memcg *g, uint64_t bytes, bool may_uncharge);
/* memcg_account_kmem: pages that were charged for objects; negative: that are going back. */
void memcg_object_pages(struct memcg *g, int64_t pages);
/* Bytes that stocks hold of g itself. */
uint64_t memcg_stocked_bytes(const struct kernel *k, const struct memcg *g);
/* Pages that stocks hold of g and the groups in it. */
uint64_t memcg_stocked(const struct kernel *k, const struct memcg *g);
/* mem_cgroup_margin */
static inline uint64_t memcg_margin(const struct memcg *g)
{
	return g->memory.usage < g->memory.max ? g->memory.max - g->memory.usage : 0;
}

/* ---- pages ---- */
/* commit_charge: the page, charged, is the group's. */
void memcg_commit(struct kernel *k, struct memcg *g, pfn_t pfn);
void memcg_commit_kernel(struct kernel *k, struct memcg *g, pfn_t pfn, unsigned order);
void memcg_uncharge_frame(struct kernel *k, struct frame *f, uint64_t pages, bool kernel);
/* mem_cgroup_uncharge: the page is being freed. */
static inline void memcg_uncharge(struct kernel *k, struct frame *f)
{
	if (UNLIKELY(f->memcg))
		memcg_uncharge_frame(k, f, frame_nr_pages(f), false);
}
/* __memcg_kmem_uncharge_page */
static inline void memcg_uncharge_kernel(struct kernel *k, struct frame *f, unsigned order)
{
	if (UNLIKELY(f->memcg))
		memcg_uncharge_frame(k, f, UINT64_C(1) << order, true);
}
/* mem_cgroup_migrate: `to` takes the place of `from`, which is uncharged when it is freed. */
void memcg_migrate(struct kernel *k, const struct frame *from, struct frame *to);

/* ---- protection and choice ---- */
/* mem_cgroup_calculate_protection, in a walk from root down. */
void memcg_calculate_protection(const struct kernel *k, const struct memcg *root, struct memcg *g);
/* mem_cgroup_protection: what of g a reclaim of root spares. */
static inline void memcg_protection(const struct memcg *root, const struct memcg *g, uint64_t *min,
				    uint64_t *low)
{
	*min = g && g != root ? g->memory.emin : 0;
	*low = g && g != root ? g->memory.elow : 0;
}
static inline bool memcg_below_min(const struct memcg *g)
{
	return g && g->memory.emin >= g->memory.usage;
}
static inline bool memcg_below_low(const struct memcg *g)
{
	return g && g->memory.elow >= g->memory.usage;
}
/* mem_cgroup_swappiness */
static inline uint64_t memcg_swappiness(const struct kernel *k, const struct memcg *g)
{
	return g ? g->swappiness : k->params.swappiness;
}

/* ---- statistics ---- */
/* memcg_memory_event: for g and the groups it lies in. */
void memcg_event(struct memcg *g, enum memcg_event ev, uint64_t n);
/* count_memcg_events */
static inline void memcg_vm_event(struct memcg *g, enum vm_event ev, uint64_t n)
{
	if (UNLIKELY(g != NULL))
		g->vmstat.event[ev] += n;
}
static inline void memcg_id_event(const struct kernel *k, uint32_t id, enum vm_event ev, uint64_t n)
{
	if (UNLIKELY(id))
		memcg_vm_event(memcg_of(k, id), ev, n);
}
/* The same, and for the machine (count_vm_event with count_memcg_event_mm). */
static inline void memcg_count_event(struct kernel *k, uint32_t id, enum vm_event ev, uint64_t n)
{
	vm_event(k->memory, ev, n);
	memcg_id_event(k, id, ev, n);
}
/* parent_lruvec: of the group that it lies in, in the end of the root; NULL past that. */
static inline struct lruvec *lruvec_parent(const struct lruvec *l)
{
	return UNLIKELY(l->memcg != NULL) ? memcg_lruvec(l->memcg->parent, l->node) : NULL;
}
/* workingset_age_nonresident */
static inline void lruvec_age(struct lruvec *l, uint64_t pages)
{
	for (; l; l = lruvec_parent(l))
		l->nonresident_age += pages;
}
/* lruvec_page_state: of the lists and of those of the groups in their group. */
int64_t lruvec_state(const struct kernel *k, const struct lruvec *l, enum node_item i);
/* The lists' own pages in a zone (mem_cgroup_get_zone_lru_size). */
int64_t lruvec_zone_size(const struct kernel *k, const struct lruvec *l, enum lru_list list, unsigned zid);
/* memory.stat's numbers: of g and the groups in it. */
int64_t memcg_state(const struct kernel *k, const struct memcg *g, enum node_item i);
uint64_t memcg_vm_events(const struct kernel *k, const struct memcg *g, enum vm_event ev);
int64_t memcg_kernel_pages(const struct kernel *k, const struct memcg *g);
int64_t memcg_slab_bytes(const struct kernel *k, const struct memcg *g, bool reclaimable);
/* Brings the gauges up to date. */
void memcg_refresh(struct kernel *k);

#endif
