/*
 * strace_files.c - files by path, open file descriptions, descriptors of an strace log.
 */
#include "traces/formats/strace_files.h"

#include <string.h>

#include "sim/mem.h"

#define MAX_FILES (1u << 20)

/* ---- files ---- */

static uint64_t path_hash(const char *path)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *path; path++)
		h = (h ^ (uint8_t)*path) * UINT64_C(0x100000001b3);
	return h;
}

uint64_t strace_path_key(const struct strace_files *f, const char *path, uint64_t *fid)
{
	uint64_t key = path_hash(path);

	for (*fid = FID_NONE; map_get(&f->by_path, key, fid); key++, *fid = FID_NONE)
		if (!strcmp(f->file[*fid].path, path))
			break;
	return key;
}

uint64_t strace_file_new(struct strace_files *f, const char *path)
{
	if (f->nr_files == MAX_FILES)
		return FID_NONE;
	if (f->nr_files == f->cap_files) {
		f->cap_files = f->cap_files ? 2 * f->cap_files : 64;
		f->file = mem_realloc(f->file, f->cap_files, sizeof *f->file);
	}
	f->file[f->nr_files] = (struct strace_file){.path = mem_strdup(path)};
	return f->nr_files++;
}

uint64_t strace_file_of_path(struct strace_files *f, const char *path)
{
	uint64_t fid, key = strace_path_key(f, path, &fid);

	if (fid == FID_NONE) {
		fid = strace_file_new(f, path);
		if (fid != FID_NONE)
			map_put(&f->by_path, key, fid);
	}
	return fid;
}

void strace_file_needs(struct strace *s, struct textfile *t, const struct strace_task *k, uint64_t fid,
		       uint64_t end, bool write)
{
	struct strace_file *f = &s->files.file[fid];
	struct control c = strace_control(s, k, f->declared ? REC_TRUNCATE : REC_FILE, 0);

	if (f->declared && (write || f->known || end <= f->size)) {
		f->size = write ? MAX_OF(f->size, end) : f->size;
		return;
	}
	c.arg[0] = fid;
	c.arg[1] = f->known || (write && f->created) ? f->size : end;
	if (!f->declared) {
		c.text = f->path;
		c.arg[2] = f->created;
	}
	f->declared = true;
	f->size = f->known && !write ? f->size : MAX_OF(f->size, end);
	textfile_control(t, &c);
}

void strace_file_truncate(struct strace *s, struct textfile *t, const struct strace_task *k, uint64_t fid,
			  uint64_t size)
{
	struct control c = strace_control(s, k, REC_TRUNCATE, 0);
	bool declared = s->files.file[fid].declared;

	s->files.file[fid].size = size;
	c.arg[0] = fid;
	c.arg[1] = size;
	if (declared)
		textfile_control(t, &c);
}

static void file_gone(struct strace *s, struct textfile *t, const struct strace_task *k, uint64_t fid)
{
	struct strace_file *f = &s->files.file[fid];

	if (f->unlinked && !f->opens && !f->mapped && f->size)
		strace_file_truncate(s, t, k, fid, 0);
}

void strace_path_unlinked(struct strace *s, struct textfile *t, const struct strace_task *k, const char *path)
{
	uint64_t fid, key = strace_path_key(&s->files, path, &fid);

	if (fid == FID_NONE)
		return;
	map_del(&s->files.by_path, key);
	s->files.file[fid].unlinked = true;
	file_gone(s, t, k, fid);
}

void strace_path_renamed(struct strace *s, struct textfile *t, const struct strace_task *k, const char *from,
			 const char *to)
{
	struct strace_files *f = &s->files;
	uint64_t fid, other, key = strace_path_key(f, from, &fid);

	if (fid == FID_NONE || !strcmp(from, to))
		return;
	map_del(&f->by_path, key);
	strace_path_unlinked(s, t, k, to);
	key = strace_path_key(f, to, &other);
	mem_free(f->file[fid].path);
	f->file[fid].path = mem_strdup(to);
	map_put(&f->by_path, key, fid);
}

/* ---- descriptions and descriptors ---- */

uint64_t strace_open_new(struct strace_files *f, uint64_t fid, bool append)
{
	uint64_t i = f->unused;

	if (i) {
		f->unused = f->open[--i].offset;
	} else if ((i = f->nr_open++) == f->cap_open) {
		f->cap_open = f->cap_open ? 2 * f->cap_open : 64;
		f->open = mem_realloc(f->open, f->cap_open, sizeof *f->open);
	}
	f->open[i] = (struct strace_open){.fid = fid, .append = append};
	if (!FILE_SPECIAL(fid))
		f->file[fid].opens++;
	return i;
}

static void open_put(struct strace *s, struct textfile *t, const struct strace_task *k, uint64_t i)
{
	struct strace_open *o = &s->files.open[i];

	if (--o->refs)
		return;
	o->offset = s->files.unused;
	s->files.unused = i + 1;
	if (FILE_SPECIAL(o->fid))
		return;
	s->files.file[o->fid].opens--;
	if (t)
		file_gone(s, t, k, o->fid);
}

void strace_fd_close(struct strace *s, struct textfile *t, const struct strace_task *k, uint64_t fd)
{
	uint64_t v;

	if (!map_get(&k->fds->fds, fd, &v))
		return;
	map_del(&k->fds->fds, fd);
	open_put(s, t, k, v >> 1);
}

void strace_fd_put(struct strace *s, struct textfile *t, const struct strace_task *k, uint64_t fd,
		   uint64_t open, bool cloexec)
{
	s->files.open[open].refs++;
	strace_fd_close(s, t, k, fd);
	map_put(&k->fds->fds, fd, open << 1 | cloexec);
}

struct strace_open *strace_fd_open(struct strace *s, const struct strace_task *k, struct text_word w)
{
	uint64_t fd, v;

	return strace_fd(w, &fd) && map_get(&k->fds->fds, fd, &v) ? &s->files.open[v >> 1] : NULL;
}

struct strace_open *strace_fd_file(struct strace *s, const struct strace_task *k, struct text_word w)
{
	struct strace_open *o = strace_fd_open(s, k, w);

	return o && !FILE_SPECIAL(o->fid) ? o : NULL;
}

struct strace_fds *strace_fds_copy(struct strace *s, const struct strace_fds *v)
{
	struct strace_fds *n = mem_alloc_late(1, sizeof *n);
	uint64_t fd, val;
	size_t it = 0;

	map_init(&n->fds);
	n->refs = 1;
	while (v && map_next(&v->fds, &it, &fd, &val)) {
		map_put(&n->fds, fd, val);
		s->files.open[val >> 1].refs++;
	}
	return n;
}

/* execve closes what is marked so; threads that shared the table have ended. */
void strace_fds_exec(struct strace *s, struct textfile *t, struct strace_task *k)
{
	uint64_t fd, val, closing[64];
	size_t it, n;

	do { /* the map must not change while it is walked */
		it = n = 0;
		while (n < ARRAY_LEN(closing) && map_next(&k->fds->fds, &it, &fd, &val))
			if (val & 1)
				closing[n++] = fd;
		for (size_t i = 0; i < n; i++)
			strace_fd_close(s, i < 16 ? t : NULL, k, closing[i]);
	} while (n == ARRAY_LEN(closing));
}

void strace_fds_put(struct strace *s, struct strace_fds *v)
{
	uint64_t fd, val;
	size_t it = 0;

	if (!v || --v->refs)
		return;
	while (map_next(&v->fds, &it, &fd, &val))
		open_put(s, NULL, NULL, val >> 1);
	map_release(&v->fds);
	mem_free(v);
}

void strace_files_release(struct strace_files *f)
{
	for (size_t i = 0; i < f->nr_files; i++)
		mem_free(f->file[i].path);
	mem_free(f->file);
	mem_free(f->open);
	map_release(&f->by_path);
}

uint64_t strace_file_mapped(struct strace *s, struct textfile *t, struct strace_task *k, struct text_word fd,
			    uint64_t end)
{
	struct strace_open *o = strace_fd_file(s, k, fd);

	if (!o)
		return FID_NONE;
	s->files.file[o->fid].mapped = true;
	strace_file_needs(s, t, k, o->fid, end, false);
	return o->fid;
}
