/*
 * kernel_names.h - names of the kernel's numbers as text traces write them (include/uapi of Linux 6.1).
 */
#ifndef TRACES_FORMATS_KERNEL_NAMES_H
#define TRACES_FORMATS_KERNEL_NAMES_H

#include "sim/base.h"

/* madvise advice (asm-generic/mman-common.h): name in lower case without MADV_, number. */
#define MADVISE_NAMES(X)       \
	X(normal, 0)           \
	X(random, 1)           \
	X(sequential, 2)       \
	X(willneed, 3)         \
	X(dontneed, 4)         \
	X(free, 8)             \
	X(remove, 9)           \
	X(dontfork, 10)        \
	X(dofork, 11)          \
	X(mergeable, 12)       \
	X(unmergeable, 13)     \
	X(hugepage, 14)        \
	X(nohugepage, 15)      \
	X(dontdump, 16)        \
	X(dodump, 17)          \
	X(wipeonfork, 18)      \
	X(keeponfork, 19)      \
	X(cold, 20)            \
	X(pageout, 21)         \
	X(populate_read, 22)   \
	X(populate_write, 23)  \
	X(dontneed_locked, 24) \
	X(collapse, 25)

/* posix_fadvise advice (linux/fadvise.h, x86). */
#define FADVISE_NAMES(X) \
	X(normal, 0) X(random, 1) X(sequential, 2) X(willneed, 3) X(dontneed, 4) X(noreuse, 5)

/* Memory policies (linux/mempolicy.h). */
#define MPOL_NAMES(X) \
	X(default, 0) X(preferred, 1) X(bind, 2) X(interleave, 3) X(local, 4) X(preferred_many, 5)

#define KERNEL_MPOL_MF_STRICT 1u
#define KERNEL_MPOL_MF_MOVE   2u

struct kernel_name {
	const char *name;
	uint64_t number;
};

/* Number of the name s[0 … n) in a table ended by a NULL name; false when it is not there. */
bool kernel_name_find(const struct kernel_name *table, const char *s, size_t n, uint64_t *number);

/* The other way; NULL when the number has no name. */
const char *kernel_name_of(const struct kernel_name *table, uint64_t number);

extern const struct kernel_name madvise_names[], fadvise_names[], mpol_names[];

#endif
