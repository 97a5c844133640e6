/*
 * syscall.c - from records to calls.
 *
 * Not modelled: migrate_pages of another process, readahead through descriptors of their own (a file
 * has one position), the page cache of directories and metadata, sleeps beyond 106 days of simulated time
 * (they end there).
 */
#include "models/kernel/syscall.h"

#include <stdio.h>

#include "models/kernel/cpuset.h"
#include "models/kernel/sched.h"
#include "models/kernel/shrinker.h"

#define MAP_FIXED_BIT     0x10u
#define MREMAP_MAYMOVE    1u
#define MREMAP_FIXED      2u
#define UNKNOWN_FILE_SIZE 0
#define MAX_RW_COUNT      UINT64_C(0x7ffff000) /* INT_MAX & PAGE_MASK */
#define FILE_BYTES_MAX    (UINT64_C(16) << 40) /* of ext4 with blocks of 4 KiB: 32 bits of block number */

static struct file *file_of(struct task *cur, uint64_t fid)
{
	struct file *f = file_find(cur->k->pagecache, fid);

	return f ? f : file_declare(cur, fid, "(undeclared)", UNKNOWN_FILE_SIZE);
}

/* A file that was not declared, or too small: it was at least as large as what was read or mapped. */
static struct file *file_at_least(struct task *cur, uint64_t fid, uint64_t size)
{
	struct file *f = file_of(cur, fid);

	if (f->size < size)
		f->size = size;
	return f;
}

static int64_t do_mmap(struct task *cur, const struct control *c, bool initial)
{
	uint64_t fid = c->arg[4];
	struct mmap_request r = {
		.addr = initial ? c->arg[0] : (uint64_t)c->result,
		.len = c->arg[1],
		.prot = (unsigned)c->arg[2],
		.flags = (unsigned)c->arg[3] | MAP_FIXED_BIT,
		.off = c->arg[5],
	};

	if (fid != FID_NONE)
		r.file = file_find(cur->k->pagecache, fid) ? file_of(cur, fid)
							   : file_at_least(cur, fid, r.off + r.len);
	return sys_mmap(cur, &r);
}

static int64_t do_mremap(struct task *cur, const struct control *c)
{
	unsigned flags = (unsigned)c->arg[3];
	vaddr_t to = (uint64_t)c->result;

	if (to != c->arg[0])
		flags |= MREMAP_MAYMOVE | MREMAP_FIXED;
	else
		flags &= ~MREMAP_FIXED;
	return sys_mremap(cur, c->arg[0], c->arg[1], c->arg[2], flags, to);
}

/*
 * The recorded heap grew over something that is mapped here (an initial mapping whose bounds the recorder had
 * to guess): what is free of [start, end) becomes heap.
 */
static void fill_heap(struct task *cur, vaddr_t start, vaddr_t end)
{
	while (start < end) {
		struct vma *v = vma_find(&cur->mm->vmas, start);
		struct mmap_request r = {.addr = start, .prot = 3, .flags = MAP_FIXED_BIT | 0x22u};

		if (v && v->start <= start) {
			start = v->end;
			continue;
		}
		r.len = MIN_OF(end, v ? v->start : end) - start;
		if (sys_mmap(cur, &r) < 0)
			return;
		start += r.len;
	}
}

/* The first brk of a process tells where its heap begins. */
static int64_t do_brk(struct task *cur, const struct control *c)
{
	struct mm *mm = cur->mm;
	vaddr_t end = (uint64_t)c->result;

	if (mm->brk == mm->start_brk && c->arg[0] == 0) {
		mm->start_brk = mm->brk = end;
		return (int64_t)end;
	}
	if ((uint64_t)sys_brk(cur, end) < end) {
		fill_heap(cur, (mm->brk + PAGE_SIZE - 1) & PAGE_MASK, (end + PAGE_SIZE - 1) & PAGE_MASK);
		mm->brk = end;
	}
	return (int64_t)end;
}

/* copy_to_user, copy_from_user: the kernel touches the program's buffer and takes the faults. */
static void touch_buffer(struct task *cur, vaddr_t buf, uint64_t len, bool write)
{
	for (vaddr_t a = buf & PAGE_MASK; buf && len && a < buf + len; a += PAGE_SIZE) {
		pte_t *e = pgtable_find(&cur->mm->pt, a);

		if (e && *e & PTE_PRESENT && (!write || *e & PTE_WRITE)) {
			*e |= PTE_ACCESSED | (write ? PTE_DIRTY : 0);
			continue;
		}
		if (fault_handle(cur, a, write ? FAULT_WRITE : 0) > FAULT_MAJOR)
			return;
	}
}

/*
 * fs/read_write.c: access_ok of vfs_read and vfs_write, rw_verify_area, and MAX_RW_COUNT, which no call
 * passes. Returns 0 and the bytes to move, or what the call fails with.
 */
static int64_t check_rw(const struct control *c, uint64_t *len)
{
	uint64_t off = c->arg[1], count = c->arg[2];
	vaddr_t buf = c->arg[3];

	if (buf && (buf >= USER_ADDRESS_END || count > USER_ADDRESS_END - buf))
		return -LINUX_EFAULT;
	if (count > INT64_MAX || off > INT64_MAX - count)
		return -LINUX_EINVAL;
	*len = MIN_OF(count, MAX_RW_COUNT);
	return 0;
}

static int64_t do_read(struct task *cur, const struct control *c)
{
	struct file *f = file_find(cur->k->pagecache, c->arg[0]);
	uint64_t len, n;
	int64_t r = check_rw(c, &len);

	if (r < 0)
		return r;
	if (!f)
		f = file_at_least(cur, c->arg[0], c->arg[1] + len);
	n = filemap_read(cur, f, c->arg[1], len);
	touch_buffer(cur, c->arg[3], n, true);
	return (int64_t)n;
}

/* generic_write_checks_count (fs/read_write.c): no file grows beyond what the file system can number. */
static int64_t do_write(struct task *cur, const struct control *c)
{
	uint64_t len;
	int64_t r = check_rw(c, &len);

	if (r < 0)
		return r;
	if (len && c->arg[1] >= FILE_BYTES_MAX)
		return -LINUX_EFBIG;
	len = MIN_OF(len, FILE_BYTES_MAX - MIN_OF(c->arg[1], FILE_BYTES_MAX));
	touch_buffer(cur, c->arg[3], len, false);
	return (int64_t)filemap_write(cur, file_of(cur, c->arg[0]), c->arg[1], len);
}

/* Nobody sleeps beyond the horizon. */
static void do_sleep(struct task *cur, uint64_t ns)
{
	tick_t now = task_now(cur);
	uint64_t most = now < CLOCK_HORIZON ? (CLOCK_HORIZON - now) / PS_PER_NS : 0;

	sched_sleep_until(cur, now + MIN_OF(ns, most) * PS_PER_NS, false);
}

static int64_t do_affinity(struct task *cur, uint64_t mask)
{
	uint64_t wide[MAX_CPUS / 64] = {mask};

	cpuset_limit_cpus(cur, wide);
	sched_set_affinity(cur, wide);
	sched_cond(cur);
	return 0;
}

/* kernel_migrate_pages, of the own process */
static int64_t do_migrate_pages(struct task *cur, const uint64_t *a)
{
	nodemask_t allowed = cur->k->memory->nodes_memory;
	nodemask_t to = a[2] & (cur->mems_allowed ? allowed & cur->mems_allowed : allowed);

	if (a[0] && a[0] != cur->process->pid)
		return 0;
	if (!to)
		return -LINUX_EINVAL;
	return (int64_t)mm_move_nodes(cur, cur->mm, a[1], to, false);
}

static int64_t do_file_call(struct task *cur, const struct control *c)
{
	struct file *f;

	switch (c->op) {
	case REC_FILE:
		if (!file_find(cur->k->pagecache, c->arg[0]))
			file_declare(cur, c->arg[0], c->text ? c->text : "", c->arg[1]);
		return 0;
	case REC_READ:
		return do_read(cur, c);
	case REC_WRITE:
		return do_write(cur, c);
	case REC_FSYNC:
		writeback_file(cur, file_of(cur, c->arg[0]), 0, UINT64_MAX, true);
		return 0;
	case REC_FADVISE:
		filemap_advise(cur, file_of(cur, c->arg[0]), c->arg[1], c->arg[2], (int)c->arg[3]);
		return 0;
	case REC_TRUNCATE:
		f = file_of(cur, c->arg[0]);
		f->size = c->arg[1];
		zap_file_range(cur, f, (c->arg[1] + PAGE_SIZE - 1) >> PAGE_SHIFT, UINT64_MAX);
		pagecache_truncate(cur, f, (c->arg[1] + PAGE_SIZE - 1) >> PAGE_SHIFT);
		return 0;
	case REC_DROP_CACHES:
		lru_drain_all(cur->k);
		if (c->arg[0] & 1)
			filemap_drop_all(cur);
		if (c->arg[0] & 2) {
			shrink_drop_slab(cur);
			vm_event(cur->k->memory, VMEV_DROP_SLAB, 1);
		}
		return 0;
	default:
		return 0;
	}
}

static int64_t do_memory_call(struct task *cur, const struct control *c)
{
	const uint64_t *a = c->arg;

	switch (c->op) {
	case REC_MAPPING:
		return do_mmap(cur, c, true);
	case REC_MMAP:
		return do_mmap(cur, c, false);
	case REC_MUNMAP:
		return sys_munmap(cur, a[0], a[1]);
	case REC_MPROTECT:
		return sys_mprotect(cur, a[0], a[1], (unsigned)a[2]);
	case REC_MREMAP:
		return do_mremap(cur, c);
	case REC_BRK:
		return do_brk(cur, c);
	case REC_MADVISE:
		return sys_madvise(cur, a[0], a[1], (int)a[2]);
	case REC_MLOCK:
		return sys_mlock(cur, a[0], a[1], (unsigned)a[2]);
	case REC_MUNLOCK:
		return sys_munlock(cur, a[0], a[1]);
	case REC_MLOCKALL:
		return sys_mlockall(cur, (unsigned)a[0]);
	case REC_MUNLOCKALL:
		return sys_munlockall(cur);
	case REC_MSYNC:
		return sys_msync(cur, a[0], a[1], (unsigned)a[2]);
	case REC_MBIND:
		return sys_mbind(cur, a[0], a[1], (unsigned)a[2], a[3], (unsigned)a[5]);
	case REC_MIGRATE_PAGES:
		return do_migrate_pages(cur, a);
	case REC_SET_MEMPOLICY:
		return sys_set_mempolicy(cur, (unsigned)a[0], a[1]);
	default:
		return do_file_call(cur, c);
	}
}

int64_t syscall_replay(struct task *cur, const struct control *c)
{
	if (c->op != REC_FILE && c->op != REC_MAPPING) {
		task_charge(cur, CYCLES_syscall, cur->k->cost.syscall);
		if (c->result < 0 && c->result > -4096)
			return c->result; /* it failed when recorded */
	}
	switch (c->op) {
	case REC_AFFINITY:
		return do_affinity(cur, c->arg[0]);
	case REC_OOM_SCORE_ADJ:
		cur->process->oom_score_adj = (int)(int64_t)c->arg[0];
		return 0;
	case REC_SLEEP:
		do_sleep(cur, c->arg[0]);
		return 0;
	default:
		return do_memory_call(cur, c);
	}
}
