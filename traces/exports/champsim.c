/*
 * champsim.c - writes instruction traces of ChampSim, 64 bytes an instruction, and of its CloudSuite kind, 96
 * bytes (the layout is in traces/formats/champsim.c).
 *
 * An instruction begins with a fetch, or with an access that counts one (then its ip is 0, which means
 * unknown). What does not fit into the slots of one record (2 or 4 stores, 4 loads) goes on in another one
 * with the same ip. A process of CloudSuite is the address space of its pid - 1.
 *
 * Not modelled: registers and branches (all 0); an access to address 0, which is how the format says "none".
 */
#include "traces/exports/exports.h"

#include <string.h>

#include "traces/bytes.h"

#define SLOTS 4

struct layout {
	unsigned bytes, stores_at, nr_stores, loads_at, asid_at;
};

static const struct layout champsim_layout = {64, 16, 2, 32, 0}, cloudsuite_layout = {96, 24, 4, 56, 88};

struct champsim {
	bool open;
	uint32_t pid, tid;
	unsigned loads, stores; /* slots in use */
	uint8_t record[96];
};

static int put_record(struct export *x, const struct layout *l, struct err *e)
{
	struct champsim *c = x->state;
	bool open = c->open;

	c->open = false;
	return open ? pack_write(x->out, c->record, l->bytes, e) : 0;
}

static int begin_record(struct export *x, const struct layout *l, const struct export_access *a, uint64_t ip,
			struct err *e)
{
	struct champsim *c = x->state;
	int r = put_record(x, l, e);

	if (!r && l->asid_at && a->pid - 1 > UINT16_MAX)
		r = err_set(e, ERR_LIMIT, "cloudsuite: process %" PRIu32 ": address spaces have 16 bits",
			    a->pid);
	*c = (struct champsim){.open = true, .pid = a->pid, .tid = a->tid};
	put_u64(c->record, ip);
	if (l->asid_at)
		put_u16(c->record + l->asid_at, (uint16_t)(a->pid - 1));
	return r;
}

static int put_access(struct export *x, const struct layout *l, const struct export_access *a, struct err *e)
{
	struct champsim *c = x->state;
	bool store = a->kind == ACCESS_STORE, same = c->open && c->pid == a->pid && c->tid == a->tid;
	int r = 0;

	if (a->kind == ACCESS_FETCH)
		return begin_record(x, l, a, a->addr, e);
	if (!same || a->icount)
		r = begin_record(x, l, a, 0, e);
	else if (store ? c->stores == l->nr_stores : c->loads == SLOTS)
		r = begin_record(x, l, a, get_u64(c->record), e);
	if (store)
		put_u64(c->record + l->stores_at + 8 * c->stores++, a->addr);
	else
		put_u64(c->record + l->loads_at + 8 * c->loads++, a->addr);
	return r;
}

#define CHAMPSIM(name_, sentence_, keeps_)                                                        \
	static int name_##_access(struct export *x, const struct export_access *a, struct err *e) \
	{                                                                                         \
		return put_access(x, &name_##_layout, a, e);                                      \
	}                                                                                         \
	static int name_##_finish(struct export *x, struct err *e)                                \
	{                                                                                         \
		return put_record(x, &name_##_layout, e);                                         \
	}                                                                                         \
	const struct exporter_ops name_##_exporter = {                                            \
		.name = #name_,                                                                   \
		.sentence = sentence_,                                                            \
		.keeps = keeps_,                                                                  \
		.state_bytes = sizeof(struct champsim),                                           \
		.access = name_##_access,                                                         \
		.finish = name_##_finish,                                                         \
	};

CHAMPSIM(champsim, "ChampSim instruction traces: records of 64 bytes", KEEPS_FETCHES | KEEPS_STORES)
CHAMPSIM(cloudsuite, "ChampSim's CloudSuite traces: records of 96 bytes",
	 KEEPS_FETCHES | KEEPS_STORES | KEEPS_PROCESSES)
