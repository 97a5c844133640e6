/*
 * maps.c - a process's mappings, /proc/PID/maps of Linux 6.1.
 *
 * After fs/proc/task_mmu.c show_map_vma.
 *
 * Not modelled: the device of a file (00:00; its inode is the file's number in the trace + 1). Of a pid that
 * was used again, this and the other files of a process show the last one that had it.
 */
#include "analysis/show/region.h"

void show_maps(const struct show *s, unsigned id, FILE *f)
{
	struct region r = region_begin(s, id);

	while (region_next(s, &r))
		region_print_header(s, &r, f);
}
