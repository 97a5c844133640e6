/*
 * fidelity_config.c - "memgt-config 1": the machine, the kernel's parameters and the state before the first
 * operation of a scenario that was played on a real Linux kernel.
 *
 * JSON is read as the YAML that it is, by libyaml's documents. Used: machine (nodes, CPUs, distances, swap),
 * kernel_params (vm.*, queue), before.zones (managed, free and per-CPU pages, protection) and
 * machine.accel (speed), before.nodes (levels of user and file pages). What the kernel counted is not read
 * here: tests/fidelity/score.py does.
 *
 * Not modelled: parameters that this machine has no equal of (kernel_params that are no parameter here) are
 * passed over.
 */
#include "models/fidelity_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#define LIST_TEXT 4096

struct reader {
	yaml_document_t doc;
	const char *path;
	struct param_set *ps;
	struct err *e;
};

static int bad(struct reader *r, const yaml_node_t *n, const char *expected)
{
	return err_set(r->e, ERR_FORMAT, "%s:%zu:%zu: expected %s", r->path, n ? n->start_mark.line + 1 : 1,
		       n ? n->start_mark.column + 1 : 1, expected);
}

static yaml_node_t *node(struct reader *r, int i)
{
	return yaml_document_get_node(&r->doc, i);
}

static const char *text_of(const yaml_node_t *n)
{
	return n && n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : NULL;
}

/* The value of a mapping's key, or NULL. */
static yaml_node_t *get(struct reader *r, const yaml_node_t *m, const char *key)
{
	if (!m || m->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = m->data.mapping.pairs.start; p < m->data.mapping.pairs.top; p++) {
		const char *k = text_of(node(r, p->key));

		if (k && !strcmp(k, key))
			return node(r, p->value);
	}
	return NULL;
}

/* Whole number of a key; false when there is none. */
static bool number(struct reader *r, const yaml_node_t *m, const char *key, uint64_t *v)
{
	const char *t = text_of(get(r, m, key));
	char *end;

	if (!t || *t < '0' || *t > '9')
		return false;
	errno = 0;
	*v = strtoull(t, &end, 10);
	return !*end && !errno;
}

static size_t length(const yaml_node_t *n)
{
	if (!n || n->type != YAML_SEQUENCE_NODE)
		return 0;
	return (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
}

static yaml_node_t *item(struct reader *r, const yaml_node_t *n, size_t i)
{
	return node(r, n->data.sequence.items.start[i]);
}

static int set(struct reader *r, const char *param, const char *value)
{
	int rc = param_set_value(r->ps, param, value, r->path, r->e);

	err_prefix(r->e, "%s: ", r->path);
	return rc;
}

/* A list parameter that grows by one number at a time. */
struct list {
	char text[LIST_TEXT];
	size_t n;
};

static void add(struct list *l, const char *text)
{
	int n = snprintf(l->text + l->n, sizeof l->text - l->n, "%s%s", l->n ? " " : "", text);

	l->n = MIN_OF(l->n + (size_t)n, sizeof l->text - 1);
}

static void add_number(struct list *l, uint64_t v)
{
	char text[24];

	snprintf(text, sizeof text, "%" PRIu64, v);
	add(l, text);
}

/* ---- machine ---- */

static int set_distances(struct reader *r, const yaml_node_t *dist, size_t nodes)
{
	struct list l = {.n = 0};

	for (size_t i = 0; i < nodes; i++)
		for (size_t j = 0; j < nodes; j++) {
			const yaml_node_t *row = i < length(dist) ? item(r, dist, i) : NULL;
			const char *t = j < length(row) ? text_of(item(r, row, j)) : NULL;

			if (row && !t)
				return bad(r, dist, "a square matrix of distances");
			add(&l, t ? t : i == j ? "10" : "20"); /* the kernel's default without a table */
		}
	return set(r, "topology.distances", l.text);
}

static int set_machine(struct reader *r, const yaml_node_t *root)
{
	const yaml_node_t *m = get(r, root, "machine"), *nodes = get(r, m, "nodes");
	struct list mem = {.n = 0};
	char text[32];
	uint64_t v;
	int rc;

	if (!length(nodes))
		return bad(r, m, "machine.nodes, a list of sizes in MiB");
	for (size_t i = 0; i < length(nodes); i++) {
		const char *t = text_of(item(r, nodes, i));

		snprintf(text, sizeof text, "%.20sMiB", t ? t : "");
		add(&mem, text);
	}
	rc = set(r, "topology.node_mem", mem.text);
	if (rc >= 0)
		rc = set_distances(r, get(r, m, "dist"), length(nodes));
	if (!number(r, m, "cpus_per_node", &v))
		v = length(nodes) == 1 ? 2 : 1;
	snprintf(text, sizeof text, "%" PRIu64, v);
	if (rc >= 0)
		rc = set(r, "topology.node_cpus", text);
	if (!number(r, m, "swap", &v))
		v = 0;
	/* The first page of the area holds its header. */
	snprintf(text, sizeof text, "%" PRIu64, v << 20);
	if (rc >= 0)
		rc = set(r, "swap.size", text);
	if (rc >= 0 && number(r, m, "swap_rotational", &v))
		rc = set(r, "swap.rotational", v ? "true" : "false");
	return rc;
}

/* ---- kernel ---- */

/* Names that are not the same here. */
static const struct {
	const char *theirs, *ours;
} renamed[] = {
	{"swap/vma_ra_enabled", "swap.vma_ra_enabled"},
	{"transparent_hugepage/enabled", "thp.enabled"},
	{"transparent_hugepage/defrag", "thp.defrag"},
	{"transparent_hugepage/shmem_enabled", "thp.shmem_enabled"},
	{"transparent_hugepage/use_zero_page", "thp.use_zero_page"},
	{"vda/queue/read_ahead_kb", "queue.read_ahead_kb"},
	{"vdb/queue/read_ahead_kb", "queue.read_ahead_kb"},
};

/* "always madvise [never]" → "never" */
static void bracketed(const char *t, char *out, size_t n)
{
	const char *from = strchr(t, '['), *to = from ? strchr(from, ']') : NULL;

	if (to)
		snprintf(out, n, "%.*s", (int)(to - from - 1), from + 1);
	else
		snprintf(out, n, "%s", t);
}

static int set_kernel(struct reader *r, const yaml_node_t *root)
{
	const yaml_node_t *m = get(r, root, "kernel_params");
	int rc = 0;

	if (!m || m->type != YAML_MAPPING_NODE)
		return bad(r, root, "kernel_params, a mapping");
	for (yaml_node_pair_t *p = m->data.mapping.pairs.start; rc >= 0 && p < m->data.mapping.pairs.top;
	     p++) {
		const char *key = text_of(node(r, p->key)), *value = text_of(node(r, p->value));
		char choice[128];

		if (!key || !value)
			continue;
		for (size_t i = 0; i < ARRAY_LEN(renamed); i++)
			if (!strcmp(key, renamed[i].theirs))
				key = renamed[i].ours;
		bracketed(value, choice, sizeof choice);
		if (param_find(r->ps, key))
			rc = set(r, key, choice);
	}
	return rc;
}

/* lru_gen/enabled: any capability switches the generations on. */
static int set_lru_gen(struct reader *r, const yaml_node_t *root)
{
	const char *t = text_of(get(r, get(r, root, "kernel_params"), "lru_gen/enabled"));

	return set(r, "reclaim.algorithm", t && strtoull(t, NULL, 0) ? "mglru" : "twolist");
}

/*
 * An emulated processor of a host of today takes 33 us for a first touch where a processor of 2.6 GHz takes
 * 0.9 (the configurations' times of operations); files and swap area lie in the host's page cache. A page
 * that reclaim looks at costs a quarter of a first touch: what first touches take longer where kswapd scans
 * the node that they fill on that node's only CPU (rand_numa_1, where nothing is written). A switch takes a
 * quarter of a millisecond: what passed at the least (5th percentile: 0.17, 0.26 and 0.30 ms in three traced
 * plays under memory pressure) from the wake-up of kswapd on an idle CPU to its
 * first batch of pages. An interrupt to another CPU takes about 100 us: each CPU is a thread of the host. It
 * knows no address-space ids (QEMU target/i386/cpu.c TCG_EXT_FEATURES: no PCID), and each of its walks begins
 * at the root (target/i386/tcg/sysemu/excp_helper.c mmu_translate), so accessed bits of inner entries are set
 * by each walk.
 */
static int set_emulator(struct reader *r, const yaml_node_t *root)
{
	static const char *const values[][2] = {
		{"cpu.mhz", "72"},
		{"cost.scan_page", "250"},
		{"cost.scan_mapped", "340"},
		{"cost.shootdown", "7200"},
		{"cost.thread_switch", "17000"},
		{"swap.read_us", "20"},
		{"swap.write_us", "5"},
		{"swap.bandwidth_mb", "50000"},
		{"tlb.pcid", "false"},
		{"mmu.cache.pml4_entries", "0"},
		{"mmu.cache.pdpt_entries", "0"},
		{"mmu.cache.pd_entries", "0"},
		{"disk.read_us", "20"},
		{"disk.write_us", "5"},
		{"disk.bandwidth_mb", "50000"},
	};
	const char *accel = text_of(get(r, get(r, root, "machine"), "accel"));
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(values) && rc >= 0 && accel && !strncmp(accel, "tcg", 3); i++)
		rc = set(r, values[i][0], values[i][1]);
	return rc;
}

/*
 * Below 512 MiB all flags of huge pages start cleared (hugepage_init), the huge zero page is not in use
 * unless it was asked for before the scenario.
 */
static int set_huge_zero(struct reader *r, const yaml_node_t *root)
{
	const char *extra = text_of(get(r, get(r, root, "requested"), "ro_extra"));
	const char *total = text_of(get(r, get(r, get(r, root, "before"), "meminfo_kB"), "MemTotal"));
	bool on = total && strtoull(total, NULL, 10) >= 512u << 10;

	if (extra && strstr(extra, "echo 1 > /sys/kernel/mm/transparent_hugepage/use_zero_page"))
		on = true;
	if (extra &&
	    strstr(extra,
		   "echo 100000000 > /sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs")) {
		int rc = set(r, "thp.khugepaged.scan_sleep_millisecs", "100000000");

		if (rc < 0)
			return rc;
	}
	return set(r, "thp.use_zero_page", on ? "true" : "false");
}

/* ---- state before ---- */

/* Adds what lies on the CPUs' lists of a zone. */
static void add_pcp_pages(struct reader *r, const yaml_node_t *zone, struct list *l)
{
	const yaml_node_t *pcp = get(r, zone, "pcp");

	for (size_t i = 0; i < length(pcp); i++) {
		uint64_t v = 0;

		(void)number(r, item(r, pcp, i), "count", &v);
		add_number(l, v);
	}
}

/* Zones in the order of the file, which is the kernel's: node by node, from DMA up. */
static int set_zones(struct reader *r, const yaml_node_t *before)
{
	const yaml_node_t *zones = get(r, before, "zones");
	struct list managed = {.n = 0}, free = {.n = 0}, protection = {.n = 0}, pcp = {.n = 0};
	int rc;

	if (!zones || zones->type != YAML_MAPPING_NODE)
		return bad(r, before, "before.zones, a mapping");
	for (yaml_node_pair_t *p = zones->data.mapping.pairs.start; p < zones->data.mapping.pairs.top; p++) {
		const yaml_node_t *z = node(r, p->value), *prot = get(r, z, "protection");
		uint64_t present = 0, m, f;

		if (!number(r, z, "present", &present) || !present)
			continue;
		if (!number(r, z, "managed", &m) || !number(r, z, "free", &f))
			return bad(r, z, "managed and free pages of a zone");
		add_number(&managed, m);
		add_pcp_pages(r, z, &pcp);
		add_number(&free, MIN_OF(m, f));
		for (size_t i = 0; i < length(prot); i++)
			add(&protection, text_of(item(r, prot, i)) ? text_of(item(r, prot, i)) : "");
	}
	rc = set(r, "zones.managed", managed.text);
	if (rc >= 0)
		rc = set(r, "zones.free", free.text);
	if (rc >= 0)
		rc = set(r, "zones.pcp", pcp.text);
	if (rc >= 0)
		rc = set(r, "zones.protection", protection.text);
	return rc;
}

/* What the system held: levels of node meminfo, in kB. */
static const struct {
	const char *theirs, *ours;
} levels[] = {
	{"AnonPages", "boot.anon_pages"},          {"FilePages", "boot.file_pages"},
	{"Mapped", "boot.mapped_pages"},           {"Shmem", "boot.shmem_pages"},
	{"Unevictable", "boot.unevictable_pages"}, {"Mlocked", "boot.mlocked_pages"},
	{"PageTables", "boot.table_pages"},
};

static int set_levels(struct reader *r, const yaml_node_t *before)
{
	const yaml_node_t *nodes = get(r, before, "nodes");
	int rc = 0;

	if (!nodes || nodes->type != YAML_MAPPING_NODE)
		return bad(r, before, "before.nodes, a mapping");
	for (size_t i = 0; i < ARRAY_LEN(levels) && rc >= 0; i++) {
		struct list l = {.n = 0};
		uint64_t kb;

		for (yaml_node_pair_t *p = nodes->data.mapping.pairs.start; p < nodes->data.mapping.pairs.top;
		     p++) {
			if (!number(r, get(r, node(r, p->value), "meminfo_kB"), levels[i].theirs, &kb))
				kb = 0;
			add_number(&l, kb >> (PAGE_SHIFT - 10));
		}
		rc = set(r, levels[i].ours, l.text);
	}
	return rc;
}

/* ---- the file ---- */

static int set_names(struct reader *r, const yaml_node_t *root, struct fidelity_config *c)
{
	const char *format = text_of(get(r, root, "format")), *name = text_of(get(r, root, "name"));
	const char *scenario = text_of(get(r, root, "scenario")), *slash = strrchr(r->path, '/');
	int n;

	if (!format || strcmp(format, "memgt-config 1") != 0)
		return bad(r, root, "\"format\": \"memgt-config 1\"");
	if (!name || !scenario || strchr(scenario, '/'))
		return bad(r, root, "\"name\" and \"scenario\"");
	snprintf(c->name, sizeof c->name, "%s", name);
	n = snprintf(c->trace, sizeof c->trace, "%.*s../traces/%s.trace.zst",
		     slash ? (int)(slash + 1 - r->path) : 0, r->path, scenario);
	return n < (int)sizeof c->trace ? 0 : bad(r, root, "a shorter path");
}

static int set_all(struct reader *r, struct fidelity_config *c)
{
	const yaml_node_t *root = yaml_document_get_root_node(&r->doc);
	int rc;

	if (!root || root->type != YAML_MAPPING_NODE)
		return bad(r, root, "a JSON object");
	rc = set_names(r, root, c);
	if (rc >= 0)
		rc = set_machine(r, root);
	if (rc >= 0)
		rc = set_huge_zero(r, root);
	if (rc >= 0)
		rc = set_lru_gen(r, root);
	if (rc >= 0)
		rc = set_emulator(r, root);
	if (rc >= 0)
		rc = set_kernel(r, root);
	if (rc >= 0)
		rc = set_zones(r, get(r, root, "before"));
	if (rc >= 0)
		rc = set_levels(r, get(r, root, "before"));
	return rc;
}

static int set_replay(struct reader *r)
{
	static const char *const values[][2] = {
		{"replay.schedule", "as-recorded"}, /* one process at a time did an operation */
		{"replay.mapping", "recorded"},
		{"metrics.ends", "true"},
		{"metrics.drain", "true"},
	};
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(values) && rc >= 0; i++)
		rc = set(r, values[i][0], values[i][1]);
	return rc;
}

int fidelity_config_load(struct fidelity_config *c, const char *path, struct param_set *ps, struct err *e)
{
	struct reader r = {.path = path, .ps = ps, .e = e};
	yaml_parser_t parser;
	FILE *f = fopen(path, "rb");
	int rc;

	if (!f)
		return err_set(e, ERR_OPEN, "%s: %s", path, strerror(errno));
	if (!yaml_parser_initialize(&parser)) {
		fclose(f);
		return err_set(e, ERR_OPEN, "%s: libyaml has no memory", path);
	}
	yaml_parser_set_input_file(&parser, f);
	if (yaml_parser_load(&parser, &r.doc)) {
		rc = set_replay(&r);
		if (rc >= 0)
			rc = set_all(&r, c);
		yaml_document_delete(&r.doc);
	} else {
		rc = err_set(e, ERR_FORMAT, "%s:%zu:%zu: not JSON: %s", path, parser.problem_mark.line + 1,
			     parser.problem_mark.column + 1, parser.problem ? parser.problem : "?");
	}
	yaml_parser_delete(&parser);
	fclose(f);
	return rc;
}
