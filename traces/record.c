/*
 * record.c - the table of record operations.
 */
#include "traces/record.h"

#include <pthread.h>
#include <string.h>

/* The enum's values are numbers of the file format with gaps allowed, so the table is indexed by number. */
static const struct record_op_info infos[REC_NR] = {
#define RECORD_OP_INFO(name, number, ord, args, sentence) [number] = {#name, args, sentence, 0, 0, ord},
	RECORD_OPS(RECORD_OP_INFO)
#undef RECORD_OP_INFO
};

static struct record_op_info table[REC_NR];
static char names[REC_NR][20], args[REC_NR][48];

/* Counts the arguments; their names without the question marks go to `to`. */
static void build_args(struct record_op_info *info, char to[48])
{
	bool late = false;

	for (const char *s = info->args; *s; s++) {
		late |= *s == '?';
		if (*s != '?')
			*to++ = *s;
		if (*s != ' ' && (s[1] == ' ' || s[1] == '\0')) {
			info->nr_args++;
			info->nr_always += !late;
		}
	}
	*to = '\0';
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Lower-case names and argument counts follow from the rows; worked out at the first use. */
static void build(void)
{
	for (unsigned op = 0; op < REC_NR; op++) {
		size_t i = 0;

		table[op] = infos[op];
		if (!infos[op].name)
			continue;
		for (; infos[op].name[i] && i < sizeof names[op] - 1; i++) {
			char c = infos[op].name[i];

			names[op][i] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
		}
		table[op].name = names[op];
		build_args(&table[op], args[op]);
		table[op].args = args[op];
	}
}

const struct record_op_info *record_op_info(unsigned op)
{
	pthread_once(&once, build);
	return op < REC_NR && table[op].name ? &table[op] : NULL;
}

enum record_op record_op_find(const char *name)
{
	pthread_once(&once, build);
	for (unsigned op = 0; op < REC_NR; op++)
		if (table[op].name && strcmp(table[op].name, name) == 0)
			return (enum record_op)op;
	return REC_NONE;
}
