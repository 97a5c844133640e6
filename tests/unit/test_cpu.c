/*
 * test_cpu.c - cycles by hand: a few accesses through TLB, walk and memory; limits, splits, faults, address
 * spaces.
 *
 * With the defaults an instruction takes 0.4 cycles, an access 10, a walk 1 + 4 * 18 cold and 1 + 18 with its
 * leaf table known, a second-level hit 9, an exception what cost.exception says.
 */
#include "tests/unit/vm_fixture.h"

#include <check.h>

#include "tests/suite.h"

#include "models/cpu.h"
#include "traces/source.h"

#define WALK_COLD 73u
#define WALK_LEAF 19u
#define MEMORY    10u
#define NO_LIMIT  UINT64_MAX

static struct bed b;
static struct param_set ps;
static struct tlb_params tp;
static struct mmu_params mp;
static struct cpu_params cp;
static struct memsys_config *mc;
static struct memsys *ms;
static struct cpu cpu[2];
static vaddr_t base;
static uint64_t addr[256 + BATCH_SLACK];
static uint32_t meta[256 + BATCH_SLACK];
static size_t nr;
static struct cpu_run run;

static void start(const char *setting)
{
	bed_new(&b, BED_SMALL, "topology.node_cpus=2", NULL);
	param_set_init(&ps);
	param_set_add(&ps, &tlb_param_table, &tp);
	param_set_add(&ps, &mmu_param_table, &mp);
	param_set_add(&ps, &cpu_param_table, &cp);
	mc = memsys_config_new(&ps);
	if (setting)
		ck_assert_int_eq(param_set_assignment(&ps, setting, "test", &b.e), 0);
	ck_assert_int_eq(memsys_new(&ms, mc, &b.topo, 1, &b.e), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(cpu_init(&cpu[i], i, &cp, &tp, &mp, &b.k.cost, &b.topo, ms, 1, &b.e), 0);
	base = bed_anon(&b, 0x40000000, 64 * PAGE_SIZE, 3, MAP_FIXED);
	cpu_load_mm(&cpu[0], b.t->mm);
	cpu[0].x.cycles = 0;
	memset(&cpu[0].x.cause, 0, sizeof cpu[0].x.cause);
	nr = 0;
}

static void setup(void)
{
	start(NULL);
}

static void teardown(void)
{
	for (unsigned i = 0; i < 2; i++)
		cpu_release(&cpu[i]);
	memsys_free(ms);
	memsys_config_free(mc);
	param_set_release(&ps);
	bed_free(&b);
}

static void add(vaddr_t va, enum access_kind kind, uint32_t size, uint32_t icount)
{
	addr[nr] = va;
	meta[nr++] = meta_make(va, kind, size, icount);
}

static void go(uint64_t limit)
{
	cpu_run(&cpu[0], addr, meta, nr, limit, &run);
}

/* Runs what was added and forgets it; returns the cycles that passed. */
static uint64_t took(void)
{
	uint64_t before = cpu[0].x.cycles;

	go(NO_LIMIT);
	nr = 0;
	return cpu[0].x.cycles - before;
}

static void check_sum(void)
{
	const uint64_t *by = (const uint64_t *)&cpu[0].x.cause;
	uint64_t sum = 0;

	for (unsigned i = 0; i < NR_CYCLE_CAUSES; i++)
		sum += by[i];
	ck_assert_uint_eq(sum, cpu[0].x.cycles);
}

START_TEST(hits_and_misses_by_hand)
{
	bed_touch(&b, base, true);
	bed_touch(&b, base + PAGE_SIZE, true);
	add(base, ACCESS_LOAD, 8, 0);
	ck_assert_uint_eq(took(), WALK_COLD + MEMORY);
	add(base + 8, ACCESS_LOAD, 8, 0);
	ck_assert_uint_eq(took(), MEMORY);
	add(base + PAGE_SIZE, ACCESS_LOAD, 8, 0);
	ck_assert_uint_eq(took(), WALK_LEAF + MEMORY);
	ck_assert_uint_eq(cpu[0].x.cause.walk, WALK_COLD + WALK_LEAF);
	ck_assert_uint_eq(cpu[0].x.cause.user_memory, 3 * MEMORY);
	ck_assert_uint_eq(cpu[0].x.cause.user_insn, 0);
	ck_assert_uint_eq(cpu[0].stats.loads, 3);
	ck_assert_uint_eq(cpu[0].stats.local_accesses, 3);
	ck_assert_uint_eq(cpu[0].tlb.stats.l1d_hits, 1);
	ck_assert_uint_eq(cpu[0].tlb.stats.l1d_misses, 2);
	check_sum();
}
END_TEST

/* Five pages that share a set of four ways do not fit; the second level has them. */
START_TEST(a_second_level_hit_takes_nine_cycles)
{
	teardown();
	start("tlb.l1d.entries=32"); /* 8 sets of 4 ways */
	for (unsigned i = 0; i < 5; i++) {
		bed_touch(&b, base + i * 8 * PAGE_SIZE, true);
		add(base + i * 8 * PAGE_SIZE, ACCESS_LOAD, 8, 0);
	}
	took();
	add(base, ACCESS_LOAD, 8, 0);
	ck_assert_uint_eq(took(), 9 + MEMORY);
	ck_assert_uint_eq(cpu[0].x.cause.tlb, 9);
	ck_assert_uint_eq(cpu[0].tlb.stats.l2_hits, 1);
	check_sum();
}
END_TEST

/* 0.4 cycles an instruction, whatever the pieces: 1000 calls of one instruction take 400 cycles, not 0 and
 * not 1000. */
START_TEST(instructions_cost_exactly_their_share)
{
	bed_touch(&b, base, true);
	add(base, ACCESS_LOAD, 8, 0);
	took();
	for (unsigned i = 0; i < 500; i++) {
		add(base, ACCESS_LOAD, 8, 1);
		took();
		cpu_execute(&cpu[0], 1);
	}
	ck_assert_uint_eq(cpu[0].x.cause.user_insn, 400);
	ck_assert_uint_eq(cpu[0].stats.instructions, 1000);
	ck_assert_uint_eq(cpu[0].x.cause.user_memory, 501 * MEMORY);
	for (unsigned i = 0; i < 250; i++)
		add(base, ACCESS_LOAD, 8, 4);
	ck_assert_uint_eq(took(), 400 + 250 * MEMORY);
	check_sum();
}
END_TEST

/* Clean page: the first store goes to the walker for the dirty bit, the next one does not. */
START_TEST(the_first_store_takes_an_assist)
{
	bed_touch(&b, base, true);
	*pgtable_find(&b.t->mm->pt, base) &= ~PTE_DIRTY;
	add(base, ACCESS_LOAD, 8, 0);
	took();
	add(base, ACCESS_STORE, 8, 0);
	ck_assert_uint_eq(took(), WALK_LEAF + MEMORY);
	ck_assert(*pgtable_find(&b.t->mm->pt, base) & PTE_DIRTY);
	add(base, ACCESS_STORE, 8, 0);
	ck_assert_uint_eq(took(), MEMORY);
	ck_assert_uint_eq(cpu[0].tlb.stats.dirty_assists, 1);
	ck_assert_uint_eq(cpu[0].stats.stores, 2);
}
END_TEST

START_TEST(a_split_access_pays_twice_and_counts_once)
{
	bed_touch(&b, base, true);
	bed_touch(&b, base + PAGE_SIZE, true);
	add(base + PAGE_SIZE - 4, ACCESS_LOAD, 8, 0);
	ck_assert_uint_eq(took(), WALK_COLD + WALK_LEAF + 2 * MEMORY);
	add(base + PAGE_SIZE - 4, ACCESS_LOAD, 8, 0);
	ck_assert_uint_eq(took(), 2 * MEMORY);
	ck_assert_uint_eq(cpu[0].stats.accesses, 2);
	ck_assert_uint_eq(cpu[0].stats.split_accesses, 2);
	add(base + PAGE_SIZE - 8, ACCESS_LOAD, 8, 0); /* to the very end of the page */
	ck_assert_uint_eq(took(), MEMORY);
	ck_assert_uint_eq(cpu[0].stats.split_accesses, 2);
	check_sum();
}
END_TEST

/* The second half faults: the fault is at the second page, nothing is counted as an access. */
START_TEST(a_split_access_faults_where_it_must)
{
	bed_touch(&b, base, true);
	add(base + PAGE_SIZE - 4, ACCESS_STORE, 8, 7);
	go(NO_LIMIT);
	ck_assert_int_eq(run.stop, CPU_FAULT);
	ck_assert_uint_eq(run.fault_addr, base + PAGE_SIZE);
	ck_assert_uint_eq(run.fault_flags, FAULT_WRITE);
	ck_assert_uint_eq(run.done, 0);
	ck_assert_uint_eq(cpu[0].stats.accesses, 0);
	ck_assert_uint_eq(cpu[0].stats.instructions, 0);
	ck_assert_uint_eq(cpu[0].x.cause.user_memory, 0);
	bed_touch(&b, base + PAGE_SIZE, true);
	go(NO_LIMIT);
	ck_assert_int_eq(run.stop, CPU_DONE);
	ck_assert_uint_eq(cpu[0].stats.accesses, 1);
	ck_assert_uint_eq(cpu[0].stats.instructions, 7);
}
END_TEST

/* Charged as documented: the failed walk and the exception now, the access in full when it is replayed. */
START_TEST(a_fault_is_charged_once_as_a_fault_and_once_as_an_access)
{
	uint64_t exception;

	bed_touch(&b, base, true);
	add(base, ACCESS_LOAD, 8, 5);
	add(base + PAGE_SIZE, ACCESS_STORE, 8, 5);
	add(base, ACCESS_LOAD, 8, 5);
	go(NO_LIMIT);
	exception = cpu[0].x.cause.exception;
	ck_assert_uint_eq(exception, b.k.cost.exception);
	ck_assert_int_eq(run.stop, CPU_FAULT);
	ck_assert_uint_eq(run.done, 1);
	ck_assert_uint_eq(run.fault_addr, base + PAGE_SIZE);
	ck_assert_uint_eq(cpu[0].x.cycles, WALK_COLD + MEMORY + 2 + WALK_LEAF + exception);
	bed_touch(&b, base + PAGE_SIZE, true);
	cpu_run(&cpu[0], addr + 1, meta + 1, 2, NO_LIMIT, &run);
	ck_assert_int_eq(run.stop, CPU_DONE);
	ck_assert_uint_eq(run.done, 2);
	ck_assert_uint_eq(cpu[0].stats.accesses, 3);
	ck_assert_uint_eq(cpu[0].stats.exceptions, 1);
	ck_assert_uint_eq(cpu[0].stats.instructions, 15);
	ck_assert_uint_eq(cpu[0].x.cycles,
			  WALK_COLD + MEMORY + 2 + WALK_LEAF + exception + WALK_LEAF + 2 * MEMORY + 4);
	check_sum();
}
END_TEST

/* It stops behind the access with which the clock reaches the limit; at any limit the sum of the pieces is
 * the whole. */
START_TEST(limits)
{
	bed_touch(&b, base, true);
	add(base, ACCESS_LOAD, 8, 0);
	took();
	for (unsigned i = 0; i < 200; i++)
		add(base, ACCESS_LOAD, 8, 0);
	go(cpu[0].x.cycles + 95); /* 10, 20, … 100 */
	ck_assert_int_eq(run.stop, CPU_LIMIT);
	ck_assert_uint_eq(run.done, 10);
	go(cpu[0].x.cycles + 100);
	ck_assert_uint_eq(run.done, 10);
	go(cpu[0].x.cycles + 101);
	ck_assert_uint_eq(run.done, 11);
	go(cpu[0].x.cycles + 2000);
	ck_assert_int_eq(run.stop, CPU_DONE);
	ck_assert_uint_eq(run.done, 200);
	go(cpu[0].x.cycles); /* never less than one */
	ck_assert_uint_eq(run.done, 1);
	check_sum();
}
END_TEST

START_TEST(pieces_of_any_size_make_the_same_whole)
{
	uint64_t whole, pieces, walks;

	for (unsigned i = 0; i < 64; i++)
		bed_touch(&b, base + i * PAGE_SIZE, true);
	for (unsigned i = 0; i < 250; i++)
		add(base + (i * 37 % 63) * PAGE_SIZE + i * 16, i % 3 ? ACCESS_LOAD : ACCESS_STORE, 8, i % 7);
	go(NO_LIMIT);
	whole = cpu[0].x.cycles;
	walks = cpu[0].mmu.stats.walks;
	cpu_release(&cpu[0]);
	ck_assert_int_eq(cpu_init(&cpu[0], 0, &cp, &tp, &mp, &b.k.cost, &b.topo, ms, 1, &b.e), 0);
	cpu_load_mm(&cpu[0], b.t->mm);
	cpu[0].x.cycles = 0;
	for (size_t at = 0; at < nr; at += run.done)
		cpu_run(&cpu[0], addr + at, meta + at, nr - at, cpu[0].x.cycles + 1 + at % 41, &run);
	pieces = cpu[0].x.cycles;
	ck_assert_uint_eq(pieces, whole);
	ck_assert_uint_eq(cpu[0].mmu.stats.walks, walks);
	ck_assert_uint_eq(cpu[0].stats.accesses, 250);
}
END_TEST

/* Fetches have their own first level; data cannot be executed through the second level that both share. */
START_TEST(fetches)
{
	vaddr_t text = bed_anon(&b, 0x50000000, PAGE_SIZE, 5, MAP_FIXED);

	bed_touch(&b, text, false);
	bed_touch(&b, base, true);
	add(text, ACCESS_FETCH, 16, 4);
	ck_assert_uint_eq(took(), WALK_COLD + MEMORY + 1); /* 1.6 cycles */
	add(text + 16, ACCESS_FETCH, 16, 1);
	ck_assert_uint_eq(took(), MEMORY + 1); /* 2.0 now */
	ck_assert_uint_eq(cpu[0].tlb.stats.l1i_hits, 1);
	ck_assert_uint_eq(cpu[0].stats.fetches, 2);
	add(base, ACCESS_LOAD, 8, 0);
	took();
	add(base, ACCESS_FETCH, 16, 4);
	go(NO_LIMIT);
	ck_assert_int_eq(run.stop, CPU_FAULT);
	ck_assert_uint_eq(run.fault_flags, FAULT_EXEC);
}
END_TEST

START_TEST(addresses_beyond_user_space_do_not_walk)
{
	add(UINT64_C(0xffff888000000000), ACCESS_LOAD, 8, 0);
	go(NO_LIMIT);
	ck_assert_int_eq(run.stop, CPU_FAULT);
	ck_assert_uint_eq(cpu[0].mmu.stats.walks, 0);
	nr = 0;
	add(UINT64_C(0xfffffffffffffffc), ACCESS_LOAD, 8, 0); /* wraps around */
	go(NO_LIMIT);
	ck_assert_int_eq(run.stop, CPU_FAULT);
}
END_TEST

/* ---- address spaces ---- */

static struct mm *second_mm(void)
{
	struct process *p = bed_process(&b);

	p->mm = mm_new(b.t, p);
	return p->mm;
}

START_TEST(with_ids_a_translation_survives_a_switch)
{
	struct mm *other = second_mm();

	bed_touch(&b, base, true);
	add(base, ACCESS_LOAD, 8, 0);
	took();
	cpu_load_mm(&cpu[0], other);
	cpu_load_mm(&cpu[0], b.t->mm);
	add(base, ACCESS_LOAD, 8, 0);
	ck_assert_uint_le(took(), MEMORY + 9);
	ck_assert_uint_eq(cpu[0].stats.mm_switches, 3);
	ck_assert_uint_eq(cpu[0].mmu.stats.walks, 1);
}
END_TEST

START_TEST(without_ids_a_switch_flushes)
{
	teardown();
	start("tlb.pcid=false");
	bed_touch(&b, base, true);
	add(base, ACCESS_LOAD, 8, 0);
	took();
	cpu_load_mm(&cpu[0], second_mm());
	cpu_load_mm(&cpu[0], b.t->mm);
	add(base, ACCESS_LOAD, 8, 0);
	ck_assert_uint_eq(took(), WALK_COLD + MEMORY);
}
END_TEST

/* Six ids a CPU: the seventh address space takes the first one's. */
START_TEST(seven_address_spaces_share_six_ids)
{
	struct mm *mm[7] = {b.t->mm};

	for (unsigned i = 1; i < 7; i++)
		mm[i] = second_mm();
	bed_touch(&b, base, true);
	add(base, ACCESS_LOAD, 8, 0);
	took();
	for (unsigned i = 1; i < 6; i++)
		cpu_load_mm(&cpu[0], mm[i]);
	cpu_load_mm(&cpu[0], mm[0]);
	add(base, ACCESS_LOAD, 8, 0);
	took();
	ck_assert_uint_eq(cpu[0].mmu.stats.walks, 1);
	for (unsigned i = 1; i < 7; i++)
		cpu_load_mm(&cpu[0], mm[i]);
	cpu_load_mm(&cpu[0], mm[0]);
	add(base, ACCESS_LOAD, 8, 0);
	took();
	ck_assert_uint_eq(cpu[0].mmu.stats.walks, 2);
}
END_TEST

/*
 * A CPU that runs a kernel thread keeps the address space but is not told of flushes. When it flushes a page
 * itself meanwhile, it must not forget that it missed others.
 */
START_TEST(a_lazy_cpu_catches_up_with_what_it_missed)
{
	struct mm *mm = b.t->mm;
	pte_t entry;

	bed_touch(&b, base, true);
	bed_touch(&b, base + PAGE_SIZE, true);
	add(base, ACCESS_LOAD, 8, 0);
	took();
	cpu_leave_mm(&cpu[0]); /* lazy */
	mm->tlb_gen++;         /* another CPU flushed `base` */
	entry = *pgtable_find(&mm->pt, base);
	*pgtable_find(&mm->pt, base) = entry & ~PTE_PRESENT;
	mm->tlb_gen++; /* and this one, as kswapd, flushes the next page */
	cpu_flush(&cpu[0], mm, base + PAGE_SIZE, base + 2 * PAGE_SIZE);
	cpu_load_mm(&cpu[0], mm);
	add(base, ACCESS_LOAD, 8, 0);
	go(NO_LIMIT);
	ck_assert_int_eq(run.stop, CPU_FAULT);
	*pgtable_find(&mm->pt, base) = entry;
}
END_TEST

/* Up to 33 pages one by one, more at once. */
START_TEST(flushes)
{
	struct mm *mm = b.t->mm;

	for (unsigned i = 0; i < 40; i++) {
		bed_touch(&b, base + i * PAGE_SIZE, true);
		add(base + i * PAGE_SIZE, ACCESS_LOAD, 8, 0);
	}
	took();
	mm->tlb_gen++;
	cpu_flush(&cpu[0], mm, base, base + 33 * PAGE_SIZE);
	ck_assert_uint_eq(cpu[0].tlb.stats.flushed_pages, 33);
	ck_assert_uint_eq(cpu[0].x.cause.shootdown, 33 * b.k.cost.invlpg);
	add(base + 33 * PAGE_SIZE, ACCESS_LOAD, 8, 0);
	took();
	ck_assert_uint_eq(cpu[0].mmu.stats.walks, 40);
	mm->tlb_gen++;
	cpu_flush(&cpu[0], mm, base, base + 34 * PAGE_SIZE);
	ck_assert_uint_eq(cpu[0].tlb.stats.flushed_pages, 33);
	ck_assert_uint_eq(cpu[0].x.cause.shootdown, 33 * b.k.cost.invlpg + b.k.cost.cr3_write);
	add(base + 39 * PAGE_SIZE, ACCESS_LOAD, 8, 0);
	took();
	ck_assert_uint_eq(cpu[0].mmu.stats.walks, 41);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("cpu");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, hits_and_misses_by_hand);
	tcase_add_test(t, a_second_level_hit_takes_nine_cycles);
	tcase_add_test(t, instructions_cost_exactly_their_share);
	tcase_add_test(t, the_first_store_takes_an_assist);
	tcase_add_test(t, a_split_access_pays_twice_and_counts_once);
	tcase_add_test(t, a_split_access_faults_where_it_must);
	tcase_add_test(t, a_fault_is_charged_once_as_a_fault_and_once_as_an_access);
	tcase_add_test(t, limits);
	tcase_add_test(t, pieces_of_any_size_make_the_same_whole);
	tcase_add_test(t, fetches);
	tcase_add_test(t, addresses_beyond_user_space_do_not_walk);
	tcase_add_test(t, with_ids_a_translation_survives_a_switch);
	tcase_add_test(t, without_ids_a_switch_flushes);
	tcase_add_test(t, seven_address_spaces_share_six_ids);
	tcase_add_test(t, a_lazy_cpu_catches_up_with_what_it_missed);
	tcase_add_test(t, flushes);
	return run_case("cpu", t);
}
