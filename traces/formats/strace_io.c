/*
 * strace_io.c - calls on files of an strace log.
 *
 * A descriptor leads to an open file description with the position, which dup and fork share; that leads to a
 * file by its path. FILE records are written when a file is first read, written or mapped: its size is what a
 * stat of the log said, else as much as the first use needs; TRUNCATE lets it grow with later ones. A file
 * that is unlinked and no longer open is truncated to nothing, unless it was mapped; a path that was unlinked
 * or renamed over stands for a new file afterwards.
 *
 * What is written to /proc/…/oom_score_adj and /proc/sys/vm/drop_caches becomes OOM_SCORE_ADJ and
 * DROP_CACHES.
 *
 * Not modelled: files below /dev, /proc and /sys, pipes and sockets, directories; the current directory
 * (equal relative paths are one file); links; more than 1048576 files; O_DIRECT is as if it was not there;
 * splice, io_uring and AIO.
 */
#include "traces/formats/strace_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NO_OFFSET UINT64_MAX

struct at {
	struct strace *s;
	struct textfile *t;
	struct strace_task *k;
	const struct strace_call *c;
};

static bool is(const struct strace_call *c, const char *name)
{
	return text_word_is(c->name, name);
}

static uint64_t number(const struct strace_call *c, size_t i)
{
	uint64_t v = 0;

	return i < c->nr_args && strace_number(c->arg[i], &v) ? v : 0;
}

static struct text_word arg(const struct strace_call *c, size_t i)
{
	static const char nothing[TEXT_SLACK];

	return i < c->nr_args ? c->arg[i] : (struct text_word){nothing, 0};
}

/* A path in argument i, relative to the directory in argument dir (SIZE_MAX: none). */
static bool path_at(const struct at *a, size_t dir, size_t i, char *out, size_t n)
{
	char name[CONTROL_TEXT_MAX];
	struct strace_open *o = dir == SIZE_MAX ? NULL : strace_fd_file(a->s, a->k, arg(a->c, dir));
	const char *base = o ? a->s->files.file[o->fid].path : NULL;

	if (!strace_string(arg(a->c, i), name, sizeof name) || !*name)
		return false;
	return (size_t)(base && *name != '/' ? snprintf(out, n, "%s/%s", base, name)
					     : snprintf(out, n, "%s", name)) < n;
}

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static uint64_t fid_of_opened(struct strace_files *f, const char *path, uint64_t flags)
{
	size_t n = strlen(path);
	static const char oom[] = "/oom_score_adj";

	if (begins(path, "/proc/") && n > sizeof oom && !strcmp(path + n - (sizeof oom - 1), oom))
		return FID_OOM;
	if (!strcmp(path, "/proc/sys/vm/drop_caches"))
		return FID_DROP;
	if (begins(path, "/proc/") || begins(path, "/dev/") || begins(path, "/sys/"))
		return FID_NONE;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return strace_file_new(f, path);
	return strace_file_of_path(f, path);
}

static void opened(const struct at *a, size_t dir, size_t path_arg, uint64_t flags)
{
	char path[CONTROL_TEXT_MAX];
	struct strace_file *f;
	uint64_t fid;

	if (a->c->result < 0)
		return;
	fid = path_at(a, dir, path_arg, path, sizeof path) ? fid_of_opened(&a->s->files, path, flags)
							   : FID_NONE;
	if (fid == FID_NONE) {
		strace_fd_close(a->s, a->t, a->k, (uint64_t)a->c->result);
		return;
	}
	if (!FILE_SPECIAL(fid)) {
		f = &a->s->files.file[fid];
		if ((flags & O_TRUNC) && (f->size || f->known))
			strace_file_truncate(a->s, a->t, a->k, fid, 0);
		if (!f->declared &&
		    ((flags & O_CREAT && flags & (O_TRUNC | O_EXCL)) || (flags & O_TMPFILE) == O_TMPFILE))
			f->created = true;
	}
	strace_fd_put(a->s, a->t, a->k, (uint64_t)a->c->result,
		      strace_open_new(&a->s->files, fid, flags & O_APPEND), flags & O_CLOEXEC);
}

static void duplicated(const struct at *a, bool cloexec)
{
	uint64_t fd, v;

	if (a->c->result < 0)
		return;
	if (strace_fd(arg(a->c, 0), &fd) && fd == (uint64_t)a->c->result)
		return;
	if (strace_fd(arg(a->c, 0), &fd) && map_get(&a->k->fds->fds, fd, &v))
		strace_fd_put(a->s, a->t, a->k, (uint64_t)a->c->result, v >> 1, cloexec);
	else
		strace_fd_close(a->s, a->t, a->k, (uint64_t)a->c->result);
}

static void fcntl_call(const struct at *a)
{
	struct text_word cmd = arg(a->c, 1);
	uint64_t fd, v;

	if (text_word_is(cmd, "F_DUPFD") || text_word_is(cmd, "F_DUPFD_CLOEXEC"))
		duplicated(a, text_word_is(cmd, "F_DUPFD_CLOEXEC"));
	else if (text_word_is(cmd, "F_SETFD") && strace_fd(arg(a->c, 0), &fd) &&
		 map_get(&a->k->fds->fds, fd, &v))
		map_put(&a->k->fds->fds, fd, (v & ~UINT64_C(1)) | (number(a->c, 2) & 1));
}

/* The write of a small number to one of the two files. */
static void special_write(const struct at *a, uint64_t fid)
{
	struct control c =
		strace_control(a->s, a->k, fid == FID_OOM ? REC_OOM_SCORE_ADJ : REC_DROP_CACHES, 0);
	char text[64];

	if (a->c->result < 0 || !strace_string(arg(a->c, 1), text, sizeof text))
		return;
	c.arg[0] = (uint64_t)strtoll(text, NULL, 10);
	textfile_control(a->t, &c);
}

/* n bytes from or to an open file; at NO_OFFSET from where it stands. */
static void transfer(const struct at *a, struct strace_open *o, bool write, uint64_t at, uint64_t len,
		     uint64_t n)
{
	struct control c = strace_control(a->s, a->k, write ? REC_WRITE : REC_READ, (int64_t)n);
	uint64_t off = at;

	if (at == NO_OFFSET) {
		off = write && o->append ? a->s->files.file[o->fid].size : o->offset;
		o->offset = off + n;
	}
	strace_file_needs(a->s, a->t, a->k, o->fid, off + n, write);
	c.arg[0] = o->fid;
	c.arg[1] = off;
	c.arg[2] = len;
	textfile_control(a->t, &c);
}

/* read, write and their kinds: positioned ones have the offset in argument 3. */
static void read_write(const struct at *a, bool write, bool positioned, bool vector)
{
	struct strace_open *o = strace_fd_open(a->s, a->k, arg(a->c, 0));
	uint64_t n = (uint64_t)a->c->result, at = positioned ? number(a->c, 3) : NO_OFFSET;

	if (o && write && FILE_SPECIAL(o->fid)) {
		special_write(a, o->fid);
		return;
	}
	if (!o || FILE_SPECIAL(o->fid) || a->c->result < 0 || n > INT64_MAX / 2)
		return;
	if (at != NO_OFFSET && at > INT64_MAX / 2) /* preadv2 with -1 */
		at = NO_OFFSET;
	transfer(a, o, write, at, write || vector ? n : MAX_OF(number(a->c, 2), n), n);
}

/* sendfile(out, in, [off] or NULL, count); copy_file_range(in, [off], out, [off], count, flags). */
static void copied(const struct at *a, size_t in, size_t in_off, size_t out, size_t out_off)
{
	struct strace_open *from = strace_fd_file(a->s, a->k, arg(a->c, in)),
			   *to = strace_fd_file(a->s, a->k, arg(a->c, out));
	uint64_t n = (uint64_t)a->c->result, off;
	size_t offs[2] = {in_off, out_off};
	struct strace_open *o[2] = {from, to};

	for (unsigned i = 0; i < 2 && a->c->result > 0 && n <= INT64_MAX / 2; i++) {
		struct text_word w = offs[i] == SIZE_MAX ? (struct text_word){"NULL", 4} : arg(a->c, offs[i]);
		bool given = w.n > 1 && *w.p == '[' && text_dec(w.p + 1, w.p + w.n, &off);

		if (o[i])
			transfer(a, o[i], i == 1, given ? off & (uint64_t)INT64_MAX / 2 : NO_OFFSET, n, n);
	}
}

/* Calls on a descriptor that become a record with its file in front: fsync, fadvise, ftruncate. */
static void descriptor_call(const struct at *a, enum record_op op)
{
	struct strace_open *o = strace_fd_file(a->s, a->k, arg(a->c, 0));
	struct control c = strace_control(a->s, a->k, op, a->c->result);

	if (!o || a->c->result < 0)
		return;
	strace_file_needs(a->s, a->t, a->k, o->fid, 0, false);
	c.arg[0] = o->fid;
	for (size_t i = 1; i < record_op_info(op)->nr_args; i++)
		c.arg[i] = number(a->c, i);
	if (op == REC_TRUNCATE)
		a->s->files.file[o->fid].size = c.arg[1];
	a->s->files.file[o->fid].known |= op == REC_TRUNCATE;
	textfile_control(a->t, &c);
}

/* A stat tells the size of a regular file, or that it is none. */
static void stat_call(const struct at *a, size_t dir, size_t path_arg, size_t buf)
{
	char path[CONTROL_TEXT_MAX];
	struct strace_open *o = strace_fd_file(a->s, a->k, arg(a->c, dir == SIZE_MAX ? 0 : dir));
	uint64_t size, fid = FID_NONE, fd;
	bool named = path_arg != SIZE_MAX && path_at(a, dir, path_arg, path, sizeof path);

	if (a->c->result < 0 || buf >= a->c->nr_args)
		return;
	if (named)
		strace_path_key(&a->s->files, path, &fid);
	else if (o)
		fid = o->fid;
	if (fid == FID_NONE)
		return;
	if (!memmem(a->c->arg[buf].p, a->c->arg[buf].n, "S_IFREG", 7)) {
		if (!named && strace_fd(arg(a->c, dir == SIZE_MAX ? 0 : dir), &fd) &&
		    memmem(a->c->arg[buf].p, a->c->arg[buf].n, "S_IF", 4) &&
		    !memmem(a->c->arg[buf].p, a->c->arg[buf].n, "S_IFDIR", 7))
			strace_fd_close(a->s, a->t, a->k, fd);
		return;
	}
	if (!strace_member(a->c->arg[buf], "st_size", &size) &&
	    !strace_member(a->c->arg[buf], "stx_size", &size))
		return;
	/* What was declared as large as its first use needed. */
	if (!a->s->files.file[fid].declared || size > a->s->files.file[fid].size)
		strace_file_truncate(a->s, a->t, a->k, fid, size);
	a->s->files.file[fid].known = true;
}

static void seek_call(const struct at *a)
{
	struct strace_open *o = strace_fd_file(a->s, a->k, arg(a->c, 0));

	if (o && a->c->result >= 0)
		o->offset = (uint64_t)a->c->result;
}

static void close_call(const struct at *a)
{
	uint64_t fd;

	if (strace_fd(arg(a->c, 0), &fd) && a->c->result == 0)
		strace_fd_close(a->s, a->t, a->k, fd);
}

static void close_range(const struct at *a)
{
	uint64_t first = number(a->c, 0), last = number(a->c, 1);

	/* Only descriptors that are followed matter; their numbers are small. */
	last = MIN_OF(last, UINT64_C(65535));
	for (uint64_t fd = first; a->c->result == 0 && a->k->fds->fds.len && fd <= last; fd++)
		strace_fd_close(a->s, fd - first < 16 ? a->t : NULL, a->k, fd);
}

static void unlink_call(const struct at *a, size_t dir, size_t path_arg)
{
	char path[CONTROL_TEXT_MAX];

	if (a->c->result == 0 && path_at(a, dir, path_arg, path, sizeof path))
		strace_path_unlinked(a->s, a->t, a->k, path);
}

static void rename_call(const struct at *a, size_t from_dir, size_t from, size_t to_dir, size_t to)
{
	char old[CONTROL_TEXT_MAX], new[CONTROL_TEXT_MAX];

	if (a->c->result == 0 && path_at(a, from_dir, from, old, sizeof old) &&
	    path_at(a, to_dir, to, new, sizeof new))
		strace_path_renamed(a->s, a->t, a->k, old, new);
}

static void truncate_call(const struct at *a)
{
	char path[CONTROL_TEXT_MAX];
	uint64_t fid;

	if (a->c->result < 0 || !path_at(a, SIZE_MAX, 0, path, sizeof path))
		return;
	strace_path_key(&a->s->files, path, &fid);
	if (fid != FID_NONE)
		strace_file_truncate(a->s, a->t, a->k, fid, number(a->c, 1));
}

static bool transfer_call(const struct at *a)
{
	static const struct {
		const char *name;
		bool write, positioned, vector;
	} kinds[] = {
		{"read", false, false, false},   {"write", true, false, false},
		{"pread64", false, true, false}, {"pwrite64", true, true, false},
		{"readv", false, false, true},   {"writev", true, false, true},
		{"preadv", false, true, true},   {"pwritev", true, true, true},
		{"preadv2", false, true, true},  {"pwritev2", true, true, true},
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (is(a->c, kinds[i].name)) {
			read_write(a, kinds[i].write, kinds[i].positioned, kinds[i].vector);
			return true;
		}
	return false;
}

/* Calls that change names and descriptors. */
static bool name_call(const struct at *a)
{
	const struct strace_call *c = a->c;

	if (is(c, "openat"))
		opened(a, 0, 1, number(c, 2));
	else if (is(c, "open"))
		opened(a, SIZE_MAX, 0, number(c, 1));
	else if (is(c, "creat"))
		opened(a, SIZE_MAX, 0, O_CREAT | O_TRUNC);
	else if (is(c, "close"))
		close_call(a);
	else if (is(c, "close_range"))
		close_range(a);
	else if (is(c, "dup") || is(c, "dup2") || is(c, "dup3"))
		duplicated(a, is(c, "dup3") && number(c, 2) & O_CLOEXEC);
	else if (is(c, "fcntl"))
		fcntl_call(a);
	else if (is(c, "unlink") || is(c, "unlinkat"))
		unlink_call(a, is(c, "unlink") ? SIZE_MAX : 0, is(c, "unlink") ? 0 : 1);
	else if (is(c, "rename"))
		rename_call(a, SIZE_MAX, 0, SIZE_MAX, 1);
	else if (is(c, "renameat") || is(c, "renameat2"))
		rename_call(a, 0, 1, 2, 3);
	else
		return false;
	return true;
}

bool strace_file_call(struct strace *s, struct textfile *t, struct strace_task *k,
		      const struct strace_call *c)
{
	const struct at a = {s, t, k, c};

	if (transfer_call(&a) || name_call(&a))
		return true;
	if (is(c, "lseek"))
		seek_call(&a);
	else if (is(c, "fstat"))
		stat_call(&a, SIZE_MAX, SIZE_MAX, 1);
	else if (is(c, "stat") || is(c, "lstat"))
		stat_call(&a, SIZE_MAX, 0, 1);
	else if (is(c, "newfstatat"))
		stat_call(&a, 0, 1, 2);
	else if (is(c, "statx"))
		stat_call(&a, 0, 1, 4);
	else if (is(c, "fsync") || is(c, "fdatasync"))
		descriptor_call(&a, REC_FSYNC);
	else if (is(c, "fadvise64"))
		descriptor_call(&a, REC_FADVISE);
	else if (is(c, "ftruncate"))
		descriptor_call(&a, REC_TRUNCATE);
	else if (is(c, "truncate"))
		truncate_call(&a);
	else if (is(c, "sendfile"))
		copied(&a, 1, 2, 0, SIZE_MAX);
	else if (is(c, "copy_file_range"))
		copied(&a, 0, 1, 2, 3);
	else
		return false;
	return true;
}
