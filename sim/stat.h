/*
 * stat.h - statistics: one row each, from which the struct field, the registry, help and the store follow.
 *
 * A module declares its list once:
 *
 *     #define TLB_STATS(X, S)                                               \
 *             X(S, COUNTER, l1d_hits, "accesses", "hits of the first-level data TLB") \
 *             X(S, HISTOGRAM, walk_cycles, "cycles", "length of a page walk")
 *     STAT_STRUCT(tlb_stats, TLB_STATS);
 *     extern const struct stat_table tlb_stat_table;       // in the .c: STAT_TABLE(tlb, tlb_stats,
 * TLB_STATS);
 *
 * and counts by stats->l1d_hits++. A statistic's full name is prefix.field ("tlb.l1d_hits"). Statistics know
 * nothing of where they go: metrics.h walks the registry and hands rows to a sink. Rates and ratios are SQL
 * views, never C.
 */
#ifndef SIM_STAT_H
#define SIM_STAT_H

#include "sim/base.h"

enum stat_kind {
	STAT_COUNTER,   /* uint64_t that only grows; a snapshot stores its value since the warm-up ended */
	STAT_GAUGE,     /* int64_t level at this moment */
	STAT_HISTOGRAM, /* struct hist */
};

/*
 * Log-linear histogram: values 0…15 exactly, above that 8 buckets for each power of two (relative error
 * below 12.5 %).
 */
#define HIST_BUCKETS 496
struct hist {
	uint64_t count, sum, min, max;
	uint32_t bucket[HIST_BUCKETS];
};

void hist_add(struct hist *h, uint64_t value);
/* The same value n times. */
void hist_add_many(struct hist *h, uint64_t value, uint64_t n);
/* The bucket that a value falls into, below HIST_BUCKETS. */
unsigned hist_bucket_of(uint64_t value);
/* Smallest value that falls into bucket b. */
uint64_t hist_bucket_low(unsigned b);

struct stat_row {
	const char *name;
	enum stat_kind kind;
	const char *unit;
	const char *sentence;
	size_t offset;
};

struct stat_table {
	const char *prefix;
	const struct stat_row *rows;
	size_t nr_rows;
	size_t struct_size;
};

typedef uint64_t stat_field_COUNTER;
typedef int64_t stat_field_GAUGE;
typedef struct hist stat_field_HISTOGRAM;

#define STAT_FIELD_(S, kind, field, unit, sentence) stat_field_##kind field;
#define STAT_ROW_(S, kind, field, unit, sentence) \
	{#field, STAT_##kind, unit, sentence, offsetof(struct S, field)},
#define STAT_STRUCT(S, LIST)         \
	struct S {                   \
		LIST(STAT_FIELD_, S) \
	}
#define STAT_TABLE(pfx, S, LIST)                                        \
	static const struct stat_row S##_rows[] = {LIST(STAT_ROW_, S)}; \
	const struct stat_table pfx##_stat_table = {#pfx, S##_rows, ARRAY_LEN(S##_rows), sizeof(struct S)}

/* What a group of statistics belongs to. One row a scope. */
#define STAT_SCOPE_LIST(X)    \
	X(MACHINE, "machine") \
	X(CPU, "cpu")         \
	X(NODE, "node")       \
	X(ZONE, "zone")       \
	X(PROCESS, "process") \
	X(VMA, "vma")         \
	X(MEMCG, "memcg")     \
	X(DEVICE, "device")   \
	X(LINK, "link")

enum stat_scope {
#define STAT_SCOPE_ENUM(name, text) STAT_SCOPE_##name,
	STAT_SCOPE_LIST(STAT_SCOPE_ENUM)
#undef STAT_SCOPE_ENUM
		STAT_SCOPE_NR
};
const char *stat_scope_name(enum stat_scope s);
/* "counter", "gauge", "histogram" */
const char *stat_kind_name(enum stat_kind k);

/* One registered struct: the table, where the numbers are, whose they are ("0", "0/DMA32", "P1"). */
struct stat_group {
	const struct stat_table *table;
	void *base;
	void *zero; /* copy taken at the end of the warm-up, owned by the registry */
	enum stat_scope scope;
	char instance[40];
};

struct stat_registry {
	struct stat_group *groups;
	size_t nr_groups;
	/* hooks that bring gauges up to date before a snapshot */
	struct stat_refresh {
		void (*fn)(void *ctx);
		void *ctx;
	} * refresh;
	size_t nr_refresh;
	bool frozen;
};

void stat_registry_init(struct stat_registry *r);
void stat_registry_release(struct stat_registry *r);
/* Adds a group; base must outlive the registry. A programming error after stat_registry_freeze. */
void stat_register(struct stat_registry *r, const struct stat_table *t, void *base, enum stat_scope scope,
		   const char *instance_fmt, ...) PRINTF_LIKE(5, 6);
/* fn(ctx) brings gauges up to date whenever stat_registry_refresh is called. A programming error after the
 * freeze. */
void stat_on_refresh(struct stat_registry *r, void (*fn)(void *ctx), void *ctx);
/* All groups and hooks are known. */
void stat_registry_freeze(struct stat_registry *r);
/* Calls the hooks; before values are read. */
void stat_registry_refresh(const struct stat_registry *r);
/* Remembers all counters and histograms as they are: later values are differences to this (end of warm-up).
 */
void stat_registry_zero(struct stat_registry *r);
/*
 * A counter or gauge of the struct at base. zero is the struct as it was at the end of the warm-up (a group's
 * .zero), or NULL: counters are differences to it, gauges are as they are.
 */
int64_t stat_value(const struct stat_row *row, const void *base, const void *zero);
/* The same for a histogram: count, sum and buckets are differences, min and max are of the whole run. */
void stat_hist(const struct stat_row *row, const void *base, const void *zero, struct hist *h);

#endif
