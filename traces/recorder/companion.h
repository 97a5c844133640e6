/*
 * companion.h - the shared objects that are loaded into recorded programs.
 */
#ifndef TRACES_RECORDER_COMPANION_H
#define TRACES_RECORDER_COMPANION_H

#include <stddef.h>

#include "sim/err.h"

/*
 * Writes to `path` (of `size` bytes) where the shared object `name` is: next to the running program, where
 * `make` leaves it, or in
 * ../lib/faultline seen from there, where `make install` puts it. ERR_OPEN when it can be read in neither
 * place, ERR_LIMIT when the path does not fit.
 */
int companion_find(char *path, size_t size, const char *name, struct err *e);

#endif
