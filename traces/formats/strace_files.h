/*
 * strace_files.h - files by path, open file descriptions, descriptors of an strace log (strace_calls.h has
 * the structures).
 */
#ifndef TRACES_FORMATS_STRACE_FILES_H
#define TRACES_FORMATS_STRACE_FILES_H

#include "traces/formats/strace_calls.h"

/* Descriptions of the two files whose writes are records. */
#define FID_OOM           (FID_NONE - 2)
#define FID_DROP          (FID_NONE - 1)
#define FILE_SPECIAL(fid) ((fid) >= FID_OOM)

/* Key under which the path stands, or would stand; *fid is FID_NONE when it is not there. */
uint64_t strace_path_key(const struct strace_files *f, const char *path, uint64_t *fid);
/* A file without a path that others could open; FID_NONE: there are too many. */
uint64_t strace_file_new(struct strace_files *f, const char *path);
/* The file of a path, a new one when it was not seen. */
uint64_t strace_file_of_path(struct strace_files *f, const char *path);
/* Declares the file, or lets it grow, so that it holds `end` bytes. A write lets it grow by itself. */
void strace_file_needs(struct strace *s, struct textfile *t, const struct strace_task *k, uint64_t fid,
		       uint64_t end, bool write);
void strace_file_truncate(struct strace *s, struct textfile *t, const struct strace_task *k, uint64_t fid,
			  uint64_t size);
/* The path no longer names its file. */
void strace_path_unlinked(struct strace *s, struct textfile *t, const struct strace_task *k,
			  const char *path);
void strace_path_renamed(struct strace *s, struct textfile *t, const struct strace_task *k, const char *from,
			 const char *to);
/* An open file description, without a descriptor yet: its index. */
uint64_t strace_open_new(struct strace_files *f, uint64_t fid, bool append);
/* t NULL: nothing is written. */
void strace_fd_close(struct strace *s, struct textfile *t, const struct strace_task *k, uint64_t fd);
void strace_fd_put(struct strace *s, struct textfile *t, const struct strace_task *k, uint64_t fd,
		   uint64_t open, bool cloexec);
/* The description of a descriptor, or NULL. */
struct strace_open *strace_fd_open(struct strace *s, const struct strace_task *k, struct text_word w);
/* The same, of a file that is followed. */
struct strace_open *strace_fd_file(struct strace *s, const struct strace_task *k, struct text_word w);

#endif
