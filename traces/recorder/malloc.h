/*
 * malloc.h - `faultline record --malloc`: runs a program and logs its allocations.
 */
#ifndef TRACES_RECORDER_MALLOC_H
#define TRACES_RECORDER_MALLOC_H

/* argv[0] is the command's name; --malloc may be among the options. Returns the exit status. */
int record_malloc_main(int argc, char **argv);

#endif
