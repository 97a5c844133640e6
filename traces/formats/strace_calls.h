/*
 * strace_calls.h - from the system calls in an strace log to control records: processes, mappings, files.
 */
#ifndef TRACES_FORMATS_STRACE_CALLS_H
#define TRACES_FORMATS_STRACE_CALLS_H

#include "sim/map.h"
#include "traces/formats/page_ranges.h"
#include "traces/formats/textfile.h"

#define STRACE_ARGS 8

/* A call as the log has it; words point into the line. */
struct strace_call {
	struct text_word name, arg[STRACE_ARGS];
	size_t nr_args;
	struct text_word args; /* all of them */
	bool returned;         /* false: "= ?" */
	int64_t result;        /* -errno when it failed */
};

/* ---- files (strace_files.c, strace_io.c) ---- */

struct strace_file {
	char *path;
	uint64_t size;
	unsigned opens;
	bool declared, created, known; /* known: its size was told by a stat */
	bool unlinked, mapped;
};

/* An open file description: what dup and fork share. */
struct strace_open {
	uint64_t fid, offset;
	unsigned refs;
	bool append;
};

/* Descriptors of a process: fd -> index of the description << 1 | close-on-exec. */
struct strace_fds {
	struct map fds;
	unsigned refs;
};

struct strace_files {
	struct strace_file *file; /* index = fid */
	size_t nr_files, cap_files;
	struct map by_path; /* hash of the path, the next number when it is taken -> fid */
	struct strace_open *open;
	size_t nr_open, cap_open;
	uint64_t unused; /* first description that is free, + 1; the next one is in its offset */
};

/* ---- tasks ---- */

/* An address space, shared by the threads of a process. */
struct strace_mm {
	struct page_ranges mapped;
	uint64_t brk_start, brk_end;
	unsigned refs;
};

struct strace_task {
	uint32_t pid, tid;
	struct strace_mm *mm;
	struct strace_fds *fds;
	bool over;       /* its process or it has ended */
	char *pending;   /* text of an unfinished call, or NULL */
	uint64_t age;    /* number of the line where it began */
	bool child_seen; /* its clone was written when the child's first line came */
};

struct strace {
	struct map tasks; /* tid -> struct strace_task * */
	struct strace_files files;
	bool begun;
	bool has_time, relative;
	uint64_t first_ns, last_ns, now_ns; /* of the line's time; now_ns is since the first */
};

struct strace_task *strace_task_find(struct strace *s, uint32_t tid);
/* A task that is there when the log begins. */
struct strace_task *strace_task_new(struct strace *s, uint32_t pid, uint32_t tid);
/* A child of a clone, fork or vfork; words of its arguments. Writes the record. */
struct strace_task *strace_task_child(struct strace *s, struct textfile *t, struct strace_task *parent,
				      uint32_t tid, bool vfork, struct text_word args);
/* "+++ exited with N +++" (status), or killed. */
void strace_task_end(struct strace *s, struct textfile *t, struct strace_task *k, enum record_op op,
		     uint64_t status);
void strace_release(struct strace *s);

struct control strace_control(const struct strace *s, const struct strace_task *k, enum record_op op,
			      int64_t result);

/* Writes what the call is in records. Returns NULL, or what was expected in its arguments. */
const char *strace_call(struct strace *s, struct textfile *t, struct strace_task *k,
			const struct strace_call *c);

/* Calls on files: true when it is one of them. */
bool strace_file_call(struct strace *s, struct textfile *t, struct strace_task *k,
		      const struct strace_call *c);
/* For mmap: the file of the descriptor, declared so that it holds `end` bytes; FID_NONE when unknown. */
uint64_t strace_file_mapped(struct strace *s, struct textfile *t, struct strace_task *k, struct text_word fd,
			    uint64_t end);
struct strace_fds *strace_fds_copy(struct strace *s, const struct strace_fds *v);
void strace_fds_exec(struct strace *s, struct textfile *t, struct strace_task *k);
void strace_fds_put(struct strace *s, struct strace_fds *v);
void strace_files_release(struct strace_files *f);

/* ---- arguments (strace_flags.c) ---- */

/* A number: decimal, hex behind 0x, octal behind 0, NULL; or names joined by |. false when a name is unknown.
 */
bool strace_number(struct text_word w, uint64_t *v);
/* A descriptor: "3", "3</path>"; false when it is none (AT_FDCWD). */
bool strace_fd(struct text_word w, uint64_t *fd);
/* A string in quotes into out (n bytes); false when it is none or was cut short (…). */
bool strace_string(struct text_word w, char *out, size_t n);
/* The number behind "name=" in a structure; false when it is not there. */
bool strace_member(struct text_word w, const char *name, uint64_t *v);

#endif
