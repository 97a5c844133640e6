/*
 * player.h - what play.py tells the player, as one file: header, files, events, touches.
 *
 * All numbers are little endian; play.py packs the same layout.
 */
#ifndef TESTS_FIDELITY_KERNEL_PLAYER_H
#define TESTS_FIDELITY_KERNEL_PLAYER_H

#include <stdint.h>

#define PROGRAM_MAGIC UINT64_C(0x315941504d4c46) /* "FLMPAY1" */
#define PROCESSES     32                         /* numbers 1 … 31; 0 is the player */
#define FILES_MAX     16
#define OPS_MAX       2048

struct program {
	uint64_t magic, nr_files, nr_events, nr_touches; /* followed by files, events, touches */
};

struct program_file {
	char path[112];
	uint64_t created; /* 1: made empty */
	uint64_t size;
};

enum event_op {
	EV_TOUCH = 1, /* base address, number of touches, first of them */
	EV_SPAWN,     /* CPU */
	EV_FORK,      /* child */
	EV_EXIT,
	EV_AFFINITY, /* CPU */
	EV_OOM_SCORE_ADJ,
	EV_MMAP, /* address, length, protection, flags, file or -1, offset */
	EV_MUNMAP,
	EV_MPROTECT,
	EV_MADVISE,
	EV_MLOCK,
	EV_MUNLOCK,
	EV_MREMAP, /* old, old length, new, new length */
	EV_SET_MEMPOLICY,
	EV_MBIND, /* address, length, mode, mask, flags */
	EV_READ,  /* file, offset, length */
	EV_WRITE,
	EV_FSYNC,
	EV_FADVISE, /* file, offset, length, advice */
	EV_DROP_CACHES,
	EV_SLEEP,    /* ms */
	EV_SNAPSHOT, /* number of the label */
};

struct event {
	uint32_t op, pid;
	uint32_t index; /* of the scenario's operation that it belongs to */
	uint32_t pad;
	uint64_t a[6];
};

/* A touch: the upper bit says store, the others how many times eight bytes behind the base. */
#define TOUCH_STORE (UINT32_C(1) << 31)

#endif
