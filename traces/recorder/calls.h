/*
 * calls.h - from raw system calls to control records. Pure: knows no ring, no process, no writer.
 */
#ifndef TRACES_RECORDER_CALLS_H
#define TRACES_RECORDER_CALLS_H

#include "traces/record.h"
#include "traces/recorder/files.h"
#include "traces/recorder/shared.h"

#define CALL_RECORDS 36 /* that one call becomes, at most */

/*
 * Fills out[] with the records of a call, in order; returns their number. pid, tid are not set. words: the
 * raw record as a whole.
 */
size_t call_records(struct recorded_files *files, const uint64_t *words, struct control *out);

#endif
