/*
 * memtrace_player.c - the player's own memory.
 *
 * A scenario's trace holds the scenario's accesses only. The player, a static program that forks the
 * processes and runs their operations, costs each process some pages and faults that the kernel counted, too:
 * 14 faults, 5 anonymous pages and 7 page-table pages up to the end of a spawned process's first operation,
 * and a page and a fault for each page of its 64 KiB buffer that a first read() fills. Before it drops caches
 * it calls sync(). This file adds accesses of the same effect: an image, a memory shared with the player, a
 * page near the stack and the stack, as anonymous memory.
 *
 * Not modelled: the player's own pages (they are part of the state before the scenario), which pages of its
 * image are shared with it, faults of the player in fork.
 */
#include "traces/formats/memtrace_player.h"

#include <sys/mman.h>

#define PAGE        UINT64_C(4096)
#define BUFFER_MAX  16 /* pages */
#define BUFFER_ADDR UINT64_C(0x4d0000)

static const struct {
	uint64_t addr, pages;
} areas[] = {
	{UINT64_C(0x400000), 0xe0},      /* text, data, buffer */
	{UINT64_C(0x600000000000), 104}, /* commands and results */
	{UINT64_C(0x7ffff7fc0000), 2},   /* vdso */
	{UINT64_C(0x7ffffffde000), 33},  /* stack */
};

static const struct {
	uint64_t addr;
	bool store;
} touches[] = {
	{UINT64_C(0x7fffffffe000), true},  {UINT64_C(0x4c0000), true},
	{UINT64_C(0x4c1000), true},        {UINT64_C(0x4c2000), true},
	{UINT64_C(0x4c3000), true},        {UINT64_C(0x401000), false},
	{UINT64_C(0x411000), false},       {UINT64_C(0x421000), false},
	{UINT64_C(0x431000), false},       {UINT64_C(0x441000), false},
	{UINT64_C(0x600000000000), false}, {UINT64_C(0x600000010000), false},
	{UINT64_C(0x600000020000), false}, {UINT64_C(0x7ffff7fc0000), false},
};

static void touch(struct textfile *t, uint32_t pid, uint64_t addr, bool store)
{
	textfile_access(t, pid, pid, addr, store ? ACCESS_STORE : ACCESS_LOAD, 8, 1);
}

static void touch_image(struct textfile *t, uint32_t pid)
{
	for (size_t i = 0; i < ARRAY_LEN(touches); i++)
		touch(t, pid, touches[i].addr, touches[i].store);
}

static void forget(struct memtrace_player *p, uint32_t pid)
{
	if (pid < PLAYER_PIDS)
		p->buffer_pages[pid] = 0;
}

void memtrace_player_spawned(struct textfile *t, struct memtrace_player *p, uint32_t pid)
{
	for (size_t i = 0; i < ARRAY_LEN(areas); i++) {
		struct control c = {.op = REC_MMAP, .pid = pid, .tid = pid, .cpu = -1};

		c.arg[0] = areas[i].addr;
		c.arg[1] = areas[i].pages * PAGE;
		c.arg[2] = PROT_READ | PROT_WRITE;
		c.arg[3] = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
		c.arg[4] = FID_NONE;
		c.result = (int64_t)areas[i].addr;
		textfile_control(t, &c);
	}
	forget(p, pid);
	touch_image(t, pid);
}

void memtrace_player_forked(struct textfile *t, struct memtrace_player *p, uint32_t parent, uint32_t pid)
{
	forget(p, pid);
	forget(p, parent); /* its buffer is shared now: the next read breaks that */
	touch_image(t, pid);
	touch(t, parent, touches[0].addr, true);
	touch(t, parent, touches[1].addr, true);
}

void memtrace_player_reads(struct textfile *t, struct memtrace_player *p, uint32_t pid, uint64_t bytes)
{
	uint64_t pages = MIN_OF((bytes + PAGE - 1) / PAGE, (uint64_t)BUFFER_MAX);

	if (pid >= PLAYER_PIDS)
		return;
	for (uint64_t i = p->buffer_pages[pid]; i < pages; i++)
		touch(t, pid, BUFFER_ADDR + i * PAGE, true);
	p->buffer_pages[pid] = (uint8_t)MAX_OF((uint64_t)p->buffer_pages[pid], pages);
}

void memtrace_player_opened(struct memtrace_player *p, uint64_t fid)
{
	if (p->nr_files < PLAYER_FILES)
		p->fid[p->nr_files++] = fid;
}

void memtrace_player_syncs(struct textfile *t, const struct memtrace_player *p)
{
	for (size_t i = 0; i < p->nr_files; i++) {
		struct control c = {.op = REC_FSYNC, .cpu = -1};

		c.arg[0] = p->fid[i];
		textfile_control(t, &c);
	}
}
