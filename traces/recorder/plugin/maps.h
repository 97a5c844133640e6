/*
 * maps.h - the mappings that a program begins with.
 */
#ifndef TRACES_RECORDER_PLUGIN_MAPS_H
#define TRACES_RECORDER_PLUGIN_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Finds what the emulator exports; false with one line on stderr. */
bool maps_init(void);
const char *maps_program(void);
/* Records them. */
void maps_tell(void);
/* Reads n bytes of the program; the bytes that could be read, up to the first page that is not there. */
size_t maps_read(void *to, uint64_t addr, size_t n);
/* Reads a string of at most n - 1 bytes; false when it is not there or longer. */
bool maps_string(char *to, uint64_t addr, size_t n);

#endif
