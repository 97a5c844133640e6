/*
 * shards.c - the databases of a sweep's points until they are collected.
 */
#include "analysis/sweep/shards.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/merge.h"
#include "sim/mem.h"

/* dir/a + b + c */
static char *join(const char *dir, const char *a, const char *b, const char *c)
{
	size_t n = strlen(dir) + strlen(a) + strlen(b) + strlen(c) + 2;
	char *path = mem_alloc(n, 1);

	snprintf(path, n, "%s/%s%s%s", dir, a, b, c);
	return path;
}

/* Whether NAME is KEY.PID.tmp, or SQLite's journal of it, and process PID is gone. */
static bool is_left_over(const char *name)
{
	const char *dot = strchr(name, '.');
	char *end;
	long pid;

	if (!dot)
		return false;
	pid = strtol(dot + 1, &end, 10);
	return pid > 0 && !strncmp(end, ".tmp", 4) && kill((pid_t)pid, 0) && errno == ESRCH;
}

static void remove_left_overs(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (is_left_over(entry->d_name)) {
			char *path = join(dir, entry->d_name, "", "");

			unlink(path);
			mem_free(path);
		}
	if (d)
		closedir(d);
}

/* Locks the folder at dir. A folder that its former owner removed meanwhile is no longer at dir: then once
 * more. */
static int lock_folder(const char *dir, int *lock, struct err *e)
{
	for (;;) {
		struct stat locked, there;
		int fd;

		if (mkdir(dir, 0777) && errno != EEXIST)
			return err_set(e, ERR_OPEN, "%s: cannot create the folder: %s", dir, strerror(errno));
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return err_set(e, ERR_OPEN, "%s: cannot open the folder: %s", dir, strerror(errno));
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			close(fd);
			return err_set(e, ERR_STORE, "%s: another sweep is filling this store", dir);
		}
		if (!fstat(fd, &locked) && !stat(dir, &there) && locked.st_ino == there.st_ino) {
			*lock = fd;
			return 0;
		}
		close(fd);
	}
}

int shards_open(struct shards *s, const char *store, struct err *e)
{
	size_t n = strlen(store) + sizeof ".shards";
	int rc;

	s->dir = mem_alloc(n, 1);
	s->lock = -1;
	snprintf(s->dir, n, "%s.shards", store);
	rc = lock_folder(s->dir, &s->lock, e);
	if (rc)
		shards_close(s);
	else
		remove_left_overs(s->dir);
	return rc;
}

void shards_close(struct shards *s)
{
	if (s->lock >= 0) {
		rmdir(s->dir); /* stays when it is not empty */
		close(s->lock);
	}
	mem_free(s->dir);
	*s = (struct shards){.lock = -1};
}

char *shards_path(const struct shards *s, const char *key)
{
	return join(s->dir, key, ".db", "");
}

char *shards_tmp_path(const struct shards *s, const char *key)
{
	char pid[24];

	snprintf(pid, sizeof pid, ".%ld", (long)getpid());
	return join(s->dir, key, pid, ".tmp");
}

/* A renamed file is safe only when its folder is. */
static void sync_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

int shards_finish(const struct shards *s, const char *tmp, const char *key, struct err *e)
{
	char *path = shards_path(s, key);
	int rc = rename(tmp, path) ? err_set(e, ERR_IO, "%s: cannot rename: %s", tmp, strerror(errno)) : 0;

	mem_free(path);
	if (!rc)
		sync_folder(s->dir);
	return rc;
}

bool shards_have(const struct shards *s, const char *key)
{
	char *path = shards_path(s, key), *bad;
	char status[16] = "";
	bool have = false;

	if (access(path, F_OK) == 0) {
		have = merge_shard_status(path, status, NULL) == 0 && !strcmp(status, "complete");
		if (!have) {
			bad = join(s->dir, key, ".db", ".bad");
			rename(path, bad);
			mem_free(bad);
		}
	}
	mem_free(path);
	return have;
}

void shards_remove(const char *path)
{
	size_t n;
	char *journal;

	if (!path)
		return;
	n = strlen(path) + sizeof "-journal";
	journal = mem_alloc(n, 1);
	snprintf(journal, n, "%s-journal", path);
	unlink(path);
	unlink(journal);
	mem_free(journal);
}
