/*
 * fuzz_replay.c - any records at all through a whole small machine: every run ends, with all accesses
 * accounted for.
 *
 * The input is read as commands: who (process and thread), what, and its argument.
 */
#include "tests/fuzz/fuzz.h"

#include <check.h>

/* The fixture's assertions, outside of a test. */
#undef ck_assert
#undef ck_assert_msg
#undef ck_assert_int_ge
#undef ck_abort_msg
#define ck_assert(x)            ((x) ? (void)0 : abort())
#define ck_assert_msg(x, ...)   ((x) ? (void)0 : (void)(fprintf(stderr, __VA_ARGS__), abort()))
#define ck_assert_int_ge(a, b_) ck_assert((a) >= (b_))
#define ck_abort_msg(...)       (fprintf(stderr, __VA_ARGS__), abort())

#include "tests/machine_fixture.h"

static struct bench bench, *const b = &bench;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t seed[] = {0x00, 0x08, 3, 0x00, 0x01, 9, 0x11, 0x02, 77,
				       0x10, 0x0b, 1, 0x20, 0x0a, 2, 0x00, 0x0f, 0};

	(void)argc, (void)argv;
	if (!getenv("SEEDS"))
		return 0;
	fuzz_seed("some", seed, sizeof seed);
	exit(0);
}

static uint64_t place(uint8_t v)
{
	return AREA + (uint64_t)v * (PAGE_SIZE * 5 + 8);
}

/* Files, the process and time; anything else is an access. */
static void record_file(uint8_t what, uint64_t at, uint64_t len, uint8_t v)
{
	switch (what % 32) {
	case 20:
		BENCH_CALL1(b, REC_OOM_SCORE_ADJ, v % 2 ? (uint64_t)-1000 : v);
		break;
	case 21:
		bench_file(b, v % 3, (uint64_t)v * 9000);
		break;
	case 22:
		BENCH_CALL3(b, v % 2 ? REC_READ : REC_WRITE, v % 3, (uint64_t)v * 333, (uint64_t)v * 1000);
		break;
	case 23:
		bench_mmap_file(b, at & ~(PAGE_SIZE - 1), len * 4, PROT_RW, v % 2 ? SHARED : PRIVATE, v % 3);
		break;
	case 24:
		BENCH_CALL1(b, REC_DROP_CACHES, 1 + v % 3);
		break;
	case 25:
		BENCH_CALL1(b, REC_SLEEP, (uint64_t)v * 10000000);
		break;
	default:
		bench_access(b, at, (enum access_kind)(what % 3), 1u + v);
		break;
	}
}

static void record(uint8_t what, uint8_t v)
{
	uint64_t at = place(v), len = (uint64_t)(v % 32 + 1) * PAGE_SIZE * 3;

	switch (what % 32) {
	case 8:
		bench_mmap(b, at & ~(PAGE_SIZE - 1), len * 8, PROT_RW, ANON | 0x10);
		break;
	case 9:
		BENCH_CALL2(b, REC_MUNMAP, at & ~(PAGE_SIZE - 1), len);
		break;
	case 10:
		BENCH_CALL3(b, REC_FORK, 1 + v % 4, 1 + v / 4 % 4, v / 16 % 2);
		break;
	case 11:
		BENCH_CALL1(b, REC_CLONE, 1 + v % 4);
		break;
	case 12:
		BENCH_CALL1(b, v % 8 == 7 ? REC_EXEC : v % 2 ? REC_EXIT : REC_EXIT_GROUP, 0);
		break;
	case 13:
		BENCH_CALL3(b, REC_MADVISE, at & ~(PAGE_SIZE - 1), len, v % 26);
		break;
	case 14:
		BENCH_CALL3(b, v % 2 ? REC_MLOCK : REC_MUNLOCK, at & ~(PAGE_SIZE - 1), len, 0);
		break;
	case 15:
		bench_mark(b, "m");
		break;
	case 16:
		bench_call(b, REC_MREMAP, (int64_t)place((uint8_t)(v + 7)), NULL, at & ~(PAGE_SIZE - 1), len,
			   len * (v % 3), 1, 0, 0);
		break;
	case 17:
		BENCH_CALL3(b, REC_MPROTECT, at & ~(PAGE_SIZE - 1), len, v % 8);
		break;
	case 18:
		BENCH_CALL3(b, REC_SET_MEMPOLICY, v % 8, v % 4, 64);
		break;
	case 19:
		bench_call(b, REC_MBIND, 0, NULL, at & ~(PAGE_SIZE - 1), len, v % 7, v % 4, 64, v % 8);
		break;
	default:
		record_file(what, at, len, v);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const settings[][3] = {
		{"replay.mapping=on-demand", "topology.node_mem=32MiB", "swap.size=16MiB"},
		{"replay.schedule=as-recorded", "topology.node_mem=32MiB,32MiB", "reclaim.algorithm=mglru"},
		{"replay.mapping=on-demand", "thp.enabled=always", "topology.node_cpus=3"},
		{"replay.mapping=recorded", "topology.node_cpus=2", "swap.size=0"},
	};
	uint64_t accesses = 0;
	const char *const *s;

	if (size < 4 || size > 6000)
		return 0;
	s = settings[data[0] % ARRAY_LEN(settings)];
	bench_open(b);
	for (size_t i = 1; i + 3 <= size; i += 3) {
		uint8_t what = data[i + 1] % 32;

		bench_thread(b, 1u + data[i] / 64, 1u + data[i] % 4);
		accesses += what < 8 || what > 25;
		record(what, data[i + 2]);
	}
	if (bench_run(b, s[0], s[1], s[2], NULL) < 0)
		FUZZ_FAIL("%s", b->e.text);
	if (bench_stat(b, "replay.accesses", "machine") +
		    bench_stat(b, "replay.skipped_accesses", "machine") !=
	    (int64_t)accesses)
		FUZZ_FAIL("%llu accesses are not all accounted for", (unsigned long long)accesses);
	bench_close(b);
	return 0;
}
