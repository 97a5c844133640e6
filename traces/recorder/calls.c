/*
 * calls.c - which record a system call of x86-64 becomes.
 *
 * What the plugin tells of a call is in shared.h and plugin/calls.c. Calls on pipes, sockets and devices, and
 * those without a row, become OTHER. A file whose size is not what the recorded calls made it (another
 * program writes it) is truncated to what it is.
 *
 * QEMU 7.2 answers ENOSYS to mbind, set_mempolicy and migrate_pages: recorded as if they had succeeded, since
 * the replay knows them.
 *
 * Not modelled: masks of more than 64 nodes or CPUs, vectors of more than 16 parts (the rest is one part with
 * an unknown buffer), splice and io_uring (OTHER).
 */
#include "traces/recorder/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define ADVISE_WILLNEED 3

enum transfer_how { WRITES = 1, POSITIONED = 2, VECTOR = 4 };

struct converter {
	struct recorded_files *files;
	const struct raw_call *call;
	const uint64_t *data;
	struct control *out;
	size_t n;
};

static struct control *add(struct converter *v, enum record_op op)
{
	struct control *c = &v->out[v->n++];

	*c = (struct control){.op = op, .cpu = (int32_t)v->call->cpu, .time_ns = v->call->time_ns};
	c->result = v->call->result;
	return c;
}

static void add_other(struct converter *v)
{
	struct control *c = add(v, REC_OTHER);

	c->arg[0] = v->call->number;
	memcpy(c->arg + 1, v->call->arg, 5 * sizeof *c->arg);
}

static uint64_t file_behind(const struct converter *v, uint64_t dev, uint64_t ino)
{
	uint64_t fid = files_find(v->files, dev, ino);

	return fid == FID_NONE || v->files->file[fid].pseudo ? FID_NONE : fid;
}

/* Tells the size of a file when recorded calls alone do not explain it. */
static void file_is(struct converter *v, uint64_t fid, uint64_t size)
{
	struct recorded_file *f = &v->files->file[fid];
	struct control *c;

	if (f->size == size)
		return;
	c = add(v, REC_TRUNCATE);
	c->arg[0] = fid;
	c->arg[1] = f->size = size;
	c->result = 0;
}

static void mmap_call(struct converter *v, unsigned how)
{
	const struct raw_call *k = v->call;
	uint64_t fid = k->arg[3] & MAP_ANONYMOUS ? FID_NONE : file_behind(v, k->dev, k->ino);
	struct control *c;

	(void)how;
	if (fid != FID_NONE)
		file_is(v, fid, k->size);
	c = add(v, REC_MMAP);
	memcpy(c->arg, k->arg, 4 * sizeof *c->arg);
	if (fid == FID_NONE)
		c->arg[3] |= MAP_ANONYMOUS; /* a device such as /dev/zero */
	c->arg[4] = fid;
	c->arg[5] = fid == FID_NONE ? 0 : k->arg[5];
}

static struct control *add_part(struct converter *v, bool write, uint64_t fid, uint64_t off, uint64_t len,
				uint64_t buf)
{
	struct control *c = add(v, write ? REC_WRITE : REC_READ);

	c->arg[0] = fid;
	c->arg[1] = off;
	c->arg[2] = len;
	c->arg[3] = buf;
	c->result = (int64_t)len;
	return c;
}

/* The bytes [off, off + total) of a file and the buffers in k's data, a record each. */
static void transfer_parts(struct converter *v, bool write, uint64_t fid, uint64_t off)
{
	uint64_t left = (uint64_t)v->call->result;

	for (uint64_t i = 0; i + 1 < v->call->nr_data && left; i += 2) {
		uint64_t n = MIN_OF(left, v->data[i + 1]);

		if (n)
			add_part(v, write, fid, off, n, v->data[i]);
		off += n;
		left -= n;
	}
	if (left)
		add_part(v, write, fid, off, left, 0);
}

/* Writes that mean something to the memory manager. */
static bool pseudo_write(struct converter *v)
{
	const struct raw_call *k = v->call;
	uint64_t fid = files_find(v->files, k->dev, k->ino);
	const char *path = fid == FID_NONE ? "" : v->files->file[fid].path, *name = strrchr(path, '/');
	struct control *c;
	enum record_op op;

	if (fid == FID_NONE || !v->files->file[fid].pseudo || !name || k->number != SYS_write ||
	    k->result <= 0)
		return false;
	if (!strcmp(name, "/oom_score_adj"))
		op = REC_OOM_SCORE_ADJ;
	else if (!strcmp(path, "/proc/sys/vm/drop_caches"))
		op = REC_DROP_CACHES;
	else
		return false;
	c = add(v, op);
	c->arg[0] = (uint64_t)strtoll((const char *)v->data, NULL, 10);
	c->result = 0;
	return true;
}

static void transfer(struct converter *v, unsigned how)
{
	const struct raw_call *k = v->call;
	bool write = how & WRITES, positioned = how & POSITIONED && (int64_t)k->arg[3] != -1;
	uint64_t fid = file_behind(v, k->dev, k->ino), off;
	struct recorded_file *f;

	if (write && pseudo_write(v))
		return;
	if (fid == FID_NONE || k->result < 0) {
		add_other(v);
		return;
	}
	f = &v->files->file[fid];
	off = positioned ? k->arg[3] : k->position - (uint64_t)k->result;
	if (write)
		f->size = MAX_OF(f->size, off + (uint64_t)k->result);
	else
		file_is(v, fid, k->size);
	if (how & VECTOR)
		transfer_parts(v, write, fid, off);
	else
		add_part(v, write, fid, off, (uint64_t)k->result, k->arg[1]);
	if (write)
		file_is(v, fid, k->size);
}

/* sendfile, copy_file_range: the kernel copies between files. */
static void copy_call(struct converter *v, unsigned how)
{
	const struct raw_call *k = v->call;
	uint64_t from = file_behind(v, k->dev, k->ino), to = file_behind(v, v->data[0], v->data[1]);
	uint64_t n = (uint64_t)k->result;

	(void)how;
	if (k->result < 0 || (from == FID_NONE && to == FID_NONE)) {
		add_other(v);
		return;
	}
	if (from != FID_NONE)
		add_part(v, false, from, k->position >= n ? k->position - n : 0, n, 0);
	if (to != FID_NONE) {
		add_part(v, true, to, v->data[2] >= n ? v->data[2] - n : 0, n, 0);
		v->files->file[to].size = MAX_OF(v->files->file[to].size, v->data[2]);
		file_is(v, to, v->data[3]);
	}
}

static void file_call(struct converter *v, unsigned op)
{
	const struct raw_call *k = v->call;
	uint64_t fid = file_behind(v, k->dev, k->ino);
	struct control *c;

	if (fid == FID_NONE) {
		add_other(v);
		return;
	}
	if (op == REC_TRUNCATE) {
		file_is(v, fid, k->size);
		return;
	}
	c = add(v, (enum record_op)op);
	c->arg[0] = fid;
	if (op == REC_FADVISE)
		memcpy(c->arg + 1, k->arg + 1, 3 * sizeof *c->arg);
	if (k->number == SYS_readahead)
		c->arg[3] = ADVISE_WILLNEED;
}

static void open_call(struct converter *v, unsigned how)
{
	const struct raw_call *k = v->call;
	uint64_t fid = k->result < 0 ? FID_NONE : file_behind(v, k->dev, k->ino);

	(void)how;
	add_other(v);
	if (fid != FID_NONE)
		file_is(v, fid, k->size); /* O_TRUNC */
}

static void clone_call(struct converter *v, unsigned how)
{
	const struct raw_call *k = v->call;
	bool thread = k->number == SYS_clone && k->arg[0] & CLONE_VM && !(k->arg[0] & CLONE_VFORK);
	struct control *c;

	(void)how;
	if (k->result < 0) {
		add_other(v);
		return;
	}
	c = add(v, thread ? REC_CLONE : REC_FORK);
	c->arg[0] = (uint64_t)k->result;
	if (!thread)
		c->arg[1] = (uint64_t)k->result;
	if (!thread) /* the emulator lets it run in a copy; the program's child runs in the parent's memory */
		c->arg[2] = k->number == SYS_vfork || (k->number == SYS_clone && k->arg[0] & CLONE_VM);
}

static void policy_call(struct converter *v, unsigned op)
{
	const struct raw_call *k = v->call;
	struct control *c = add(v, (enum record_op)op);

	memcpy(c->arg, k->arg, record_op_info(op)->nr_args * sizeof *c->arg);
	c->arg[op == REC_MBIND ? 3 : 1] = v->data[0];
	if (op == REC_MIGRATE_PAGES)
		c->arg[2] = v->data[1];
	if (c->result == -ENOSYS)
		c->result = 0;
}

static void segment_call(struct converter *v, unsigned how)
{
	const struct raw_call *k = v->call;
	struct control *c;

	(void)how;
	if (k->result < 0 || !v->data[0]) {
		add_other(v);
	} else if (k->number == SYS_shmdt) {
		c = add(v, REC_MUNMAP);
		c->arg[0] = k->arg[0];
		c->arg[1] = (v->data[0] + PAGE_SIZE - 1) & PAGE_MASK;
	} else {
		uint64_t fid;
		bool is_new;

		fid = files_declare(v->files, k->dev, k->ino, k->size, "/SYSV00000000", false, &is_new);
		if (is_new) {
			c = add(v, REC_FILE);
			c->arg[0] = fid;
			c->arg[1] = k->size;
			c->text = v->files->file[fid].path;
			c->result = 0;
		}
		c = add(v, REC_MMAP);
		c->arg[1] = (v->data[0] + PAGE_SIZE - 1) & PAGE_MASK;
		c->arg[2] = k->arg[2] & 010000 /* SHM_RDONLY */ ? PROT_READ : PROT_READ | PROT_WRITE;
		c->arg[3] = MAP_SHARED;
		c->arg[4] = fid;
	}
}

static void one_value(struct converter *v, unsigned op)
{
	add(v, (enum record_op)op)->arg[0] = v->data[0];
}

/* Of the calling thread: the plugin gives its own number as 0. */
static void affinity_call(struct converter *v, unsigned op)
{
	if (v->call->arg[0])
		add_other(v);
	else
		one_value(v, op);
}

static void plain_call(struct converter *v, unsigned op)
{
	const struct record_op_info *info = record_op_info(op);
	struct control *c = add(v, (enum record_op)op);

	memcpy(c->arg, v->call->arg, info->nr_args * sizeof *c->arg);
	if (v->call->number == SYS_mlock)
		c->arg[2] = 0;
}

/* One row a call; `how` is the record, or what the function makes of it. */
static const struct call_kind {
	uint16_t number, how;
	void (*convert)(struct converter *v, unsigned how);
} call_kinds[] = {
	{SYS_mprotect, REC_MPROTECT, plain_call},
	{SYS_munmap, REC_MUNMAP, plain_call},
	{SYS_brk, REC_BRK, plain_call},
	{SYS_mremap, REC_MREMAP, plain_call},
	{SYS_msync, REC_MSYNC, plain_call},
	{SYS_madvise, REC_MADVISE, plain_call},
	{SYS_mlock, REC_MLOCK, plain_call},
	{SYS_mlock2, REC_MLOCK, plain_call},
	{SYS_munlock, REC_MUNLOCK, plain_call},
	{SYS_mlockall, REC_MLOCKALL, plain_call},
	{SYS_munlockall, REC_MUNLOCKALL, plain_call},
	{SYS_exit, REC_EXIT, plain_call},
	{SYS_exit_group, REC_EXIT_GROUP, plain_call},
	{SYS_mmap, 0, mmap_call},
	{SYS_read, 0, transfer},
	{SYS_pread64, POSITIONED, transfer},
	{SYS_readv, VECTOR, transfer},
	{SYS_preadv, POSITIONED | VECTOR, transfer},
	{SYS_preadv2, POSITIONED | VECTOR, transfer},
	{SYS_write, WRITES, transfer},
	{SYS_pwrite64, WRITES | POSITIONED, transfer},
	{SYS_writev, WRITES | VECTOR, transfer},
	{SYS_pwritev, WRITES | POSITIONED | VECTOR, transfer},
	{SYS_pwritev2, WRITES | POSITIONED | VECTOR, transfer},
	{SYS_sendfile, 0, copy_call},
	{SYS_copy_file_range, 0, copy_call},
	{SYS_fsync, REC_FSYNC, file_call},
	{SYS_fdatasync, REC_FSYNC, file_call},
	{SYS_fadvise64, REC_FADVISE, file_call},
	{SYS_readahead, REC_FADVISE, file_call},
	{SYS_ftruncate, REC_TRUNCATE, file_call},
	{SYS_truncate, REC_TRUNCATE, file_call},
	{SYS_fallocate, REC_TRUNCATE, file_call},
	{SYS_open, 0, open_call},
	{SYS_openat, 0, open_call},
	{SYS_creat, 0, open_call},
	{SYS_clone, 0, clone_call},
	{SYS_fork, 0, clone_call},
	{SYS_vfork, 0, clone_call},
	{SYS_mbind, REC_MBIND, policy_call},
	{SYS_set_mempolicy, REC_SET_MEMPOLICY, policy_call},
	{SYS_migrate_pages, REC_MIGRATE_PAGES, policy_call},
	{SYS_shmat, 0, segment_call},
	{SYS_shmdt, 0, segment_call},
	{SYS_nanosleep, REC_SLEEP, one_value},
	{SYS_clock_nanosleep, REC_SLEEP, one_value},
	{SYS_sched_setaffinity, REC_AFFINITY, affinity_call},
};

size_t call_records(struct recorded_files *files, const uint64_t *words, struct control *out)
{
	struct converter v = {.files = files, .call = (const void *)words, .out = out};

	v.data = words + sizeof *v.call / 8;
	for (size_t i = 0; i < ARRAY_LEN(call_kinds); i++)
		if (call_kinds[i].number == v.call->number) {
			call_kinds[i].convert(&v, call_kinds[i].how);
			return v.n;
		}
	add_other(&v);
	return v.n;
}
