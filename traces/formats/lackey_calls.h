/*
 * lackey_calls.h - the system calls in a Valgrind log (`--trace-syscalls=yes`), and the mappings they leave.
 */
#ifndef TRACES_FORMATS_LACKEY_CALLS_H
#define TRACES_FORMATS_LACKEY_CALLS_H

#include "traces/formats/textfile.h"

#define LACKEY_PAGE_CACHE 1024

struct lackey_calls {
	uint64_t page_cache[LACKEY_PAGE_CACHE]; /* page number + 1 of pages known to be mapped, by its low
						   bits */
	bool stack_known;
	struct lackey_calls_private *private;
};

/* stat_files: sizes of files are those of this machine's files, instead of as much as the log needs. */
struct lackey_calls *lackey_calls_new(uint32_t pid, uint32_t tid, bool stat_files);
void lackey_calls_free(struct lackey_calls *c);
/* A line that begins with SYSCALL[. */
int lackey_calls_line(struct lackey_calls *c, struct textfile *t, const char *p, const char *end,
		      struct err *e);
/* Queues MAPPING records for what of the range is in no mapping that is known. len >= 1. */
void lackey_calls_touch_range(struct lackey_calls *c, struct textfile *t, uint64_t addr, uint64_t len);
/* The first data access of a program is on its stack. */
void lackey_calls_stack(struct lackey_calls *c, struct textfile *t, uint64_t addr);

/* To be called before an access is queued. size >= 1. */
static inline void lackey_calls_touch(struct lackey_calls *c, struct textfile *t, uint64_t addr,
				      uint64_t size)
{
	uint64_t page = addr >> PAGE_SHIFT, last = (addr + size - 1) >> PAGE_SHIFT;

	if (UNLIKELY(c->page_cache[page % LACKEY_PAGE_CACHE] != page + 1 || page != last))
		lackey_calls_touch_range(c, t, addr, size);
}

#endif
