/*
 * gfp.h - what an allocation may do (include/linux/gfp_types.h, Linux 6.1) and the zones and migrate types it
 * names.
 */
#ifndef MODELS_KERNEL_GFP_H
#define MODELS_KERNEL_GFP_H

#include "sim/base.h"

/* One row a zone: name as in /proc/zoneinfo, name in vmstat counters. HIGHMEM is populated by the i386 layout
 * only. */
#define ZONE_LIST(X)                \
	X(DMA, "DMA", dma)          \
	X(DMA32, "DMA32", dma32)    \
	X(NORMAL, "Normal", normal) \
	X(HIGHMEM, "HighMem", high) \
	X(MOVABLE, "Movable", movable)

enum zone_id {
#define ZONE_ENUM(id, name, counter) ZONE_##id,
	ZONE_LIST(ZONE_ENUM)
#undef ZONE_ENUM
		NR_ZONES
};

#define NR_ORDERS       11 /* orders 0 … 10: MAX_ORDER of 6.1 is 11 */
#define PAGEBLOCK_ORDER 9

enum migratetype {
	MIGRATE_UNMOVABLE,
	MIGRATE_MOVABLE,
	MIGRATE_RECLAIMABLE,
	MIGRATE_HIGHATOMIC,
	NR_MIGRATETYPES
};
#define NR_PCP_TYPES 3 /* the first three have per-CPU lists */

typedef uint32_t gfp_t;
#define GFP_BIT_DMA            0x001u
#define GFP_BIT_HIGHMEM        0x002u
#define GFP_BIT_DMA32          0x004u
#define GFP_BIT_MOVABLE        0x008u
#define GFP_BIT_RECLAIMABLE    0x010u
#define GFP_BIT_HIGH           0x020u
#define GFP_BIT_IO             0x040u
#define GFP_BIT_FS             0x080u
#define GFP_BIT_ZERO           0x100u
#define GFP_BIT_ATOMIC         0x200u
#define GFP_BIT_DIRECT_RECLAIM 0x400u
#define GFP_BIT_KSWAPD_RECLAIM 0x800u
#define GFP_BIT_WRITE          0x1000u
#define GFP_BIT_NOWARN         0x2000u
#define GFP_BIT_RETRY_MAYFAIL  0x4000u
#define GFP_BIT_NOFAIL         0x8000u
#define GFP_BIT_NORETRY        0x10000u
#define GFP_BIT_MEMALLOC       0x20000u
#define GFP_BIT_COMP           0x40000u
#define GFP_BIT_NOMEMALLOC     0x80000u
#define GFP_BIT_HARDWALL       0x100000u
#define GFP_BIT_THISNODE       0x200000u
#define GFP_BIT_ACCOUNT        0x400000u

#define GFP_BIT_RECLAIM      (GFP_BIT_DIRECT_RECLAIM | GFP_BIT_KSWAPD_RECLAIM)
#define GFP_ATOMIC           (GFP_BIT_HIGH | GFP_BIT_ATOMIC | GFP_BIT_KSWAPD_RECLAIM)
#define GFP_KERNEL           (GFP_BIT_RECLAIM | GFP_BIT_IO | GFP_BIT_FS)
#define GFP_KERNEL_ACCOUNT   (GFP_KERNEL | GFP_BIT_ACCOUNT)
#define GFP_NOWAIT           (GFP_BIT_KSWAPD_RECLAIM)
#define GFP_NOIO             (GFP_BIT_RECLAIM)
#define GFP_NOFS             (GFP_BIT_RECLAIM | GFP_BIT_IO)
#define GFP_USER             (GFP_BIT_RECLAIM | GFP_BIT_IO | GFP_BIT_FS | GFP_BIT_HARDWALL)
#define GFP_HIGHUSER         (GFP_USER | GFP_BIT_HIGHMEM)
#define GFP_HIGHUSER_MOVABLE (GFP_HIGHUSER | GFP_BIT_MOVABLE)
#define GFP_TRANSHUGE_LIGHT \
	((GFP_HIGHUSER_MOVABLE | GFP_BIT_COMP | GFP_BIT_NOMEMALLOC | GFP_BIT_NOWARN) & ~GFP_BIT_RECLAIM)
#define GFP_TRANSHUGE (GFP_TRANSHUGE_LIGHT | GFP_BIT_DIRECT_RECLAIM)

/* The highest zone a request may use (gfp_zone). */
static inline enum zone_id gfp_zone(gfp_t gfp)
{
	if (gfp & GFP_BIT_DMA)
		return ZONE_DMA;
	if (gfp & GFP_BIT_DMA32)
		return ZONE_DMA32;
	if ((gfp & GFP_BIT_HIGHMEM) && (gfp & GFP_BIT_MOVABLE))
		return ZONE_MOVABLE;
	if (gfp & GFP_BIT_HIGHMEM)
		return ZONE_HIGHMEM;
	return ZONE_NORMAL;
}

/* gfp_migratetype */
static inline enum migratetype gfp_migratetype(gfp_t gfp)
{
	return gfp & GFP_BIT_MOVABLE       ? MIGRATE_MOVABLE
	       : gfp & GFP_BIT_RECLAIMABLE ? MIGRATE_RECLAIMABLE
					   : MIGRATE_UNMOVABLE;
}

#endif
