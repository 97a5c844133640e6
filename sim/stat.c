/*
 * stat.c - histograms and the registry of statistics.
 *
 * The histogram is log-linear as in HdrHistogram (G. Tene), with 3 bits of mantissa: bucket 16 + 8 (e - 4) +
 * m holds the values whose highest bit is e and whose next three bits are m. Adding is O(1) and touches two
 * cache lines.
 *
 * The registry is a list of groups in order of registration, which is the order of rows in the store. It owns
 * nothing but the copies taken at the end of the warm-up.
 *
 * Not modelled: sums beyond 2^64 stay at 2^64 - 1, as do buckets at 2^32 - 1.
 */
#include "sim/stat.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/check.h"
#include "sim/mem.h"

unsigned hist_bucket_of(uint64_t value)
{
	unsigned e;

	if (value < 16)
		return (unsigned)value;
	e = ilog2_u64(value);
	return 16 + (e - 4) * 8 + ((unsigned)(value >> (e - 3)) & 7);
}

uint64_t hist_bucket_low(unsigned b)
{
	unsigned k = b - 16;

	CHECK(b < HIST_BUCKETS, "bucket %u", b);
	return b < 16 ? b : (uint64_t)(8 + k % 8) << (k / 8 + 1);
}

void hist_add_many(struct hist *h, uint64_t value, uint64_t n)
{
	uint32_t *b = &h->bucket[hist_bucket_of(value)];
	uint64_t sum;

	if (!n)
		return;
	if (!h->count || value < h->min)
		h->min = value;
	if (value > h->max)
		h->max = value;
	h->count += n;
	if (__builtin_mul_overflow(value, n, &sum) || __builtin_add_overflow(h->sum, sum, &h->sum))
		h->sum = UINT64_MAX;
	*b = n < UINT32_MAX - *b ? *b + (uint32_t)n : UINT32_MAX;
}

void hist_add(struct hist *h, uint64_t value)
{
	hist_add_many(h, value, 1);
}

const char *stat_scope_name(enum stat_scope s)
{
	static const char *const names[] = {
#define STAT_SCOPE_NAME(name, text) text,
		STAT_SCOPE_LIST(STAT_SCOPE_NAME)
#undef STAT_SCOPE_NAME
	};

	CHECK(s < STAT_SCOPE_NR, "scope %u", (unsigned)s);
	return names[s];
}

const char *stat_kind_name(enum stat_kind k)
{
	static const char *const names[] = {
		[STAT_COUNTER] = "counter",
		[STAT_GAUGE] = "gauge",
		[STAT_HISTOGRAM] = "histogram",
	};

	CHECK((size_t)k < ARRAY_LEN(names), "kind %u", (unsigned)k);
	return names[k];
}

void stat_registry_init(struct stat_registry *r)
{
	memset(r, 0, sizeof *r);
}

void stat_registry_release(struct stat_registry *r)
{
	for (size_t i = 0; i < r->nr_groups; i++)
		mem_free(r->groups[i].zero);
	mem_free(r->groups);
	mem_free(r->refresh);
	memset(r, 0, sizeof *r);
}

static bool is_registered(const struct stat_registry *r, const struct stat_group *g)
{
	for (size_t i = 0; i < r->nr_groups; i++) {
		const struct stat_group *o = &r->groups[i];

		if (o->table == g->table && o->scope == g->scope && !strcmp(o->instance, g->instance))
			return true;
	}
	return false;
}

void stat_register(struct stat_registry *r, const struct stat_table *t, void *base, enum stat_scope scope,
		   const char *instance_fmt, ...)
{
	struct stat_group g = {.table = t, .base = base, .scope = scope};
	va_list ap;
	int n;

	va_start(ap, instance_fmt);
	n = vsnprintf(g.instance, sizeof g.instance, instance_fmt, ap);
	va_end(ap);
	CHECK(n >= 0 && (size_t)n < sizeof g.instance, "%s: the instance's name is too long", t->prefix);
	CHECK(!r->frozen, "%s of %s is registered after the freeze", t->prefix, g.instance);
	DCHECK(!is_registered(r, &g), "%s of %s is registered twice", t->prefix, g.instance);
	r->groups = mem_realloc(r->groups, r->nr_groups + 1, sizeof *r->groups);
	r->groups[r->nr_groups++] = g;
}

void stat_on_refresh(struct stat_registry *r, void (*fn)(void *ctx), void *ctx)
{
	CHECK(!r->frozen, "a refresh hook is installed after the freeze");
	r->refresh = mem_realloc(r->refresh, r->nr_refresh + 1, sizeof *r->refresh);
	r->refresh[r->nr_refresh].fn = fn;
	r->refresh[r->nr_refresh++].ctx = ctx;
}

void stat_registry_freeze(struct stat_registry *r)
{
	r->frozen = true;
}

void stat_registry_refresh(const struct stat_registry *r)
{
	for (size_t i = 0; i < r->nr_refresh; i++)
		r->refresh[i].fn(r->refresh[i].ctx);
}

void stat_registry_zero(struct stat_registry *r)
{
	for (size_t i = 0; i < r->nr_groups; i++) {
		struct stat_group *g = &r->groups[i];

		if (!g->zero)
			g->zero = mem_alloc_late(1, g->table->struct_size);
		memcpy(g->zero, g->base, g->table->struct_size);
	}
}

int64_t stat_value(const struct stat_row *row, const void *base, const void *zero)
{
	uint64_t now, then = 0;
	int64_t level;

	CHECK(row->kind != STAT_HISTOGRAM, "%s is a histogram", row->name);
	if (row->kind == STAT_GAUGE) {
		memcpy(&level, (const char *)base + row->offset, sizeof level);
		return level;
	}
	memcpy(&now, (const char *)base + row->offset, sizeof now);
	if (zero)
		memcpy(&then, (const char *)zero + row->offset, sizeof then);
	return (int64_t)(now - then);
}

void stat_hist(const struct stat_row *row, const void *base, const void *zero, struct hist *h)
{
	const struct hist *then;

	CHECK(row->kind == STAT_HISTOGRAM, "%s is no histogram", row->name);
	memcpy(h, (const char *)base + row->offset, sizeof *h);
	if (!zero)
		return;
	then = (const void *)((const char *)zero + row->offset);
	h->count -= then->count;
	h->sum -= then->sum;
	for (size_t i = 0; i < HIST_BUCKETS; i++)
		h->bucket[i] -= then->bucket[i];
}
