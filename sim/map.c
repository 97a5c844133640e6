/*
 * map.c - open-addressing hash map.
 */
#include "sim/map.h"

#include <string.h>

#include "sim/mem.h"

void map_init(struct map *m)
{
	memset(m, 0, sizeof *m);
}

void map_release(struct map *m)
{
	mem_free(m->keys);
	mem_free(m->vals);
	mem_free(m->used);
	memset(m, 0, sizeof *m);
}

static size_t find_slot(const struct map *m, uint64_t key)
{
	size_t i = hash_u64(key) & (m->cap - 1);

	while (m->used[i] && m->keys[i] != key)
		i = (i + 1) & (m->cap - 1);
	return i;
}

static void grow(struct map *m)
{
	struct map old = *m;

	m->cap = old.cap ? old.cap * 2 : 16;
	m->keys = mem_alloc_late(m->cap, sizeof *m->keys);
	m->vals = mem_alloc_late(m->cap, sizeof *m->vals);
	m->used = mem_alloc_late(m->cap, 1);
	for (size_t i = 0; i < old.cap; i++) {
		if (old.used[i]) {
			size_t j = find_slot(m, old.keys[i]);

			m->used[j] = 1;
			m->keys[j] = old.keys[i];
			m->vals[j] = old.vals[i];
		}
	}
	mem_free(old.keys);
	mem_free(old.vals);
	mem_free(old.used);
}

void map_put(struct map *m, uint64_t key, uint64_t val)
{
	size_t i;

	if (4 * (m->len + 1) > 3 * m->cap)
		grow(m);
	i = find_slot(m, key);
	if (!m->used[i]) {
		m->used[i] = 1;
		m->keys[i] = key;
		m->len++;
	}
	m->vals[i] = val;
}

bool map_get(const struct map *m, uint64_t key, uint64_t *val)
{
	size_t i;

	if (!m->cap)
		return false;
	i = find_slot(m, key);
	if (m->used[i] && val)
		*val = m->vals[i];
	return m->used[i];
}

bool map_del(struct map *m, uint64_t key)
{
	size_t i, j, mask = m->cap - 1;

	if (!m->cap)
		return false;
	i = find_slot(m, key);
	if (!m->used[i])
		return false;
	m->len--;
	for (j = (i + 1) & mask; m->used[j]; j = (j + 1) & mask) {
		size_t home = hash_u64(m->keys[j]) & mask;

		if (((j - home) & mask) >= ((j - i) & mask)) {
			m->keys[i] = m->keys[j];
			m->vals[i] = m->vals[j];
			i = j;
		}
	}
	m->used[i] = 0;
	return true;
}

bool map_next(const struct map *m, size_t *it, uint64_t *key, uint64_t *val)
{
	for (; *it < m->cap; (*it)++) {
		if (m->used[*it]) {
			*key = m->keys[*it];
			*val = m->vals[*it];
			(*it)++;
			return true;
		}
	}
	return false;
}
