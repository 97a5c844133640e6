/*
 * test_vma_prop.c - random mmap, munmap, mprotect, madvise and mremap against an array with one attribute
 * word a page: same results, same coverage, no overlaps, as few mappings as the attributes allow, all
 * accounts. With pages touched in between, what stays resident is compared, too, and fork and exit give
 * everything back.
 */
#include <check.h>

#include "sim/rng.h"
#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define PAGES 96
#define BASE  UINT64_C(0x7f0000000000)
#define P     PAGE_SIZE
#define RW    (PROT_READ | PROT_WRITE)
#define KEPT  (VM_ACCESS_FLAGS | VM_ACCOUNT | VM_SEQ_READ | VM_RAND_READ)

/* As ck_assert, but silent when all is well: check notes each assertion in a file. */
#define SAME(a, b)                                                                                    \
	do {                                                                                          \
		int64_t same_a = (int64_t)(a), same_b = (int64_t)(b);                                 \
		if (same_a != same_b)                                                                 \
			ck_abort_msg("%s is %" PRId64 ", not %s = %" PRId64, #a, same_a, #b, same_b); \
	} while (0)

static struct bed b;
static struct rng rng;

/* The naive address space. */
static struct {
	uint32_t attr[PAGES]; /* 0: not mapped; else KEPT flags and VM_MAYREAD */
	bool page[PAGES];     /* an anonymous page is there */
} naive;

static vaddr_t va_of(unsigned page)
{
	return BASE + page * P;
}

static unsigned pick(unsigned n)
{
	return (unsigned)rng_below(&rng, n);
}

static uint32_t attr_of_prot(unsigned prot)
{
	return VM_MAYREAD | prot | (prot & PROT_WRITE ? VM_ACCOUNT : 0);
}

static unsigned any_prot(void)
{
	static const unsigned some[] = {0, PROT_READ, RW, RW, RW | PROT_EXEC};

	return some[pick(ARRAY_LEN(some))];
}

static void naive_set(unsigned from, unsigned n, uint32_t attr)
{
	for (unsigned i = from; i < from + n; i++) {
		naive.attr[i] = attr;
		naive.page[i] = false;
	}
}

static void map_fixed(unsigned from, unsigned n)
{
	unsigned prot = any_prot();

	bed_anon(&b, va_of(from), n * P, prot, MAP_FIXED);
	naive_set(from, n, attr_of_prot(prot));
}

/* The highest gap of n pages in the window, PAGES when there is none. */
static unsigned naive_gap(unsigned n)
{
	unsigned run = 0;

	for (unsigned i = PAGES; i-- > 0;) {
		run = naive.attr[i] ? 0 : run + 1;
		if (run == n)
			return i;
	}
	return PAGES;
}

static void map_anywhere(unsigned n)
{
	unsigned prot = any_prot(), at = naive_gap(n);
	vaddr_t a = bed_anon(&b, 0, n * P, prot, 0);

	if (at == PAGES) { /* below the window: away with it */
		SAME(a < BASE, true);
		SAME(sys_munmap(b.t, a, n * P), 0);
		return;
	}
	SAME(a, va_of(at));
	naive_set(at, n, attr_of_prot(prot));
}

static void unmap(unsigned from, unsigned n)
{
	SAME(sys_munmap(b.t, va_of(from), n * P), 0);
	naive_set(from, n, 0);
}

static void protect(unsigned from, unsigned n)
{
	unsigned prot = any_prot();
	int64_t want = 0;

	for (unsigned i = from; i < from + n && !want; i++) {
		if (!naive.attr[i])
			want = -LINUX_ENOMEM;
		else
			naive.attr[i] = (naive.attr[i] & ~VM_ACCESS_FLAGS) | attr_of_prot(prot);
	}
	SAME(sys_mprotect(b.t, va_of(from), n * P, prot), want);
}

static void advise(unsigned from, unsigned n)
{
	int advice = (int)pick(3); /* NORMAL, RANDOM, SEQUENTIAL */
	const uint32_t set[] = {0, VM_RAND_READ, VM_SEQ_READ};
	int64_t want = 0;

	for (unsigned i = from; i < from + n; i++) {
		if (!naive.attr[i])
			want = -LINUX_ENOMEM;
		else
			naive.attr[i] = (naive.attr[i] & ~(VM_RAND_READ | VM_SEQ_READ)) | set[advice];
	}
	SAME(sys_madvise(b.t, va_of(from), n * P, advice), want);
}

static void dontneed(unsigned from, unsigned n)
{
	int64_t want = 0;

	for (unsigned i = from; i < from + n; i++) {
		if (!naive.attr[i])
			want = -LINUX_ENOMEM;
		naive.page[i] = false;
	}
	SAME(sys_madvise(b.t, va_of(from), n * P, 4), want);
}

/* Pages from `from` that lie in one mapping, by the kernel's own view (merging is checked elsewhere). */
static unsigned pages_in_vma(unsigned from)
{
	const struct vma *v = vma_at(&b.t->mm->vmas, va_of(from));

	return v ? (unsigned)((v->end - va_of(from)) >> PAGE_SHIFT) : 0;
}

/* mremap to a place chosen by us. */
static void move(unsigned from, unsigned n, unsigned to, unsigned new_n)
{
	uint32_t attr[PAGES];
	bool page[PAGES];
	int64_t r = sys_mremap(b.t, va_of(from), n * P, new_n * P, 3, va_of(to));

	if (from < to + new_n && to < from + n) {
		SAME(r, -LINUX_EINVAL);
		return;
	}
	SAME(r, (int64_t)va_of(to));
	memcpy(attr, naive.attr + from, sizeof attr[0] * n);
	memcpy(page, naive.page + from, sizeof page[0] * n);
	naive_set(from, n, 0);
	for (unsigned i = 0; i < new_n; i++) {
		naive.attr[to + i] = attr[i < n ? i : 0];
		naive.page[to + i] = i < n && page[i];
	}
}

static void remap(unsigned from, unsigned n)
{
	unsigned room = pages_in_vma(from), new_n = 1 + pick(12);
	unsigned to = pick(PAGES - new_n + 1);

	if (!naive.attr[from]) {
		SAME(sys_mremap(b.t, va_of(from), n * P, new_n * P, 0, 0), -LINUX_EFAULT);
		return;
	}
	move(from, MIN_OF(n, room), to, new_n);
}

static void touch(unsigned page)
{
	enum fault_result r = bed_touch(&b, va_of(page), true);

	if (!(naive.attr[page] & VM_WRITE)) {
		SAME(r, FAULT_SIGSEGV);
		return;
	}
	SAME(r, FAULT_DONE);
	naive.page[page] = true;
}

static void check_vmas(bool canonical)
{
	struct vma_tree *t = &b.t->mm->vmas;
	uint64_t mapped = 0, committed = 0, resident = 0, runs = 0;

	SAME(vma_tree_is_valid(t), true);
	for (unsigned i = 0; i < PAGES; i++) {
		const struct vma *v = vma_at(t, va_of(i));

		SAME(v ? (v->flags & KEPT) | VM_MAYREAD : 0, naive.attr[i]);
		SAME(pte_present(bed_pte(&b, va_of(i))), naive.page[i]);
		mapped += naive.attr[i] != 0;
		committed += (naive.attr[i] & VM_ACCOUNT) != 0;
		resident += naive.page[i];
		runs += naive.attr[i] && (i == 0 || naive.attr[i - 1] != naive.attr[i]);
	}
	SAME(b.t->mm->total_vm, mapped);
	SAME(b.mms.committed_pages, (int64_t)committed);
	SAME(b.t->mm->rss[MM_ANONPAGES], (int64_t)resident);
	if (canonical)
		SAME(t->n, runs);
	else
		SAME(t->n >= runs, true);
}

static void step(bool touching)
{
	unsigned from = pick(PAGES), n = 1 + pick(MIN_OF(PAGES - from, 16u));

	switch (pick(touching ? 10 : 6)) {
	case 0:
		map_fixed(from, n);
		break;
	case 1:
		map_anywhere(n);
		break;
	case 2:
		unmap(from, n);
		break;
	case 3:
		protect(from, n);
		break;
	case 4:
		advise(from, n);
		break;
	case 5:
		remap(from, n);
		break;
	case 6:
		dontneed(from, n);
		break;
	default:
		for (unsigned i = from; i < from + n; i++)
			touch(i);
	}
}

static void open_bed(uint64_t seed)
{
	bed_new(&b, BED_SMALL, "swap.size=0", NULL);
	b.t->mm->mmap_base = va_of(PAGES);
	memset(&naive, 0, sizeof naive);
	rng_init(&rng, seed, "vma_prop");
}

START_TEST(untouched_mappings_are_canonical)
{
	open_bed((uint64_t)_i);
	for (unsigned n = 0; n < 3000; n++) {
		step(false);
		check_vmas(true);
	}
	bed_free(&b);
}
END_TEST

/* Whatever is done, nothing is left when the process is gone. */
START_TEST(pages_follow_their_mappings)
{
	uint64_t used;

	open_bed(100 + (uint64_t)_i);
	map_fixed(0, 1); /* slabs and lists are warm */
	unmap(0, 1);
	used = bed_used(&b);
	for (unsigned n = 0; n < 3000; n++) {
		step(true);
		check_vmas(false);
		SAME(pgtable_is_valid(&b.t->mm->pt), true);
	}
	SAME(memory_node_total(&b.mem, NR_ANON_MAPPED), b.t->mm->rss[MM_ANONPAGES]);
	unmap(0, PAGES);
	check_vmas(true);
	lru_drain_all(&b.k);
	ck_assert_uint_le(bed_used(&b), used + 12); /* partial slabs of mappings */
	SAME(memory_node_total(&b.mem, NR_ANON_MAPPED), 0);
	SAME(b.t->mm->pt.nr_tables, 1);
	bed_free(&b);
}
END_TEST

/* A child sees what its parent had, whatever both write afterwards. */
START_TEST(forks_share_until_they_write)
{
	struct process *child;
	uint64_t resident = 0;

	open_bed(200 + (uint64_t)_i);
	for (unsigned n = 0; n < 200; n++)
		step(true);
	child = bed_process(&b);
	child->mm = mm_fork(b.t, child);
	SAME(child->mm->vmas.n, b.t->mm->vmas.n);
	for (unsigned i = 0; i < PAGES; i++) {
		pte_t *c = pgtable_find(&child->mm->pt, va_of(i)), p = bed_pte(&b, va_of(i));

		SAME(c && pte_present(*c), pte_present(p));
		if (!pte_present(p))
			continue;
		resident++;
		SAME(pte_pfn(*c), pte_pfn(p));
		ck_assert(!(*c & PTE_WRITE) && !(p & PTE_WRITE));
		SAME(frame_of(&b.mem, pte_pfn(p))->mapcount, 2);
		SAME(frame_of(&b.mem, pte_pfn(p))->refs - 2,
		     (frame_of(&b.mem, pte_pfn(p))->flags & FR_BATCHED) != 0);
	}
	SAME(memory_node_total(&b.mem, NR_ANON_MAPPED), (int64_t)resident);
	for (unsigned i = 0; i < PAGES; i++) /* the parent writes all it may */
		touch(i);
	mm_put(b.t, child->mm);
	SAME(memory_node_total(&b.mem, NR_ANON_MAPPED), b.t->mm->rss[MM_ANONPAGES]);
	check_vmas(false);
	bed_free(&b);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("vma_prop");

	tcase_add_loop_test(c, untouched_mappings_are_canonical, 0, 8);
	tcase_add_loop_test(c, pages_follow_their_mappings, 0, 8);
	tcase_add_loop_test(c, forks_share_until_they_write, 0, 8);
	return run_case("vma_prop", c);
}
