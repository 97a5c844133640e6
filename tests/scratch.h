/*
 * scratch.h - a folder for what a test writes.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SCRATCH_MAX 32

/* A fresh folder in memory or below /tmp (no waiting for a disk). */
static inline void scratch_make(char dir[SCRATCH_MAX])
{
	const char *parent = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

	snprintf(dir, SCRATCH_MAX, "%s/faultline-test-XXXXXX", parent);
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

/* With all that lies there. */
static inline void scratch_remove(const char *dir)
{
	char command[SCRATCH_MAX + 16];

	ck_assert_ptr_nonnull(strstr(dir, "/faultline-test-"));
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	ck_assert_int_eq(system(command), 0);
}

#endif
