/*
 * gem5.c - writes packet traces of gem5 (the layout is in traces/formats/gem5.c): for gem5's TrafficGen and
 * TraceCPU-like players.
 *
 * Each access is a packet of its own: ReadReq or WriteReq with size and flags (INST_FETCH for fetches), and a
 * packet id that counts from 0. Since accesses have no times, the tick is that of a packet every nanosecond
 * at gem5's usual 10^12 ticks a second.
 *
 * Not modelled: physical addresses; the trace's are written as they are.
 */
#include "traces/exports/exports.h"

#include <string.h>

#define TICK_FREQUENCY UINT64_C(1000000000000)
#define TICKS_A_PACKET 1000
#define PACKET_MAX     96
#define CMD_READ       1
#define CMD_WRITE      4
#define FLAG_FETCH     0x100

struct gem5 {
	uint64_t packets;
};

static uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	for (; v > 127; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

static uint8_t *put_field(uint8_t *p, unsigned number, uint64_t v)
{
	*p++ = (uint8_t)(number << 3);
	return put_varint(p, v);
}

/* The magic, then {1 obj_id, 2 ver, 3 tick_freq} behind its length. */
static int gem5_begin(struct export *x, struct err *e)
{
	static const char id[] = "faultline";
	uint8_t *p = pack_room(x->out, PACKET_MAX, e), *length, *end = p;

	if (!p)
		return -(int)e->code;
	memcpy(end, "gem5", 4);
	length = end + 4;
	end = length + 1;
	*end++ = 1 << 3 | 2;
	*end++ = sizeof id - 1;
	memcpy(end, id, sizeof id - 1);
	end = put_field(end + sizeof id - 1, 2, 0);
	end = put_field(end, 3, TICK_FREQUENCY);
	*length = (uint8_t)(end - length - 1);
	pack_commit(x->out, (size_t)(end - p));
	return 0;
}

static int gem5_access(struct export *x, const struct export_access *a, struct err *e)
{
	struct gem5 *g = x->state;
	uint8_t *p = pack_room(x->out, PACKET_MAX, e), *end;

	if (!p)
		return -(int)e->code;
	end = put_field(p + 1, 1, g->packets * TICKS_A_PACKET);
	end = put_field(end, 2, a->kind == ACCESS_STORE ? CMD_WRITE : CMD_READ);
	end = put_field(end, 3, a->addr);
	end = put_field(end, 4, a->size);
	end = put_field(end, 5, a->kind == ACCESS_FETCH ? FLAG_FETCH : 0);
	end = put_field(end, 6, g->packets++);
	*p = (uint8_t)(end - p - 1); /* seven fields of at most 11 bytes: below 128 */
	pack_commit(x->out, (size_t)(end - p));
	return 0;
}

const struct exporter_ops gem5_exporter = {
	.name = "gem5",
	.sentence = "packet traces of gem5: protobuf messages",
	.keeps = KEEPS_FETCHES | KEEPS_STORES | KEEPS_SIZES,
	.state_bytes = sizeof(struct gem5),
	.begin = gem5_begin,
	.access = gem5_access,
};
