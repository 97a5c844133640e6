/*
 * rename.c - new numbers that do not clash.
 *
 * Processes and threads share one space of numbers, as in Linux: a number belongs to the input that asked for
 * it first. Files are numbered anew in the order in which they are declared.
 */
#include "traces/inspect/rename.h"

#include <string.h>

#include "sim/mem.h"

void rename_init(struct rename *r, bool share_files)
{
	*r = (struct rename){.share_files = share_files, .next_id = 1};
	map_init(&r->owners);
	map_init(&r->paths);
}

void rename_release(struct rename *r)
{
	map_release(&r->owners);
	map_release(&r->paths);
	for (size_t i = 0; i < r->nr_files; i++)
		mem_free(r->files[i].path);
	mem_free(r->files);
}

void rename_input_init(struct rename_input *in, uint64_t number)
{
	in->number = number;
	map_init(&in->ids);
	map_init(&in->fids);
}

void rename_input_release(struct rename_input *in)
{
	map_release(&in->ids);
	map_release(&in->fids);
}

uint32_t rename_id(struct rename *r, struct rename_input *in, uint32_t id)
{
	uint64_t now;

	if (!id)
		return 0;
	if (map_get(&in->ids, id, &now))
		return (uint32_t)now;
	now = id;
	while (!now || map_get(&r->owners, now, NULL))
		now = r->next_id++;
	if (now == id && id >= r->next_id && id < UINT32_MAX)
		r->next_id = id + 1;
	map_put(&r->owners, now, in->number);
	map_put(&in->ids, id, now);
	return (uint32_t)now;
}

/* The file of this path; NULL when there is none. *key is where it is or would be in r->paths. */
static struct rename_file *file_of(struct rename *r, const char *path, uint64_t *key)
{
	uint64_t i;

	*key = UINT64_C(0xcbf29ce484222325);
	for (const char *p = path; *p; p++)
		*key = hash_u64(*key ^ (unsigned char)*p);
	for (; map_get(&r->paths, *key, &i); ++*key)
		if (!strcmp(r->files[i].path, path))
			return &r->files[i];
	return NULL;
}

static void remember(struct rename *r, const char *path, uint64_t key, uint64_t fid, uint64_t size)
{
	if (r->nr_files == r->cap_files) {
		r->cap_files = r->cap_files ? r->cap_files * 2 : 16;
		r->files = mem_realloc(r->files, r->cap_files, sizeof *r->files);
	}
	map_put(&r->paths, key, r->nr_files);
	r->files[r->nr_files++] = (struct rename_file){mem_strdup(path), fid, size};
}

static uint64_t fid_of(struct rename *r, struct rename_input *in, uint64_t fid)
{
	uint64_t now;

	if (fid == FID_NONE)
		return fid;
	if (!map_get(&in->fids, fid, &now)) {
		now = r->next_fid++;
		map_put(&in->fids, fid, now);
	}
	return now;
}

/* A declaration: false when the file is there already and no longer than it was. */
static bool declare(struct rename *r, struct rename_input *in, struct control *c)
{
	uint64_t key = 0, old = c->arg[0];
	bool named = r->share_files && c->text && *c->text;
	struct rename_file *f = named ? file_of(r, c->text, &key) : NULL;

	if (!f) {
		map_put(&in->fids, old, r->next_fid);
		c->arg[0] = r->next_fid++;
		if (named)
			remember(r, c->text, key, c->arg[0], c->arg[1]);
		return true;
	}
	map_put(&in->fids, old, f->fid);
	if (c->arg[1] <= f->size)
		return false;
	f->size = c->arg[1];
	c->op = REC_TRUNCATE;
	c->arg[0] = f->fid;
	c->arg[2] = 0;
	c->text = NULL;
	return true;
}

bool rename_control(struct rename *r, struct rename_input *in, struct control *c)
{
	c->pid = rename_id(r, in, c->pid);
	c->tid = rename_id(r, in, c->tid);
	switch (c->op) {
	case REC_FORK:
		c->arg[1] = rename_id(r, in, (uint32_t)c->arg[1]);
		c->arg[0] = rename_id(r, in, (uint32_t)c->arg[0]);
		return true;
	case REC_PROCESS:
	case REC_CLONE:
	case REC_MIGRATE_PAGES:
		c->arg[0] = rename_id(r, in, (uint32_t)c->arg[0]);
		return true;
	case REC_FILE:
		return declare(r, in, c);
	case REC_MAPPING:
	case REC_MMAP:
		c->arg[4] = fid_of(r, in, c->arg[4]);
		return true;
	case REC_READ:
	case REC_WRITE:
	case REC_FSYNC:
	case REC_FADVISE:
	case REC_TRUNCATE:
		c->arg[0] = fid_of(r, in, c->arg[0]);
		return true;
	default:
		return true;
	}
}
