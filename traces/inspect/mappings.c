/*
 * mappings.c - which addresses a process may access, by the control records alone.
 *
 * After mm/mmap.c (mmap_region, do_brk_flags, do_munmap, expand_downwards), mm/mremap.c, mm/mprotect.c and
 * arch/x86/mm/fault.c (access_error) of Linux 6.1: what a call that succeeded did to the bounds and the
 * rights of mappings. A mapping lies in a sorted array of its process, equal neighbours joined; fork shares
 * the array until one side changes it; a child of vfork has its parent's until it executes. O(log mappings)
 * an access that is not where the last of its kind was, O(mappings) a change.
 *
 * Not modelled: the end of a mapped file (an access behind it lies in the mapping and is a SIGBUS),
 * RLIMIT_STACK other than its default of 8 MiB, protection keys, remap_file_pages, what a failed call had
 * done by then.
 */
#include "traces/inspect/mappings.h"

#include <string.h>

#include "sim/mem.h"

#define PROT_READ_BIT     1u
#define PROT_WRITE_BIT    2u
#define PROT_EXEC_BIT     4u
#define PROT_BITS         7u
#define PROT_GROWS        0x01000000u /* PROT_GROWSDOWN */
#define MAP_GROWS         0x100u      /* MAP_GROWSDOWN */
#define REMAP_KEEPS       4u          /* MREMAP_DONTUNMAP */
#define STACK_BYTES_MAX   (UINT64_C(8) << 20)
#define STACK_GUARD_BYTES (UINT64_C(256) << PAGE_SHIFT)
#define PAGE_UP(x)        (((x) + PAGE_SIZE - 1) & PAGE_MASK)

struct region {
	uint64_t start, end;
	unsigned rights; /* PROT_BITS, MAP_GROWS */
};

struct regions {
	size_t users, n, cap;
	struct region at[];
};

struct hit {
	uint64_t start, bytes;
};

struct space {
	size_t users; /* processes */
	struct regions *regions;
	uint64_t brk;
	bool has_brk, ended;
	struct hit hit[4]; /* where the last access of each kind was; kinds are two bits */
};

/* ---- regions ---- */

static struct regions *regions_new(size_t cap)
{
	struct regions *r = mem_alloc_late(1, sizeof *r + cap * sizeof r->at[0]);

	r->users = 1;
	r->cap = cap;
	return r;
}

static void regions_put(struct regions *r)
{
	if (--r->users == 0)
		mem_free(r);
}

/* The first region that ends above addr. */
static size_t find(const struct regions *r, uint64_t addr)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->at[mid].end > addr)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* s gets an array of its own with room for two regions more. */
static struct regions *own(struct space *s)
{
	struct regions *r = s->regions, *mine = r;

	if (r->users > 1 || r->n + 2 > r->cap) {
		mine = regions_new(2 * r->n + 16);
		mine->n = r->n;
		memcpy(mine->at, r->at, r->n * sizeof r->at[0]);
		regions_put(r);
		s->regions = mine;
	}
	memset(s->hit, 0, sizeof s->hit);
	return mine;
}

static void join(struct regions *r, size_t i)
{
	if (i == 0 || i >= r->n || r->at[i - 1].end != r->at[i].start ||
	    r->at[i - 1].rights != r->at[i].rights)
		return;
	r->at[i - 1].end = r->at[i].end;
	memmove(&r->at[i], &r->at[i + 1], (r->n - i - 1) * sizeof r->at[0]);
	r->n--;
}

/* Nothing is mapped in [start, end) any more, or, with a region, that alone. */
static void replace(struct space *s, uint64_t start, uint64_t end, const struct region *with)
{
	struct regions *r = own(s);
	struct region put[3];
	size_t i = find(r, start), j = i, n = 0, at = i;

	if (i < r->n && r->at[i].start < start) {
		put[n++] = (struct region){r->at[i].start, start, r->at[i].rights};
		at++;
	}
	if (with)
		put[n++] = *with;
	while (j < r->n && r->at[j].start < end)
		j++;
	if (j > i && r->at[j - 1].end > end)
		put[n++] = (struct region){end, r->at[j - 1].end, r->at[j - 1].rights};
	memmove(&r->at[i + n], &r->at[j], (r->n - j) * sizeof r->at[0]);
	memcpy(&r->at[i], put, n * sizeof put[0]);
	r->n += n;
	r->n -= j - i;
	if (with) {
		join(r, at + 1);
		join(r, at);
	}
}

static void map_range(struct space *s, uint64_t start, uint64_t len, unsigned rights)
{
	struct region with = {start & PAGE_MASK, 0, rights};

	with.end = with.start + PAGE_UP(len);
	if (with.end > with.start)
		replace(s, with.start, with.end, &with);
}

static void unmap_range(struct space *s, uint64_t start, uint64_t len)
{
	uint64_t end = (start & PAGE_MASK) + PAGE_UP(len);

	if (end > start)
		replace(s, start & PAGE_MASK, end, NULL);
}

/* ---- calls ---- */

static void do_mprotect(struct space *s, uint64_t start, uint64_t len, uint64_t prot)
{
	uint64_t end = start + PAGE_UP(len);
	size_t i = find(s->regions, start);

	if (prot & PROT_GROWS && i < s->regions->n && s->regions->at[i].start < end)
		start = s->regions->at[i].start;
	while (start < end && (i = find(s->regions, start)) < s->regions->n) {
		struct region r = s->regions->at[i];

		if (r.start >= end)
			return;
		start = MAX_OF(start, r.start);
		r.end = MIN_OF(end, r.end);
		map_range(s, start, r.end - start, (r.rights & MAP_GROWS) | ((unsigned)prot & PROT_BITS));
		start = r.end;
	}
}

static void do_mremap(struct space *s, const struct control *c)
{
	uint64_t old = c->arg[0], old_len = PAGE_UP(c->arg[1]), new_len = PAGE_UP(c->arg[2]);
	uint64_t to = (uint64_t)c->result;
	size_t i = find(s->regions, old);
	unsigned rights;

	if (i == s->regions->n || s->regions->at[i].start > old)
		return;
	rights = s->regions->at[i].rights;
	if (to != old && !(c->arg[3] & REMAP_KEEPS))
		unmap_range(s, old, old_len);
	if (to != old)
		map_range(s, to, new_len, rights);
	else if (new_len > old_len)
		map_range(s, old + old_len, new_len - old_len, rights);
	else
		unmap_range(s, old + new_len, old_len - new_len);
}

/* The first brk of a program tells where its heap begins. What is mapped where it grows stays. */
static void do_brk(struct space *s, uint64_t end)
{
	uint64_t from = PAGE_UP(s->brk), to = PAGE_UP(end);

	if (s->has_brk && to < from)
		unmap_range(s, to, from - to);
	while (s->has_brk && from < to) {
		size_t i = find(s->regions, from);
		struct region next = {to, to, 0};

		if (i < s->regions->n && s->regions->at[i].start < to)
			next = s->regions->at[i];
		if (next.start > from)
			map_range(s, from, next.start - from, PROT_READ_BIT | PROT_WRITE_BIT);
		from = next.end;
	}
	s->brk = end;
	s->has_brk = true;
}

/* ---- processes ---- */

struct space *mappings_space(struct mappings *m, uint32_t pid)
{
	struct space *s;
	uint64_t v;

	if (map_get(&m->space_of, pid, &v))
		return (struct space *)(uintptr_t)v;
	s = mem_alloc_late(1, sizeof *s);
	s->users = 1;
	s->regions = regions_new(0);
	map_put(&m->space_of, pid, (uintptr_t)s);
	return s;
}

static void space_put(struct space *s)
{
	if (--s->users)
		return;
	regions_put(s->regions);
	mem_free(s);
}

/* The process has `s` instead of what it had. */
static void set_space(struct mappings *m, uint32_t pid, struct space *s)
{
	space_put(mappings_space(m, pid));
	map_put(&m->space_of, pid, (uintptr_t)s);
}

/* The process has a space of its own with these mappings: exec, exit or its beginning. */
static struct space *new_space(struct mappings *m, uint32_t pid, struct regions *r)
{
	struct space *s = mem_alloc_late(1, sizeof *s);

	*s = (struct space){.users = 1, .regions = r};
	set_space(m, pid, s);
	return s;
}

static void do_fork(struct mappings *m, uint32_t parent, uint32_t child, bool vm)
{
	struct space *from = mappings_space(m, parent), *to;

	if (parent == child)
		return;
	if (vm) {
		from->users++;
		set_space(m, child, from);
		return;
	}
	from->regions->users++;
	to = new_space(m, child, from->regions);
	*to = *from;
	to->users = 1;
}

void mappings_init(struct mappings *m)
{
	*m = (struct mappings){0};
	map_init(&m->space_of);
}

void mappings_release(struct mappings *m)
{
	uint64_t pid, v;
	size_t it = 0;

	while (map_next(&m->space_of, &it, &pid, &v)) {
		space_put((struct space *)(uintptr_t)v);
	}
	map_release(&m->space_of);
}

static void do_call(struct mappings *m, struct space *s, const struct control *c)
{
	const uint64_t *a = c->arg;

	m->any |= c->op == REC_MAPPING || c->op == REC_MMAP || c->op == REC_BRK;
	switch (c->op) {
	case REC_MAPPING:
	case REC_MMAP:
		map_range(s, c->op == REC_MMAP ? (uint64_t)c->result : a[0], a[1],
			  ((unsigned)a[2] & PROT_BITS) | ((unsigned)a[3] & MAP_GROWS));
		break;
	case REC_MUNMAP:
		unmap_range(s, a[0], a[1]);
		break;
	case REC_MPROTECT:
		do_mprotect(s, a[0], a[1], a[2]);
		break;
	case REC_MREMAP:
		do_mremap(s, c);
		break;
	case REC_BRK:
		do_brk(s, (uint64_t)c->result);
		break;
	default:
		break;
	}
	m->full |= s->regions->n > MAPPINGS_MAX;
}

void mappings_control(struct mappings *m, const struct control *c)
{
	if (m->full || (c->op != REC_MAPPING && c->result < 0 && c->result > -4096))
		return;
	switch (c->op) {
	case REC_MAPPING:
	case REC_MMAP:
	case REC_MUNMAP:
	case REC_MPROTECT:
	case REC_MREMAP:
	case REC_BRK:
		do_call(m, mappings_space(m, c->pid), c);
		break;
	case REC_PROCESS:
		if (mappings_space(m, c->pid)->ended)
			new_space(m, c->pid, regions_new(0));
		break;
	case REC_EXEC:
		new_space(m, c->pid, regions_new(0));
		break;
	case REC_FORK:
		do_fork(m, c->pid, (uint32_t)c->arg[0], c->arg[2]);
		break;
	case REC_EXIT_GROUP:
		new_space(m, c->pid, regions_new(0))->ended = true;
		break;
	default:
		break;
	}
}

/* ---- accesses ---- */

/* expand_stack, expand_downwards. */
static bool grow_stack(struct space *s, size_t i, uint64_t addr)
{
	const struct region *r = &s->regions->at[i], *below = i ? r - 1 : NULL;
	uint64_t start = addr & PAGE_MASK;
	unsigned rights = r->rights;

	if (!(rights & MAP_GROWS) || r->end - start > STACK_BYTES_MAX)
		return false;
	if (below && below->rights & PROT_BITS && !(below->rights & MAP_GROWS) &&
	    start - below->end < STACK_GUARD_BYTES)
		return false;
	map_range(s, start, r->start - start, rights);
	return true;
}

static enum mappings_verdict check_rights(unsigned rights, enum access_kind kind)
{
	if (kind == ACCESS_STORE)
		return rights & PROT_WRITE_BIT ? MAPPINGS_INSIDE : MAPPINGS_NO_WRITE;
	if (kind == ACCESS_FETCH)
		return rights & PROT_EXEC_BIT ? MAPPINGS_INSIDE : MAPPINGS_NO_EXEC;
	return rights & PROT_BITS ? MAPPINGS_INSIDE : MAPPINGS_NO_READ;
}

enum mappings_verdict mappings_check(struct space *s, uint64_t addr, uint64_t size, enum access_kind kind)
{
	struct hit *h = &s->hit[kind];
	uint64_t at = addr, end = addr + size;

	if (LIKELY(addr - h->start < h->bytes && size <= h->bytes - (addr - h->start)))
		return MAPPINGS_INSIDE;
	if (s->ended)
		return MAPPINGS_ENDED;
	if (end < addr)
		return MAPPINGS_NO_MAPPING;
	do {
		size_t i = find(s->regions, at);
		enum mappings_verdict v;

		if (i == s->regions->n)
			return MAPPINGS_NO_MAPPING;
		if (s->regions->at[i].start > at) {
			if (!grow_stack(s, i, at))
				return MAPPINGS_NO_MAPPING;
			continue;
		}
		v = check_rights(s->regions->at[i].rights, kind);
		if (v != MAPPINGS_INSIDE)
			return v;
		*h = (struct hit){s->regions->at[i].start, s->regions->at[i].end - s->regions->at[i].start};
		at = s->regions->at[i].end;
	} while (at < end);
	return MAPPINGS_INSIDE;
}

const char *mappings_verdict_text(enum mappings_verdict v)
{
	static const char *const texts[] = {[MAPPINGS_INSIDE] = "inside a mapping",
					    [MAPPINGS_NO_MAPPING] = "no mapping",
					    [MAPPINGS_NO_READ] = "the mapping is not readable",
					    [MAPPINGS_NO_WRITE] = "the mapping is not writable",
					    [MAPPINGS_NO_EXEC] = "the mapping is not executable",
					    [MAPPINGS_ENDED] = "the process has ended"};

	return texts[v];
}
