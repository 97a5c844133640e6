/*
 * mapping.c - making, splitting, merging and accounting VMAs.
 *
 * After mm/mmap.c (split_vma, vma_merge's callers, get_unmapped_area, vm_stat_account, remove_vma), mm/util.c
 * (__vm_enough_memory, vm_commit_limit), arch/x86/kernel/sys_x86_64.c (arch_get_unmapped_area_topdown),
 * mm/shmem.c (shmem_acct_size) of Linux 6.1.
 *
 * Committed_AS counts private writable mappings (VM_ACCOUNT) and shared anonymous memory from mmap to
 * munmap, whole. In overcommit mode 2 the limit is reduced by vm.admin_reserve_kbytes and
 * vm.user_reserve_kbytes at their defaults (min(3 % of memory, 8 MiB) and min(total_vm / 32, min(3 %, 128
 * MiB))): nobody is privileged.
 *
 * Not modelled: resource limits, VM_DONTEXPAND and other drivers' mappings, hugetlb, address space
 * randomisation, page-wise accounting of shared memory mapped with MAP_NORESERVE, the anon_vma objects' slab
 * caches.
 */
#include "models/kernel/mapping.h"
#include "models/kernel/swap.h"
#include "models/kernel/thp_split.h"

bool kernel_object_alloc(struct task *cur, enum slab_cache_id cache, uint64_t *obj)
{
	struct kernel *k = cur->k;
	bool slow = false;

	*obj = 0;
	if (!k->slab)
		return true;
	*obj = slab_alloc(k->slab, slab_cache_of(k->slab, cache), cur, cur->exec->cpu, GFP_KERNEL_ACCOUNT,
			  &slow);
	task_charge(cur, CYCLES_alloc, slow ? k->cost.slab_slow : k->cost.slab_alloc);
	return *obj != 0;
}

void kernel_object_free(struct task *cur, enum slab_cache_id cache, uint64_t obj)
{
	struct kernel *k = cur->k;

	if (k->slab && obj)
		slab_free(k->slab, slab_cache_of(k->slab, cache), cur, cur->exec->cpu, obj);
}

struct vma *mapping_new(struct task *cur, const struct vma *like)
{
	struct vma *v;
	uint64_t obj;

	if (!kernel_object_alloc(cur, SLAB_CACHE_VMA, &obj))
		return NULL;
	v = mem_alloc_late(1, sizeof *v);
	*v = *like;
	v->slab = obj;
	v->stats = (struct vma_stats){0};
	if (v->file)
		file_get(v->file);
	if (v->policy)
		policy_get(v->policy);
	return v;
}

void mapping_free(struct task *cur, struct vma *v)
{
	if (v->file) {
		if (v->file->shmem && v->file->refs == 1 && !(v->flags & VM_NORESERVE))
			commit_sub(cur->k, page_align(v->file->size) >> PAGE_SHIFT);
		file_put(cur, v->file);
	}
	if (v->policy)
		policy_put(v->policy);
	kernel_object_free(cur, SLAB_CACHE_VMA, v->slab);
	mem_free(v);
}

/* split_huge_pmd_if_needed */
static void split_huge_at(struct task *cur, struct mm *mm, vaddr_t addr)
{
	if (addr & (HUGE_PAGE_SIZE - 1))
		(void)thp_split_entry(cur, mm, addr);
}

int64_t mapping_split(struct task *cur, struct mm *mm, struct vma *v, vaddr_t addr, bool limited,
		      struct vma **upper)
{
	struct vma *u;
	uint64_t obj;

	if (limited && mm->vmas.n >= cur->k->params.max_map_count)
		return -LINUX_ENOMEM;
	if (!kernel_object_alloc(cur, SLAB_CACHE_VMA, &obj))
		return -LINUX_ENOMEM;
	split_huge_at(cur, mm, addr);
	u = vma_split(&mm->vmas, v, addr);
	u->slab = obj;
	if (u->file)
		file_get(u->file);
	if (upper)
		*upper = u;
	return 0;
}

struct vma *mapping_merge(struct task *cur, struct mm *mm, const struct vma *area, bool fresh)
{
	struct vma *gone[2];
	struct vma *v = vma_merge(&mm->vmas, area, fresh, gone);

	for (unsigned i = 0; i < ARRAY_LEN(gone); i++)
		if (gone[i])
			mapping_free(cur, gone[i]);
	return v;
}

int64_t mapping_change(struct task *cur, struct mm *mm, struct vma **v, vaddr_t start, vaddr_t end,
		       uint32_t flags, struct mempolicy *policy)
{
	struct vma area = **v, *merged;
	int64_t err;

	area.pgoff = vma_pgoff_at(*v, start);
	area.start = start;
	area.end = end;
	area.flags = flags;
	area.policy = policy;
	/* vma_adjust_trans_huge: a bound within a mapping becomes one between two, by a split or by a merge
	 */
	if (start != (*v)->start)
		split_huge_at(cur, mm, start);
	if (end != (*v)->end)
		split_huge_at(cur, mm, end);
	merged = mapping_merge(cur, mm, &area, false);
	if (merged) {
		*v = merged;
		return 0;
	}
	if (start != (*v)->start) {
		err = mapping_split(cur, mm, *v, start, true, v);
		if (err)
			return err;
	}
	if (end != (*v)->end) {
		err = mapping_split(cur, mm, *v, end, true, NULL);
		if (err)
			return err;
	}
	(*v)->flags = flags;
	if ((*v)->policy != policy) {
		struct mempolicy *old = (*v)->policy;

		(*v)->policy = policy ? policy_get(policy) : NULL;
		if (old)
			policy_put(old);
	}
	return 0;
}

void mapping_account(struct mm *mm, uint32_t flags, int64_t n)
{
	mm->total_vm += (uint64_t)n;
	if ((flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC)
		return; /* code */
	if (flags & VM_GROWSDOWN)
		mm->stack_vm += (uint64_t)n;
	else if ((flags & (VM_WRITE | VM_SHARED)) == VM_WRITE)
		mm->data_vm += (uint64_t)n;
}

/* arch_get_unmapped_area_topdown */
static vaddr_t search_area(struct mm *mm, vaddr_t hint, uint64_t len)
{
	hint &= PAGE_MASK;
	if (hint && hint <= USER_ADDRESS_END - len) {
		const struct vma *v = vma_find(&mm->vmas, hint);

		if (!v || hint + len <= vma_start_gap(v))
			return hint;
	}
	return vma_find_gap(&mm->vmas, len, TASK_UNMAPPED_BASE, mm->mmap_base, PAGE_SIZE);
}

int64_t mapping_area(struct mm *mm, vaddr_t addr, uint64_t len, unsigned map_flags)
{
	if (len > USER_ADDRESS_END)
		return -LINUX_ENOMEM;
	if (!(map_flags & MAP_FIXED)) {
		addr = search_area(mm, addr, len);
		if (!addr)
			return -LINUX_ENOMEM;
	}
	if (addr > USER_ADDRESS_END - len)
		return -LINUX_ENOMEM;
	if (addr & ~PAGE_MASK)
		return -LINUX_EINVAL;
	return addr < MMAP_MIN_ADDR ? -LINUX_EPERM : (int64_t)addr;
}

struct vma *mm_map_on_demand(struct task *cur, vaddr_t addr)
{
	const uint64_t window = UINT64_C(2) << 20;
	const uint32_t flags = VM_ACCESS_FLAGS | VM_MAY_FLAGS | VM_NORESERVE | VM_ON_DEMAND;
	struct mm *mm = cur->mm;
	vaddr_t start = addr & ~(window - 1);
	struct vma area = {.flags = flags, .mm = mm}, *next, *prev, *v;

	if (addr < PAGE_SIZE || addr >= USER_ADDRESS_END)
		return NULL;
	next = vma_find(&mm->vmas, addr);
	if (next && next->start <= addr)
		return next; /* another thread was quicker */
	prev = next ? vma_prev(&mm->vmas, next) : mm->vmas.n ? mm->vmas.v[mm->vmas.n - 1] : NULL;
	area.start = MAX_OF(MAX_OF(start, PAGE_SIZE), prev ? prev->end : 0);
	area.end = MIN_OF(MIN_OF(start + window, USER_ADDRESS_END), next ? next->start : UINT64_MAX);
	area.pgoff = area.start >> PAGE_SHIFT;
	v = mapping_merge(cur, mm, &area, true);
	if (!v) {
		v = mapping_new(cur, &area);
		if (!v)
			return NULL;
		vma_insert(&mm->vmas, v);
	}
	mapping_account(mm, flags, (int64_t)(area.end - area.start) >> PAGE_SHIFT);
	return v;
}

pte_t mapping_pte_bits(const struct vma *v)
{
	pte_t bits;

	if (!vma_is_accessible(v))
		return PTE_PROTNONE;
	bits = PTE_PRESENT | PTE_USER;
	if (!(v->flags & VM_EXEC))
		bits |= PTE_NX;
	/* private pages are copied at the first write, pages of a disk's file become dirty by it */
	if ((v->flags & (VM_SHARED | VM_WRITE)) == (VM_SHARED | VM_WRITE) && v->file && v->file->shmem)
		bits |= PTE_WRITE;
	return bits;
}

uint64_t commit_limit(const struct kernel *k)
{
	uint64_t n = mul_div_u64(k->memory->totalram_pages, k->params.overcommit_ratio, 100);

	return n + (k->swap ? swap_total_slots(k->swap) : 0);
}

/* sysctl_admin_reserve_kbytes and sysctl_user_reserve_kbytes as init_admin_reserve sets them, in pages. */
static uint64_t reserve_pages(const struct kernel *k, uint64_t most_bytes)
{
	return MIN_OF(k->memory->totalram_pages / 32, most_bytes >> PAGE_SHIFT);
}

bool commit_add(struct kernel *k, const struct mm *mm, uint64_t n)
{
	int64_t *committed = &k->mms->committed_pages, allowed;

	*committed += (int64_t)n;
	if (k->params.overcommit_memory == 1)
		return true;
	if (k->params.overcommit_memory == 0) {
		if (n <= k->memory->totalram_pages + (k->swap ? swap_total_slots(k->swap) : 0))
			return true;
		*committed -= (int64_t)n;
		return false;
	}
	allowed = (int64_t)commit_limit(k) - (int64_t)reserve_pages(k, UINT64_C(8) << 20);
	if (mm)
		allowed -= (int64_t)MIN_OF(mm->total_vm / 32, reserve_pages(k, UINT64_C(128) << 20));
	if (*committed < allowed)
		return true;
	*committed -= (int64_t)n;
	return false;
}

void commit_sub(struct kernel *k, uint64_t n)
{
	k->mms->committed_pages -= (int64_t)n;
}
