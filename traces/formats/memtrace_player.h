/*
 * memtrace_player.h - what the program that played a scenario did itself in the processes it started.
 */
#ifndef TRACES_FORMATS_MEMTRACE_PLAYER_H
#define TRACES_FORMATS_MEMTRACE_PLAYER_H

#include "traces/formats/textfile.h"

#define PLAYER_FILES 64 /* that it opens at most */
#define PLAYER_PIDS                                                                             \
	64 /* of which the first reading is remembered; scenarios number their processes from 1 \
	    */

struct memtrace_player {
	uint8_t buffer_pages[PLAYER_PIDS]; /* of the I/O buffer that the process has written */
	uint64_t fid[PLAYER_FILES];        /* declared files */
	size_t nr_files;
};

/* The process was forked from the player: its image, mapped and touched. */
void memtrace_player_spawned(struct textfile *t, struct memtrace_player *p, uint32_t pid);
/* The process was forked from another scenario process. */
void memtrace_player_forked(struct textfile *t, struct memtrace_player *p, uint32_t parent, uint32_t pid);
/* In front of a read() of so many bytes: the buffer it goes to. */
void memtrace_player_reads(struct textfile *t, struct memtrace_player *p, uint32_t pid, uint64_t bytes);

/* A file was declared. */
void memtrace_player_opened(struct memtrace_player *p, uint64_t fid);
/* In front of a drop_caches: its sync(), which writes all files. */
void memtrace_player_syncs(struct textfile *t, const struct memtrace_player *p);

#endif
