/*
 * intern.c - numbered texts.
 */
#include "analysis/intern.h"

#include <string.h>

#include "sim/mem.h"

void intern_init(struct intern *t)
{
	memset(t, 0, sizeof *t);
}

void intern_release(struct intern *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		mem_free(t->texts[i]);
	mem_free(t->texts);
	mem_free(t->ids);
	mem_free(t->slots);
	intern_init(t);
}

/* FNV-1a, 32 bits. */
static uint32_t hash_of(const char *text)
{
	uint32_t h = 0x811c9dc5u;

	while (*text)
		h = (h ^ (unsigned char)*text++) * 0x01000193u;
	return h;
}

/* The slot that holds text, or the free one where it belongs. nr_slots is a power of two and never full. */
static uint32_t slot_of(const struct intern *t, const char *text)
{
	uint32_t mask = t->nr_slots - 1, i = hash_of(text) & mask;

	while (t->slots[i] && strcmp(t->texts[t->slots[i] - 1], text))
		i = (i + 1) & mask;
	return i;
}

static void grow(struct intern *t)
{
	t->cap = t->cap ? 2 * t->cap : 64;
	t->nr_slots = 2 * t->cap;
	t->texts = mem_realloc(t->texts, t->cap, sizeof *t->texts);
	t->ids = mem_realloc(t->ids, t->cap, sizeof *t->ids);
	mem_free(t->slots);
	t->slots = mem_alloc_late(t->nr_slots, sizeof *t->slots);
	for (uint32_t i = 0; i < t->n; i++)
		t->slots[slot_of(t, t->texts[i])] = i + 1;
}

uint32_t intern_number(struct intern *t, const char *text)
{
	uint32_t slot;

	if (t->n == t->cap)
		grow(t);
	slot = slot_of(t, text);
	if (!t->slots[slot]) {
		t->texts[t->n] = mem_strdup(text);
		t->ids[t->n] = 0;
		t->slots[slot] = ++t->n;
	}
	return t->slots[slot] - 1;
}

void intern_forget_ids(struct intern *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		t->ids[i] = 0;
}
