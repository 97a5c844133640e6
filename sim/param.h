/*
 * param.h - parameters: one row each, from which the struct field, range check, help, store and docs follow.
 *
 *     #define TLB_PARAMS(X, S)                                                                 \
 *             X(S, U64, l1d_entries, "tlb.l1d.entries", "64", 1, 65536, "entries", "…sentence…") \
 *             X(S, ENUM, policy, "tlb.policy", "lru", 0, 0, "", "…", replacement_name)
 *     PARAM_STRUCT(tlb_params, TLB_PARAMS);
 *     extern const struct param_table tlb_param_table;     // in the .c: PARAM_TABLE(tlb, tlb_params,
 * TLB_PARAMS);
 *
 * Row: kind, field, path, default (as text, as a user would write it), smallest, largest, unit, sentence. An
 * ENUM row takes a tenth argument: a function that names choice i or returns NULL past the last one. Every
 * value, whether default, from a file or from --set, goes through the same text setter, so provenance and
 * range checks are the same. A parameter that exists in Linux keeps Linux's name and unit (vm.swappiness).
 */
#ifndef SIM_PARAM_H
#define SIM_PARAM_H

#include "sim/base.h"
#include "sim/err.h"

enum param_kind {
	PARAM_U64,   /* whole number, decimal or 0x hex */
	PARAM_BYTES, /* number with an optional suffix K M G T or KiB MiB GiB TiB (all powers of 1024), stored
			in bytes */
	PARAM_BOOL,  /* true false on off yes no 1 0 */
	PARAM_ENUM,  /* one of the names of the row's choices, stored as its index */
	PARAM_STR,   /* text */
	PARAM_LIST,  /* numbers (with suffixes as BYTES) separated by blanks, commas or semicolons, or a YAML
			sequence; "max" is UINT64_MAX where the unit is "bytes" and the row allows it */
};

struct u64_list {
	size_t n;
	uint64_t *v; /* owned by the param_set */
};

typedef uint64_t param_field_U64;
typedef uint64_t param_field_BYTES;
typedef bool param_field_BOOL;
typedef uint32_t param_field_ENUM;
typedef const char *param_field_STR; /* owned by the param_set, never NULL */
typedef struct u64_list param_field_LIST;

struct param_row {
	const char *path;
	enum param_kind kind;
	const char *def;
	uint64_t min, max; /* of each number; ignored for BOOL, ENUM and STR */
	const char *unit;
	const char *sentence;
	size_t offset;
	const char *(*choice)(size_t i); /* ENUM only */
};

struct param_table {
	const char *name;
	const struct param_row *rows;
	size_t nr_rows;
	size_t struct_size;
};

#define PARAM_FIELD_(S, kind, field, ...) param_field_##kind field;
#define PARAM_ROW_(S, kind, field, path, def, min, max, unit, ...) \
	PARAM_ROW2_(S, kind, field, path, def, min, max, unit, __VA_ARGS__, NULL, )
#define PARAM_ROW2_(S, kind, field, path, def, min, max, unit, sentence, choice, ...) \
	{path, PARAM_##kind, def, min, max, unit, sentence, offsetof(struct S, field), choice},
#define PARAM_STRUCT(S, LIST)         \
	struct S {                    \
		LIST(PARAM_FIELD_, S) \
	}
#define PARAM_TABLE(pfx, S, LIST)                                         \
	static const struct param_row S##_rows[] = {LIST(PARAM_ROW_, S)}; \
	const struct param_table pfx##_param_table = {#pfx, S##_rows, ARRAY_LEN(S##_rows), sizeof(struct S)}

/* The resolved parameters of one run. */
struct param_value {
	const struct param_row *row;
	void *base;   /* the struct that the row's field lies in */
	char *text;   /* the value as last set, canonical (bytes as a plain number, enums by name) */
	char *origin; /* "default", "FILE:LINE:COL", "--set", "preset NAME" */
};

struct param_set {
	struct param_value *values; /* in order of registration */
	size_t n;
	char **keep; /* texts and lists handed to fields, freed with the set */
	size_t nr_keep;
};

void param_set_init(struct param_set *ps);
void param_set_release(struct param_set *ps);
/* Registers a table whose fields live at base and sets the defaults (a bad default is a programming error).
 */
void param_set_add(struct param_set *ps, const struct param_table *t, void *base);
/*
 * Sets path to the text value. Errors (ERR_CONFIG): unknown path, with the nearest known one as a suggestion;
 * not a value of the kind; out of range (says the range and unit). The message does not name the origin: the
 * caller prefixes it.
 */
int param_set_value(struct param_set *ps, const char *path, const char *value, const char *origin,
		    struct err *e);
/* "path=value" as given to --set. */
int param_set_assignment(struct param_set *ps, const char *assignment, const char *origin, struct err *e);
const struct param_value *param_find(const struct param_set *ps, const char *path);
/* The registered path nearest to `path` by edit distance, or NULL when none is near. */
const char *param_nearest(const struct param_set *ps, const char *path);

#endif
