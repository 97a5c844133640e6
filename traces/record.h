/*
 * record.h - what one record of a trace is, in memory.
 *
 * A trace is a set of threads. Each thread has a stream of accesses, cut into runs by control records (system
 * calls, marks, synchronisation). Accesses live in two arrays, the address and a packed word, so that replay
 * reads 12 bytes an access and no branch decodes them.
 */
#ifndef TRACES_RECORD_H
#define TRACES_RECORD_H

#include "sim/base.h"

/*
 * The packed word of an access:
 *   bit  0      store           bit 1       fetch (bits 0 and 1 both 0: load)
 *   bit  2      the access touches two pages of 4 KiB (address + size - 1 lies in the next one)
 *   bits 3-15   size in bytes, 1 … 4096 (writers split larger ones at page boundaries)
 *   bits 16-31  instructions executed since the previous record of the thread, this access's own included,
 * when it is the first access of its instruction; larger counts are written as REC_INSTR before it A fetch
 * record may stand for a block of instructions: its size is the block's length, its count theirs.
 */
#define META_STORE        1u
#define META_FETCH        2u
#define META_KIND(m)      ((m)&3u)
#define META_SPLIT        4u
#define META_SIZE_SHIFT   3
#define META_SIZE(m)      (((m) >> META_SIZE_SHIFT) & 0x1fffu)
#define META_ICOUNT_SHIFT 16
#define META_ICOUNT(m)    ((m) >> META_ICOUNT_SHIFT)
#define META_ICOUNT_MAX   0xffffu
#define META_SIZE_MAX     4096u

enum access_kind { ACCESS_LOAD = 0, ACCESS_STORE = 1, ACCESS_FETCH = 2 };

/* Puts a packed word together; computes the split bit. */
static inline uint32_t meta_make(uint64_t addr, enum access_kind kind, uint32_t size, uint32_t icount)
{
	uint32_t split = ((addr & (PAGE_SIZE - 1)) + size > PAGE_SIZE) ? META_SPLIT : 0;

	return (uint32_t)kind | split | size << META_SIZE_SHIFT | icount << META_ICOUNT_SHIFT;
}

/*
 * Control records. One row: name in `trace cat`, number in the file (never reused), argument names (up to
 * six, in order; hex marks those printed in hex), sentence. "pages" and "len" are bytes unless said
 * otherwise. An argument behind a question mark came later: it is written and printed only when it is not 0,
 * so that what was recorded before it stays the same bytes.
 *
 * ord marks the ordered ones: system calls and marks, which get consecutive numbers (struct control.seq) over
 * the whole trace, in the order in which they took effect.
 */
#define RECORD_OPS(X)                                                                                      \
	X(SYNC, 1, false, "after",                                                                         \
	  "all ordered records numbered below `after` have taken effect before what follows")              \
	X(INSTR, 2, false, "count", "instructions executed without an access")                             \
	X(PROCESS, 3, true, "ppid", "a process that exists when the trace begins (text: program)")         \
	X(THREAD, 4, true, "", "a thread that exists when the trace begins")                               \
	X(FILE, 5, true, "fid size flags",                                                                 \
	  "declares a file (text: path; flags bit 0: created empty by the program)")                       \
	X(MAPPING, 6, true, "addr len prot flags fid off", "a mapping that exists when the trace begins")  \
	X(MARK, 7, true, "", "a mark (text: label); the replay takes a named snapshot")                    \
	X(CLONE, 8, true, "child_tid", "a thread of this process begins")                                  \
	X(FORK, 9, true, "child_pid child_tid ?vm",                                                        \
	  "a process begins as a copy-on-write copy of this one; vm 1: in its memory, until exec or exit") \
	X(EXEC, 10, true, "", "the address space is replaced by a new program's (text: program)")          \
	X(EXIT, 11, true, "status", "this thread ends")                                                    \
	X(EXIT_GROUP, 12, true, "status", "this process ends with all its threads")                        \
	X(MMAP, 13, true, "addr len prot flags fid off", "mmap; result: the address")                      \
	X(MUNMAP, 14, true, "addr len", "munmap")                                                          \
	X(MPROTECT, 15, true, "addr len prot", "mprotect")                                                 \
	X(MREMAP, 16, true, "old old_len new_len flags new", "mremap; result: the address")                \
	X(BRK, 17, true, "addr", "brk; result: the new end of the heap")                                   \
	X(MADVISE, 18, true, "addr len advice", "madvise with the kernel's advice numbers")                \
	X(MLOCK, 19, true, "addr len flags", "mlock, mlock2")                                              \
	X(MUNLOCK, 20, true, "addr len", "munlock")                                                        \
	X(MLOCKALL, 21, true, "flags", "mlockall")                                                         \
	X(MUNLOCKALL, 22, true, "", "munlockall")                                                          \
	X(MSYNC, 23, true, "addr len flags", "msync")                                                      \
	X(MBIND, 24, true, "addr len mode mask maxnode flags", "mbind; mode with the kernel's mode flags") \
	X(SET_MEMPOLICY, 25, true, "mode mask maxnode", "set_mempolicy")                                   \
	X(MIGRATE_PAGES, 26, true, "pid from to", "migrate_pages, node masks")                             \
	X(READ, 27, true, "fid off len buf",                                                               \
	  "bytes copied from a file to the program (read, pread); buf 0: unknown")                         \
	X(WRITE, 28, true, "fid off len buf", "bytes copied from the program to a file; buf 0: unknown")   \
	X(FSYNC, 29, true, "fid", "fsync, fdatasync")                                                      \
	X(FADVISE, 30, true, "fid off len advice", "posix_fadvise with the kernel's advice numbers")       \
	X(TRUNCATE, 31, true, "fid size", "truncate, ftruncate")                                           \
	X(AFFINITY, 32, true, "mask", "sched_setaffinity: CPU mask")                                       \
	X(OOM_SCORE_ADJ, 33, true, "adj", "writes /proc/PID/oom_score_adj (two's complement)")             \
	X(SLEEP, 34, true, "ns", "sleeps")                                                                 \
	X(DROP_CACHES, 35, true, "what", "writes /proc/sys/vm/drop_caches")                                \
	X(OTHER, 36, true, "number a0 a1 a2 a3 a4", "another system call, kept for completeness")

enum record_op {
	REC_NONE = 0,
#define RECORD_OP_ENUM(name, number, ord, args, sentence) REC_##name = number,
	RECORD_OPS(RECORD_OP_ENUM)
#undef RECORD_OP_ENUM
		REC_NR
};

#define CONTROL_ARGS     6
#define CONTROL_TEXT_MAX 4096

/* Flags of MMAP and MAPPING: the kernel's MAP_* numbers of x86-64. prot: PROT_* (1 read, 2 write, 4 execute).
 */
#define FID_NONE UINT64_MAX /* anonymous */

struct control {
	enum record_op op;
	uint32_t pid, tid;
	int32_t cpu;      /* CPU it ran on as recorded, -1 unknown */
	uint64_t order;   /* position of this record in the recorded total order of runs and controls (see
			     source.h) */
	uint64_t seq;     /* number among the ordered records; only when record_op_is_ordered(op) */
	uint64_t time_ns; /* since the trace began, 0 unknown */
	uint64_t arg[CONTROL_ARGS];
	int64_t result;   /* of the system call; -errno when it failed */
	const char *text; /* NULL or a string; valid as long as the batch */
};

struct record_op_info {
	const char *name; /* lower case, as printed by `trace cat` */
	const char *args; /* blank-separated names */
	const char *sentence;
	unsigned nr_args;
	unsigned nr_always; /* the rest of nr_args is left out when 0 */
	bool ordered;
};

/* NULL for a number that is no op. */
const struct record_op_info *record_op_info(unsigned op);
/* REC_NONE when the name is unknown. */
enum record_op record_op_find(const char *name);
/* How many arguments of the record are written: all but late ones that are 0 at the end. */
static inline unsigned record_op_written(const struct record_op_info *info, const struct control *c)
{
	unsigned n = info->nr_args;

	while (n > info->nr_always && !c->arg[n - 1])
		n--;
	return n;
}

#endif
