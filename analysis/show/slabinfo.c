/*
 * slabinfo.c - /proc/slabinfo, version 2.1, of a kernel with SLUB.
 *
 * After mm/slab_common.c cache_show and print_slabinfo_header, mm/slub.c get_slabinfo: tunables and
 * shared_avail are always 0, all slabs count as active.
 *
 * Not modelled: the order of creation; caches are listed by name. Caches without slabs are left out.
 */
#include "analysis/show/show.h"

void show_slabinfo(const struct show *s, unsigned id, FILE *f)
{
	(void)id;
	fputs("slabinfo - version: 2.1\n"
	      "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables "
	      "<limit> "
	      "<batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>\n",
	      f);
	for (const char *c = NULL; (c = show_next(s, "slab/", c));) {
		int64_t slabs = show_get(s, c, "num_slabs");

		fprintf(f, "%-17s %6" PRId64 " %6" PRId64, c + 5, show_get(s, c, "active_objs"),
			show_get(s, c, "num_objs"));
		fprintf(f, " %6" PRId64 " %4" PRId64 " %4" PRId64, show_get(s, c, "objsize"),
			show_get(s, c, "objperslab"), show_get(s, c, "pagesperslab"));
		fprintf(f, " : tunables %4d %4d %4d", 0, 0, 0);
		fprintf(f, " : slabdata %6" PRId64 " %6" PRId64 " %6d\n", slabs, slabs, 0);
	}
}
