/*
 * bench_import.c - how fast text traces are imported: bench_import DIR [MILLIONS [FORMAT]]
 *
 * Writes a file of each text format (the same seeded accesses: a loop with fetches, stack, array and heap
 * data) into DIR, then measures CPU seconds of all threads of the process for parsing alone, for the import
 * that `faultline run` does (into a temporary file) and for `faultline trace convert`, and seconds by the
 * wall of the last two, which encode in threads. Prints M records/s (accesses and controls), and bytes a
 * record of the text and of both results.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sim/rng.h"
#include "traces/source.h"

struct access {
	uint64_t ip, addr;
	unsigned size, kind;
};

/* A program-like stream: code runs in loops, data is stack, a walk over an array, or a random object. */
static struct access next_access(struct rng *r, uint64_t i, bool fetches)
{
	static uint64_t ip = 0x401000, loop = 0x401000, array;
	struct access a = {.ip = ip, .size = 8, .kind = ACCESS_LOAD};
	uint64_t x = rng_next(r);

	if (fetches && i % 3 != 2) {
		a.addr = ip;
		a.kind = ACCESS_FETCH;
		a.size = 2 + (unsigned)(ip >> 2) % 5;
		ip += a.size;
		if (ip > loop + 160) {
			if (x % 16 == 0)
				loop = 0x401000 + (x >> 8) % 4096 * 64;
			ip = loop;
		}
		return a;
	}
	a.ip = ip;
	if (x % 4 == 0)
		a.addr = 0x7f0000000000 + (x >> 8) % 65536 * 64;
	else if (x % 4 == 1)
		a.addr = 0x10000000 + (array += 8) % (64 << 20);
	else
		a.addr = 0x7ffffffde000 + (x >> 8) % 32 * 8;
	a.kind = x >> 40 & 3 ? ACCESS_LOAD : ACCESS_STORE;
	return a;
}

static void put_lackey(FILE *f, const struct access *a)
{
	if (a->kind == ACCESS_FETCH)
		fprintf(f, "I  %08" PRIx64 ",%u\n", a->addr, a->size);
	else
		fprintf(f, " %c %08" PRIx64 ",%u\n", a->kind == ACCESS_STORE ? 'S' : 'L', a->addr, a->size);
}

static void put_din(FILE *f, const struct access *a)
{
	fprintf(f, "%u %" PRIx64 "\n", a->kind, a->addr & 0xffffffff);
}

static void put_xdin(FILE *f, const struct access *a)
{
	fprintf(f, "%c %" PRIx64 " %x\n", "rwi"[a->kind], a -> addr, a -> size);
}

static void put_pin(FILE *f, const struct access *a)
{
	fprintf(f, "0x%" PRIx64 ": %c 0x%" PRIx64 " %u\n", a->ip, a->kind == ACCESS_STORE ? 'W' : 'R',
		a->addr, a->size);
}

static void put_course(FILE *f, const struct access *a)
{
	fprintf(f, "%08" PRIx64 " %c\n", a->addr & 0xffffffff, "RWR"[a->kind]);
}

static void put_rw(FILE *f, const struct access *a)
{
	fprintf(f, "%c 0x%" PRIx64 "\n", a->kind == ACCESS_STORE ? 'w' : 'r', a->addr);
}

static void put_dramsim3(FILE *f, const struct access *a)
{
	static uint64_t cycle;

	fprintf(f, "0x%08" PRIx64 " %s %" PRIu64 "\n", a->addr & 0xffffffc0,
		a->kind == ACCESS_STORE ? "WRITE" : "READ", cycle += 7);
}

static void put_ramulator(FILE *f, const struct access *a)
{
	fprintf(f, "0x%08" PRIx64 " %c\n", a->addr & 0xffffffc0, a->kind == ACCESS_STORE ? 'W' : 'R');
}

static void put_prospero(FILE *f, const struct access *a)
{
	static uint64_t cycle;

	fprintf(f, "%" PRIu64 " %c %" PRIu64 " %u\n", cycle += 7, a->kind == ACCESS_STORE ? 'W' : 'R',
		a->addr, a->size);
}

static void put_text(FILE *f, const struct access *a)
{
	fprintf(f, "1.1 %c %" PRIx64 " %u 1\n", "LSF"[a->kind], a -> addr, a -> size);
}

static void put_ramulator2(FILE *f, const struct access *a)
{
	fprintf(f, "%s 0x%" PRIx64 "\n", a->kind == ACCESS_STORE ? "ST" : "LD", a->addr);
}

static void put_memtrace(FILE *f, const struct access *a)
{
	fprintf(f, "%c 12 12 %" PRIx64 " %u\n", a->kind == ACCESS_STORE ? 'W' : 'R', a->addr, a->size);
}

static void put_perfmem(FILE *f, const struct access *a)
{
	fprintf(f, " 1234  1234 0x%016" PRIx64 " 0x016%" PRIx64 "   210 0x%x /usr/bin/sort:compare\n", a->ip,
		a->addr, a->kind == ACCESS_STORE ? 0x5080144u : 0x5080442u);
}

static void put_perfscript(FILE *f, const struct access *a)
{
	fprintf(f, " 1234 [003]  5132.681234: %16" PRIx64 " %16" PRIx64 "\n", a->addr, a->ip);
}

static void put_msr(FILE *f, const struct access *a)
{
	static uint64_t ticks = 128166372003061629;

	fprintf(f, "%" PRIu64 ",hm,%u,%s,%" PRIu64 ",%u,413\n", ticks += 700, a->size & 1,
		a->kind == ACCESS_STORE ? "Write" : "Read", a->addr & 0xffffffe00, 512 * a->size);
}

static void put_alibaba(FILE *f, const struct access *a)
{
	static uint64_t us = 1577808144360767;

	fprintf(f, "%" PRIu64 ",%c,%" PRIu64 ",%u,%" PRIu64 "\n", a->addr >> 6 & 255,
		a->kind == ACCESS_STORE ? 'W' : 'R', a->addr & 0xfffffe000, 4096 * a->size, us += 70);
}

/* Where the block lies that a request of memory is given, or gives back; one of 64 Ki. */
static uint64_t block_of(const struct access *a)
{
	return 0x5000000 + a->addr % 65536 * 256;
}

static bool there[65536]; /* which blocks are, in the file that is made */

/* Whether it is there, and from now on the other way round. */
static bool is_there(const struct access *a)
{
	return !(there[a->addr % 65536] ^= true);
}

static void put_mtrace(FILE *f, const struct access *a)
{
	if (is_there(a))
		fprintf(f, "@ ./p:[0x138d] - 0x%" PRIx64 "\n", block_of(a));
	else
		fprintf(f, "@ ./p:[0x1378] + 0x%" PRIx64 " 0x%x\n", block_of(a), a->size * 8);
}

static void put_heaptrack(FILE *f, const struct access *a)
{
	if (is_there(a))
		fprintf(f, "- %" PRIx64 "\n", block_of(a));
	else
		fprintf(f, "+ %x 1 %" PRIx64 "\n", a->size * 8, block_of(a));
}

static void put_alloclog(FILE *f, const struct access *a)
{
	if (is_there(a))
		fprintf(f, "- %" PRIx64 "\n", block_of(a));
	else
		fprintf(f, "+ %" PRIx64 " %u 0\n", block_of(a), a->size * 8);
}

static void put_malloclab(FILE *f, const struct access *a)
{
	if (is_there(a))
		fprintf(f, "f %" PRIu64 "\n", a->addr % 65536);
	else
		fprintf(f, "a %" PRIu64 " %u\n", a->addr % 65536, a->size * 8);
}

static void put_strace(FILE *f, const struct access *a)
{
	fprintf(f, "7  pread64(3, \"abc\"..., %u, %" PRIu64 ") = %u\n", a->size, a->addr & 0xfffff, a->size);
}

static void put_damon(FILE *f, const struct access *a)
{
	uint64_t start = a->addr & ~UINT64_C(4095);

	fprintf(f,
		" kdamond.0  4452 [000] 82877.315633: damon:damon_aggregated: target_id=0 nr_regions=1 "
		"%" PRIu64 "-%" PRIu64 ": %u 3\n",
		start, start + 8192, a->size);
}

static const struct row {
	/* head and tail are formats for the number of lines */
	const char *format, *head, *tail;
	bool fetches;
	void (*put)(FILE *f, const struct access *a);
} rows[] = {
	{"lackey", "", "", true, put_lackey},
	{"din", "", "", true, put_din},
	{"xdin", "", "", true, put_xdin},
	{"pinatrace", "", "#eof\n", false, put_pin},
	{"course", "", "", false, put_course},
	{"rw", "", "", false, put_rw},
	{"dramsim3", "", "", false, put_dramsim3},
	{"ramulator", "", "", false, put_ramulator},
	{"prospero", "", "", false, put_prospero},
	{"ramulator2", "", "", false, put_ramulator2},
	{"text", "# faultline trace text 1\n", "# end accesses %" PRIu64 " controls 0\n", true, put_text},
	{"memtrace", "# memtrace 1\n", "# end accesses %1$" PRIu64 " events %1$" PRIu64 "\n", true,
	 put_memtrace},
	{"perfmem", "# PID, TID, IP, ADDR, LOCAL WEIGHT, DSRC, SYMBOL\n", "", false, put_perfmem},
	{"perfscript", "", "", false, put_perfscript},
	{"msr", "", "", false, put_msr},
	{"alibaba", "", "", false, put_alibaba},
	{"mtrace", "= Start\n", "= End\n", false, put_mtrace},
	{"heaptrack", "v 10400 3\nX ./p\nt 5571 0\n", "", false, put_heaptrack},
	{"malloclab", "20000\n65536\n%" PRIu64 "\n1\n", "", false, put_malloclab},
	{"alloclog", "# faultline alloclog 1\nC 0 ?\nP 7 1 /b/p\nS 7 7\n", "# end events %" PRIu64 "\n",
	 false, put_alloclog},
	{"strace",
	 "7  execve(\"./p\", [\"./p\"], 0x7ffd /* 37 vars */) = 0\n7  openat(AT_FDCWD, \"/a\", O_RDONLY) = "
	 "3\n",
	 "", false, put_strace},
	{"damon", "", "", false, put_damon},
};

/* Of all threads together, and by the wall. */
struct times {
	double cpu, wall;
};

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static struct times times_now(void)
{
	return (struct times){now(CLOCK_PROCESS_CPUTIME_ID), now(CLOCK_MONOTONIC)};
}

/* The shorter one, of each. */
static void keep_shorter(struct times *t, struct times other)
{
	t->cpu = MIN_OF(t->cpu, other.cpu);
	t->wall = MIN_OF(t->wall, other.wall);
}

static void make_file(const struct row *row, const char *path, uint64_t n)
{
	FILE *f = fopen(path, "w");
	struct rng r;

	if (!f) {
		perror(path);
		exit(2);
	}
	rng_init(&r, 1, "bench.import");
	memset(there, 0, sizeof there);
	fprintf(f, row->head, n);
	for (uint64_t i = 0; i < n; i++) {
		struct access a = next_access(&r, i, row->fetches);

		row->put(f, &a);
	}
	fprintf(f, row->tail, n);
	fclose(f);
}

static void fail(const struct err *e)
{
	fprintf(stderr, "%s\n", e->text);
	exit(2);
}

/* Seconds of an import; w NULL: parsing alone. Adds to *n. */
static struct times import_file(const struct importer_ops *ops, const char *path, struct trace_writer *w,
				uint64_t *n)
{
	struct importer *im;
	struct err e = {0};
	struct batch b;
	struct times start = times_now(), end;
	int rc;

	if (importer_open(&im, ops, path, "", &e) < 0)
		fail(&e);
	while ((rc = ops->next(im, &b, &e)) > 0) {
		*n += b.n + (b.control != NULL);
		if (w && trace_writer_batch(w, &b, &e) < 0)
			fail(&e);
	}
	if (rc < 0)
		fail(&e);
	ops->close(im);
	if (w && trace_writer_close(w, &e) < 0)
		fail(&e);
	end = times_now();
	return (struct times){end.cpu - start.cpu, end.wall - start.wall};
}

static const int levels[2] = {TRACE_LEVEL_FAST, 0}; /* as `faultline run` imports; as `trace convert` does */

static void bench(const struct row *row, const char *dir, uint64_t n)
{
	const struct importer_ops *ops = importer_find(row->format);
	struct times parse = {1e9, 1e9}, seconds[2] = {{1e9, 1e9}, {1e9, 1e9}};
	char path[512], out[520];
	uint64_t records = 0;
	struct stat text, native[2];

	snprintf(path, sizeof path, "%s/import.%s", dir, row->format);
	snprintf(out, sizeof out, "%s.flt", path);
	make_file(row, path, n);
	for (int round = 0; round < 3; round++) {
		records = 0;
		keep_shorter(&parse, import_file(ops, path, NULL, &records));
		for (int k = 0; k < 2; k++) {
			struct trace_writer *w;
			struct err e = {0};

			records = 0;
			if (trace_writer_open(&w, out, NULL, levels[k], &e) < 0)
				fail(&e);
			keep_shorter(&seconds[k], import_file(ops, path, w, &records));
			stat(out, &native[k]);
		}
	}
	stat(path, &text);
	printf("%-12s %8.1f %8.1f %8.1f %8.1f %8.1f %8.2f %8.3f %8.3f\n", row->format,
	       (double)records / parse.cpu / 1e6, (double)records / seconds[0].cpu / 1e6,
	       (double)records / seconds[1].cpu / 1e6, (double)records / seconds[0].wall / 1e6,
	       (double)records / seconds[1].wall / 1e6, (double)text.st_size / (double)records,
	       (double)native[0].st_size / (double)records, (double)native[1].st_size / (double)records);
	fflush(stdout);
	unlink(path);
	unlink(out);
}

int main(int argc, char **argv)
{
	uint64_t n = (argc > 2 ? strtoull(argv[2], NULL, 10) : 4) * 1000000;

	if (argc < 2) {
		fprintf(stderr, "usage: bench_import DIR [MILLIONS [FORMAT]]\n");
		return 2;
	}
	printf("%-12s %8s %8s %8s %8s %8s %8s %8s %8s\n", "M records/s", "parse", "run", "convert", "run",
	       "convert", "text", "run", "convert");
	printf("%-12s %8s %8s %8s %8s %8s %8s %8s %8s\n", "", "CPU", "CPU", "CPU", "wall", "wall", "B", "B",
	       "B");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (argc < 4 || !strcmp(argv[3], rows[i].format))
			bench(&rows[i], argv[1], n);
	return 0;
}
