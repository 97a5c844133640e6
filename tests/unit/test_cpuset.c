/*
 * test_cpuset.c - groups of processes that may use some CPUs and nodes only.
 */
#include "models/kernel/cpuset.h"

#include "tests/machine_fixture.h"
#include "tests/suite.h"
#include "tests/unit/vm_fixture.h"

#define RW (PROT_READ | PROT_WRITE)
#define P  PAGE_SIZE
#define A  0x40000000

static struct bed bed, *const b = &bed;
static struct bench bench, *const m = &bench;

/* ---- reading ---- */

static const struct {
	const char *mems, *cpus, *of, *change, *says;
	const char *name, *changes;
} wrong[] = {
	{"0-x", "", "", "", "cpuset.mems: \"0-x\", character 3: expected a number", "", ""},
	{"0 2-1", "", "", "", "expected a range that goes up", "", ""},
	{"0,4", "", "", "", "cpuset.mems: \"0,4\", character 3: expected a number below 4", "", ""},
	{"0;1", "", "", "", "expected \",\" or a blank", "", ""},
	{"0", "0 4", "", "", "cpuset.cpus: \"0 4\", character 3: expected a number below 4", "", ""},
	{"0 1", "0 1 2", "", "", "cpuset.mems: 2 lists for 3 sets", "", ""},
	{"3", "", "", "", "cpuset.mems: node 3 has no memory", "", ""},
	{"0 1", "", "1:2", "", "cpuset.of: \"1:2\", character 3: expected a number below 2", "", ""},
	{"0 1", "", "1=1", "", "expected \":\"", "", ""},
	{"0 1", "", "1:rooter", "", "expected the name of a set", "", ""},
	{"0 1", "", "1:1x", "", "expected the end of the set's place", "", ""},
	{"", "", "1:0", "", "cpuset.of: there are no sets", "", ""},
	{"", "", "", "1", "cpuset.change_mems: there are no sets", "", ""},
	{"0 1 2", "", "", "1 2", "cpuset.change_mems: 2 lists for 3 sets", "", ""},
	{"0-,1", "", "", "", "cpuset.mems: \"0-,1\", character 3: expected a number", "", ""},
	{"-1", "", "", "", "cpuset.mems: \"-1\", character 2: expected a number before it", "", ""},
	{"0 1", "", "", "", "cpuset.mems: 2 lists for 3 sets", "a b c", ""},
	{"", "", "", "", "expected the set that it lies in", "a b/c", ""},
	{"", "", "", "", "character 3: expected another name", "a a", ""},
	{"", "", "", "", "cpuset.name: \"17\", character 1: expected a name of", "17", ""},
	{"", "", "1:c", "", "cpuset.of: \"1:c\", character 3: expected the name of a set", "a b", ""},
	{"", "", "", "", "cpuset.changes: there are no sets", "", "1:a.mems=0"},
	{"", "", "", "", "character 3: expected SET.mems=LIST", "a", "1:a.mem=0"},
	{"", "", "", "", "character 3: expected the name of a set", "a", "1:b.mems=0"},
	{"", "", "", "", "character 10: expected a number below 4", "a", "1:a.mems=4"},
	{"", "", "", "", "cpuset.changes: node 3 has no memory", "a", "1:a.mems=3"},
	{"", "", "", "", "character 2: expected the label of a mark", "a", "@:a.mems=0"},
	{"", "", "", "", "expected \":\"", "a", "@b"},
	{"", "", "", "", "character 1: expected a number", "a", "x:a.mems=0"},
};

static void four_nodes(const char *setting)
{
	bed_new(b, "topology.node_mem=16MiB 16MiB 16MiB 0", "topology.node_cpus=1 1 1 1",
		"kernel.struct_page_bytes=0", setting, NULL);
}

START_TEST(bad_sets)
{
	struct cpuset_params p = {.mems = wrong[_i].mems,
				  .cpus = wrong[_i].cpus,
				  .of = wrong[_i].of,
				  .change_mems = wrong[_i].change,
				  .name = wrong[_i].name,
				  .changes = wrong[_i].changes};

	four_nodes(NULL);
	ck_assert_int_lt(cpuset_new(&b->k, &p, &b->e), 0);
	ck_assert_msg(strstr(b->e.text, wrong[_i].says) != NULL, "%s", b->e.text);
	cpuset_free(&b->k);
	bed_free(b);
}
END_TEST

START_TEST(sets)
{
	struct cpuset_params p = {.mems = " 0-1,2  1 ",
				  .cpus = "0,2-3",
				  .of = "7:1 8:root",
				  .change_mems = "",
				  .name = "",
				  .changes = ""};
	struct process one = {.pid = 7}, child = {.pid = 9}, two = {.pid = 8};
	uint64_t mask[MAX_CPUS / 64] = {5};

	four_nodes(NULL);
	ck_assert_int_eq(cpuset_new(&b->k, &p, &b->e), 0);
	one.cpuset = cpuset_of_pid(&b->k, 7, NULL);
	ck_assert_uint_eq(one.cpuset->mems, 2);
	ck_assert_uint_eq(one.cpuset->cpus[0], 13);
	child.cpuset = cpuset_of_pid(&b->k, 9, &one);
	ck_assert_ptr_eq(child.cpuset, one.cpuset);
	two.cpuset = cpuset_of_pid(&b->k, 8, &one);
	ck_assert_ptr_null(two.cpuset);
	ck_assert_ptr_null(cpuset_of_pid(&b->k, 10, NULL)); /* somebody was named: others are in the root */
	b->t->process->cpuset = one.cpuset;
	cpuset_attach(b->t, NULL);
	ck_assert_uint_eq(b->t->mems_allowed, 2);
	ck_assert_uint_eq(b->t->cpu_mask[0], 13);
	cpuset_limit_cpus(b->t, mask);
	ck_assert_uint_eq(mask[0], 5 & 13);
	b->t->process->cpuset = NULL;
	cpuset_free(&b->k);
	bed_free(b);
}
END_TEST

/* ---- where pages may come from ---- */

static pfn_t take(gfp_t gfp)
{
	return alloc_pages(b->t, gfp | GFP_BIT_NORETRY | GFP_BIT_NOWARN, 0);
}

/* Users' pages stay within the walls when the node is empty; the kernel's spill over, and so do a victim's.
 */
START_TEST(walls)
{
	pfn_t pfn;

	four_nodes(NULL);
	b->t->mems_allowed = 2;
	pfn = take(GFP_HIGHUSER_MOVABLE); /* the task runs on node 0 */
	ck_assert_uint_eq(frame_of(&b->mem, pfn)->nid, 1);
	while (alloc_pages_node(b->t, 1, GFP_ATOMIC | GFP_BIT_THISNODE | GFP_BIT_NOWARN, 0) != PFN_NONE)
		;
	ck_assert_uint_eq(take(GFP_HIGHUSER_MOVABLE & ~GFP_BIT_DIRECT_RECLAIM), PFN_NONE);
	pfn = take(GFP_KERNEL & ~GFP_BIT_DIRECT_RECLAIM);
	ck_assert_uint_ne(pfn, PFN_NONE);
	ck_assert_uint_ne(frame_of(&b->mem, pfn)->nid, 1);
	b->t->flags |= TASK_OOM_VICTIM;
	pfn = take(GFP_HIGHUSER_MOVABLE);
	ck_assert_uint_ne(pfn, PFN_NONE);
	b->t->flags &= ~TASK_OOM_VICTIM;
	bed_free(b);
}
END_TEST

/* Round the nodes of the set, from any of them on. */
START_TEST(spread)
{
	unsigned count[4] = {0}, last = 9;

	four_nodes(NULL);
	b->t->mems_allowed = 5;
	b->t->spread_page = true;
	for (unsigned i = 0; i < 10; i++) {
		unsigned nid = frame_of(&b->mem, alloc_page_cache(b->t, GFP_HIGHUSER_MOVABLE))->nid;

		ck_assert_uint_ne(nid, last);
		last = nid;
		count[nid]++;
	}
	ck_assert_uint_eq(count[0], 5);
	ck_assert_uint_eq(count[2], 5);
	b->t->spread_page = false;
	ck_assert_uint_eq(frame_of(&b->mem, alloc_page_cache(b->t, GFP_HIGHUSER_MOVABLE))->nid, 0);
	bed_free(b);
}
END_TEST

/* ---- changes ---- */

static unsigned nid_of(vaddr_t va)
{
	return frame_of(&b->mem, pte_pfn(bed_pte(b, va)))->nid;
}

/* n pages on a node. */
static vaddr_t fill(vaddr_t at, unsigned n, unsigned nid)
{
	vaddr_t a = bed_anon(b, at, n * P, RW, MAP_FIXED);

	ck_assert_int_eq(sys_mbind(b->t, a, n * P, MPOL_BIND, UINT64_C(1) << nid, 0), 0);
	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(bed_touch(b, a + i * P, true), FAULT_DONE);
	ck_assert_int_eq(sys_mbind(b->t, a, n * P, MPOL_DEFAULT, 0, 0), 0);
	for (unsigned i = 0; i < n; i++)
		ck_assert_uint_eq(nid_of(a + i * P), nid);
	return a;
}

/* Sets below each other, with these nodes; b->t is in the one of that name. */
static struct cpuset *enter(const char *names, const char *mems, bool migrate, unsigned place)
{
	struct cpuset_params p = {.name = names,
				  .mems = mems,
				  .cpus = "",
				  .of = "",
				  .change_mems = "",
				  .changes = "",
				  .memory_migrate = migrate};
	struct cpuset *cs;

	four_nodes(NULL);
	ck_assert_int_eq(cpuset_new(&b->k, &p, &b->e), 0);
	cs = cpuset_at(&b->k, place);
	b->t->process->cpuset = cs;
	cpuset_attach(b->t, NULL);
	return cs;
}

static void leave(void)
{
	b->t->process->cpuset = NULL;
	b->t->mems_allowed = 0;
	cpuset_free(&b->k);
	bed_free(b);
}

/* The first set's nodes 0 and 1 become 1 and 2. Pages go along, those of node 1 first, so that none moves
 * twice. */
START_TEST(pages_move)
{
	struct cpuset *cs = enter("a", "0-1", true, 0);
	vaddr_t first = fill(A, 20, 0), second = fill(A + (16 << 20), 10, 1);

	ck_assert(cpuset_write_mems(b->t, cs, 6));
	for (unsigned i = 0; i < 20; i++)
		ck_assert_uint_eq(nid_of(first + i * P), 1);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(nid_of(second + i * P), 2);
	ck_assert_uint_eq(b->mem.vmstat.event[VMEV_PGMIGRATE_SUCCESS], 30);
	ck_assert_uint_eq(cs->mems, 6);
	ck_assert_uint_eq(b->t->mems_allowed, 6);
	/* fewer nodes: what lies on one that stays may stay */
	ck_assert(cpuset_write_mems(b->t, cs, 4));
	ck_assert_uint_eq(b->mem.vmstat.event[VMEV_PGMIGRATE_SUCCESS], 50);
	ck_assert_uint_eq(nid_of(first), 2);
	leave();
}
END_TEST

START_TEST(pages_stay)
{
	struct cpuset *cs = enter("a", "0-1", false, 0);
	vaddr_t a = fill(A, 20, 1);

	ck_assert(cpuset_write_mems(b->t, cs, 1));
	ck_assert_uint_eq(b->mem.vmstat.event[VMEV_PGMIGRATE_SUCCESS], 0);
	ck_assert_uint_eq(nid_of(a), 1);
	ck_assert_uint_eq(b->t->mems_allowed, 1);
	leave();
}
END_TEST

/* ---- sets within sets ---- */

/* b has of a's nodes those it asks for; c asks for none that a has, d for none: both have all of a's. */
START_TEST(nested)
{
	struct cpuset *e = enter("a a/b a/c a/d a/b/e", "0-1 1-2 2 - 0-2", true, 4), *a = cpuset_at(&b->k, 0);

	ck_assert_uint_eq(a->effective_mems, 3);
	ck_assert_uint_eq(cpuset_at(&b->k, 1)->effective_mems, 2);
	ck_assert_uint_eq(cpuset_at(&b->k, 2)->effective_mems, 3);
	ck_assert_uint_eq(cpuset_at(&b->k, 3)->effective_mems, 3);
	ck_assert_uint_eq(e->effective_mems, 2);
	ck_assert_uint_eq(b->t->mems_allowed, 2);
	ck_assert_uint_eq(a->effective_cpus[0], 15);
	ck_assert_ptr_null(cpuset_at(&b->k, 5));
	leave();
}
END_TEST

/* What the outermost set loses, the innermost loses, with its pages; what is not asked for changes nothing.
 */
START_TEST(down_the_tree)
{
	struct cpuset *e = enter("a a/b a/b/e", "0-1 1-2 -", true, 2), *a = cpuset_at(&b->k, 0);
	vaddr_t at = fill(A, 12, 1);

	ck_assert_uint_eq(b->t->mems_allowed, 2);
	ck_assert(cpuset_write_mems(b->t, a, 3)); /* as it was */
	ck_assert_uint_eq(b->mem.vmstat.event[VMEV_PGMIGRATE_SUCCESS], 0);
	ck_assert(cpuset_write_mems(b->t, a, 5)); /* b: 1-2 of {0, 2} */
	ck_assert_uint_eq(e->effective_mems, 4);
	ck_assert_uint_eq(b->t->mems_allowed, 4);
	ck_assert_uint_eq(nid_of(at), 2);
	ck_assert(cpuset_write_mems(b->t, a, 1)); /* b has nothing of it that it asks for */
	ck_assert_uint_eq(e->effective_mems, 1);
	ck_assert_uint_eq(nid_of(at), 0);
	ck_assert_uint_eq(b->mem.vmstat.event[VMEV_PGMIGRATE_SUCCESS], 24);
	/* a set with processes, its own or below, may not be left without a list; one that has none stays so
	 */
	ck_assert(!cpuset_write_mems(b->t, a, 0));
	ck_assert_uint_eq(a->mems, 1);
	ck_assert(cpuset_write_mems(b->t, e, 0));
	b->t->process->cpuset = NULL;
	ck_assert(cpuset_write_mems(b->t, a, 0));
	ck_assert_uint_eq(e->effective_mems, 6);
	leave();
}
END_TEST

START_TEST(cpus_change)
{
	struct cpuset *e = enter("a a/e", "", true, 1), *a = cpuset_at(&b->k, 0);
	uint64_t mask[MAX_CPUS / 64] = {6}, none[MAX_CPUS / 64] = {0};

	ck_assert_uint_eq(b->t->cpu_mask[0], 15);
	ck_assert(cpuset_write_cpus(b->t, a, mask));
	ck_assert_uint_eq(e->effective_cpus[0], 6);
	ck_assert_uint_eq(b->t->cpu_mask[0], 6);
	mask[0] = 12;
	ck_assert(cpuset_write_cpus(b->t, e, mask));
	ck_assert_uint_eq(e->effective_cpus[0], 4);
	ck_assert_uint_eq(a->effective_cpus[0], 6);
	ck_assert(!cpuset_write_cpus(b->t, e, none));
	ck_assert_uint_eq(b->t->cpu_mask[0], 4);
	leave();
}
END_TEST

/* Policies follow the set: by position, by number, or by position as given. */
static const struct {
	unsigned flags;
	nodemask_t given, changed;
} follow[] = {
	{0, 3, 6},                     /* the first two of {0, 1} are the first two of {1, 2} */
	{0, 2, 4},                     /* the second is the second */
	{MPOL_F_STATIC_NODES, 2, 2},   /* node 1 is there still */
	{MPOL_F_STATIC_NODES, 1, 6},   /* node 0 is not: all */
	{MPOL_F_RELATIVE_NODES, 2, 4}, /* the second */
	{MPOL_F_RELATIVE_NODES, 4, 2}, /* the third is the first again */
};

START_TEST(policies_follow)
{
	struct cpuset *cs = enter("a a/b", "- 0-1", false, 1);
	struct mempolicy *before, *mapped;
	vaddr_t a;

	ck_assert_int_eq(sys_set_mempolicy(b->t, MPOL_BIND | follow[_i].flags, follow[_i].given), 0);
	before = policy_get(b->t->policy); /* as another task has it that is in no set */
	a = bed_anon(b, A, 4 * P, RW, MAP_FIXED);
	ck_assert_int_eq(sys_mbind(b->t, a, 4 * P, MPOL_INTERLEAVE | follow[_i].flags, follow[_i].given, 0),
			 0);
	ck_assert(cpuset_write_mems(b->t, cs, 6));
	ck_assert_uint_eq(b->t->policy->nodes, follow[_i].changed);
	mapped = vma_at(&b->t->mm->vmas, a)->policy;
	ck_assert_uint_eq(mapped->nodes, follow[_i].changed);
	ck_assert_ptr_ne(before, b->t->policy);
	if (!(follow[_i].flags & MPOL_F_RELATIVE_NODES))
		ck_assert_uint_eq(before->nodes, follow[_i].given);
	policy_put(before);
	ck_assert_int_eq(sys_set_mempolicy(b->t, MPOL_DEFAULT, 0), 0);
	leave();
}
END_TEST

/* migrate_pages: nodes 0 and 1 to 1 and 2; how many stayed is the answer. */
START_TEST(migrate_pages_call)
{
	vaddr_t a, shared;
	struct mm *child;

	four_nodes(NULL);
	shared = fill(A + (16 << 20), 5, 0);
	child = mm_fork(b->t, bed_process(b));
	b->proc[1].mm = child;
	a = fill(A, 8, 0);
	ck_assert_uint_eq(mm_move_nodes(b->t, b->t->mm, 1, 4, false), 0);
	ck_assert_uint_eq(nid_of(a), 2);
	ck_assert_uint_eq(nid_of(shared), 0); /* another process maps it, too: it was not asked to move */
	ck_assert_uint_eq(mm_move_nodes(b->t, b->t->mm, 1, 4, true), 0);
	ck_assert_uint_eq(nid_of(shared), 2);
	bed_free(b);
}
END_TEST

/* ---- whole machines ---- */

#define TWO_NODES \
	"topology.node_mem=48MiB 48MiB", "topology.node_cpus=2 2", "swap.size=0", "vm.overcommit_memory=1"

static int64_t on_node(const char *label, unsigned nid)
{
	char instance[8];

	snprintf(instance, sizeof instance, "%u", nid);
	return shot_value(bench_shot(m, label), "node.nr_anon_pages", instance);
}

/* P1 and its child in the first set, P3 in the second: each on its node and its CPUs, whoever asks otherwise.
 */
START_TEST(two_sets)
{
	bench_open(m);
	bench_mmap(m, AREA, MIB(8), PROT_RW, ANON);
	bench_store_pages(m, 0, 1000);
	bench_mark(m, "first");
	BENCH_CALL2(m, REC_FORK, 2, 2);
	bench_thread(m, 2, 2);
	BENCH_CALL1(m, REC_AFFINITY, 3); /* CPUs that the set does not have */
	bench_mmap(m, AREA + MIB(16), MIB(8), PROT_RW, ANON);
	bench_store_pages(m, 4096, 500);
	bench_mark(m, "child");
	bench_thread(m, 3, 3);
	bench_mmap(m, AREA, MIB(8), PROT_RW, ANON);
	bench_store_pages(m, 0, 300);
	bench_mark(m, "second");
	bench_run(m, TWO_NODES, "cpuset.mems=1 0", "cpuset.cpus=2-3 0", "cpuset.of=1:0 3:1", NULL);
	ck_assert_int_eq(m->rc, 0);
	ck_assert_int_eq(on_node("first", 1), 1000);
	ck_assert_int_eq(on_node("first", 0), 0);
	ck_assert_int_eq(on_node("child", 1), 1500);
	ck_assert_int_eq(on_node("child", 0), 0);
	ck_assert_int_eq(on_node("second", 0), 300);
	ck_assert_int_eq(bench_stat(m, "cpu.accesses", "0"), 300);
	ck_assert_int_eq(bench_stat(m, "cpu.accesses", "1"), 0);
	ck_assert_int_eq(bench_stat(m, "cpu.accesses", "2") + bench_stat(m, "cpu.accesses", "3"), 1500);
	bench_close(m);
}
END_TEST

/* The set's node is too small: who is in it dies, although a process outside is larger. */
START_TEST(oom_in_a_set)
{
	size_t i;

	bench_open(m);
	bench_thread(m, 2, 2);
	bench_mmap(m, AREA, MIB(64), PROT_RW, ANON);
	bench_store_pages(m, 0, 36 * 256);
	bench_mark(m, "held");
	bench_thread(m, 1, 1);
	bench_mmap(m, AREA, MIB(64), PROT_RW, ANON);
	bench_store_pages(m, 0, 30 * 256);
	bench_mark(m, "taken");
	bench_run(m, "topology.node_mem=48MiB 24MiB", "topology.node_cpus=1 1", "swap.size=0",
		  "vm.overcommit_memory=1", "cpuset.mems=1 0", "cpuset.of=1:0 2:1", NULL);
	ck_assert_int_eq(m->rc, 0);
	ck_assert_uint_eq(bench_count(m, "oom_kill"), 1);
	i = bench_find(m, 0, "oom_kill");
	ck_assert_str_eq(m->event[i].scope, "process/P1");
	ck_assert_ptr_nonnull(strstr(m->event[i].detail, "\"constraint\":\"CONSTRAINT_CPUSET\""));
	ck_assert_ptr_nonnull(strstr(m->event[i].detail, "\"mems_allowed\":\"2\""));
	bench_close(m);
}
END_TEST

/* The nodes change while the program runs: what it has moves, what it takes later comes from there. */
START_TEST(a_change)
{
	bench_open(m);
	bench_mmap(m, AREA, MIB(8), PROT_RW, ANON);
	bench_store_pages(m, 0, 600);
	bench_mark(m, "before");
	BENCH_CALL1(m, REC_SLEEP, UINT64_C(200000000));
	bench_mark(m, "changed");
	bench_store_pages(m, 600, 200);
	bench_mark(m, "after");
	bench_run(m, TWO_NODES, "cpuset.mems=0", "cpuset.change_ms=100", "cpuset.change_mems=1", NULL);
	ck_assert_int_eq(m->rc, 0);
	ck_assert_int_eq(on_node("before", 0), 600);
	ck_assert_int_eq(on_node("changed", 0), 0);
	ck_assert_int_eq(on_node("changed", 1), 600);
	ck_assert_int_eq(on_node("after", 1), 800);
	ck_assert_int_eq(bench_counter(m, "vmstat pgmigrate_success"), 600);
	bench_close(m);
}
END_TEST

/* Nodes and CPUs change behind marks, more than once, in a set within a set: the writer is who made the mark,
 * so the next access is under the new rule. The last mark belongs to a process that was killed. */
START_TEST(changes_at_marks)
{
	bench_open(m);
	bench_mmap(m, AREA, MIB(8), PROT_RW, ANON);
	bench_store_pages(m, 0, 600);
	bench_mark(m, "one");
	bench_store_pages(m, 600, 100);
	bench_mark(m, "two");
	bench_store_pages(m, 700, 50);
	bench_mark(m, "three");
	bench_store_pages(m, 750, 1);
	bench_mark(m, "four");
	bench_run(m, TWO_NODES, "cpuset.name=a a/b", "cpuset.mems=0-1 0", "cpuset.cpus=1-3 -",
		  "cpuset.of=1:a/b",
		  "cpuset.changes=@one:a/b.mems=1 @two:a.mems=0 @two:0.cpus=0 @three:a/b.mems=", NULL);
	ck_assert_int_eq(m->rc, 0);
	ck_assert_int_eq(on_node("one", 0), 600);
	ck_assert_int_eq(on_node("two", 0), 0);
	ck_assert_int_eq(on_node("two", 1), 700);
	ck_assert_int_eq(on_node("three", 0), 750);
	ck_assert_int_eq(on_node("four", 0), 751);
	ck_assert_int_eq(bench_counter(m, "vmstat pgmigrate_success"), 600 + 700);
	ck_assert_int_eq(bench_stat(m, "cpu.accesses", "0"), 51); /* from @two on */
	ck_assert_uint_eq(bench_count(m, "syscall_failed"), 1);   /* the last: it holds a process */
	bench_close(m);
}
END_TEST

/* Times out of order; the mark of "before" comes before any task. */
START_TEST(changes_in_time)
{
	bench_open(m);
	bench_mmap(m, AREA, MIB(8), PROT_RW, ANON);
	bench_store_pages(m, 0, 10);
	BENCH_CALL1(m, REC_SLEEP, UINT64_C(50000000));
	bench_mark(m, "early");
	BENCH_CALL1(m, REC_SLEEP, UINT64_C(100000000));
	bench_mark(m, "middle");
	BENCH_CALL1(m, REC_SLEEP, UINT64_C(100000000));
	bench_mark(m, "late");
	bench_run(m, TWO_NODES, "metrics.ends=true", "cpuset.mems=0",
		  "cpuset.changes=200:s0.mems=0 100:s0.mems=1 @before:s0.cpus=1", NULL);
	ck_assert_int_eq(m->rc, 0);
	ck_assert_int_eq(on_node("early", 0), 10);
	ck_assert_int_eq(on_node("middle", 1), 10);
	ck_assert_int_eq(on_node("late", 0), 10);
	ck_assert_int_eq(bench_counter(m, "vmstat pgmigrate_success"), 20);
	bench_close(m);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cpuset");

	tcase_add_loop_test(t, bad_sets, 0, ARRAY_LEN(wrong));
	tcase_add_test(t, sets);
	tcase_add_test(t, walls);
	tcase_add_test(t, spread);
	tcase_add_test(t, pages_move);
	tcase_add_test(t, pages_stay);
	tcase_add_test(t, nested);
	tcase_add_test(t, down_the_tree);
	tcase_add_test(t, cpus_change);
	tcase_add_loop_test(t, policies_follow, 0, ARRAY_LEN(follow));
	tcase_add_test(t, migrate_pages_call);
	tcase_add_test(t, two_sets);
	tcase_add_test(t, oom_in_a_set);
	tcase_add_test(t, a_change);
	tcase_add_test(t, changes_at_marks);
	tcase_add_test(t, changes_in_time);
	return run_case("cpuset", t);
}
