/*
 * test_numa_balancing.c - hinting faults, and memory that follows the thread that uses it.
 *
 * Two nodes of one CPU each. Ticks are given by hand: a task's run time is set, then the timer ticks on it.
 */
#include "models/kernel/numa_balancing.h"

#include <check.h>

#include "models/kernel/thp_split.h"
#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define P  PAGE_SIZE
#define N  64 /* pages in most tests: their LRU batches are drained */
#define A  0x40000000

static struct bed b;

static void start_with(const char *on, const char *scan, const char *other)
{
	bed_new(&b, "topology.node_mem=64MiB 64MiB", "topology.node_cpus=1 1", "kernel.struct_page_bytes=0",
		on, scan, other, NULL);
	b.t->tid = 7;
}

static void start(const char *on)
{
	start_with(on, "kernel.numa_balancing_scan_size_mb=1", NULL);
}

static void setup(void)
{
	start("kernel.numa_balancing=1");
}

static void teardown(void)
{
	ck_assert(vma_tree_is_valid(&b.t->mm->vmas));
	ck_assert(pgtable_is_valid(&b.t->mm->pt));
	bed_free(&b);
}

static uint64_t event(enum vm_event e)
{
	return b.mem.vmstat.event[e];
}

static unsigned pages_on(vaddr_t a, unsigned n, unsigned nid)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += frame_of(&b.mem, pte_pfn(bed_pte(&b, a + i * P)))->nid == nid;
	return sum;
}

static unsigned marked(vaddr_t a, unsigned n)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += (bed_pte(&b, a + i * P) & (PTE_PRESENT | PTE_PROTNONE)) == PTE_PROTNONE;
	return sum;
}

/* The task goes to another CPU, with its clock. */
static void go_to(unsigned cpu)
{
	b.x[cpu].cycles = b.t->exec->cycles;
	b.x[cpu].running = b.t;
	b.t->exec->running = NULL;
	b.t->exec = &b.x[cpu];
	b.t->cpu = cpu;
}

/* Runs for so many ms more, up to a tick; what the tick asks for is done. True when it asked. */
static bool run(uint64_t ms)
{
	uint64_t cycles = b.topo.cpu_clock.hz / 1000 * ms;

	b.t->exec->cycles += cycles;
	b.t->runtime += cycles;
	numa_balancing_tick(b.t);
	if (!(b.t->flags & TASK_WORK))
		return false;
	b.t->flags &= ~TASK_WORK;
	numa_balancing_work(b.t);
	return true;
}

/* What a program's access does: it faults on an entry that is not there, else nothing. Returns the faults. */
static unsigned touch_all(vaddr_t a, unsigned n)
{
	unsigned faults = 0;

	for (unsigned i = 0; i < n; i++)
		if (!(bed_pte(&b, a + i * P) & PTE_PRESENT)) {
			ck_assert_int_eq(bed_touch(&b, a + i * P, false), FAULT_DONE);
			ck_assert(bed_pte(&b, a + i * P) & PTE_PRESENT);
			faults++;
		}
	return faults;
}

/* Until a second and a little has been run twice: the first scan only sets the time of the next. */
static void first_scan(void)
{
	ck_assert(!run(999)); /* nothing before scan_delay_ms of run time */
	ck_assert(run(2));    /* the address space was never asked: its scan is due a second later */
	ck_assert_uint_eq(event(VMEV_NUMA_PTE_UPDATES), 0);
	ck_assert_uint_eq(b.t->numa->period, 1000);
	ck_assert(run(1100));
}

START_TEST(memory_follows)
{
	vaddr_t a = bed_fill(&b, A, N);
	unsigned flushes;

	ck_assert_uint_eq(pages_on(a, N, 0), N);
	go_to(1);
	flushes = b.flushes;
	first_scan();
	ck_assert_uint_eq(marked(a, N), N);
	ck_assert_uint_eq(event(VMEV_NUMA_PTE_UPDATES), N);
	ck_assert_uint_eq(b.flushes, flushes + 1);
	ck_assert_uint_eq(b.flush_start, a);
	ck_assert_uint_eq(b.flush_end, a + N * P);
	/* each page is touched once, from node 1: nobody had it before, so it moves at once */
	ck_assert_uint_eq(touch_all(a, N), N);
	ck_assert_uint_eq(event(VMEV_NUMA_HINT_FAULTS), N);
	ck_assert_uint_eq(event(VMEV_NUMA_HINT_FAULTS_LOCAL), 0);
	ck_assert_uint_eq(event(VMEV_NUMA_PAGE_MIGRATE), N);
	ck_assert_uint_eq(event(VMEV_PGMIGRATE_SUCCESS), N);
	ck_assert_uint_eq(pages_on(a, N, 1), N);
	ck_assert_uint_eq(b.proc[0].stats.hint_faults, N);
	ck_assert_uint_eq(b.t->numa->moved, N);
	for (unsigned i = 0; i < N; i++) /* writable as before */
		ck_assert_uint_eq(bed_pte(&b, a + i * P) & (PTE_WRITE | PTE_PROTNONE), PTE_WRITE);
	/* now all of it is local, and a single thread's local pages are not marked */
	ck_assert(run(2200));
	ck_assert_uint_eq(event(VMEV_NUMA_PTE_UPDATES), N);
	ck_assert_uint_eq(touch_all(a, N), 0);
}
END_TEST

START_TEST(off)
{
	vaddr_t a;

	bed_free(&b);
	start("kernel.numa_balancing=0");
	a = bed_fill(&b, A, N);
	go_to(1);
	ck_assert(!run(5000));
	ck_assert(!run(5000));
	ck_assert_uint_eq(touch_all(a, N), 0);
	ck_assert_uint_eq(pages_on(a, N, 0), N);
	ck_assert_ptr_null(b.t->numa);
}
END_TEST

/* A page that two tasks use moves when two faults in a row came from the same node. */
START_TEST(two_references)
{
	vaddr_t a = bed_fill(&b, A, 1);
	struct frame *f = frame_of(&b.mem, pte_pfn(bed_pte(&b, a)));

	go_to(1);
	f->last_cpupid = (0u << 8 | 9) + 1; /* task 9 on CPU 0, so on node 0 */
	first_scan();
	ck_assert_uint_eq(touch_all(a, 1), 1);
	ck_assert_uint_eq(pages_on(a, 1, 0), 1);
	ck_assert_uint_eq(f->last_cpupid, (1u << 8 | 7) + 1);
	ck_assert_uint_eq(b.t->numa->recent[0][0], 1); /* shared */
	/* faults are summed up before one is counted: there were none, so the period is twice as long */
	ck_assert_uint_eq(b.t->numa->period, 2000);
	ck_assert(run(2200));
	ck_assert_uint_eq(marked(a, 1), 1);
	ck_assert_uint_eq(touch_all(a, 1), 1);
	ck_assert_uint_eq(pages_on(a, 1, 1), 1);
	ck_assert_uint_eq(event(VMEV_NUMA_HINT_FAULTS), 2);
	ck_assert_uint_eq(event(VMEV_NUMA_PAGE_MIGRATE), 1);
	/* the new frame knows its last user still */
	ck_assert_uint_eq(frame_of(&b.mem, pte_pfn(bed_pte(&b, a)))->last_cpupid, (1u << 8 | 7) + 1);
}
END_TEST

/* Only memory of the default policy, or bound with the balancing flag, is marked. */
START_TEST(policies)
{
	vaddr_t a = bed_fill(&b, A, 4), bound = bed_fill(&b, A + (16 << 20), 4),
		asked = bed_fill(&b, A + (32 << 20), 4);

	ck_assert_int_eq(sys_mbind(b.t, bound, 4 * P, MPOL_BIND, 3, 0), 0);
	ck_assert_int_eq(sys_mbind(b.t, asked, 4 * P, MPOL_BIND | MPOL_F_NUMA_BALANCING, 3, 0), 0);
	go_to(1);
	first_scan();
	ck_assert_uint_eq(marked(a, 4), 4);
	ck_assert_uint_eq(marked(bound, 4), 0);
	ck_assert_uint_eq(marked(asked, 4), 4);
	ck_assert_uint_eq(touch_all(asked, 4), 4);
	ck_assert_uint_eq(pages_on(asked, 4, 1), 4);
}
END_TEST

/* 1 MiB a scan is 256 pages; of three such parts each scan marks one. */
START_TEST(scans_go_on)
{
	vaddr_t a = bed_anon(&b, A, 6 << 20, RW, MAP_FIXED);

	for (unsigned i = 0; i < 3; i++) /* a part ends with its 2 MiB */
		ck_assert_int_eq(bed_touch(&b, a + i * (2 << 20), true), FAULT_DONE);
	lru_drain_all(&b.k);
	go_to(1);
	first_scan();
	ck_assert_uint_eq(event(VMEV_NUMA_PTE_UPDATES), 1);
	ck_assert_uint_eq(b.t->mm->numa_scan_offset, a + (2 << 20));
	run(1100);
	ck_assert_uint_eq(event(VMEV_NUMA_PTE_UPDATES), 2);
	ck_assert_uint_eq(b.t->mm->numa_scan_seq, 0);
	run(1100);
	ck_assert_uint_eq(event(VMEV_NUMA_PTE_UPDATES), 3);
	run(1100); /* nothing behind: the pass is over; the new one finds all marked and is over, too */
	ck_assert_uint_eq(b.t->mm->numa_scan_seq, 2);
	ck_assert_uint_eq(event(VMEV_NUMA_PTE_UPDATES), 3);
}
END_TEST

/* Entries that are marked are ordinary to whoever else changes them. */
START_TEST(other_calls)
{
	vaddr_t a = bed_fill(&b, A, 8);
	int64_t anon = b.t->mm->rss[MM_ANONPAGES];
	struct mm *child;

	go_to(1);
	first_scan();
	ck_assert_uint_eq(marked(a, 8), 8);
	ck_assert_int_eq(sys_mprotect(b.t, a, 2 * P, PROT_READ), 0); /* unmarks */
	ck_assert_uint_eq(marked(a, 8), 6);
	ck_assert_int_eq(bed_touch(&b, a, true), FAULT_SIGSEGV);
	ck_assert_int_eq(sys_madvise(b.t, a + 2 * P, P, 4 /* DONTNEED */), 0);
	ck_assert_uint_eq(bed_pte(&b, a + 2 * P), 0);
	ck_assert_int_eq(b.t->mm->rss[MM_ANONPAGES], anon - 1);
	child = mm_fork(b.t, bed_process(&b));
	b.proc[1].mm = child;
	ck_assert_int_eq(pte_present(*pgtable_find(&child->pt, a + 3 * P)), 1);
	ck_assert_uint_eq(*pgtable_find(&child->pt, a + 3 * P) & PTE_WRITE, 0);
	/* shared now: the first access unmarks and does not move what the child has, too, unless alone */
	ck_assert_int_eq(bed_touch(&b, a + 3 * P, true), FAULT_DONE);
	ck_assert(bed_pte(&b, a + 3 * P) & PTE_PRESENT);
	ck_assert_int_eq(bed_touch(&b, a + 3 * P, true), FAULT_DONE); /* the write itself: a copy */
	ck_assert(bed_pte(&b, a + 3 * P) & PTE_WRITE);
	ck_assert_uint_eq(pages_on(a + 3 * P, 1, 1), 1);
}
END_TEST

/* A full node gets nothing: the entry is accessible again and the page where it was. */
START_TEST(no_room)
{
	vaddr_t a = bed_fill(&b, A, 4);
	pfn_t pfn = pte_pfn(bed_pte(&b, a));

	go_to(1);
	first_scan();
	while (alloc_pages_node(b.t, 1, GFP_NOWAIT | GFP_BIT_THISNODE | GFP_BIT_NOWARN, 0) != PFN_NONE)
		;
	ck_assert_uint_eq(touch_all(a, 4), 4);
	ck_assert_uint_eq(pte_pfn(bed_pte(&b, a)), pfn);
	ck_assert_uint_eq(event(VMEV_NUMA_HINT_FAULTS), 4);
	ck_assert_uint_eq(event(VMEV_NUMA_PAGE_MIGRATE), 0);
	ck_assert_uint_eq(b.t->numa->locality[2], 4);
}
END_TEST

/* Ten slots a period, seven of ten the threshold. */
START_TEST(periods)
{
	/* all private: three slots slower */
	ck_assert_int_eq(numa_scan_period(1000, 10, 0, 0, 10), 1300);
	/* exactly at the threshold: one slot slower */
	ck_assert_int_eq(numa_scan_period(1000, 10, 0, 3, 7), 1100);
	/* shared, but nine tenths local: two slots slower */
	ck_assert_int_eq(numa_scan_period(1000, 1, 9, 10, 0), 1200);
	/* shared and remote: seven slots faster */
	ck_assert_int_eq(numa_scan_period(1000, 10, 0, 10, 0), 300);
	/* four tenths private, half local: two slots faster; a slot of 1001 ms is 101 */
	ck_assert_int_eq(numa_scan_period(1001, 5, 5, 6, 4), 1001 - 202);
}
END_TEST

/* ---- huge pages ---- */

static pte_t *huge_entry(vaddr_t a)
{
	struct ptable *t = pgtable_table(&b.t->mm->pt, a, 2);

	return &t->e[ptable_index(a, 2)];
}

static struct frame *huge_frame(vaddr_t a)
{
	return frame_of(&b.mem, pte_pfn(*huge_entry(a)));
}

/* A huge page on node 0, met from node 1. */
static vaddr_t start_huge(void)
{
	vaddr_t a;

	bed_free(&b);
	start_with("kernel.numa_balancing=1", "kernel.numa_balancing_scan_size_mb=16", "thp.enabled=always");
	a = bed_anon(&b, A, HUGE_PAGE_SIZE, RW, MAP_FIXED);
	ck_assert_int_eq(bed_touch(&b, a, true), FAULT_DONE);
	ck_assert(*huge_entry(a) & PTE_HUGE);
	lru_drain_all(&b.k);
	go_to(1);
	first_scan();
	ck_assert_uint_eq(event(VMEV_NUMA_PTE_UPDATES), HUGE_PAGE_NR);
	ck_assert_uint_eq(event(VMEV_NUMA_HUGE_PTE_UPDATES), 1);
	ck_assert_uint_eq(*huge_entry(a) & (PTE_PRESENT | PTE_PROTNONE | PTE_WRITE),
			  PTE_PROTNONE | PTE_WRITE);
	return a;
}

START_TEST(huge_pages_follow)
{
	vaddr_t a = start_huge();

	ck_assert_int_eq(bed_touch(&b, a + 77 * P, true), FAULT_DONE);
	ck_assert_uint_eq(*huge_entry(a) & (PTE_PRESENT | PTE_PROTNONE | PTE_WRITE | PTE_HUGE),
			  PTE_PRESENT | PTE_WRITE | PTE_HUGE);
	ck_assert_uint_eq(huge_frame(a)->nid, 1);
	ck_assert_int_eq(frame_whole_mapcount(huge_frame(a)), 1);
	ck_assert_uint_eq(event(VMEV_NUMA_HINT_FAULTS), 1);
	ck_assert_uint_eq(event(VMEV_NUMA_PAGE_MIGRATE), HUGE_PAGE_NR);
	ck_assert_uint_eq(event(VMEV_PGMIGRATE_SUCCESS), HUGE_PAGE_NR);
	ck_assert_uint_eq(event(VMEV_THP_MIGRATION_SUCCESS), 1);
	ck_assert_uint_eq(event(VMEV_THP_SPLIT_PMD) + event(VMEV_THP_SPLIT_PAGE), 0);
	ck_assert_int_eq(b.mem.node[0].stat.item[NR_ANON_THPS], 0);
	ck_assert_int_eq(b.mem.node[1].stat.item[NR_ANON_THPS], HUGE_PAGE_NR);
	ck_assert_uint_eq(b.t->numa->recent[1][1], HUGE_PAGE_NR);
	ck_assert_uint_eq(b.t->numa->moved, HUGE_PAGE_NR);
	/* unlike a small page it is marked where it is local, too, and stays */
	ck_assert(run(2200));
	ck_assert_uint_eq(event(VMEV_NUMA_HUGE_PTE_UPDATES), 2);
	ck_assert_int_eq(bed_touch(&b, a, false), FAULT_DONE);
	ck_assert_uint_eq(event(VMEV_NUMA_HINT_FAULTS_LOCAL), 1);
	ck_assert_uint_eq(event(VMEV_NUMA_PAGE_MIGRATE), HUGE_PAGE_NR);
	/* and changing rights counts as an update of a huge entry, whoever does it */
	ck_assert_int_eq(sys_mprotect(b.t, a, HUGE_PAGE_SIZE, PROT_READ), 0);
	ck_assert_uint_eq(event(VMEV_NUMA_HUGE_PTE_UPDATES), 3);
}
END_TEST

/* Node 1 has room but no 2 MiB in one piece: the page stays, whole. */
START_TEST(huge_pages_are_not_split)
{
	vaddr_t a = start_huge();

	bed_shatter(&b, 1);
	ck_assert_int_eq(bed_touch(&b, a, true), FAULT_DONE);
	ck_assert_uint_eq(huge_frame(a)->nid, 0);
	ck_assert(*huge_entry(a) & PTE_PRESENT);
	ck_assert_uint_eq(event(VMEV_NUMA_PAGE_MIGRATE), 0);
	ck_assert_uint_eq(event(VMEV_THP_MIGRATION_FAIL), 1);
	ck_assert_uint_eq(event(VMEV_PGMIGRATE_FAIL), HUGE_PAGE_NR);
	ck_assert_uint_eq(event(VMEV_THP_MIGRATION_SPLIT) + event(VMEV_THP_SPLIT_PAGE), 0);
	ck_assert_uint_eq(b.t->numa->locality[2], HUGE_PAGE_NR);
}
END_TEST

/* What two processes map is not moved. */
START_TEST(shared_huge_pages_stay)
{
	vaddr_t a = start_huge();
	struct mm *child = mm_fork(b.t, bed_process(&b));

	b.proc[1].mm = child;
	ck_assert_int_eq(bed_touch(&b, a, false), FAULT_DONE);
	ck_assert_int_eq(huge_frame(a)->mapcount, 2);
	ck_assert_uint_eq(huge_frame(a)->nid, 0);
	ck_assert_uint_eq(event(VMEV_NUMA_HINT_FAULTS), 1);
	ck_assert_uint_eq(event(VMEV_PGMIGRATE_SUCCESS) + event(VMEV_PGMIGRATE_FAIL), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("numa_balancing");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, memory_follows);
	tcase_add_test(t, off);
	tcase_add_test(t, two_references);
	tcase_add_test(t, policies);
	tcase_add_test(t, scans_go_on);
	tcase_add_test(t, other_calls);
	tcase_add_test(t, no_room);
	tcase_add_test(t, periods);
	tcase_add_test(t, huge_pages_follow);
	tcase_add_test(t, huge_pages_are_not_split);
	tcase_add_test(t, shared_huge_pages_stay);
	return run_case("numa_balancing", t);
}
