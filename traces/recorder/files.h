/*
 * files.h - the files that recorded programs use, by device and inode.
 */
#ifndef TRACES_RECORDER_FILES_H
#define TRACES_RECORDER_FILES_H

#include "sim/map.h"
#include "traces/record.h"

struct recorded_file {
	char *path;
	uint64_t dev, ino, size;
	bool pseudo; /* /proc, /sys: no file with pages */
};

struct recorded_files {
	struct recorded_file *file; /* index = fid */
	size_t n;
	struct map by_inode; /* mix of dev and ino -> fid */
};

void files_init(struct recorded_files *v);
void files_release(struct recorded_files *v);
/* The file's number, FID_NONE when it was not declared. */
uint64_t files_find(const struct recorded_files *v, uint64_t dev, uint64_t ino);
/*
 * A file was seen under a path: its number. *is_new: it must be declared; a file that was just created is new
 * though another one had its inode number before.
 */
uint64_t files_declare(struct recorded_files *v, uint64_t dev, uint64_t ino, uint64_t size, const char *path,
		       bool created, bool *is_new);

#endif
