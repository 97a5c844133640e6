/*
 * dinero8.c - writes Dinero IV's binary traces, 8 bytes an access (the layout is in
 * traces/formats/onerecord.c).
 *
 * Not modelled: addresses of 2^32 and more, which the format cannot hold: ERR_LIMIT.
 */
#include "traces/exports/exports.h"

#include "traces/bytes.h"

#define RECORD_BYTES 8

static int dinero8_access(struct export *x, const struct export_access *a, struct err *e)
{
	static const uint8_t types[] = {[ACCESS_LOAD] = 0, [ACCESS_STORE] = 1, [ACCESS_FETCH] = 2};
	uint8_t r[RECORD_BYTES] = {0};

	if (a->addr > UINT32_MAX)
		return err_set(e, ERR_LIMIT, "dinero8: address %#" PRIx64 ": the format has 32 bits",
			       a->addr);
	put_u32(r, (uint32_t)a->addr);
	put_u16(r + 4, (uint16_t)a->size);
	r[6] = types[a->kind];
	return pack_write(x->out, r, sizeof r, e);
}

const struct exporter_ops dinero8_exporter = {
	.name = "dinero8",
	.sentence = "Dinero IV binary: records of 8 bytes, addresses of 32 bits",
	.keeps = KEEPS_FETCHES | KEEPS_STORES | KEEPS_SIZES,
	.access = dinero8_access,
};
