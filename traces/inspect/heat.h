/*
 * heat.h - which addresses a trace touches when, in rows and columns: `faultline trace plot`.
 */
#ifndef TRACES_INSPECT_HEAT_H
#define TRACES_INSPECT_HEAT_H

#include "traces/footprint.h"
#include "traces/source.h"

#define HEAT_SEGMENTS 24
#define HEAT_COLUMNS  180u
#define HEAT_NAMES    8192 /* mappings whose names are remembered */

/* A stretch of touched addresses without large gaps. */
struct heat_segment {
	uint32_t pid;
	uint64_t low, high; /* pages of 4 KiB, both included */
	uint64_t pages_a_row;
	unsigned first_row, rows; /* rows grow with the address */
	double y, height;         /* where it is drawn; y of its upper edge */
	char name[64];            /* "" = unknown */
};

struct heat_column {
	uint64_t accesses, pages, so_far; /* pages touched in it; distinct pages up to its end */
};

struct heat {
	/* first pass */
	uint64_t noted; /* accesses */
	struct footprint touched;
	struct heat_name {
		uint32_t pid;
		uint64_t low, high; /* bytes */
		char name[64];
	} * names;
	size_t nr_names;
	struct heat_file {
		uint64_t fid;
		char name[64];
	} * files;
	size_t nr_files;
	/* layout */
	struct heat_segment segment[HEAT_SEGMENTS];
	size_t nr_segments, nr_left_out; /* processes that are not shown */
	unsigned rows, columns;
	/* second pass */
	uint64_t *cells; /* rows × columns */
	uint64_t most;   /* in one cell */
	struct heat_column column[HEAT_COLUMNS];
	uint64_t accesses_a_column, accesses;
	struct footprint all, now;
	size_t last_segment;
};

void heat_init(struct heat *h);
void heat_release(struct heat *h);
/* First pass: notes the pages and the names of mappings. */
void heat_note(struct heat *h, const struct batch *b);
/*
 * Between the passes: chooses segments and rows for a picture of `height` with `gap` between segments; a row
 * is at least row_height high. The second pass brings the same accesses again.
 */
void heat_lay_out(struct heat *h, double height, double gap, double row_height);
/* Second pass. */
void heat_add(struct heat *h, const struct batch *b);
void heat_finish(struct heat *h);

#endif
