/*
 * generator.h - what the synthetic patterns share: options, threads, the writing of records.
 *
 * A pattern is a file and a row of generators.c: a struct that begins with struct generator, a table of its
 * own options, and a function that fills in addresses. Same options, same trace.
 */
#ifndef TRACES_GENERATORS_GENERATOR_H
#define TRACES_GENERATORS_GENERATOR_H

#include "sim/rng.h"
#include "traces/source.h"

#define GENERATOR_BATCH       4096 /* accesses of one thread before the next has its turn */
#define GENERATOR_THREADS_MAX 4096
#define GENERATOR_PAGES_MAX   (UINT64_C(1) << 32)

/* What a thread of a pattern keeps. */
struct generator_thread {
	uint32_t pid, tid;
	uint64_t left; /* accesses to come */
	uint64_t pos;  /* accesses so far, plus where the pattern lets it start */
	struct rng rng;
};

struct generator;

/* Options: numbers may have a suffix K, M, G, T (1024); REAL are plain decimal numbers. */
enum generator_option_kind { OPTION_NUMBER, OPTION_REAL };
struct generator_option {
	const char *key;
	enum generator_option_kind kind;
	size_t offset; /* of an uint64_t or a double in the pattern's struct */
	double def, min, max;
	const char *unit, *sentence;
};

struct generator_pattern {
	const char *name;
	size_t size;                            /* of its struct */
	const struct generator_option *options; /* its own, ends with a NULL key; may be NULL */
	/* Called once the options are set; may be NULL. */
	int (*begin)(struct generator *g, struct err *e);
	/* The next n addresses of thread t, n <= GENERATOR_BATCH; each may be followed by `size` bytes. */
	void (*fill)(struct generator *g, struct generator_thread *t, uint64_t *addr, size_t n);
};

struct generator {
	struct importer im;
	const struct generator_pattern *pattern;
	/* options of all patterns */
	uint64_t count, pages, bytes, seed, icount, size, base, threads, processes, maps;
	double write;
	/* where it stands */
	struct generator_thread *thread;
	size_t nr_threads, turn;
	size_t opening; /* opening records given out */
	uint64_t done;
	char *arguments;
	struct control control;
	uint64_t addr[GENERATOR_BATCH];
	uint32_t meta[GENERATOR_BATCH];
};

/*
 * The hooks of struct importer_ops, the same for every pattern; `path` is not used. Errors: an option that is
 * unknown or out of its range is ERR_USAGE, too many threads are ERR_LIMIT.
 */
int generator_open(struct importer **out, const struct importer_ops *ops, const char *path,
		   const char *options, struct err *e);
int generator_next(struct importer *im, struct batch *b, struct err *e);
void generator_provenance(struct importer *im, struct provenance *p);
void generator_position(struct importer *im, uint64_t *done, uint64_t *total);
void generator_close(struct importer *im);

/* The options that every pattern has, ends with a NULL key. */
const struct generator_option *generator_common_options(void);

/* An address of the region. */
static inline uint64_t generator_address(const struct generator *g, uint64_t page, uint64_t offset)
{
	return g->base + (page << PAGE_SHIFT) + offset;
}

/* A uniformly drawn place in a page where an access fits whole. */
static inline uint64_t generator_offset(const struct generator *g, struct rng *r)
{
	return rng_below(r, PAGE_SIZE / g->size) * g->size;
}

/* One definition of a row: ops of the pattern NAME whose description is NAME_pattern. */
#define GENERATOR_OPS(NAME, SENTENCE)                  \
	const struct importer_ops NAME##_generator = { \
		.name = #NAME,                         \
		.sentence = SENTENCE,                  \
		.form = &NAME##_pattern,               \
		.open = generator_open,                \
		.next = generator_next,                \
		.provenance = generator_provenance,    \
		.position = generator_position,        \
		.close = generator_close,              \
	}

/* One row a pattern. */
#define GENERATOR_LIST(X) X(sequential) X(stride) X(uniform) X(zipf) X(chase) X(hotcold) X(phases)

#define GENERATOR_EXTERN(name) extern const struct importer_ops name##_generator;
GENERATOR_LIST(GENERATOR_EXTERN)
#undef GENERATOR_EXTERN

#endif
