/*
 * exports.c - the table of formats that can be written, and what all of them share.
 */
#include "traces/exports/exports.h"

#include <stdio.h>
#include <string.h>

#include "sim/mem.h"

#define ROW(name) &name##_exporter,
static const struct exporter_ops *const rows[] = {TRACE_EXPORTS(ROW)};
#undef ROW

const struct exporter_ops *exporter_at(size_t i)
{
	return i < ARRAY_LEN(rows) ? rows[i] : NULL;
}

const struct exporter_ops *exporter_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (!strcmp(rows[i]->name, name))
			return rows[i];
	return NULL;
}

int export_open(struct export *x, const struct exporter_ops *ops, struct pack *out,
		const struct provenance *origin, struct err *e)
{
	*x = (struct export){.ops = ops, .out = out, .origin = origin};
	if (ops->state_bytes)
		x->state = mem_alloc_late(1, ops->state_bytes);
	return ops->begin ? ops->begin(x, e) : 0;
}

/* An access, or one for each page it touches. */
static int export_one(struct export *x, struct export_access *a, struct err *e)
{
	uint64_t left = a->size;
	int r = 0;

	if (!(x->ops->keeps & KEEPS_PAGES))
		return x->ops->access(x, a, e);
	while (left && !r) {
		uint64_t room = PAGE_SIZE - (a->addr & (PAGE_SIZE - 1));

		a->size = (uint32_t)MIN_OF(left, room);
		r = x->ops->access(x, a, e);
		a->addr += a->size;
		a->icount = 0;
		left -= a->size;
	}
	return r;
}

static int export_control(struct export *x, const struct control *c, struct err *e)
{
	int r = x->ops->control ? x->ops->control(x, c, e) : 0;

	x->controls += r == 0;
	x->time_ns = MAX_OF(x->time_ns, c->time_ns);
	return MIN_OF(r, 0);
}

int export_batch(struct export *x, const struct batch *b, struct err *e)
{
	int r = 0;

	if (b->n && x->any && (x->pid != b->pid || x->tid != b->tid))
		x->thread_changes++;
	for (size_t i = 0; i < b->n && !r; i++) {
		struct export_access a = {.pid = b->pid,
					  .tid = b->tid,
					  .addr = b->addr[i],
					  .time_ns = x->time_ns,
					  .kind = (enum access_kind)META_KIND(b->meta[i]),
					  .size = META_SIZE(b->meta[i]),
					  .icount = META_ICOUNT(b->meta[i])};

		if (a.kind == ACCESS_FETCH && !(x->ops->keeps & KEEPS_FETCHES)) {
			x->fetches++;
			continue;
		}
		x->stores += a.kind == ACCESS_STORE && !(x->ops->keeps & KEEPS_STORES);
		r = export_one(x, &a, e);
	}
	if (b->n) {
		x->any = true;
		x->pid = b->pid;
		x->tid = b->tid;
	}
	return !r && b->control ? export_control(x, b->control, e) : r;
}

int export_finish(struct export *x, struct err *e)
{
	return x->ops->finish ? x->ops->finish(x, e) : 0;
}

void export_close(struct export *x)
{
	if (x->ops && x->ops->release)
		x->ops->release(x);
	mem_free(x->state);
	*x = (struct export){0};
}

void export_left_out(const struct export *x, char *text, size_t size)
{
	const struct {
		uint64_t n;
		const char *what;
	} parts[] = {
		{x->controls, "control records"},
		{x->fetches, "instruction fetches"},
		{x->stores, "stores, which it takes as loads"},
		{x->ops->keeps & KEEPS_PROCESSES ? 0 : x->thread_changes, "changes of thread"},
	};
	size_t used = 0;

	*text = '\0';
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i].n && used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s (%" PRIu64 ")",
						 used ? ", " : "", parts[i].what, parts[i].n);
}

char *export_hex(char *p, uint64_t v, unsigned digits)
{
	unsigned n = v ? (unsigned)(67 - __builtin_clzll(v)) / 4 : 1;

	n = MAX_OF(n, digits);
	for (unsigned i = n; i--; v >>= 4)
		p[i] = "0123456789abcdef"[v & 15];
	return p + n;
}

char *export_dec(char *p, uint64_t v)
{
	char digits[20];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + v % 10);
	while ((v /= 10));
	while (n)
		*p++ = digits[--n];
	return p;
}
