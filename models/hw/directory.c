/*
 * directory.c - the hash table behind directory.h.
 *
 * Invariant: no free slot lies between an entry's home slot and the entry. The table is at most half full.
 */
#include "models/hw/directory.h"

#include <string.h>

#include "sim/check.h"
#include "sim/map.h"
#include "sim/mem.h"

void directory_init(struct directory *d, uint64_t max_lines, unsigned nr_cpus)
{
	uint64_t n = 16;

	while (n < 2 * max_lines)
		n *= 2;
	d->mask = n - 1;
	d->words = (nr_cpus + 63) / 64;
	d->stride = 1 + d->words;
	d->len = 0;
	d->slots = mem_alloc(n * d->stride, sizeof *d->slots);
}

void directory_release(struct directory *d)
{
	mem_free(d->slots);
	*d = (struct directory){0};
}

static uint64_t *slot_at(const struct directory *d, uint64_t i)
{
	return d->slots + i * d->stride;
}

/* Index of the line's slot or of the free one where it would go. */
static uint64_t slot_of(const struct directory *d, uint64_t line)
{
	uint64_t i = hash_u64(line) & d->mask;

	while (*slot_at(d, i) && *slot_at(d, i) != line + 1)
		i = (i + 1) & d->mask;
	return i;
}

const uint64_t *directory_find(const struct directory *d, uint64_t line)
{
	uint64_t *s = slot_at(d, slot_of(d, line));

	return *s ? s + 1 : NULL;
}

void directory_add(struct directory *d, uint64_t line, unsigned cpu)
{
	uint64_t *s = slot_at(d, slot_of(d, line));

	if (!*s) {
		CHECK(d->len <= d->mask / 2, "more lines than the private caches hold: %" PRIu64, d->len);
		d->len++;
		*s = line + 1;
	}
	s[1 + cpu / 64] |= UINT64_C(1) << (cpu % 64);
}

static void slot_free(struct directory *d, uint64_t hole)
{
	for (uint64_t i = (hole + 1) & d->mask; *slot_at(d, i); i = (i + 1) & d->mask) {
		uint64_t home = hash_u64(*slot_at(d, i) - 1) & d->mask;

		if (((i - home) & d->mask) < ((i - hole) & d->mask))
			continue;
		memcpy(slot_at(d, hole), slot_at(d, i), d->stride * sizeof *d->slots);
		hole = i;
	}
	memset(slot_at(d, hole), 0, d->stride * sizeof *d->slots);
	d->len--;
}

void directory_remove(struct directory *d, uint64_t line, unsigned cpu)
{
	uint64_t i = slot_of(d, line), *s = slot_at(d, i), any = 0;

	CHECK(*s && s[1 + cpu / 64] >> (cpu % 64) & 1, "cpu %u does not hold line %#" PRIx64, cpu, line);
	s[1 + cpu / 64] &= ~(UINT64_C(1) << (cpu % 64));
	for (unsigned w = 0; w < d->words; w++)
		any |= s[1 + w];
	if (!any)
		slot_free(d, i);
}
