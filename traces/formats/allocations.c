/*
 * allocations.c - live blocks in a hash map, mapped pages as ranges, what is still to be stored as jobs.
 */
#include "traces/formats/allocations.h"

#include <string.h>
#include <sys/mman.h>

#include "sim/map.h"
#include "sim/mem.h"
#include "traces/formats/page_ranges.h"

#define OWN_MAPPING_BYTES (UINT64_C(128) << 10)
#define HEAP_STEP_PAGES   (OWN_MAPPING_BYTES >> PAGE_SHIFT)
#define CHUNK_HEADER      16
#define TOUCH_MAX         (UINT64_C(1) << 30) /* bytes of a block */
#define LINE_BYTES        64
#define OWN_BIT           (UINT64_C(1) << 63) /* of a live block's size: it has a mapping of its own */
#define MAX_JOBS          4
#define ACCESSES_AT_ONCE  128
#define GAPS_AT_ONCE      16
#define MREMAP_FLAGS      3 /* MREMAP_MAYMOVE, MREMAP_FIXED */

struct job {
	enum job_kind { JOB_MAP, JOB_LOAD, JOB_STORE, JOB_UNMAP } kind;
	uint64_t addr, len;
};

struct allocations {
	enum allocations_touch touch;
	struct map live; /* address -> size, OWN_BIT */
	struct page_ranges mapped;
	struct allocator_thread by; /* of the jobs */
	struct job job[MAX_JOBS];
	size_t nr_jobs;
};

struct allocations *allocations_new(enum allocations_touch touch)
{
	struct allocations *a = mem_alloc_late(1, sizeof *a);

	a->touch = touch;
	map_init(&a->live);
	return a;
}

struct allocations *allocations_copy(const struct allocations *a)
{
	struct allocations *b = allocations_new(a->touch);
	uint64_t key, val;
	size_t it = 0;

	while (map_next(&a->live, &it, &key, &val))
		map_put(&b->live, key, val);
	for (size_t i = 0; i < a->mapped.n; i++)
		page_ranges_add(&b->mapped, a->mapped.range[i].first, a->mapped.range[i].end);
	return b;
}

void allocations_free(struct allocations *a)
{
	if (!a)
		return;
	map_release(&a->live);
	page_ranges_release(&a->mapped);
	mem_free(a);
}

bool allocations_possible(uint64_t addr, uint64_t size)
{
	return addr && addr < ALLOCATIONS_ADDR && size <= ALLOCATIONS_ADDR - addr;
}

static struct control control_of(const struct allocator_thread *by, enum record_op op)
{
	return (struct control){.op = op, .pid = by->pid, .tid = by->tid, .cpu = -1, .time_ns = by->time_ns};
}

void allocations_process(struct textfile *t, uint32_t pid, const char *program)
{
	struct control c = control_of(&(struct allocator_thread){.pid = pid, .tid = pid}, REC_PROCESS);

	c.text = program;
	textfile_control(t, &c);
}

/* ---- jobs ---- */

static uint64_t page_of(uint64_t addr)
{
	return addr >> PAGE_SHIFT;
}

static uint64_t page_up(uint64_t addr)
{
	return (addr + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

static void add_job(struct allocations *a, enum job_kind kind, uint64_t addr, uint64_t len)
{
	bool access = kind == JOB_LOAD || kind == JOB_STORE;

	if (!len || (access && a->touch == TOUCH_NONE))
		return;
	if (access)
		len = MIN_OF(len, TOUCH_MAX);
	a->job[a->nr_jobs++] = (struct job){.kind = kind, .addr = addr, .len = len};
}

/* The pages from first to end, excluded. */
static void add_page_job(struct allocations *a, enum job_kind kind, uint64_t first, uint64_t end)
{
	if (first < end)
		add_job(a, kind, first << PAGE_SHIFT, (end - first) << PAGE_SHIFT);
}

static void map_gaps(struct allocations *a, struct textfile *t, struct job *j)
{
	uint64_t page = page_of(j->addr), end = page_of(j->addr + j->len), gap_end;
	struct control c = control_of(&a->by, REC_MMAP);
	unsigned n = 0;

	c.arg[2] = PROT_READ | PROT_WRITE;
	c.arg[3] = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	c.arg[4] = FID_NONE;
	while (n < GAPS_AT_ONCE && page_ranges_gap(&a->mapped, &page, end, &gap_end)) {
		c.arg[0] = page << PAGE_SHIFT;
		c.arg[1] = (gap_end - page) << PAGE_SHIFT;
		c.result = (int64_t)c.arg[0];
		textfile_control(t, &c);
		page_ranges_add(&a->mapped, page, gap_end);
		n++;
	}
	if (n < GAPS_AT_ONCE)
		j->len = 0;
}

static void unmap_pages(struct allocations *a, struct textfile *t, struct job *j)
{
	struct control c = control_of(&a->by, REC_MUNMAP);

	c.arg[0] = j->addr;
	c.arg[1] = j->len;
	textfile_control(t, &c);
	page_ranges_remove(&a->mapped, page_of(j->addr), page_of(j->addr + j->len));
	j->len = 0;
}

static void touch_some(struct allocations *a, struct textfile *t, struct job *j)
{
	uint64_t step = a->touch == TOUCH_LINES ? LINE_BYTES : PAGE_SIZE;

	for (unsigned i = 0; j->len && i < ACCESSES_AT_ONCE; i++) {
		uint64_t n = MIN_OF(step - j->addr % step, j->len);

		textfile_access(t, a->by.pid, a->by.tid, j->addr,
				j->kind == JOB_LOAD ? ACCESS_LOAD : ACCESS_STORE, (uint32_t)n, 1);
		j->addr += n;
		j->len -= n;
	}
}

bool allocations_more(struct allocations *a, struct textfile *t)
{
	struct job *j = a->job;

	if (!a->nr_jobs)
		return false;
	if (j->kind == JOB_MAP)
		map_gaps(a, t, j);
	else if (j->kind == JOB_UNMAP)
		unmap_pages(a, t, j);
	else
		touch_some(a, t, j);
	if (!j->len)
		memmove(j, j + 1, --a->nr_jobs * sizeof *j);
	return true;
}

/* ---- events ---- */

/* Whether the block has a mapping of its own, when it was not there before. */
static bool is_own_mapping(const struct allocations *a, uint64_t addr, uint64_t size)
{
	uint64_t page = page_of(addr), end = page_up(addr + size), gap_end;

	return size >= OWN_MAPPING_BYTES && addr % PAGE_SIZE == CHUNK_HEADER &&
	       page_ranges_gap(&a->mapped, &page, end, &gap_end) && page == page_of(addr) && gap_end == end;
}

/* Maps what is not mapped of the block and around it. */
static void map_block(struct allocations *a, uint64_t addr, uint64_t size, bool own)
{
	uint64_t first = page_of(addr), end = page_up(addr + size);

	if (!own) {
		first = first / HEAP_STEP_PAGES * HEAP_STEP_PAGES;
		end = (end + HEAP_STEP_PAGES - 1) / HEAP_STEP_PAGES * HEAP_STEP_PAGES;
	}
	if (size)
		add_page_job(a, JOB_MAP, first, end);
}

static int check_regions(const struct allocations *a, struct err *e)
{
	if (a->mapped.n < ALLOCATIONS_REGIONS)
		return 0;
	return err_set(e, ERR_LIMIT, "the blocks of the log lie in %u separate regions, more are not taken",
		       ALLOCATIONS_REGIONS);
}

int allocations_add(struct allocations *a, const struct allocator_thread *by, uint64_t addr, uint64_t size,
		    struct err *e)
{
	bool own = is_own_mapping(a, addr, size);
	int r = check_regions(a, e);

	if (r)
		return r;
	a->by = *by;
	map_put(&a->live, addr, size | (own ? OWN_BIT : 0));
	map_block(a, addr, size, own);
	add_job(a, JOB_STORE, addr, size);
	return 0;
}

/* Grows or shrinks where it lies. */
static void resize(struct allocations *a, uint64_t addr, uint64_t was, uint64_t size)
{
	bool own = was & OWN_BIT;

	was &= ~OWN_BIT;
	map_put(&a->live, addr, size | (own ? OWN_BIT : 0));
	if (size > was) {
		map_block(a, addr, size, own);
		add_job(a, JOB_STORE, addr + was, size - was);
	} else if (own) {
		add_page_job(a, JOB_UNMAP, page_up(addr + size), page_up(addr + was));
	}
}

/* glibc moves mappings of their own by mremap. */
static void remap(struct allocations *a, struct textfile *t, uint64_t old, uint64_t was, uint64_t addr,
		  uint64_t size)
{
	struct control c = control_of(&a->by, REC_MREMAP);

	c.arg[0] = page_of(old) << PAGE_SHIFT;
	c.arg[1] = (page_up(old + was) - page_of(old)) << PAGE_SHIFT;
	c.arg[2] = (page_up(addr + size) - page_of(addr)) << PAGE_SHIFT;
	c.arg[3] = MREMAP_FLAGS;
	c.arg[4] = page_of(addr) << PAGE_SHIFT;
	c.result = (int64_t)c.arg[4];
	textfile_control(t, &c);
	page_ranges_remove(&a->mapped, page_of(old), page_up(old + was));
	page_ranges_add(&a->mapped, page_of(addr), page_up(addr + size));
	if (size > was)
		add_job(a, JOB_STORE, addr + was, size - was);
}

void allocations_take(struct allocations *a, uint64_t addr, struct taken_block *taken)
{
	taken->addr = addr && map_get(&a->live, addr, &taken->was) ? addr : 0;
	if (taken->addr)
		map_del(&a->live, addr);
}

void allocations_put_back(struct allocations *a, const struct taken_block *taken)
{
	if (taken->addr)
		map_put(&a->live, taken->addr, taken->was);
}

int allocations_land(struct allocations *a, struct textfile *t, const struct allocator_thread *by,
		     const struct taken_block *taken, uint64_t addr, uint64_t size, struct err *e)
{
	uint64_t old = taken->addr, was = taken->was;
	bool own;
	int r;

	if (!old)
		return allocations_add(a, by, addr, size, e);
	r = check_regions(a, e);
	if (r)
		return r;
	a->by = *by;
	if (old == addr) {
		resize(a, addr, was, size);
		return 0;
	}
	own = is_own_mapping(a, addr, size);
	map_put(&a->live, addr, size | (own ? OWN_BIT : 0));
	if (own && was & OWN_BIT) {
		remap(a, t, old, was & ~OWN_BIT, addr, size);
		return 0;
	}
	map_block(a, addr, size, own);
	add_job(a, JOB_LOAD, old, MIN_OF(was & ~OWN_BIT, size));
	add_job(a, JOB_STORE, addr, size);
	if (was & OWN_BIT)
		add_page_job(a, JOB_UNMAP, page_of(old), page_up(old + (was & ~OWN_BIT)));
	return 0;
}

int allocations_move(struct allocations *a, struct textfile *t, const struct allocator_thread *by,
		     uint64_t old, uint64_t addr, uint64_t size, struct err *e)
{
	struct taken_block taken;

	allocations_take(a, old, &taken);
	return allocations_land(a, t, by, &taken, addr, size, e);
}

void allocations_remove(struct allocations *a, const struct allocator_thread *by, uint64_t addr)
{
	uint64_t was;

	if (!map_get(&a->live, addr, &was))
		return;
	map_del(&a->live, addr);
	a->by = *by;
	if (was & OWN_BIT)
		add_page_job(a, JOB_UNMAP, page_of(addr), page_up(addr + (was & ~OWN_BIT)));
}
