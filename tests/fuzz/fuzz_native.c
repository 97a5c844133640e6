/*
 * fuzz_native.c - the native reader, on files whose checksums are made right again, so that what is behind
 * them is reached, too.
 */
#include "tests/fuzz/fuzz.h"

#include <xxhash.h>

#include "traces/inspect/mappings.h"
#include "traces/native.h"
#include "traces/source.h"

static void write_seed(const char *name, unsigned threads, unsigned n)
{
	uint64_t addr[256 + BATCH_SLACK];
	uint32_t meta[256 + BATCH_SLACK];
	struct provenance p = {.program = "seed"};
	struct trace_writer *w;
	static uint8_t bytes[1 << 20];
	struct err e = {0};
	int fd = memfd_create("seed", 0);
	ssize_t size;

	if (trace_writer_open_fd(&w, fd, name, &p, 1, &e) < 0)
		FUZZ_FAIL("%s", e.text);
	for (unsigned i = 0; i < n; i++) {
		struct control c = {
			.op = i % 3 ? REC_MMAP : REC_MARK, .cpu = -1, .text = i % 3 ? NULL : "mark"};
		struct batch b = {.pid = 1,
				  .tid = 1 + i % threads,
				  .n = i % 256,
				  .addr = addr,
				  .meta = meta,
				  .control = &c};

		c.pid = b.pid;
		c.tid = b.tid;
		for (unsigned k = 0; k < b.n; k++) {
			addr[k] = i % 2 ? 0x400000 + k * 4 : (uint64_t)k * k * 4099 + i;
			meta[k] = meta_make(addr[k], (enum access_kind)((i + k) % 3), 1 + k % 16, k % 5);
		}
		if (trace_writer_batch(w, &b, &e) < 0)
			FUZZ_FAIL("%s", e.text);
	}
	if (trace_writer_close(w, &e) < 0)
		FUZZ_FAIL("%s", e.text);
	size = pread(fd, bytes, sizeof bytes, 0);
	fuzz_seed(name, bytes, (size_t)size);
	close(fd);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	if (!getenv("SEEDS"))
		return 0;
	write_seed("one", 1, 10);
	write_seed("four", 4, 60);
	write_seed("empty", 1, 0);
	exit(0);
}

static void seal(uint8_t *at, const void *what, size_t n, uint64_t seed)
{
	put_u64(at, XXH3_64bits_withSeed(what, n, seed));
}

/* Sections and headers from block to block as far as sizes lead, then the trailer. */
static void reseal(uint8_t *p, size_t size)
{
	uint64_t json, at;

	if (size < NATIVE_HEADER_SIZE)
		return;
	json = get_u32(p + 12);
	if (json > size - NATIVE_HEADER_SIZE)
		return;
	seal(p + 16, p + NATIVE_HEADER_SIZE, (size_t)json, XXH3_64bits(p, 16));
	at = NATIVE_HEADER_SIZE + json;
	while (size - at >= BLOCK_HEADER_SIZE && get_u32(p + at) == BLOCK_MAGIC) {
		uint64_t ctl = get_u32(p + at + 56), acc = get_u32(p + at + 64),
			 body = at + BLOCK_HEADER_SIZE;

		if (ctl > size - body || acc > size - body - ctl)
			break;
		seal(p + at + 96, p + body, (size_t)ctl, 0);
		seal(p + at + 104, p + body + ctl, (size_t)acc, 0);
		seal(p + at + 112, p + at, 112, at);
		at = body + ctl + acc;
	}
	if (size >= TRAILER_SIZE)
		seal(p + size - 8, p + size - TRAILER_SIZE, 24, 0);
}

/* No record at all may upset what mappings it makes. */
static void follow_mappings(struct mappings *m, const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		(void)mappings_check(mappings_space(m, b->pid), b->addr[i], META_SIZE(b->meta[i]),
				     (enum access_kind)META_KIND(b->meta[i]));
	if (b->control)
		mappings_control(m, b->control);
}

static int read_all(struct trace *t, struct err *e)
{
	struct mappings mappings;
	struct trace_counts counts;
	struct merged *m;
	struct batch b;
	int rc = trace_counts(t, &counts, e);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < trace_nr_threads(t); i++) {
		struct stream *s;

		rc = stream_open(&s, t, i, e);
		if (rc < 0)
			return rc;
		while ((rc = stream_next(s, &b, e)) > 0)
			;
		stream_close(s);
		if (rc < 0)
			return rc;
	}
	rc = merged_open(&m, t, e);
	if (rc < 0)
		return rc;
	mappings_init(&mappings);
	while ((rc = merged_next(m, &b, e)) > 0)
		follow_mappings(&mappings, &b);
	mappings_release(&mappings);
	merged_close(m);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	struct trace *t = NULL;
	struct err e = {0};
	char path[32];
	int fd, rc;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (size && data[size - 1] % 4) /* one in four as it is */
		reseal(copy, size);
	fd = fuzz_file(copy, size, path);
	free(copy);
	rc = trace_open(&t, path, &e);
	fuzz_error(rc, &e);
	if (rc >= 0) {
		rc = read_all(t, &e);
		fuzz_error(rc, &e);
		trace_close(t);
	}
	close(fd);
	return 0;
}
