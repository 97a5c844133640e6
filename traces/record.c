/*
 * record.c - the table of record operations.
 */
#include "traces/record.h"

#include <pthread.h>
#include <string.h>

/* The enum's values are numbers of the file format with gaps allowed, so the table is indexed by number. */
static const struct record_op_info infos[REC_NR] = {
#define RECORD_OP_INFO(name, number, ord, args, sentence) [number] = {#name, args, sentence, 0, ord},
	RECORD_OPS(RECORD_OP_INFO)
#undef RECORD_OP_INFO
};

static struct record_op_info table[REC_NR];
static char names[REC_NR][20];

static unsigned count_words(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += *s != ' ' && (s[1] == ' ' || s[1] == '\0');
	return n;
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
		table[op].nr_args = count_words(infos[op].args);
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
