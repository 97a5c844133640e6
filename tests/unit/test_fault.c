/*
 * test_fault.c - page faults through whole traces: what costs a frame, what is copied, what kills.
 */
#include "tests/machine_fixture.h"
#include "tests/suite.h"

static int64_t p1(const struct bench *b, const char *stat)
{
	char name[64];

	snprintf(name, sizeof name, "process.%s", stat);
	return bench_stat(b, name, "P1");
}

START_TEST(a_mapping_costs_no_frame_until_written)
{
	struct bench bench, *b = &bench;

	bench_open(b);
	bench_mmap(b, AREA, MIB(4), PROT_RW, ANON);
	bench_mark(b, "mapped");
	bench_load_pages(b, 0, 100);
	bench_mark(b, "read");
	bench_store_pages(b, 0, 10);
	bench_mark(b, "written");
	bench_store_pages(b, 200, 7);
	bench_run(b, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_int_eq(shot_value(bench_shot(b, "mapped"), "process.rss_pages", "P1"), 0);
	ck_assert_int_eq(shot_value(bench_shot(b, "mapped"), "process.vm_pages", "P1"), 1024);
	ck_assert_int_eq(shot_value(bench_shot(b, "read"), "process.rss_pages", "P1"), 0);
	ck_assert_int_eq(shot_value(bench_shot(b, "read"), "process.zero_page_faults", "P1"), 100);
	ck_assert_int_eq(shot_value(bench_shot(b, "written"), "process.rss_pages", "P1"), 10);
	/* the zero page is replaced by a page of one's own */
	ck_assert_int_eq(shot_value(bench_shot(b, "written"), "process.cow_faults", "P1"), 10);
	ck_assert_int_eq(p1(b, "min_flt"), 117);
	ck_assert_int_eq(p1(b, "maj_flt"), 0);
	ck_assert_int_eq(p1(b, "peak_rss_pages"), 17);
	ck_assert_int_eq(p1(b, "zero_faults"), 7);
	/* each faulting access is an access once and a fault once */
	ck_assert_int_eq(bench_stat(b, "cpu.accesses", "0"), 117);
	ck_assert_int_eq(bench_stat(b, "cpu.exceptions", "0"), 117);
	ck_assert_int_eq(bench_counter(b, "vmstat pgfault"), 117);
	bench_close(b);
}
END_TEST

/* Nothing but the process that did it ends; its records after that are counted, not replayed. */
START_TEST(a_touch_of_prot_none_kills_and_the_run_goes_on)
{
	struct bench bench, *b = &bench;
	size_t i;

	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	BENCH_CALL3(b, REC_MPROTECT, PG(4), PAGE_SIZE, 0);
	bench_store_pages(b, 0, 4);
	bench_load(b, PG(4) + 0x123);
	bench_store_pages(b, 5, 10);
	bench_mmap(b, AREA + MIB(1), MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 256, 3);
	bench_exit(b);
	bench_thread(b, 2, 2);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 50);
	bench_exit(b);
	bench_run(b, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(bench_count(b, "sigsegv"), 1);
	i = bench_find(b, 0, "sigsegv");
	ck_assert_str_eq(b->event[i].scope, "process/P1");
	ck_assert_int_eq(b->event[i].value, (int64_t)PG(4) + 0x123);
	ck_assert_ptr_nonnull(strstr(b->event[i].detail, "not readable"));
	ck_assert_int_eq(bench_stat(b, "process.accesses", "P1"), 4);
	ck_assert_int_eq(bench_stat(b, "process.skipped_accesses", "P1"), 1 + 10 + 3);
	ck_assert_int_eq(bench_stat(b, "process.accesses", "P2"), 50);
	ck_assert_int_eq(bench_stat(b, "process.sigsegv", "P1"), 1);
	ck_assert_int_eq(bench_stat(b, "replay.skipped_accesses", "machine"), 14);
	ck_assert_uint_eq(b->end.accesses, 54);
	/* all it had is free again: what is left in use is what a machine needs that never ran anything */
	ck_assert_int_eq(bench_counter(b, "meminfo AnonPages"), 0);
	ck_assert_int_eq(bench_counter(b, "meminfo PageTables"), 0);
	bench_close(b);
}
END_TEST

static const struct {
	uint64_t addr;
	enum access_kind kind;
	const char *why;
} illegal[] = {
	{0x1000, ACCESS_LOAD, "no mapping"},
	{AREA + 8 * PAGE_SIZE, ACCESS_STORE, "no mapping"},
	{AREA, ACCESS_STORE, "not writable"},
	{AREA, ACCESS_FETCH, "not executable"},
	{UINT64_C(0x7fffffffe000) + PAGE_SIZE, ACCESS_LOAD, "beyond user space"},
	{UINT64_C(0xffff888000000000), ACCESS_LOAD, "beyond user space"},
	{UINT64_C(0xfffffffffffffff8), ACCESS_STORE, "beyond user space"},
};

START_TEST(an_illegal_access_says_why)
{
	struct bench bench, *b = &bench;

	bench_open(b);
	bench_mmap(b, AREA, 8 * PAGE_SIZE, PROT_R, ANON);
	bench_load(b, AREA);
	bench_access(b, illegal[_i].addr, illegal[_i].kind, 8);
	bench_run(b, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(bench_count(b, "sigsegv"), 1);
	ck_assert_msg(strstr(b->event[bench_find(b, 0, "sigsegv")].detail, illegal[_i].why) != NULL, "%s",
		      b->event[bench_find(b, 0, "sigsegv")].detail);
	ck_assert_int_eq(p1(b, "accesses"), 1);
	bench_close(b);
}
END_TEST

/* 32 MiB are 8192 pages; the child writes every second one, then the parent all. */
START_TEST(a_child_that_writes_half_copies_half)
{
	struct bench bench, *b = &bench;
	const struct shot *m;

	bench_open(b);
	bench_mmap(b, AREA, MIB(32), PROT_RW, ANON);
	bench_store_pages(b, 0, 8192);
	BENCH_CALL2(b, REC_FORK, 2, 2);
	bench_thread(b, 2, 2);
	for (unsigned i = 0; i < 8192; i += 2)
		bench_store(b, PG(i));
	bench_mark(b, "half");
	bench_exit(b);
	bench_thread(b, 1, 1);
	bench_store_pages(b, 0, 8192);
	bench_exit(b);
	bench_run(b, "topology.node_mem=128MiB", NULL);
	ck_assert_int_eq(b->rc, 0);
	m = bench_shot(b, "half");
	ck_assert_int_eq(shot_value(m, "process.cow_faults", "P2"), 4096);
	ck_assert_int_eq(shot_value(m, "process.rss_pages", "P2"), 8192);
	ck_assert_int_eq(shot_value(m, "process.rss_pages", "P1"), 8192);
	ck_assert_int_eq(shot_value(m, "process.cow_faults", "P1"), 0);
	/* 4096 pages of each are its own, 4096 are shared by two: (4096 + 4096 / 2) pages of 4 kB */
	ck_assert_int_eq(shot_value(m, "proc/P1 Pss", ""), 24576);
	ck_assert_int_eq(shot_value(m, "proc/P2 Pss", ""), 24576);
	ck_assert_int_eq(shot_value(m, "proc/P2 Private_Dirty", ""), 16384);
	ck_assert_int_eq(shot_value(m, "proc/P2 Shared_Dirty", ""), 16384);
	ck_assert_int_eq(shot_value(m, "meminfo AnonPages", ""), 2 * 24576);
	/* the child is gone: every page is the parent's alone and is reused */
	ck_assert_int_eq(bench_stat(b, "process.cow_faults", "P1"), 0);
	ck_assert_int_eq(bench_stat(b, "process.reuse_faults", "P1"), 8192);
	ck_assert_int_eq(bench_counter(b, "vmstat pgreuse"), 8192);
	ck_assert_int_eq(bench_stat(b, "process.zero_faults", "P1"), 8192);
	bench_close(b);
}
END_TEST

/* Both write while both live: the first to write a page copies it, the other one reuses. */
START_TEST(the_second_writer_of_a_shared_page_reuses_it)
{
	struct bench bench, *b = &bench;

	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, ANON);
	bench_store_pages(b, 0, 64);
	BENCH_CALL2(b, REC_FORK, 2, 2);
	bench_store_pages(b, 0, 64);
	bench_mark(b, "parent");
	bench_thread(b, 2, 2);
	bench_store_pages(b, 0, 64);
	bench_exit(b);
	bench_run(b, NULL);
	ck_assert_int_eq(bench_stat(b, "process.cow_faults", "P1"), 64);
	ck_assert_int_eq(bench_stat(b, "process.cow_faults", "P2"), 0);
	ck_assert_int_eq(bench_stat(b, "process.reuse_faults", "P2"), 64);
	bench_close(b);
}
END_TEST

/* A grow-down mapping of one page, touched page by page below, grows 64 times; a touch under the 8 MiB limit
 * kills. */
START_TEST(a_stack_grows_page_by_page_up_to_its_limit)
{
	const uint64_t top = UINT64_C(0x7ffff0000000);
	struct bench bench, *b = &bench;

	bench_open(b);
	bench_mmap(b, top - PAGE_SIZE, PAGE_SIZE, PROT_RW, ANON | 0x100);
	for (uint64_t i = 1; i <= 65; i++)
		bench_store(b, top - i * PAGE_SIZE + 8);
	bench_mark(b, "grown");
	bench_store(b, top - MIB(8));
	bench_mark(b, "full");
	bench_store(b, top - MIB(8) - PAGE_SIZE);
	bench_run(b, NULL);
	ck_assert_int_eq(shot_value(bench_shot(b, "grown"), "process.stack_growths", "P1"), 64);
	ck_assert_int_eq(shot_value(bench_shot(b, "grown"), "process.vm_pages", "P1"), 65);
	ck_assert_int_eq(shot_value(bench_shot(b, "grown"), "process.rss_pages", "P1"), 65);
	ck_assert_int_eq(shot_value(bench_shot(b, "full"), "process.vm_pages", "P1"), 2048);
	ck_assert_int_eq(shot_value(bench_shot(b, "full"), "process.sigsegv", "P1"), 0);
	ck_assert_int_eq(p1(b, "sigsegv"), 1);
	ck_assert_int_eq(p1(b, "rss_pages"), 0);
	bench_close(b);
}
END_TEST

/* Within 256 pages of the mapping below it a stack does not grow. */
START_TEST(a_stack_keeps_its_guard_gap)
{
	const uint64_t top = UINT64_C(0x7ffff0000000);
	struct bench bench, *b = &bench;

	bench_open(b);
	bench_mmap(b, top - 300 * PAGE_SIZE, PAGE_SIZE, PROT_RW, ANON);
	bench_mmap(b, top - PAGE_SIZE, PAGE_SIZE, PROT_RW, ANON | 0x100);
	bench_store(b, top - (299 - 256) * PAGE_SIZE); /* 256 pages stay between them */
	bench_mark(b, "gap");
	bench_store(b, top - (299 - 255) * PAGE_SIZE);
	bench_run(b, NULL);
	ck_assert_int_eq(shot_value(bench_shot(b, "gap"), "process.sigsegv", "P1"), 0);
	ck_assert_int_eq(shot_value(bench_shot(b, "gap"), "process.stack_growths", "P1"), 1);
	ck_assert_int_eq(p1(b, "sigsegv"), 1);
	bench_close(b);
}
END_TEST

/* A neighbour without rights, such as a guard page, asks for no gap. */
START_TEST(a_stack_grows_down_to_a_guard_page)
{
	const uint64_t top = UINT64_C(0x7ffff0000000);
	struct bench bench, *b = &bench;

	bench_open(b);
	bench_mmap(b, top - 300 * PAGE_SIZE, PAGE_SIZE, 0, ANON);
	bench_mmap(b, top - PAGE_SIZE, PAGE_SIZE, PROT_RW, ANON | 0x100);
	bench_store(b, top - 299 * PAGE_SIZE);
	bench_mark(b, "down");
	bench_store(b, top - 300 * PAGE_SIZE); /* the page itself stays what it is */
	bench_run(b, NULL);
	ck_assert_int_eq(shot_value(bench_shot(b, "down"), "process.sigsegv", "P1"), 0);
	ck_assert_int_eq(shot_value(bench_shot(b, "down"), "process.vm_pages", "P1"), 300);
	ck_assert_int_eq(p1(b, "sigsegv"), 1);
	bench_close(b);
}
END_TEST

/* 5000 bytes are two pages: the second is there to its end, the third is not. */
START_TEST(a_touch_behind_the_end_of_a_file_is_sigbus)
{
	struct bench bench, *b = &bench;

	bench_open(b);
	bench_file(b, 3, 5000);
	bench_mmap_file(b, AREA, 4 * PAGE_SIZE, PROT_R, PRIVATE, 3);
	bench_load(b, PG(0));
	bench_load(b, PG(2) - 8);
	bench_load(b, PG(2));
	bench_load(b, PG(0));
	bench_exit(b);
	bench_run(b, NULL);
	ck_assert_int_eq(b->rc, 0);
	ck_assert_uint_eq(bench_count(b, "sigbus"), 1);
	ck_assert_int_eq(b->event[bench_find(b, 0, "sigbus")].value, (int64_t)PG(2));
	ck_assert_int_eq(p1(b, "sigbus"), 1);
	ck_assert_int_eq(p1(b, "accesses"), 2);
	ck_assert_int_eq(p1(b, "skipped_accesses"), 2);
	bench_close(b);
}
END_TEST

/* One major fault reads the window, fault-around maps 16 pages of it; a second process does no I/O. */
START_TEST(a_file_is_read_once_for_all)
{
	struct bench bench, *b = &bench;

	bench_open(b);
	bench_file(b, 3, 16 * PAGE_SIZE);
	bench_mmap_file(b, AREA, 16 * PAGE_SIZE, PROT_R, SHARED, 3);
	bench_load_pages(b, 0, 16);
	bench_mark(b, "first");
	bench_thread(b, 2, 2);
	bench_mmap_file(b, AREA, 16 * PAGE_SIZE, PROT_R, SHARED, 3);
	bench_load_pages(b, 0, 16);
	bench_mark(b, "second");
	bench_thread(b, 1, 1);
	bench_load(b, AREA); /* it lives until here */
	bench_run(b, NULL);
	ck_assert_int_eq(shot_value(bench_shot(b, "first"), "process.maj_flt", "P1"), 1);
	ck_assert_int_eq(shot_value(bench_shot(b, "first"), "vmstat pgpgin", ""), 64);
	ck_assert_int_eq(shot_value(bench_shot(b, "second"), "vmstat pgpgin", ""), 64);
	ck_assert_int_eq(shot_value(bench_shot(b, "second"), "process.maj_flt", "P2"), 0);
	ck_assert_int_eq(shot_value(bench_shot(b, "second"), "process.min_flt", "P2"), 1);
	ck_assert_int_eq(shot_value(bench_shot(b, "second"), "process.rss_file_pages", "P2"), 16);
	/* one copy for both: 16 pages shared by two */
	ck_assert_int_eq(shot_value(bench_shot(b, "second"), "proc/P1 Pss", ""), 32);
	ck_assert_int_eq(shot_value(bench_shot(b, "second"), "proc/P2 Pss", ""), 32);
	ck_assert_int_eq(shot_value(bench_shot(b, "second"), "proc/P2 Shared_Clean", ""), 64);
	ck_assert_int_eq(shot_value(bench_shot(b, "second"), "meminfo Mapped", ""), 64);
	bench_close(b);
}
END_TEST

/* A private file page that is written becomes anonymous; the file's page stays clean. */
START_TEST(a_write_to_a_private_file_mapping_copies)
{
	struct bench bench, *b = &bench;

	bench_open(b);
	bench_file(b, 3, 4 * PAGE_SIZE);
	bench_mmap_file(b, AREA, 4 * PAGE_SIZE, PROT_RW, PRIVATE, 3);
	bench_load_pages(b, 0, 4);
	bench_store_pages(b, 0, 2);
	bench_mark(b, "written");
	bench_run(b, NULL);
	ck_assert_int_eq(p1(b, "cow_faults"), 2);
	ck_assert_int_eq(shot_value(bench_shot(b, "written"), "process.rss_anon_pages", "P1"), 2);
	ck_assert_int_eq(shot_value(bench_shot(b, "written"), "process.rss_file_pages", "P1"), 2);
	ck_assert_int_eq(shot_value(bench_shot(b, "written"), "meminfo Dirty", ""), 0);
	ck_assert_int_eq(shot_value(bench_shot(b, "written"), "meminfo Cached", ""), 16);
	bench_close(b);
}
END_TEST

/* Shared anonymous memory is one set of pages for parent and child, whoever writes. */
START_TEST(shared_memory_is_never_copied)
{
	struct bench bench, *b = &bench;
	const struct shot *m;

	bench_open(b);
	bench_mmap(b, AREA, MIB(1), PROT_RW, SHARED | 0x20);
	bench_store_pages(b, 0, 20);
	BENCH_CALL2(b, REC_FORK, 2, 2);
	bench_thread(b, 2, 2);
	bench_store_pages(b, 10, 20);
	bench_mark(b, "both");
	bench_thread(b, 1, 1);
	bench_load(b, AREA); /* it lives until here */
	bench_run(b, NULL);
	m = bench_shot(b, "both");
	ck_assert_int_eq(shot_value(m, "process.cow_faults", "P2"), 0);
	ck_assert_int_eq(shot_value(m, "process.rss_shmem_pages", "P1"), 20);
	ck_assert_int_eq(shot_value(m, "meminfo Shmem", ""), 30 * 4);
	ck_assert_int_eq(shot_value(m, "meminfo AnonPages", ""), 0);
	bench_close(b);
}
END_TEST

/* mprotect takes the write bit; the next store faults once and reuses the page that is its own. */
START_TEST(a_page_made_writable_again_is_reused)
{
	struct bench bench, *b = &bench;

	bench_open(b);
	bench_mmap(b, AREA, 8 * PAGE_SIZE, PROT_RW, ANON);
	bench_store_pages(b, 0, 8);
	BENCH_CALL3(b, REC_MPROTECT, AREA, 8 * PAGE_SIZE, PROT_R);
	bench_load_pages(b, 0, 8);
	BENCH_CALL3(b, REC_MPROTECT, AREA, 8 * PAGE_SIZE, PROT_RW);
	bench_mark(b, "before");
	bench_store_pages(b, 0, 8);
	bench_run(b, NULL);
	ck_assert_int_eq(shot_value(bench_shot(b, "before"), "process.min_flt", "P1"), 8);
	ck_assert_int_eq(p1(b, "cow_faults"), 0);
	ck_assert_int_eq(p1(b, "sigsegv"), 0);
	ck_assert_int_le(p1(b, "reuse_faults"), 8);
	bench_close(b);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fault");

	tcase_add_test(t, a_mapping_costs_no_frame_until_written);
	tcase_add_test(t, a_touch_of_prot_none_kills_and_the_run_goes_on);
	tcase_add_loop_test(t, an_illegal_access_says_why, 0, (int)ARRAY_LEN(illegal));
	tcase_add_test(t, a_child_that_writes_half_copies_half);
	tcase_add_test(t, the_second_writer_of_a_shared_page_reuses_it);
	tcase_add_test(t, a_stack_grows_page_by_page_up_to_its_limit);
	tcase_add_test(t, a_stack_keeps_its_guard_gap);
	tcase_add_test(t, a_stack_grows_down_to_a_guard_page);
	tcase_add_test(t, a_touch_behind_the_end_of_a_file_is_sigbus);
	tcase_add_test(t, a_file_is_read_once_for_all);
	tcase_add_test(t, a_write_to_a_private_file_mapping_copies);
	tcase_add_test(t, shared_memory_is_never_copied);
	tcase_add_test(t, a_page_made_writable_again_is_reused);
	return run_case("fault", t);
}
