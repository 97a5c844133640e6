/*
 * kernel.c - the tables shared by the modelled kernel, and its event log.
 */
#include "models/kernel/kernel.h"

#include <stdio.h>

const char *thp_enabled_name(size_t i)
{
	static const char *const names[] = {"never", "madvise", "always"};

	return i < ARRAY_LEN(names) ? names[i] : NULL;
}

const char *thp_defrag_name(size_t i)
{
	static const char *const names[] = {"always", "defer", "defer+madvise", "madvise", "never"};

	return i < ARRAY_LEN(names) ? names[i] : NULL;
}

const char *thp_shmem_name(size_t i)
{
	static const char *const names[] = {"never", "always", "within_size", "advise", "deny", "force"};

	return i < ARRAY_LEN(names) ? names[i] : NULL;
}

PARAM_TABLE(kernel, kernel_params, KERNEL_PARAMS);

static const struct {
	const char *name, *sentence;
} event_rows[] = {
#define KERNEL_EVENT_ROW(id, name, sentence) {name, sentence},
	KERNEL_EVENTS(KERNEL_EVENT_ROW)
#undef KERNEL_EVENT_ROW
};

const char *kernel_event_name(size_t i)
{
	return i < ARRAY_LEN(event_rows) ? event_rows[i].name : NULL;
}

const char *kernel_event_sentence(size_t i)
{
	return i < ARRAY_LEN(event_rows) ? event_rows[i].sentence : NULL;
}

const char *kernel_json(char *buf, size_t n, const char *text)
{
	size_t len = 0;

	for (; *text && len + 7 <= n; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			len += (size_t)snprintf(buf + len, n - len, "\\%c", c);
		else if (c < 0x20)
			len += (size_t)snprintf(buf + len, n - len, "\\u%04x", c);
		else
			buf[len++] = (char)c;
	}
	buf[len] = 0;
	return buf;
}

void kernel_event(struct kernel *k, enum kernel_event kind, const char *scope, int64_t value,
		  const char *detail)
{
	if (k->hooks.event)
		k->hooks.event(k->hooks.ctx, kind, scope, value, detail);
}
