/*
 * tlb.h - a CPU's translation lookaside buffers: split first level, unified second level, tagged by
 * address-space id.
 *
 * Modelled: data and instruction TLBs of the first level, each with arrays for 4 KiB and for 2 MiB pages, and
 * a second level for both kinds and both sizes (Intel SDM vol. 3, 4.10; geometries in models/presets). PCID
 * tags, or a flush at each address-space switch where they are off. An entry that a store uses must be
 * writable and dirty; if not, the walker goes again and sets the dirty bit or faults, as x86 does.
 *
 * The front is no hardware: a direct-mapped table from (page, id) to the first-level entry that translates
 * it, so that the common hit is one compare. An entry of the front is valid exactly as long as the
 * first-level entry it names, and a hit through it stamps that entry, so replacement sees every touch:
 * results do not depend on the front.
 */
#ifndef MODELS_HW_TLB_H
#define MODELS_HW_TLB_H

#include "models/hw/recency.h"
#include "sim/err.h"
#include "sim/param.h"
#include "sim/rng.h"
#include "sim/stat.h"

#define TLB_PARAMS(X, S)                                                                          \
	X(S, U64, l1d_entries, "tlb.l1d.entries", "64", 1, 65536, "entries",                      \
	  "first-level data TLB, 4 KiB pages (Skylake-SP: 64)")                                   \
	X(S, U64, l1d_ways, "tlb.l1d.ways", "4", 1, 65536, "ways",                                \
	  "ways of the first-level data TLB, 4 KiB pages")                                        \
	X(S, U64, l1d_huge_entries, "tlb.l1d_huge.entries", "32", 1, 65536, "entries",            \
	  "first-level data TLB, 2 MiB pages (Skylake-SP: 32)")                                   \
	X(S, U64, l1d_huge_ways, "tlb.l1d_huge.ways", "4", 1, 65536, "ways",                      \
	  "ways of the first-level data TLB, 2 MiB pages")                                        \
	X(S, U64, l1i_entries, "tlb.l1i.entries", "128", 1, 65536, "entries",                     \
	  "first-level instruction TLB, 4 KiB pages (Skylake-SP: 128)")                           \
	X(S, U64, l1i_ways, "tlb.l1i.ways", "8", 1, 65536, "ways",                                \
	  "ways of the first-level instruction TLB, 4 KiB pages")                                 \
	X(S, U64, l1i_huge_entries, "tlb.l1i_huge.entries", "8", 1, 65536, "entries",             \
	  "first-level instruction TLB, 2 MiB pages (Skylake-SP: 8)")                             \
	X(S, U64, l1i_huge_ways, "tlb.l1i_huge.ways", "8", 1, 65536, "ways",                      \
	  "ways of the first-level instruction TLB, 2 MiB pages")                                 \
	X(S, U64, l2_entries, "tlb.l2.entries", "1536", 1, 1048576, "entries",                    \
	  "second-level TLB, shared by 4 KiB and 2 MiB pages (Skylake-SP: 1536)")                 \
	X(S, U64, l2_ways, "tlb.l2.ways", "12", 1, 65536, "ways", "ways of the second-level TLB") \
	X(S, U64, l2_hit_cycles, "tlb.l2.hit_cycles", "9", 0, 1000, "cycles",                     \
	  "extra cycles of a second-level hit (Skylake-SP: 9, derived from InstLatx64)")          \
	X(S, BOOL, pcid, "tlb.pcid", "true", 0, 1, "",                                            \
	  "tag entries with address-space ids; off: flush at every address-space switch")         \
	X(S, ENUM, policy, "tlb.policy", "lru", 0, 0, "", "replacement policy of all TLB arrays", \
	  replacement_name)
const char *replacement_name(size_t i); /* models/hw/replacement.h */
PARAM_STRUCT(tlb_params, TLB_PARAMS);
extern const struct param_table tlb_param_table;

#define TLB_STATS(X, S)                                                                                    \
	X(S, COUNTER, l1d_hits, "translations", "data translations found in the first level")              \
	X(S, COUNTER, l1d_misses, "translations", "data translations not found in the first level")        \
	X(S, COUNTER, l1i_hits, "translations", "instruction translations found in the first level")       \
	X(S, COUNTER, l1i_misses, "translations", "instruction translations not found in the first level") \
	X(S, COUNTER, l2_hits, "translations", "first-level misses found in the second level")             \
	X(S, COUNTER, l2_misses, "translations", "translations found in no TLB: a page walk follows")      \
	X(S, COUNTER, dirty_assists, "walks",                                                              \
	  "stores that hit an entry not writable or not dirty, so the walker went again")                  \
	X(S, COUNTER, evictions, "entries", "valid entries replaced, over all arrays")                     \
	X(S, COUNTER, flushed_pages, "requests", "single-page invalidations")                              \
	X(S, COUNTER, flushes, "flushes", "flushes of an address space or of everything")
STAT_STRUCT(tlb_stats, TLB_STATS);
extern const struct stat_table tlb_stat_table;

enum tlb_kind { TLB_DATA = 0, TLB_INSN = 1 };
#define TLB_WRITABLE 1u
#define TLB_DIRTY    2u
#define TLB_NX       4u /* no fetches: a data translation that the second level holds is none for them */

/* Keys: page number in units of the array's page size, with the id in the upper 16 bits. */
#define TLB_ASID_SHIFT 48
#define TLB_KEY_NONE   UINT64_MAX

struct tlb_payload {
	pfn_t pfn; /* first frame of the page */
	uint16_t nid;
	uint8_t shift; /* 12 or 21 */
	uint8_t flags;
};

#ifndef TLB_FRONT_SLOTS /* the hostile build makes it tiny */
#define TLB_FRONT_SLOTS 512
#endif
struct tlb_entry {
	uint64_t key;
	struct tlb_payload payload;
};
struct tlb_array {
	uint8_t *sign; /* signatures of the keys, `stride` a set (signature.h) */
	uint64_t sets, ways, stride;
	uint64_t mask;              /* sets - 1 when that is a power of two */
	uint32_t way_mask;          /* a bit a way; more than a block of signatures: none */
	struct tlb_entry *entry;    /* sets * ways, set by set */
	uint64_t *touched, *filled; /* stamps, of arrays without an order */
	struct recency recency;     /* LRU of a second level: an order a set instead of stamps, else NULL */
	uint64_t *order;
	uint16_t *empty;         /* ways without an entry, a bit each */
	struct tlb_front *front; /* first level: its kind's; second: NULL */
	uint64_t *front_slots; /* 2 MiB first-level arrays: slots of the front that named the entry since its
				  fill, TLB_FRONT_SLOTS bits each; else NULL */
	uint64_t huge;         /* valid entries of 2 MiB */
	const struct replacement_ops *policy;
	struct rng rng;
};

/* 32 bytes, all that the common hit reads. */
struct tlb_front {
	uint64_t tag[2]; /* vpn | asid << 48; [0] for loads and fetches, [1] for stores (NONE unless writable
			    and dirty) */
	uint64_t *touched; /* stamp of the first-level entry that translates the page */
	uint64_t charge;   /* cost_milli of its place, and remote << TLB_REMOTE_SHIFT: summed at once */
};
#define TLB_REMOTE_SHIFT 44

/* Where the page of a front entry lies. */
struct tlb_place {
	pfn_t pfn; /* frame of this 4 KiB page */
	uint32_t nid;
	uint32_t cost_milli; /* caches off: cost of an access, in thousandths of a cycle */
	uint32_t remote;     /* 1 when the frame's node is not the CPU's */
};

struct tlb {
	struct tlb_front front[2][TLB_FRONT_SLOTS]; /* by enum tlb_kind */
	struct tlb_place place[2][TLB_FRONT_SLOTS];
	struct tlb_array l1[2][2]; /* [kind][0: 4 KiB, 1: 2 MiB] */
	struct tlb_array l2;
	bool plain;                 /* LRU and few ways: tlb/miss.h may be taken */
	uint64_t now;               /* stamp counter: bumped at each touch */
	uint64_t missed[2];         /* by kind: key of a page that the arrays lack since a lookup or NONE */
	unsigned nid;               /* of the CPU */
	const uint32_t *flat_milli; /* by node: caches off, cost of an access in thousandths of a cycle */
	struct tlb_stats stats;
};

enum tlb_result {
	TLB_HIT_L1,
	TLB_HIT_L2, /* now filled into the first level, too */
	TLB_MISS,
	TLB_NOT_DIRTY, /* found, but a store needs the walker; the entry was dropped */
};

static inline uint32_t tlb_front_slot(uint64_t vpn)
{
	return (uint32_t)(vpn ^ (vpn >> 9)) & (TLB_FRONT_SLOTS - 1);
}

/* Errors (ERR_CONFIG): entries not a multiple of ways. Sets need not be a power of two. seed and cpu key the
 * random streams. */
int tlb_init(struct tlb *t, const struct tlb_params *p, unsigned cpu, unsigned nid,
	     const uint32_t *flat_milli, uint64_t seed, struct err *e);
void tlb_release(struct tlb *t);
/*
 * The way past the front: looks up, counts, stamps, and on a hit brings the page into the first level and the
 * front. The caller counts hits through the front itself (l1d_hits, l1i_hits) and stamps *front->touched =
 * ++t->now.
 */
enum tlb_result tlb_lookup(struct tlb *t, enum tlb_kind kind, uint64_t vpn, uint16_t asid, bool store);
/* After a walk: a page of 2^shift bytes whose first frame is pfn. Fills first level, second level and front.
 */
void tlb_fill(struct tlb *t, enum tlb_kind kind, uint64_t vpn, uint16_t asid, pfn_t pfn, uint16_t nid,
	      unsigned shift, unsigned flags);
/* The front's entry for the page, valid after a hit or a fill. */
static inline struct tlb_front *tlb_front_of(struct tlb *t, enum tlb_kind kind, uint64_t vpn)
{
	return &t->front[kind][tlb_front_slot(vpn)];
}
static inline const struct tlb_place *tlb_place_of(const struct tlb *t, enum tlb_kind kind, uint64_t vpn)
{
	return &t->place[kind][tlb_front_slot(vpn)];
}
void tlb_flush_page(struct tlb *t, uint64_t vpn, uint16_t asid);
void tlb_flush_asid(struct tlb *t, uint16_t asid);
void tlb_flush_all(struct tlb *t);
/* Every front entry names a valid first-level entry of the same page; no key twice in a set. */
bool tlb_is_valid(const struct tlb *t);

#endif
