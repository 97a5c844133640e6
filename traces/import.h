/*
 * import.h - from an importer or a generator into a writer.
 */
#ifndef TRACES_IMPORT_H
#define TRACES_IMPORT_H

#include "traces/source.h"

/* Writes all that im yields, with a progress line named `what`; the caller closes both. */
int import_run(struct importer *im, struct trace_writer *w, const char *what, struct err *e);

#endif
