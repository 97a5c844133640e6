/*
 * mrc.h - inside of `faultline trace mrc`: what was asked, the curves, and the ways to give them out.
 */
#ifndef TRACES_INSPECT_MRC_H
#define TRACES_INSPECT_MRC_H

#include "sim/err.h"
#include "traces/inspect/curve.h"

#define MRC_PAGES_MAX 4 /* page sizes at once */

/* One curve: a page size, of one process or of all. */
struct mrc_curve {
	struct curve *curve;
	unsigned shift; /* log2 of the page's bytes */
	bool one_process;
	uint32_t pid;
	char *name; /* for legends and tables */
	/* where it is given out: sizes in pages, growing */
	uint64_t *sizes;
	size_t nr_sizes;
};

enum mrc_kinds { MRC_ALL, MRC_DATA, MRC_FETCHES };

struct mrc {
	/* asked */
	unsigned shift[MRC_PAGES_MAX];
	size_t nr_shifts;
	enum mrc_kinds kinds;
	bool one_process, per_process, tlb, every, linear, log_ratio;
	uint32_t pid;
	uint64_t points; /* 0 = as many as suit the output */
	uint64_t *at;    /* --at: sizes in bytes, with --tlb in entries */
	size_t nr_at;
	uint32_t rate;
	uint64_t samples, seed;
	const char *name, *path;
	/* found */
	struct mrc_curve *curves;
	size_t nr_curves;
	const char *fingerprint;
};

bool mrc_is_sampled(const struct mrc *m);
/* "all", "data", "fetches" */
const char *mrc_kinds_name(const struct mrc *m);

/* The ways to give curves out: mrc_out.c. Sizes must have been chosen. */
int mrc_print_table(const struct mrc *m, struct err *e);
int mrc_print_csv(const struct mrc *m, struct err *e);
void mrc_print_json(const struct mrc *m);
int mrc_draw(const struct mrc *m, const char *path, struct err *e);
int mrc_store(const struct mrc *m, const char *path, struct err *e);

#endif
