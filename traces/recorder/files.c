/*
 * files.c - device and inode to file number.
 */
#include "traces/recorder/files.h"

#include <string.h>
#include <sys/stat.h>

#include "sim/mem.h"

void files_init(struct recorded_files *v)
{
	memset(v, 0, sizeof *v);
	map_init(&v->by_inode);
}

void files_release(struct recorded_files *v)
{
	for (size_t i = 0; i < v->n; i++)
		mem_free(v->file[i].path);
	mem_free(v->file);
	map_release(&v->by_inode);
	memset(v, 0, sizeof *v);
}

static uint64_t key_of(uint64_t dev, uint64_t ino)
{
	return hash_u64(dev) ^ ino;
}

uint64_t files_find(const struct recorded_files *v, uint64_t dev, uint64_t ino)
{
	uint64_t fid;

	if (!ino || !map_get(&v->by_inode, key_of(dev, ino), &fid))
		return FID_NONE;
	return v->file[fid].dev == dev && v->file[fid].ino == ino ? fid : FID_NONE;
}

static bool is_pseudo(const char *path)
{
	return !strncmp(path, "/proc/", 6) || !strncmp(path, "/sys/", 5);
}

uint64_t files_declare(struct recorded_files *v, uint64_t dev, uint64_t ino, uint64_t size, const char *path,
		       bool created, bool *is_new)
{
	uint64_t fid = files_find(v, dev, ino);
	struct stat st;

	*is_new = false;
	if (fid != FID_NONE && !(created && strcmp(v->file[fid].path, path)))
		return fid;
	if (size == UINT64_MAX) /* who saw it did not ask */
		size = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
	if ((v->n & (v->n - 1)) == 0)
		v->file = mem_realloc(v->file, v->n ? 2 * v->n : 1, sizeof *v->file);
	v->file[v->n] = (struct recorded_file){mem_strdup(path), dev, ino, size, is_pseudo(path)};
	map_put(&v->by_inode, key_of(dev, ino), v->n);
	*is_new = !v->file[v->n].pseudo;
	return v->n++;
}
