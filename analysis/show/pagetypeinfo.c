/*
 * pagetypeinfo.c - /proc/pagetypeinfo of Linux 6.1: free blocks by migrate type and order, page blocks by
 * migrate type.
 *
 * After mm/vmstat.c pagetypeinfo_show, pagetypeinfo_showfree_print, pagetypeinfo_showblockcount_print;
 * without CONFIG_CMA, as Debian's cloud kernel is configured. A list is counted up to 100000 blocks.
 *
 * Not modelled: type Isolate (0), mixed blocks (CONFIG_PAGE_OWNER).
 */
#include "analysis/show/show.h"

#define NR_ORDERS 11
#define MOST      100000

static const char *const types[] = {"Unmovable", "Movable", "Reclaimable", "HighAtomic", "Isolate"};

static void print_free(const struct show *s, unsigned nid, const char *zone, FILE *f)
{
	char name[16];

	for (size_t t = 0; t < ARRAY_LEN(types); t++) {
		fprintf(f, "Node %4u, zone %8s, type %12s ", nid, zone, types[t]);
		for (unsigned order = 0; order < NR_ORDERS; order++) {
			int64_t n;

			snprintf(name, sizeof name, "order_%u", order);
			n = show_getf(s, name, "pagetype/%u/%s/%s", nid, zone, types[t]);
			fprintf(f, "%s%6" PRId64 " ", n >= MOST ? ">" : "", MIN_OF(n, (int64_t)MOST));
		}
		fputc('\n', f);
	}
}

static void print_blocks(const struct show *s, unsigned nid, const char *zone, FILE *f)
{
	fprintf(f, "Node %u, zone %8s ", nid, zone);
	for (size_t t = 0; t < ARRAY_LEN(types); t++)
		fprintf(f, "%12" PRId64 " ",
			show_getf(s, "blocks", "pagetype/%u/%s/%s", nid, zone, types[t]));
	fputc('\n', f);
}

static void print_node(const struct show *s, unsigned nid, FILE *f)
{
	const char *zone;

	fputs("Page block order: 9\nPages per block:  512\n\n", f);
	fprintf(f, "%-43s ", "Free pages count per migrate type at order");
	for (unsigned order = 0; order < NR_ORDERS; order++)
		fprintf(f, "%6u ", order);
	fputc('\n', f);
	for (size_t z = 0; (zone = show_zone_name(z)); z++)
		if (show_getf(s, "present", "zone/%u/%s", nid, zone))
			print_free(s, nid, zone, f);
	fprintf(f, "\n%-23s", "Number of blocks type ");
	for (size_t t = 0; t < ARRAY_LEN(types); t++)
		fprintf(f, "%12s ", types[t]);
	fputc('\n', f);
	for (size_t z = 0; (zone = show_zone_name(z)); z++)
		if (show_getf(s, "present", "zone/%u/%s", nid, zone))
			print_blocks(s, nid, zone, f);
}

void show_pagetypeinfo(const struct show *s, unsigned id, FILE *f)
{
	(void)id;
	for (unsigned nid = 0; nid < s->nr_nodes; nid++)
		if (show_node_sum(s, nid, "managed"))
			print_node(s, nid, f);
}
