/*
 * bench_decode.c - how fast a native trace decodes: bench_decode ROUNDS [--csv] FILE.flt...
 *
 * A row a file: for the best round of CPU time, M accesses/s through merged_next, bytes an access in the file
 * and before zstd, the rate of zstd alone over the same sections (the ceiling of any decoder), and which
 * encodings the blocks have. CPU time is that of all threads; with one processor there is but one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/mem.h"
#include "traces/encodings/encoding.h"
#include "traces/reader.h"

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static double replay(struct trace *t, uint64_t *accesses, uint64_t *sum)
{
	struct err e = {0};
	struct merged *m;
	struct batch b;
	double start = now();
	int rc = merged_open(&m, t, &e);

	*accesses = 0;
	while (rc >= 0 && (rc = merged_next(m, &b, &e)) > 0) {
		*accesses += b.n;
		if (b.n)
			*sum ^= b.addr[b.n - 1] + b.meta[0];
	}
	if (rc < 0)
		fprintf(stderr, "%s\n", e.text);
	merged_close(m);
	return now() - start;
}

/* Decompresses every section of every block and nothing else. */
static double zstd_only(struct trace *t, uint64_t *raw, uint64_t blocks[256], uint64_t accesses[256])
{
	struct section_coder *coder = section_coder_new(0);
	struct buf stored = {0}, out = {0};
	struct block_header h;
	struct err e = {0};
	double start = now();

	*raw = 0;
	for (uint64_t at = t->data_start;
	     at < t->size - TRAILER_SIZE && block_read_header(t, at, &h, &e) == 0; at += block_size(&h)) {
		uint8_t *p = buf_reset(&stored, (size_t)block_size(&h));

		if (h.type != BLOCK_DATA)
			continue;
		if (native_read(t->fd, t->name, at + BLOCK_HEADER_SIZE, p, h.ctl_stored + h.acc_stored, &e) <
		    0)
			break;
		if (!section_decompress(coder, p + h.ctl_stored, h.acc_stored, h.acc_raw, &out))
			break;
		*raw += h.acc_raw;
		blocks[h.encoding]++;
		accesses[h.encoding] += h.nr_accesses;
	}
	section_coder_free(coder);
	buf_release(&stored);
	buf_release(&out);
	return now() - start;
}

static void print_row(const char *path, bool csv, int rounds, struct trace *t)
{
	double best = 1e9, best_zstd = 1e9, s;
	uint64_t n = 0, raw = 0, sum = 0;
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	uint64_t blocks[256], accesses[256];

	for (int i = 0; i < rounds; i++) {
		memset(blocks, 0, sizeof blocks);
		memset(accesses, 0, sizeof accesses);
		s = replay(t, &n, &sum);
		best = MIN_OF(best, s);
		s = zstd_only(t, &raw, blocks, accesses);
		best_zstd = MIN_OF(best_zstd, s);
	}
	printf(csv ? "%s,%" PRIu64 ",%.1f,%.4f,%.4f,%.1f,"
		   : "%-20s %12" PRIu64 " %10.1f %12.4f %12.3f %12.1f ",
	       name, n, (double)n / best / 1e6, (double)t->size / (double)n, (double)raw / (double)n,
	       (double)n / best_zstd / 1e6);
	for (unsigned i = 0; i < 256; i++)
		if (blocks[i])
			printf(" %s %.0f %%", encoding_by_number(i)->name,
			       100.0 * (double)accesses[i] / (double)n);
	printf("\n");
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0, rc = 0;
	bool csv = argc > 2 && strcmp(argv[2], "--csv") == 0;

	if (rounds < 1) {
		fprintf(stderr, "usage: bench_decode ROUNDS [--csv] FILE.flt...\n");
		return 2;
	}
	if (csv)
		printf("trace,accesses,million_accesses_per_cpu_second,bytes_an_access,before_zstd,zstd_"
		       "alone,"
		       "encodings\n");
	else
		printf("%-20s %12s %10s %12s %12s %12s  encodings\n", "decoded", "accesses", "M/s of CPU",
		       "bytes/access", "before zstd", "zstd alone");
	for (int i = csv ? 3 : 2; i < argc; i++) {
		struct err e = {0};
		struct trace *t;

		if (trace_open(&t, argv[i], &e) < 0) {
			fprintf(stderr, "%s\n", e.text);
			rc = 1;
			continue;
		}
		print_row(argv[i], csv, rounds, t);
		trace_close(t);
	}
	return rc;
}
