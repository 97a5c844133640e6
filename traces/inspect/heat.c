/*
 * heat.c - rows of addresses, columns of accesses.
 *
 * The first pass collects the touched pages. Between them are gaps; the largest are cut out, one after the
 * other, as long as each is at least a twelfth of what is left and there are not too many segments. What
 * remains is drawn to one scale, but that no segment is lower than its label. The second pass counts.
 *
 * Memory: the touched pages (3 bits each) and rows × columns counters. O(1) an access, but for a look-up
 * among HEAT_SEGMENTS when the segment changes.
 */
#include "traces/inspect/heat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/mem.h"

#define MIN_HEIGHT    15.0 /* of a segment: its label's */
#define GAP_SHARE     12
#define PROCESSES_MAX 6
#define REGION_PAGES  64 /* of an entry of the footprint */
#define MAP_GROWSDOWN 0x100u
#define STACK_NAME    "stack"

/* Touched pages of one process, without a gap of 64 pages inside. */
struct fragment {
	uint32_t pid;
	uint64_t low, high;
};

void heat_init(struct heat *h)
{
	memset(h, 0, sizeof *h);
	footprint_init(&h->touched);
	footprint_init(&h->all);
	footprint_init(&h->now);
	h->names = mem_alloc_late(HEAT_NAMES, sizeof *h->names);
	h->files = mem_alloc_late(HEAT_NAMES, sizeof *h->files);
}

void heat_release(struct heat *h)
{
	footprint_release(&h->touched);
	footprint_release(&h->all);
	footprint_release(&h->now);
	mem_free(h->names);
	mem_free(h->files);
	mem_free(h->cells);
}

/* The last part of a path. */
static void set_name(char *out, size_t size, const char *path)
{
	const char *slash = strrchr(path, '/');

	path = slash && slash[1] ? slash + 1 : path;
	strncpy(out, path, size - 1);
	out[size - 1] = '\0';
}

static void note_mapping(struct heat *h, const struct control *c, uint64_t addr)
{
	struct heat_name *n = &h->names[h->nr_names];

	if (h->nr_names == HEAT_NAMES || !c->arg[1])
		return;
	*n = (struct heat_name){.pid = c->pid, .low = addr, .high = addr + c->arg[1] - 1};
	if (c->arg[3] & MAP_GROWSDOWN)
		set_name(n->name, sizeof n->name, STACK_NAME);
	else if (c->text && *c->text)
		set_name(n->name, sizeof n->name, c->text);
	for (size_t i = h->nr_files; i-- > 0 && c->arg[4] != FID_NONE && !*n->name;)
		if (h->files[i].fid == c->arg[4])
			memcpy(n->name, h->files[i].name, sizeof n->name);
	h->nr_names += *n->name != '\0';
}

static void note_control(struct heat *h, const struct control *c)
{
	bool failed = c->result < 0 && c->result >= -4095;

	if (c->op == REC_FILE && c->text && h->nr_files < HEAT_NAMES) {
		h->files[h->nr_files].fid = c->arg[0];
		set_name(h->files[h->nr_files].name, sizeof h->files->name, c->text);
		h->nr_files++;
	} else if (c->op == REC_MAPPING) {
		note_mapping(h, c, c->arg[0]);
	} else if (c->op == REC_MMAP && !failed) {
		note_mapping(h, c, (uint64_t)c->result);
	} else if (c->op == REC_BRK && !failed && h->nr_names < HEAT_NAMES) {
		struct heat_name *n = h->nr_names ? &h->names[h->nr_names - 1] : NULL;

		if (!n || n->pid != c->pid || strcmp(n->name, "heap") != 0) {
			n = &h->names[h->nr_names++];
			*n = (struct heat_name){.pid = c->pid,
						.low = (uint64_t)c->result,
						.high = (uint64_t)c->result,
						.name = "heap"};
		}
		n->high = (uint64_t)MAX_OF(c->result, (int64_t)n->high);
	}
}

void heat_note(struct heat *h, const struct batch *b)
{
	footprint_add(&h->touched, b->pid, b->addr, b->meta, b->n);
	h->noted += b->n;
	if (b->control)
		note_control(h, b->control);
}

static int by_place(const void *a, const void *b)
{
	const struct fragment *x = a, *y = b;

	return x->pid != y->pid ? (x->pid > y->pid) - (x->pid < y->pid)
				: (x->low > y->low) - (x->low < y->low);
}

/* The touched pages as sorted fragments; the caller frees them. */
static struct fragment *fragments_of(const struct heat *h, size_t *n)
{
	struct fragment *f = mem_alloc_late(h->touched.len, sizeof *f);
	size_t all = 0, kept = 0;

	for (size_t i = 0; i < h->touched.cap; i++) {
		const struct footprint_entry *en = &h->touched.entries[i];

		if (en->pages)
			f[all++] = (struct fragment){
				en->pid, en->region * REGION_PAGES + (uint64_t)__builtin_ctzll(en->pages),
				en->region * REGION_PAGES + ilog2_u64(en->pages)};
	}
	if (all)
		qsort(f, all, sizeof *f, by_place);
	for (size_t i = 0; i < all; i++)
		if (kept && f[kept - 1].pid == f[i].pid && f[i].low - f[kept - 1].high <= REGION_PAGES)
			f[kept - 1].high = f[i].high;
		else
			f[kept++] = f[i];
	*n = kept;
	return f;
}

/* Leaves the processes with the most pages, the first ones among equals. */
static size_t drop_small(struct heat *h, struct fragment *f, size_t n)
{
	struct {
		uint32_t pid;
		uint64_t pages;
	} top[PROCESSES_MAX + 1] = {{0, 0}};
	size_t used = 0, kept = 0;

	for (size_t i = 0, next; i < n; i = next) {
		uint64_t pages = 0;
		size_t at;

		for (next = i; next < n && f[next].pid == f[i].pid; next++)
			pages += f[next].high - f[next].low + 1;
		for (at = used; at && top[at - 1].pages < pages; at--)
			top[at] = top[at - 1];
		top[at].pid = f[i].pid;
		top[at].pages = pages;
		h->nr_left_out += used == PROCESSES_MAX;
		used = MIN_OF(used + 1, (size_t)PROCESSES_MAX);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < used; k++)
			if (top[k].pid == f[i].pid) {
				f[kept++] = f[i];
				break;
			}
	return kept;
}

/* The widest gap inside a segment: the index of the fragment before it; SIZE_MAX when there is none. */
static size_t widest_gap(const struct fragment *f, size_t n, const bool *cut)
{
	size_t best = SIZE_MAX;
	uint64_t widest = 0;

	for (size_t i = 0; i + 1 < n; i++)
		if (!cut[i] && f[i + 1].low - f[i].high > widest) {
			widest = f[i + 1].low - f[i].high;
			best = i;
		}
	return best;
}

static void add_segment(struct heat *h, const struct fragment *first, const struct fragment *last)
{
	h->segment[h->nr_segments++] =
		(struct heat_segment){.pid = first->pid, .low = first->low, .high = last->high};
}

static void choose_segments(struct heat *h, const struct fragment *f, size_t n)
{
	bool *cut = mem_alloc_late(n + 1, sizeof *cut);
	uint64_t span = 0;
	size_t pieces = 1, first = 0, gap;

	for (size_t i = 0; i + 1 < n; i++) {
		cut[i] = f[i].pid != f[i + 1].pid;
		pieces += cut[i];
		span += cut[i] ? 0 : f[i + 1].low - f[i].high;
	}
	for (size_t i = 0; i < n; i++)
		span += f[i].high - f[i].low + 1;
	while (pieces < HEAT_SEGMENTS && (gap = widest_gap(f, n, cut)) != SIZE_MAX) {
		uint64_t width = f[gap + 1].low - f[gap].high;

		if (width < span / GAP_SHARE || width < 2 * REGION_PAGES)
			break;
		cut[gap] = true;
		span -= width;
		pieces++;
	}
	for (size_t i = 0; i < n; i++)
		if (i + 1 == n || cut[i]) {
			add_segment(h, &f[first], &f[i]);
			first = i + 1;
		}
	mem_free(cut);
}

/* The name that covers most of the segment, if it covers half of it. */
static void name_segment(const struct heat *h, struct heat_segment *s)
{
	uint64_t low = s->low << PAGE_SHIFT, high = (s->high << PAGE_SHIFT) + PAGE_SIZE - 1, most = 0;

	for (size_t i = 0; i < h->nr_names; i++) {
		const struct heat_name *n = &h->names[i];
		uint64_t from = MAX_OF(low, n->low), to = MIN_OF(high, n->high);

		if (n->pid == s->pid && from <= to && to - from > most && to - from >= (high - low) / 2) {
			most = to - from;
			memcpy(s->name, n->name, sizeof s->name);
		}
	}
}

/* Heights to one scale; those that would be too low get the least height, the others share what is left. */
static void share_height(struct heat *h, double height)
{
	double scale = 0;

	for (int round = 0; round < HEAT_SEGMENTS; round++) {
		double left = height, pages = 0;

		for (size_t i = 0; i < h->nr_segments; i++) {
			double span = (double)(h->segment[i].high - h->segment[i].low + 1);

			if (round && span * scale < MIN_HEIGHT)
				left -= MIN_HEIGHT;
			else
				pages += span;
		}
		scale = pages > 0 && left > 0 ? left / pages : 0;
	}
	for (size_t i = 0; i < h->nr_segments; i++) {
		struct heat_segment *s = &h->segment[i];

		s->height = fmax(MIN_HEIGHT, (double)(s->high - s->low + 1) * scale);
	}
}

void heat_lay_out(struct heat *h, double height, double gap, double row_height)
{
	uint64_t accesses = h->noted;
	double y = height;
	size_t n;
	struct fragment *f = fragments_of(h, &n);

	n = drop_small(h, f, n);
	if (n)
		choose_segments(h, f, n);
	mem_free(f);
	share_height(h, height - gap * (double)(h->nr_segments - (h->nr_segments != 0)));
	for (size_t i = 0; i < h->nr_segments; i++) {
		struct heat_segment *s = &h->segment[i];
		uint64_t span = s->high - s->low + 1;
		uint64_t most = (uint64_t)fmax(1, floor(s->height / row_height));

		s->pages_a_row = (span + most - 1) / most;
		s->rows = (unsigned)((span + s->pages_a_row - 1) / s->pages_a_row);
		s->first_row = h->rows;
		h->rows += s->rows;
		y -= s->height;
		s->y = y;
		y -= gap;
		name_segment(h, s);
	}
	h->accesses_a_column = MAX_OF(1u, accesses / HEAT_COLUMNS + (accesses % HEAT_COLUMNS != 0));
	h->columns = (unsigned)(accesses / h->accesses_a_column + (accesses % h->accesses_a_column != 0));
	h->cells = mem_alloc_late((size_t)h->rows * h->columns + 1, sizeof *h->cells);
}

static struct heat_segment *segment_of(struct heat *h, uint32_t pid, uint64_t page)
{
	struct heat_segment *s = &h->segment[h->last_segment];

	if (LIKELY(s->pid == pid && page >= s->low && page <= s->high))
		return s;
	for (size_t i = 0; i < h->nr_segments; i++) {
		s = &h->segment[i];
		if (s->pid == pid && page >= s->low && page <= s->high) {
			h->last_segment = i;
			return s;
		}
	}
	return NULL;
}

static void end_column(struct heat *h)
{
	struct heat_column *c = &h->column[(h->accesses - 1) / h->accesses_a_column];

	c->pages = h->now.count;
	c->so_far = h->all.count;
	footprint_release(&h->now);
	footprint_init(&h->now);
}

static void add_some(struct heat *h, uint32_t pid, const uint64_t *addr, const uint32_t *meta, size_t n)
{
	uint64_t column = h->accesses / h->accesses_a_column;

	footprint_add(&h->all, pid, addr, meta, n);
	footprint_add(&h->now, pid, addr, meta, n);
	for (size_t i = 0; i < n; i++) {
		uint64_t page = addr[i] >> PAGE_SHIFT, *cell;
		struct heat_segment *s;

		s = segment_of(h, pid, page);
		if (!s)
			continue;
		cell = &h->cells[(s->first_row + (page - s->low) / s->pages_a_row) * h->columns + column];
		++*cell;
		h->most = MAX_OF(h->most, *cell);
	}
	h->column[column].accesses += n;
	h->accesses += n;
	if (h->accesses % h->accesses_a_column == 0)
		end_column(h);
}

void heat_add(struct heat *h, const struct batch *b)
{
	for (size_t done = 0, n; done < b->n && h->nr_segments; done += n) {
		uint64_t left = h->accesses_a_column - h->accesses % h->accesses_a_column;

		if (h->accesses / h->accesses_a_column >= h->columns)
			return;
		n = (size_t)MIN_OF((uint64_t)(b->n - done), left);
		add_some(h, b->pid, b->addr + done, b->meta + done, n);
	}
}

void heat_finish(struct heat *h)
{
	if (h->accesses && h->accesses % h->accesses_a_column)
		end_column(h);
}
