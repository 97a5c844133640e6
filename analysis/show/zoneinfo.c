/*
 * zoneinfo.c - /proc/zoneinfo and /proc/buddyinfo of Linux 6.1 as Debian 12 (amd64) configures it.
 *
 * After mm/vmstat.c zoneinfo_show_print, frag_show_print, calculate_normal_threshold. The kernel's zones are
 * DMA, DMA32, Normal, Movable and Device; zones without memory have a short entry in zoneinfo and none in
 * buddyinfo.
 *
 * Not modelled: memory of zone Device, CMA.
 */
#include "analysis/show/show.h"

static const char *const zones[] = {"DMA", "DMA32", "Normal", "Movable", "Device"};

const char *show_zone_name(size_t i)
{
	return i < ARRAY_LEN(zones) ? zones[i] : NULL;
}

static void print_items(const struct show *s, const char *scope, const struct show_item *items, FILE *f)
{
	for (; items->name; items++)
		fprintf(f, "\n      %-12s %" PRIu64, items->name,
			(uint64_t)show_get(s, scope, items->name) / items->divide);
}

static unsigned bits(uint64_t v)
{
	unsigned n = 0;

	for (; v; v >>= 1)
		n++;
	return n;
}

/* Pages that a CPU's counters may hold back. */
static unsigned threshold(const struct show *s, int64_t managed)
{
	unsigned t = 2 * bits(s->nr_cpus) * (1 + bits((uint64_t)managed >> 15));

	return MIN_OF(t, 125u);
}

static void print_pagesets(const struct show *s, const char *scope, FILE *f)
{
	char name[32];

	fputs("\n  pagesets", f);
	for (unsigned cpu = 0; cpu < s->nr_cpus; cpu++) {
		snprintf(name, sizeof name, "pcp_count_%u", cpu);
		fprintf(f, "\n    cpu: %u\n              count: %" PRId64, cpu, show_get(s, scope, name));
		fprintf(f, "\n              high:  %" PRId64, show_get(s, scope, "pcp_high"));
		fprintf(f, "\n              batch: %" PRId64, show_get(s, scope, "pcp_batch"));
		fprintf(f, "\n  vm stats threshold: %u", threshold(s, show_get(s, scope, "managed")));
	}
}

int64_t show_zone_protection(const struct show *s, const char *scope, size_t zone)
{
	/* places in the model's list of zones, which has HighMem and no Device */
	static const char *const names[] = {"protection_0", "protection_1", "protection_2", "protection_4",
					    "protection_4"};

	return zone < ARRAY_LEN(names) ? show_get(s, scope, names[zone]) : 0;
}

static void print_protection(const struct show *s, const char *scope, FILE *f)
{
	fputs("\n        protection: (", f);
	for (size_t i = 0; i < ARRAY_LEN(zones); i++)
		fprintf(f, "%s%" PRId64, i ? ", " : "", show_zone_protection(s, scope, i));
	fputs(")", f);
}

static void print_zone(const struct show *s, unsigned nid, const char *zone, bool first, FILE *f)
{
	static const char *const levels[] = {"free", "boost",   "min",     "low",
					     "high", "spanned", "present", "managed"};
	char scope[48], node[32];

	snprintf(scope, sizeof scope, "zone/%u/%s", nid, zone);
	snprintf(node, sizeof node, "node/%u", nid);
	fprintf(f, "Node %u, zone %8s", nid, zone);
	if (first) {
		fputs("\n  per-node stats", f);
		print_items(s, node, show_node_items, f);
	}
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		fprintf(f, i ? "\n        %-8s %" PRId64 : "\n  pages %-8s %" PRId64, levels[i],
			show_get(s, scope, levels[i]));
	fprintf(f, "\n        cma      0");
	print_protection(s, scope, f);
	if (!show_get(s, scope, "present")) {
		fputc('\n', f);
		return;
	}
	print_items(s, scope, show_zone_items, f);
	print_items(s, scope, show_numa_items, f);
	print_pagesets(s, scope, f);
	fprintf(f, "\n  node_unreclaimable:  %d", show_get(s, node, "kswapd_failures") >= 16);
	fprintf(f, "\n  start_pfn:           %" PRId64 "\n", show_get(s, scope, "start_pfn"));
}

void show_zoneinfo(const struct show *s, unsigned id, FILE *f)
{
	(void)id;
	for (unsigned nid = 0; nid < s->nr_nodes; nid++) {
		bool seen = false;

		for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
			bool populated = show_getf(s, "present", "zone/%u/%s", nid, zones[z]) != 0;

			print_zone(s, nid, zones[z], populated && !seen, f);
			seen = seen || populated;
		}
	}
}

void show_buddyinfo(const struct show *s, unsigned id, FILE *f)
{
	char name[16];

	(void)id;
	for (unsigned nid = 0; nid < s->nr_nodes; nid++)
		for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
			if (!show_getf(s, "present", "zone/%u/%s", nid, zones[z]))
				continue;
			fprintf(f, "Node %u, zone %8s ", nid, zones[z]);
			for (unsigned order = 0; order < 11; order++) {
				snprintf(name, sizeof name, "order_%u", order);
				fprintf(f, "%6" PRId64 " ", show_getf(s, name, "buddy/%u/%s", nid, zones[z]));
			}
			fputc('\n', f);
		}
}
