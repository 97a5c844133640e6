/*
 * procrank.c - processes, and the mappings of one, by proportional share, as Android's procrank and showmap
 * print them.
 *
 * After AOSP's tools of these names (system/memory/libmeminfo/tools).
 *
 * showmap adds up mappings of one name.
 *
 * Not modelled: procrank's swap columns.
 */
#include "analysis/show/region.h"

#include <stdlib.h>
#include <string.h>

#include "sim/mem.h"

struct rank {
	const char *scope; /* "proc/P7"; "proc/P7.2" when the pid was used before */
	unsigned pid;
	int64_t pss, uss;
};

static int compare_ranks(const void *x, const void *y)
{
	const struct rank *a = x, *b = y;

	if (a->pss != b->pss)
		return a->pss < b->pss ? 1 : -1;
	return a->pid < b->pid ? -1 : a->pid > b->pid;
}

static void print_ranks(const struct show *s, const struct rank *v, size_t n, FILE *f)
{
	int64_t pss = 0, uss = 0;

	fprintf(f, "%5s  %8s  %7s  %7s  %7s  cmdline\n", "PID", "Vss", "Rss", "Pss", "Uss");
	for (size_t i = 0; i < n; i++) {
		char scope[32];
		const char *comm;

		snprintf(scope, sizeof scope, "comm/%.24s", v[i].scope + 5);
		comm = show_text(s, scope);
		fprintf(f, "%5u  %7" PRId64 "K  %6" PRId64 "K  %6" PRId64 "K  %6" PRId64 "K  %s\n", v[i].pid,
			show_get(s, v[i].scope, "VmSize"), show_get(s, v[i].scope, "Rss"), v[i].pss, v[i].uss,
			comm ? comm : "");
		pss += v[i].pss;
		uss += v[i].uss;
	}
	fprintf(f, "%5s  %8s  %7s  %7s  %7s  ------\n", "", "", "", "------", "------");
	fprintf(f, "%5s  %8s  %7s  %6" PRId64 "K  %6" PRId64 "K  TOTAL\n", "", "", "", pss, uss);
}

/* Processes with an address space, the largest proportional share first. */
void show_procrank(const struct show *s, unsigned id, FILE *f)
{
	struct rank *v = NULL;
	size_t n = 0;

	(void)id;
	for (const char *p = NULL; (p = show_next(s, "proc/P", p));) {
		if (!show_get(s, p, "VmSize"))
			continue;
		v = mem_realloc(v, n + 1, sizeof *v);
		v[n++] = (struct rank){p, (unsigned)strtoul(p + 6, NULL, 10), show_get(s, p, "Pss"),
				       show_get(s, p, "Private_Clean") + show_get(s, p, "Private_Dirty")};
	}
	if (n)
		qsort(v, n, sizeof *v, compare_ranks);
	print_ranks(s, v, n, f);
	mem_free(v);
	fprintf(f,
		"\nRAM: %" PRId64 "K total, %" PRId64 "K free, 0K buffers, %" PRId64 "K cached, %" PRId64
		"K shmem, %" PRId64 "K slab\n",
		show_get(s, "meminfo", "MemTotal"), show_get(s, "meminfo", "MemFree"),
		show_get(s, "meminfo", "Cached"), show_get(s, "meminfo", "Shmem"),
		show_get(s, "meminfo", "Slab"));
}

/* All mappings of one name. */
struct object {
	const char *name;
	int64_t count, v[9];
};

/* As showmap orders its columns. */
static const char *const object_counters[] = {"Size",          "Rss",          "Pss",
					      "Shared_Clean",  "Shared_Dirty", "Private_Clean",
					      "Private_Dirty", "Swap",         "SwapPss"};

static int compare_objects(const void *x, const void *y)
{
	return strcmp(((const struct object *)x)->name, ((const struct object *)y)->name);
}

static size_t read_objects(const struct show *s, unsigned pid, struct object **out)
{
	struct region r = region_begin(s, pid);
	struct object *v = NULL;
	size_t n = 0;

	while (region_next(s, &r)) {
		const char *name = region_name(s, &r, true);
		size_t i = 0;

		name = *name ? name : "[anon]";
		while (i < n && strcmp(v[i].name, name) != 0)
			i++;
		if (i == n) {
			v = mem_realloc(v, n + 1, sizeof *v);
			v[n++] = (struct object){.name = name};
		}
		v[i].count++;
		for (size_t c = 0; c < ARRAY_LEN(object_counters); c++)
			v[i].v[c] += show_get(s, r.scope, object_counters[c]);
	}
	if (n)
		qsort(v, n, sizeof *v, compare_objects);
	*out = v;
	return n;
}

static void print_object(const struct object *o, FILE *f)
{
	for (size_t c = 0; c < ARRAY_LEN(object_counters); c++)
		fprintf(f, "%8" PRId64 " ", o->v[c]);
	fprintf(f, "%4" PRId64 " %s\n", o->count, o->name);
}

void show_showmap(const struct show *s, unsigned id, FILE *f)
{
	struct object *v, total = {.name = "TOTAL"};
	size_t n = read_objects(s, id, &v);
	static const char heads[] = " virtual                     shared   shared  private  private\n"
				    "    size      RSS      PSS    clean    dirty    clean    dirty     swap "
				    " swapPSS   #  object\n";
	static const char rule[] =
		"-------- -------- -------- -------- -------- -------- -------- -------- -------- "
		"---- ------------------------------\n";

	fprintf(f, "%s%s", heads, rule);
	for (size_t i = 0; i < n; i++) {
		print_object(&v[i], f);
		total.count += v[i].count;
		for (size_t c = 0; c < ARRAY_LEN(object_counters); c++)
			total.v[c] += v[i].v[c];
	}
	fputs(rule, f);
	print_object(&total, f);
	mem_free(v);
}
