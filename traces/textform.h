/*
 * textform.h - records as lines of text: what `faultline trace cat` prints and the importer `text` reads
 * back. TEXT.md describes it.
 */
#ifndef TRACES_TEXTFORM_H
#define TRACES_TEXTFORM_H

#include <stdio.h>

#include "traces/source.h"

#define TEXTFORM_MAGIC      "# faultline trace text 1"
#define TEXTFORM_PROVENANCE "# provenance "
#define TEXTFORM_END        "# end "

/* Bytes that the line of an access takes at most. */
#define TEXTFORM_ACCESS_MAX 64

/* "PID.TID L|S|F ADDR SIZE INSTRUCTIONS\n"; returns the length; out holds TEXTFORM_ACCESS_MAX bytes. */
size_t textform_access(char *out, uint32_t pid, uint32_t tid, uint64_t addr, uint32_t meta);
/* "PID.TID NAME ARGUMENT=VALUE … result=… cpu=… time=… text="…"\n" */
void textform_control(FILE *f, const struct control *c);
/* The piece of a thread ends here though neither another thread nor a control follows. */
void textform_cut(FILE *f, uint32_t pid, uint32_t tid);

#endif
