/*
 * boot.c - pages that the system's own programs and files hold when the run begins.
 *
 * They are levels of the counters only: their frames are among those that `zones.free` leaves out, and as on
 * a test machine with locked programs and an initial ramfs, they are never reclaimed, moved or freed.
 *
 * Not modelled: such pages as frames; pages before the run that can be reclaimed.
 */
#include "models/kernel/boot.h"

PARAM_TABLE(boot, boot_params, BOOT_PARAMS);

static int add(struct memory *m, const struct u64_list *l, const char *path, enum node_item item,
	       struct err *e)
{
	if (l->n > m->nr_nodes)
		return err_set(e, ERR_CONFIG, "%s: %zu numbers for %u nodes", path, l->n, m->nr_nodes);
	for (size_t i = 0; i < l->n; i++) {
		node_stat_add(&m->node[i], item, (int64_t)l->v[i]);
		m->boot.item[item] += (int64_t)l->v[i];
	}
	return 0;
}

/* Locked pages are counted by zone: they are user pages, so in the highest zone of the node. */
static int add_mlocked(struct memory *m, const struct u64_list *l, struct err *e)
{
	if (l->n > m->nr_nodes)
		return err_set(e, ERR_CONFIG, "boot.mlocked_pages: %zu numbers for %u nodes", l->n,
			       m->nr_nodes);
	for (size_t i = 0; i < l->n; i++)
		for (unsigned z = NR_ZONES; z-- > 0;)
			if (m->node[i].zone[z].managed) {
				zone_stat_add(&m->node[i].zone[z], NR_MLOCK, (int64_t)l->v[i]);
				break;
			}
	return 0;
}

int memory_boot(struct memory *m, const struct boot_params *p, struct err *e)
{
	const struct {
		const struct u64_list *list;
		const char *path;
		enum node_item item;
	} rows[] = {
		{&p->anon, "boot.anon_pages", NR_ANON_MAPPED},
		{&p->file, "boot.file_pages", NR_FILE_PAGES},
		{&p->mapped, "boot.mapped_pages", NR_FILE_MAPPED},
		{&p->shmem, "boot.shmem_pages", NR_SHMEM},
		{&p->unevictable, "boot.unevictable_pages", NR_UNEVICTABLE},
		{&p->table, "boot.table_pages", NR_PAGETABLE},
	};
	int rc = add_mlocked(m, &p->mlocked, e);

	for (size_t i = 0; i < ARRAY_LEN(rows) && rc >= 0; i++)
		rc = add(m, rows[i].list, rows[i].path, rows[i].item, e);
	return rc;
}
