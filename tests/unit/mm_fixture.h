/*
 * mm_fixture.h - a machine's memory from parameter settings, for tests.
 */
#ifndef TESTS_UNIT_MM_FIXTURE_H
#define TESTS_UNIT_MM_FIXTURE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/kernel/buddy.h"

struct mm {
	struct param_set ps;
	struct zone_params zp;
	struct topology_params tp;
	struct topology topo;
	struct memory mem;
	struct err e;
};

/* Settings "path=value", up to a NULL. Returns memory_init's or the first failing call's result. */
static inline int mm_try(struct mm *x, ...)
{
	const char *s;
	int r = 0;
	va_list ap;

	err_clear(&x->e);
	param_set_init(&x->ps);
	param_set_add(&x->ps, &topology_param_table, &x->tp);
	param_set_add(&x->ps, &zone_param_table, &x->zp);
	va_start(ap, x);
	while (!r && (s = va_arg(ap, const char *)))
		r = param_set_assignment(&x->ps, s, "test", &x->e);
	va_end(ap);
	if (!r)
		r = topology_init(&x->topo, &x->tp, &x->e);
	return r ? r : memory_init(&x->mem, &x->zp, &x->topo, &x->e);
}

#define mm_open(x, ...)                                       \
	do {                                                  \
		if (mm_try(x, __VA_ARGS__, NULL)) {           \
			fprintf(stderr, "%s\n", (x)->e.text); \
			abort();                              \
		}                                             \
	} while (0)

/*
 * Makes the page block that a zone begins inside of movable, as all others start: for worked examples that
 * are about something else than that block's type. The free lists keep their order.
 */
static inline void mm_all_movable(struct mm *x)
{
	for (unsigned n = 0; n < x->mem.nr_nodes; n++) {
		for (unsigned i = 0; i < NR_ZONES; i++) {
			struct zone *z = &x->mem.node[n].zone[i];

			if (!z->present || buddy_pageblock_type(z, z->start) == MIGRATE_MOVABLE)
				continue;
			buddy_set_pageblock_type(z, z->start, MIGRATE_MOVABLE);
			buddy_move_block(&x->mem, z, z->start, MIGRATE_MOVABLE, NULL);
		}
	}
}

static inline void mm_close(struct mm *x)
{
	memory_release(&x->mem);
	param_set_release(&x->ps);
}

/* No memory map, no kernel image, no protection: all pages but the first mebibyte's are free. */
#define MM_BARE "kernel.struct_page_bytes=0", "kernel.image_bytes=0"

#endif
