/*
 * rename.h - numbers of processes, threads and files when several traces become one.
 */
#ifndef TRACES_INSPECT_RENAME_H
#define TRACES_INSPECT_RENAME_H

#include "sim/map.h"
#include "traces/record.h"

/* What all inputs share. */
struct rename {
	bool share_files;  /* files of the same path are one */
	struct map owners; /* new number of a process or thread -> input */
	struct map paths;  /* hash of a path -> index in files */
	uint32_t next_id;
	uint64_t next_fid;
	struct rename_file {
		char *path;
		uint64_t fid, size;
	} * files;
	size_t nr_files, cap_files;
};

/* One input's numbers. */
struct rename_input {
	uint64_t number;
	struct map ids, fids; /* old -> new */
};

void rename_init(struct rename *r, bool share_files);
void rename_release(struct rename *r);
/* An input, `number` tells it from the others; released before what all share. */
void rename_input_init(struct rename_input *in, uint64_t number);
void rename_input_release(struct rename_input *in);
/*
 * The new number of process or thread `id`: the old one unless another input has it. 0 stays 0. Numbers that
 * are asked for first are kept first: ask for those that are known before the traces are read.
 */
uint32_t rename_id(struct rename *r, struct rename_input *in, uint32_t id);
/* Renames what c speaks of, in place; false when the record is to be left out (a shared file's second
 * declaration). */
bool rename_control(struct rename *r, struct rename_input *in, struct control *c);

#endif
