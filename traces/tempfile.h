/*
 * tempfile.h - temporary files without a name, and output files that one program writes at a time.
 */
#ifndef TRACES_TEMPFILE_H
#define TRACES_TEMPFILE_H

#include "sim/err.h"

/*
 * A file in $TMPDIR or /tmp that has no name once it is open, and so goes away however the program ends.
 * `what` it is for stands in the message: ERR_OPEN. Returns the descriptor or a negative error.
 */
int tempfile_open(const char *what, struct err *e);
/*
 * Creates or empties path for writing; ERR_OPEN when that fails or another program is writing it (who also
 * uses this function). name: what messages call it. Returns the descriptor or a negative error.
 */
int outfile_open(const char *path, const char *name, struct err *e);

#endif
