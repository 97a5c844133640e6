/*
 * param_parse.h - the text of a parameter's value to numbers; internal to sim/param.c.
 */
#ifndef SIM_PARAM_PARSE_H
#define SIM_PARAM_PARSE_H

#include "sim/err.h"
#include "sim/param.h"

/* Behind a number: no suffix, one directly behind it (in lists blanks separate), or one behind blanks, too.
 */
enum param_suffix { SUFFIX_NONE, SUFFIX_CLOSE, SUFFIX_ANY };
/*
 * One whole number from *s on, decimal or 0x hexadecimal; *s is left behind it and its suffix.
 * NULL, or what is wrong with it ("a whole number").
 */
const char *param_parse_number(const char **s, enum param_suffix suffix, uint64_t *out);
/* true false on off yes no 1 0, in any case. */
bool param_parse_bool(const char *s, bool *out);
/* Fails with the row's path, range and unit. text is what the user wrote. */
int param_check_range(const struct param_row *row, uint64_t v, const char *text, struct err *e);
/* "12 KiB" for 12288: for messages about sizes; other numbers as they are. buf of at least 32 bytes. */
const char *param_number_text(char *buf, size_t n, const struct param_row *row, uint64_t v);

#endif
