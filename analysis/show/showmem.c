/*
 * showmem.c - the state of memory as the kernel logs it with an OOM kill.
 *
 * After mm/page_alloc.c __show_free_areas, show_migration_types; lib/show_mem.c __show_mem; mm/swap_state.c
 * show_swap_cache_info; mm/hugetlb.c hugetlb_show_meminfo_node; mm/slab_common.c dump_unreclaimable_slab;
 * Linux 6.1 as Debian's cloud kernel is configured (no CMA).
 *
 * Not modelled, printed as 0: temporary write-back, bounce pages, secondary page tables, huge pages of
 * hugetlb (one line a node, of 2 MiB), poisoned pages.
 */
#include "analysis/show/showmem.h"

#include <stdarg.h>

#define NR_ORDERS           11
#define MAX_RECLAIM_RETRIES 16

void klog_stamp(const struct klog *l)
{
	uint64_t us = (uint64_t)l->time_ps / 1000000;

	fprintf(l->f, "[%5" PRIu64 ".%06" PRIu64 "] ", us / 1000000, us % 1000000);
}

void klog_line(const struct klog *l, const char *format, ...)
{
	va_list ap;

	klog_stamp(l);
	va_start(ap, format);
	vfprintf(l->f, format, ap);
	va_end(ap);
	fputc('\n', l->f);
}

/* A list of "label:value" on one line. */
struct item {
	const char *label, *counter, *unit;
	int64_t factor;
};

static void print_items(const struct show *s, const char *scope, const struct item *v, size_t n, FILE *f)
{
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%s%" PRId64 "%s", i ? " " : "", v[i].label,
			v[i].counter ? show_get(s, scope, v[i].counter) * v[i].factor : 0, v[i].unit);
}

#define COUNT(label, counter)         \
	{                             \
		label, counter, "", 1 \
	}
#define KB(label, counter)              \
	{                               \
		label, counter, "kB", 4 \
	}
#define KB_AS_IS(label, counter)        \
	{                               \
		label, counter, "kB", 1 \
	}
#define PRINT(s, scope, f, ...)                                    \
	do {                                                       \
		static const struct item items[] = {__VA_ARGS__};  \
		print_items(s, scope, items, ARRAY_LEN(items), f); \
	} while (0)

static bool is_shown(const struct show *s, const struct showmem_filter *filter, unsigned nid,
		     const char *zone)
{
	return filter->nodes >> nid & 1 && show_getf(s, "present", "zone/%u/%s", nid, zone);
}

static int64_t sum_pcp(const struct show *s, const struct showmem_filter *filter)
{
	int64_t sum = 0;

	for (unsigned nid = 0; nid < s->nr_nodes; nid++)
		for (unsigned z = 0; z <= filter->zone_idx; z++)
			if (is_shown(s, filter, nid, show_zone_name(z)))
				sum += show_getf(s, "pcp_count", "zone/%u/%s", nid, show_zone_name(z));
	return sum;
}

static void print_totals(const struct show *s, const struct showmem_filter *filter, const struct klog *l)
{
	FILE *f = l->f;

	klog_stamp(l);
	PRINT(s, "vmstat", f, COUNT("active_anon:", "nr_active_anon"),
	      COUNT("inactive_anon:", "nr_inactive_anon"), COUNT("isolated_anon:", "nr_isolated_anon"));
	fputc('\n', f);
	klog_stamp(l);
	PRINT(s, "vmstat", f, COUNT(" active_file:", "nr_active_file"),
	      COUNT("inactive_file:", "nr_inactive_file"), COUNT("isolated_file:", "nr_isolated_file"));
	fputc('\n', f);
	klog_stamp(l);
	PRINT(s, "vmstat", f, COUNT(" unevictable:", "nr_unevictable"), COUNT("dirty:", "nr_dirty"),
	      COUNT("writeback:", "nr_writeback"));
	fputc('\n', f);
	klog_stamp(l);
	PRINT(s, "vmstat", f, COUNT(" slab_reclaimable:", "nr_slab_reclaimable"),
	      COUNT("slab_unreclaimable:", "nr_slab_unreclaimable"));
	fputc('\n', f);
	klog_stamp(l);
	PRINT(s, "vmstat", f, COUNT(" mapped:", "nr_mapped"), COUNT("shmem:", "nr_shmem"),
	      COUNT("pagetables:", "nr_page_table_pages"));
	fputc('\n', f);
	klog_line(l, " sec_pagetables:0 bounce:0");
	klog_line(l, " kernel_misc_reclaimable:%" PRId64,
		  show_get(s, "vmstat", "nr_kernel_misc_reclaimable"));
	klog_line(l, " free:%" PRId64 " free_pcp:%" PRId64 " free_cma:0",
		  show_get(s, "vmstat", "nr_free_pages"), sum_pcp(s, filter));
}

static void print_node(const struct show *s, unsigned nid, const struct klog *l)
{
	char scope[32];

	snprintf(scope, sizeof scope, "node/%u", nid);
	klog_stamp(l);
	fprintf(l->f, "Node %u ", nid);
	PRINT(s, scope, l->f, KB("active_anon:", "nr_active_anon"), KB("inactive_anon:", "nr_inactive_anon"),
	      KB("active_file:", "nr_active_file"), KB("inactive_file:", "nr_inactive_file"),
	      KB("unevictable:", "nr_unevictable"), KB("isolated(anon):", "nr_isolated_anon"),
	      KB("isolated(file):", "nr_isolated_file"), KB("mapped:", "nr_mapped"), KB("dirty:", "nr_dirty"),
	      KB("writeback:", "nr_writeback"), KB("shmem:", "nr_shmem"),
	      KB("shmem_thp: ", "nr_shmem_hugepages"), KB("shmem_pmdmapped: ", NULL),
	      KB("anon_thp: ", "nr_anon_transparent_hugepages"), KB("writeback_tmp:", NULL),
	      KB_AS_IS("kernel_stack:", "nr_kernel_stack"), KB("pagetables:", "nr_page_table_pages"),
	      KB("sec_pagetables:", NULL));
	fprintf(l->f, " all_unreclaimable? %s\n",
		show_get(s, scope, "kswapd_failures") >= MAX_RECLAIM_RETRIES ? "yes" : "no");
}

static void print_zone(const struct show *s, unsigned nid, const char *zone, unsigned cpu,
		       const struct klog *l)
{
	char scope[48], local[24];

	snprintf(scope, sizeof scope, "zone/%u/%s", nid, zone);
	snprintf(local, sizeof local, "pcp_count_%u", cpu);
	klog_stamp(l);
	fprintf(l->f, "Node %u %s ", nid, zone);
	PRINT(s, scope, l->f, KB("free:", "nr_free_pages"), KB("boost:", "boost"));
	/* the watermarks of the counters hold the boost; the log's do, too */
	fputc(' ', l->f);
	PRINT(s, scope, l->f, KB("min:", "min"), KB("low:", "low"), KB("high:", "high"),
	      {"reserved_highatomic:", "nr_reserved_highatomic", "KB", 4},
	      KB("active_anon:", "nr_zone_active_anon"), KB("inactive_anon:", "nr_zone_inactive_anon"),
	      KB("active_file:", "nr_zone_active_file"), KB("inactive_file:", "nr_zone_inactive_file"),
	      KB("unevictable:", "nr_zone_unevictable"), KB("writepending:", "nr_zone_write_pending"),
	      KB("present:", "present"), KB("managed:", "managed"), KB("mlocked:", "nr_mlock"),
	      KB("bounce:", NULL), KB("free_pcp:", "pcp_count"));
	fprintf(l->f, " local_pcp:%" PRId64 "kB free_cma:0kB\n", show_get(s, scope, local) * 4);
	klog_stamp(l);
	fputs("lowmem_reserve[]:", l->f);
	for (size_t i = 0; show_zone_name(i); i++)
		fprintf(l->f, " %" PRId64, show_zone_protection(s, scope, i));
	fputc('\n', l->f);
}

/* Each order's free blocks and the types that have some. */
static void print_blocks(const struct show *s, unsigned nid, const char *zone, const struct klog *l)
{
	static const struct {
		const char *name;
		char letter;
	} types[] = {{"Unmovable", 'U'}, {"Movable", 'M'}, {"Reclaimable", 'E'}, {"HighAtomic", 'H'}};
	uint64_t total = 0;
	char name[16];

	klog_stamp(l);
	fprintf(l->f, "Node %u %s: ", nid, zone);
	for (unsigned order = 0; order < NR_ORDERS; order++) {
		int64_t n;

		snprintf(name, sizeof name, "order_%u", order);
		n = show_getf(s, name, "buddy/%u/%s", nid, zone);
		total += (uint64_t)n << order;
		fprintf(l->f, "%" PRId64 "*%ukB ", n, 4u << order);
		if (!n)
			continue;
		fputc('(', l->f);
		for (size_t t = 0; t < ARRAY_LEN(types); t++)
			if (show_getf(s, name, "pagetype/%u/%s/%s", nid, zone, types[t].name))
				fputc(types[t].letter, l->f);
		fputs(") ", l->f);
	}
	fprintf(l->f, "= %" PRIu64 "kB\n", total * 4);
}

static void print_zones(const struct show *s, const struct showmem_filter *filter, const struct klog *l)
{
	for (unsigned nid = 0; nid < s->nr_nodes; nid++)
		for (unsigned z = 0; z <= filter->zone_idx; z++)
			if (is_shown(s, filter, nid, show_zone_name(z)))
				print_zone(s, nid, show_zone_name(z), filter->cpu, l);
	for (unsigned nid = 0; nid < s->nr_nodes; nid++)
		for (unsigned z = 0; z <= filter->zone_idx; z++)
			if (is_shown(s, filter, nid, show_zone_name(z)))
				print_blocks(s, nid, show_zone_name(z), l);
}

void showmem_print(const struct show *s, const struct showmem_filter *filter, const struct klog *l)
{
	int64_t present = 0, managed = 0;

	klog_line(l, "Mem-Info:");
	print_totals(s, filter, l);
	for (unsigned nid = 0; nid < s->nr_nodes; nid++) {
		int64_t usable = 0;

		for (unsigned z = 0; z <= filter->zone_idx; z++)
			usable += show_getf(s, "managed", "zone/%u/%s", nid, show_zone_name(z));
		if (filter->nodes >> nid & 1 && usable)
			print_node(s, nid, l);
		present += show_node_sum(s, nid, "present");
		managed += show_node_sum(s, nid, "managed");
	}
	print_zones(s, filter, l);
	for (unsigned nid = 0; nid < s->nr_nodes; nid++)
		if (filter->nodes >> nid & 1)
			klog_line(l,
				  "Node %u hugepages_total=0 hugepages_free=0 hugepages_surp=0"
				  " hugepages_size=2048kB",
				  nid);
	klog_line(l, "%" PRId64 " total pagecache pages", show_get(s, "vmstat", "nr_file_pages"));
	klog_line(l, "%" PRId64 " pages in swap cache", show_get(s, "vmstat", "nr_swapcached"));
	klog_line(l, "Free swap  = %" PRId64 "kB", show_get(s, "meminfo", "SwapFree"));
	klog_line(l, "Total swap = %" PRId64 "kB", show_get(s, "meminfo", "SwapTotal"));
	klog_line(l, "%" PRId64 " pages RAM", present);
	klog_line(l, "0 pages HighMem/MovableOnly");
	klog_line(l, "%" PRId64 " pages reserved", present - managed);
	klog_line(l, "0 pages hwpoisoned");
}

void showmem_slabs(const struct show *s, const struct klog *l)
{
	static const char *const lru[] = {"nr_active_anon",   "nr_inactive_anon", "nr_active_file",
					  "nr_inactive_file", "nr_isolated_anon", "nr_isolated_file",
					  "nr_unevictable"};
	int64_t pages = 0;

	for (size_t i = 0; i < ARRAY_LEN(lru); i++)
		pages += show_get(s, "vmstat", lru[i]);
	if (show_get(s, "vmstat", "nr_slab_unreclaimable") <= pages)
		return;
	klog_line(l, "Unreclaimable slab info:");
	klog_line(l, "Name                      Used          Total");
	for (const char *c = NULL; (c = show_next(s, "slab/", c));) {
		uint64_t size = (uint64_t)show_get(s, c, "objsize");

		if (!show_get(s, c, "reclaimable") && show_get(s, c, "num_objs"))
			klog_line(l, "%-17s %10" PRIu64 "KB %10" PRIu64 "KB", c + 5,
				  (uint64_t)show_get(s, c, "active_objs") * size / 1024,
				  (uint64_t)show_get(s, c, "num_objs") * size / 1024);
	}
}
