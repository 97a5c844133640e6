/*
 * stage.h - what the player needs around a scenario: setting the machine up, reading its counters, sending
 * them out.
 */
#ifndef TESTS_FIDELITY_KERNEL_STAGE_H
#define TESTS_FIDELITY_KERNEL_STAGE_H

#include <stddef.h>
#include <stdint.h>

/* Says what failed and errno, and turns the machine off. */
void stage_stop(const char *what);
/* A file's contents in memory, ended by a NUL; stops when it cannot be read. */
void *stage_load(const char *path, size_t *size);
/* Runs the steps of /setup. */
void stage_set_up(void);
/* The process that asks, number pid of the scenario, enters the group that /setup names for it, if any. */
void stage_enter(unsigned pid);
/* Sends n bytes to the port. */
void stage_put(const char *p, size_t n);
/* Writes a number to a file of /proc; what write() returned. */
long stage_write(const char *path, const char *format, int64_t n);
/* Captures all that /setup asked for; os_pid: PROCESSES numbers, 0 where there is none. */
void stage_snapshot(const char *label, const int *os_pid);

#endif
