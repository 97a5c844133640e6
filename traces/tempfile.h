/*
 * tempfile.h - temporary files without a name.
 */
#ifndef TRACES_TEMPFILE_H
#define TRACES_TEMPFILE_H

#include "sim/err.h"

/*
 * A file in $TMPDIR or /tmp that has no name once it is open, and so goes away however the program ends.
 * `what` it is for stands in the message: ERR_OPEN. Returns the descriptor or a negative error.
 */
int tempfile_open(const char *what, struct err *e);

#endif
