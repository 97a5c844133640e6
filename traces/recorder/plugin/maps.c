/*
 * maps.c - the program's memory as the emulator holds it.
 *
 * walk_memory_regions (accel/tcg/user-exec.c of QEMU 7.2) names the program's regions with their protection;
 * /proc/self/maps says which file lies in each. The bounds of both are kept. The stack is the region above
 * the guard page that linux-user/elfload.c (setup_arg_pages) puts there; a gap of a page between two segments
 * of a file looks like it, but there is a file above.
 */
#include "traces/recorder/plugin/maps.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "traces/recorder/plugin/lane.h"
#include "traces/recorder/plugin/qemu_api.h"

#define REGION_READ      1u
#define REGION_WRITE     2u
#define REGION_EXEC      4u
#define REGION_WRITE_WAS 0x10u /* write-protected because code was translated from it */

typedef int (*region_fn)(void *ctx, uint64_t start, uint64_t end, unsigned long flags);
static int (*walk_regions)(void *ctx, region_fn fn);
static const uintptr_t *guest_base;

struct host_map {
	uint64_t start, end, off, dev, ino;
	bool shared;
	char path[PATH_MAX];
};

struct host_maps {
	struct host_map *map;
	size_t n, cap;
};

struct regions {
	struct region {
		uint64_t start, end;
		unsigned long flags;
	} * region;
	size_t n, cap;
};

bool maps_init(void)
{
	void *walk = dlsym(RTLD_DEFAULT, "walk_memory_regions");

	guest_base = dlsym(RTLD_DEFAULT, "guest_base");
	memcpy(&walk_regions, &walk, sizeof walk);
	if (walk && guest_base)
		return true;
	fputs("faultline-plugin: this qemu-x86_64 does not export walk_memory_regions and guest_base; "
	      "Debian's "
	      "qemu-user does\n",
	      stderr);
	return false;
}

const char *maps_program(void)
{
	static char path[PATH_MAX];
	const char *p = qemu_plugin_path_to_binary();

	snprintf(path, sizeof path, "%s", p ? p : "");
	return path;
}

size_t maps_read(void *to, uint64_t addr, size_t n)
{
	struct iovec local = {to, n}, remote = {(void *)(uintptr_t)(addr + *guest_base), n};
	ssize_t got = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);

	return got < 0 ? 0 : (size_t)got;
}

bool maps_string(char *to, uint64_t addr, size_t n)
{
	size_t got = 0;

	while (got < n) {
		size_t page = 4096 - (addr + got) % 4096, want = page < n - got ? page : n - got;
		size_t r = maps_read(to + got, addr + got, want);

		if (memchr(to + got, 0, r))
			return true;
		if (r < want)
			return false;
		got += r;
	}
	return false;
}

static bool parse_map(char *line, struct host_map *m)
{
	unsigned long start, end, off, ino;
	unsigned major, minor;
	char perms[5];
	int at = 0;

	if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %n", &start, &end, perms, &off, &major, &minor, &ino,
		   &at) < 7)
		return false;
	*m = (struct host_map){start, end, off, (uint64_t)major << 32 | minor, ino, perms[3] == 's', ""};
	line[strcspn(line, "\n")] = 0;
	snprintf(m->path, sizeof m->path, "%s", line + at);
	return true;
}

static void read_host_maps(struct host_maps *v)
{
	static char line[PATH_MAX + 128];
	FILE *f = fopen("/proc/self/maps", "re");

	while (f && fgets(line, sizeof line, f)) {
		if (v->n == v->cap) {
			v->cap = v->cap ? v->cap * 2 : 64;
			v->map = realloc(v->map, v->cap * sizeof *v->map);
			if (!v->map)
				abort();
		}
		v->n += parse_map(line, &v->map[v->n]);
	}
	if (f)
		fclose(f);
}

static int note_region(void *ctx, uint64_t start, uint64_t end, unsigned long flags)
{
	struct regions *v = ctx;

	if (v->n == v->cap) {
		v->cap = v->cap ? v->cap * 2 : 64;
		v->region = realloc(v->region, v->cap * sizeof *v->region);
		if (!v->region)
			abort();
	}
	v->region[v->n++] = (struct region){start, end, flags};
	return 0;
}

static void tell_file(const struct host_map *m)
{
	uint64_t record[RAW_WORDS_MAX];
	struct raw_file *file = (void *)record;

	*file = (struct raw_file){0, m->dev, m->ino, UINT64_MAX, 0};
	lane_record(RAW_FILE, record, sizeof *file / 8 + lane_text(record + sizeof *file / 8, m->path));
}

static bool is_file(const struct host_map *m)
{
	return m && m->ino && m->path[0] == '/';
}

static bool holds_file(const struct region *r, const struct host_maps *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct host_map *m = &v->map[i];

		if (is_file(m) && m->end - *guest_base > r->start && m->start - *guest_base < r->end)
			return true;
	}
	return false;
}

static void tell_piece(const struct region *r, const struct host_map *m, uint64_t start, uint64_t end,
		       unsigned flags)
{
	uint64_t prot = r->flags & (REGION_READ | REGION_WRITE | REGION_EXEC);
	bool file = is_file(m);
	struct raw_mapping map = {.addr = start, .len = end - start};

	if (r->flags & REGION_WRITE_WAS)
		prot |= REGION_WRITE;
	map.prot = prot; /* the same bits as PROT_* */
	map.flags = flags | (m && m->shared ? MAP_SHARED : MAP_PRIVATE) | (file ? 0 : MAP_ANONYMOUS);
	if (file) {
		map.dev = m->dev;
		map.ino = m->ino;
		map.off = m->off + (start + *guest_base - m->start);
		tell_file(m);
	}
	lane_record(RAW_MAPPING, (uint64_t *)(void *)&map, sizeof map / 8);
}

static void tell_region(const struct region *r, const struct host_maps *v, unsigned flags)
{
	uint64_t at = r->start;

	for (size_t i = 0; i < v->n && at < r->end; i++) {
		const struct host_map *m = &v->map[i];
		uint64_t start = m->start - *guest_base, end = m->end - *guest_base;

		if (end <= at || start >= r->end)
			continue;
		if (start > at)
			at = start;
		if (end > r->end)
			end = r->end;
		tell_piece(r, m, at, end, flags);
		at = end;
	}
}

void maps_tell(void)
{
	struct host_maps host = {0};
	struct regions regions = {0};

	walk_regions(&regions, note_region);
	read_host_maps(&host);
	for (size_t i = 0; i < regions.n && regions.region[i].start <= WORD_ADDR(UINT64_MAX); i++) {
		const struct region *r = &regions.region[i], *below = i ? r - 1 : NULL;
		bool guarded = below && below->end == r->start && below->end - below->start == 4096 &&
			       !(below->flags & (REGION_READ | REGION_WRITE | REGION_EXEC));

		bool stack = guarded && r->flags & REGION_WRITE && !holds_file(r, &host);

		tell_region(r, &host, stack ? MAP_STACK | MAP_GROWSDOWN : 0);
	}
	free(regions.region);
	free(host.map);
}
