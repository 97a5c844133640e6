/*
 * mbind.c - NUMA policies of mappings and tasks.
 *
 * After mm/mempolicy.c (do_mbind, queue_pages_range, queue_folios_pte_range, migrate_folio_add, mbind_range,
 * new_page, do_set_mempolicy, do_migrate_pages, migrate_to_node) of Linux 6.1. With MPOL_MF_MOVE, pages that
 * lie on none of the given nodes and are mapped once are migrated to where the new policy puts them;
 * MPOL_MF_STRICT reports what stays. Huge pages on the wrong nodes are split and moved page by page (Linux
 * moves them whole).
 *
 * Not modelled: MPOL_MF_MOVE_ALL (EPERM: nobody is privileged), a shared memory object's own policy tree,
 * mempolicy's lazy migration.
 */
#include "models/kernel/mmap.h"

#include "models/kernel/migrate.h"
#include "models/kernel/thp_split.h"

#define MPOL_MF_VALID (MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)

/* Pages found on wrong nodes (struct queue_pages). */
struct queue {
	struct task *cur;
	struct mm *mm;
	nodemask_t nodes;
	unsigned flags;
	unsigned dest;      /* of migrate_to_node */
	bool stop;          /* a misplaced page that may not be moved: EIO */
	bool has_unmovable; /* STRICT and MOVE: some could not be isolated */
	pfn_t *pfns;
	vaddr_t *addrs;
	unsigned n, cap;
};

static nodemask_t allowed_nodes(const struct task *cur)
{
	const struct memory *m = cur->k->memory;
	nodemask_t has = 0;

	for (unsigned nid = 0; nid < m->nr_nodes; nid++)
		if (m->node[nid].has_memory)
			has |= UINT64_C(1) << nid;
	return cur->mems_allowed ? has & cur->mems_allowed : has;
}

static void queue_page(struct queue *q, pfn_t pfn, vaddr_t va)
{
	if (q->n == q->cap) {
		unsigned cap = q->cap ? q->cap * 2 : 512;

		q->pfns = mem_realloc(q->pfns, cap, sizeof *q->pfns);
		q->addrs = mem_realloc(q->addrs, cap, sizeof *q->addrs);
		q->cap = cap;
	}
	q->pfns[q->n] = pfn;
	q->addrs[q->n++] = va;
}

static bool is_misplaced(const struct queue *q, pte_t e)
{
	if (!pte_present(e) || e & PTE_SPECIAL)
		return false;
	return !(q->nodes >> frame_of(q->cur->k->memory, pte_pfn(e))->nid & 1);
}

/* Takes apart the huge page that pfn is of; false when somebody else holds it. */
static bool split_page(struct queue *q, pfn_t pfn)
{
	struct kernel *k = q->cur->k;
	pfn_t head = page_head(k->memory, pfn);
	bool done;

	frame_get(k, head);
	done = thp_split_page(q->cur, head, NULL);
	frame_put(k, q->cur->exec->cpu, head);
	return done;
}

static void queue_table(void *arg, struct ptable *t, vaddr_t first, vaddr_t last)
{
	struct queue *q = arg;
	struct kernel *k = q->cur->k;

	if (t->level == 2) {
		pte_t e = t->e[ptable_index(first, 2)];

		if (!is_misplaced(q, e) || !split_page(q, pte_pfn(e)))
			return;
		t = pgtable_table(&q->mm->pt, first, 1);
	}
	for (vaddr_t va = first; t && va < last && !q->stop; va += PAGE_SIZE) {
		pte_t e = t->e[ptable_index(va, 1)];

		if (!is_misplaced(q, e))
			continue;
		if (!(q->flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL)))
			q->stop = true;
		else if (frame_has(frame_of(k->memory, pte_pfn(e)), FR_HEAD | FR_TAIL) &&
			 !split_page(q, pte_pfn(e)))
			continue;
		else if (frame_of(k->memory, pte_pfn(e))->mapcount != 1 && !(q->flags & MPOL_MF_MOVE_ALL))
			continue; /* shared: most likely not worth it */
		else if (lru_isolate(k, pte_pfn(e)))
			queue_page(q, pte_pfn(e), va);
		else if (q->flags & MPOL_MF_STRICT)
			q->has_unmovable = true;
	}
}

/* queue_pages_range: 0, or an error; pages to be moved in q. */
static int64_t queue_range(struct queue *q, vaddr_t start, vaddr_t end, bool holes_ok)
{
	struct vma *v = vma_find_intersection(&q->mm->vmas, start, end);

	if (!v || (!holes_ok && start < v->start))
		return -LINUX_EFAULT;
	for (; v && v->start < end; v = vma_next(&q->mm->vmas, v)) {
		struct vma *next = vma_next(&q->mm->vmas, v);

		if (!holes_ok && v->end < end && (!next || next->start != v->end))
			return -LINUX_EFAULT;
		if (q->flags)
			pgtable_for_each(&q->mm->pt, MAX_OF(start, v->start), MIN_OF(end, v->end),
					 queue_table, q);
		if (q->stop)
			return -LINUX_EIO;
	}
	return 0;
}

/* mbind_range for each mapping. */
static int64_t bind_range(struct task *cur, struct mm *mm, vaddr_t start, vaddr_t end, struct mempolicy *new)
{
	struct vma *v = vma_find_intersection(&mm->vmas, start, end);

	while (v && v->start < end) {
		vaddr_t from = MAX_OF(start, v->start), to = MIN_OF(end, v->end);

		if (!policy_equal(v->policy, new)) {
			int64_t err = mapping_change(cur, mm, &v, from, to, v->flags, new);

			if (err)
				return err;
		}
		v = vma_next(&mm->vmas, v);
	}
	return 0;
}

/* new_page */
static pfn_t target(void *arg, struct task *cur, unsigned i)
{
	const struct queue *q = arg;
	struct vma *v = vma_at(&q->mm->vmas, q->addrs[i]);

	return alloc_page_vma(cur, GFP_HIGHUSER_MOVABLE | GFP_BIT_RETRY_MAYFAIL, 0, v, q->addrs[i]);
}

static int64_t do_mbind(struct queue *q, vaddr_t start, vaddr_t end, struct mempolicy *new)
{
	struct migrate_request r = {.target = target, .arg = q, .mode = MIGRATE_SYNC};
	int64_t err = queue_range(q, start, end, !new);
	unsigned failed = 0;

	if (!err)
		err = bind_range(q->cur, q->mm, start, end, new);
	r.pfns = q->pfns;
	r.n = q->n;
	if (err) {
		for (unsigned i = 0; i < q->n; i++)
			lru_putback(q->cur, q->pfns[i]);
		return err;
	}
	if (q->n)
		failed = migrate_pages(q->cur, &r);
	return (q->has_unmovable || failed) && q->flags & MPOL_MF_STRICT ? -LINUX_EIO : 0;
}

int64_t sys_mbind(struct task *cur, vaddr_t addr, uint64_t len, unsigned mode, nodemask_t nodes,
		  unsigned flags)
{
	struct queue q = {.cur = cur, .mm = cur->mm, .nodes = nodes, .flags = flags};
	vaddr_t end = addr + page_align(len);
	struct mempolicy *new;
	int64_t err;

	task_charge(cur, CYCLES_syscall, cur->k->cost.mmap);
	if (flags & ~MPOL_MF_VALID)
		return -LINUX_EINVAL;
	if (flags & MPOL_MF_MOVE_ALL)
		return -LINUX_EPERM;
	if (mode == MPOL_DEFAULT)
		q.flags &= ~MPOL_MF_STRICT;
	if (addr & ~PAGE_MASK || end < addr)
		return -LINUX_EINVAL;
	if (end == addr)
		return 0;
	if (policy_new(&new, mode, nodes, allowed_nodes(cur)))
		return -LINUX_EINVAL;
	if (flags & MPOL_MF_MOVE)
		lru_drain_all(cur->k);
	mmap_write_lock(cur, q.mm);
	err = do_mbind(&q, addr, end, new);
	mmap_write_unlock(cur, q.mm);
	mem_free(q.pfns);
	mem_free(q.addrs);
	policy_put(new);
	return err;
}

/* alloc_migration_target of migrate_to_node */
static pfn_t target_node(void *arg, struct task *cur, unsigned i)
{
	const struct queue *q = arg;

	(void)i;
	return alloc_pages_node(cur, q->dest, GFP_HIGHUSER_MOVABLE | GFP_BIT_THISNODE, 0);
}

/* migrate_to_node: how many pages of node `source` could not be moved to `dest`. */
static unsigned move_node(struct task *cur, struct mm *mm, unsigned source, unsigned dest, unsigned flags)
{
	struct queue q = {
		.cur = cur, .mm = mm, .nodes = ~(UINT64_C(1) << source), .flags = flags, .dest = dest};
	struct migrate_request r = {.target = target_node, .arg = &q, .mode = MIGRATE_SYNC};
	unsigned failed = 0;

	(void)queue_range(&q, 0, USER_ADDRESS_END, true);
	r.pfns = q.pfns;
	r.n = q.n;
	if (q.n)
		failed = migrate_pages(cur, &r);
	mem_free(q.pfns);
	mem_free(q.addrs);
	return failed;
}

/* The next node of `left` to be emptied, and where to: one whose target is not to be emptied itself, where
 * there is one. -1: none has to move. */
static int next_source(nodemask_t left, nodemask_t from, nodemask_t to, unsigned *dest)
{
	bool same = __builtin_popcountll(from) == __builtin_popcountll(to);
	int source = -1;

	for (unsigned s = 0; s < MAX_NODES; s++) {
		unsigned d;

		if (!(left >> s & 1) || (!same && to >> s & 1))
			continue;
		d = (unsigned)__builtin_ctzll(policy_remap_nodes(UINT64_C(1) << s, from, to));
		if (d == s)
			continue;
		source = (int)s;
		*dest = d;
		if (!(left >> d & 1))
			break;
	}
	return source;
}

uint64_t mm_move_nodes(struct task *cur, struct mm *mm, nodemask_t from, nodemask_t to, bool shared)
{
	nodemask_t left = from;
	uint64_t failed = 0;
	unsigned dest = 0;
	int source;

	lru_drain_all(cur->k);
	mmap_read_lock(cur, mm);
	while (mm->users && (source = next_source(left, from, to, &dest)) >= 0) {
		left &= ~(UINT64_C(1) << source);
		failed +=
			move_node(cur, mm, (unsigned)source, dest, shared ? MPOL_MF_MOVE_ALL : MPOL_MF_MOVE);
	}
	mmap_read_unlock(cur, mm);
	return failed;
}

int64_t sys_set_mempolicy(struct task *cur, unsigned mode, nodemask_t nodes)
{
	struct mempolicy *new;

	if (policy_new(&new, mode, nodes, allowed_nodes(cur)))
		return -LINUX_EINVAL;
	policy_put(cur->policy);
	cur->policy = new;
	if (new && (new->mode == MPOL_INTERLEAVE || new->mode == MPOL_WEIGHTED_INTERLEAVE))
		cur->il = (struct interleave_state){.prev = MAX_NODES - 1};
	return 0;
}
