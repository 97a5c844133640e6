/*
 * err.c - the list of error classes and how a message is put together.
 */
#include "sim/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int status;
	const char *meaning;
} rows[ERR_NR] = {[ERR_OK] = {"OK", 0, "success"},
#define ERR_ROW(name, status, meaning) [ERR_##name] = {#name, status, meaning},
		  ERR_LIST(ERR_ROW)
#undef ERR_ROW
};

/* A message is one line: whatever bytes a name from a file or the command line brings along. */
static void blank_control_characters(char *s)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
	}
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	if (e && e->code == ERR_OK) {
		e->code = code;
		va_start(ap, fmt);
		vsnprintf(e->text, sizeof e->text, fmt, ap);
		va_end(ap);
		blank_control_characters(e->text);
	}
	return -(int)code;
}

void err_prefix(struct err *e, const char *fmt, ...)
{
	char old[sizeof e->text];
	va_list ap;
	int n;

	if (!e || e->code == ERR_OK)
		return;
	memcpy(old, e->text, sizeof old);
	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof e->text)
		snprintf(e->text + n, sizeof e->text - (size_t)n, "%s", old);
	blank_control_characters(e->text);
}

void err_clear(struct err *e)
{
	e->code = ERR_OK;
	e->text[0] = '\0';
}

int err_exit_status(enum err_code code)
{
	return rows[code].status;
}

const char *err_name(enum err_code code)
{
	return rows[code].name;
}

const char *err_meaning(enum err_code code)
{
	return rows[code].meaning;
}
