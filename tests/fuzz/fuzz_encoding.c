/*
 * fuzz_encoding.c - what is inside a block's sections: each encoding's decoder, and the control section.
 * Bytes that decode are encoded and decoded again, which must give the same.
 */
#include "tests/fuzz/fuzz.h"

#include "traces/control.h"
#include "traces/encodings/encoding.h"

#define MOST 4096u

static uint64_t addr[ENCODING_FRONT + MOST + ENCODING_BACK], again[ENCODING_FRONT + MOST + ENCODING_BACK];
static uint32_t meta[MOST + ENCODING_BACK], meta_again[MOST + ENCODING_BACK];
static struct buf tables, more_tables, out;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const uint8_t seed[] = {1, 4, 0, 1, 0, 0, 0, 0x40, 0, 0, 0, 0, 2, 2, 2, 2};

	(void)argc, (void)argv;
	if (!getenv("SEEDS"))
		return 0;
	fuzz_seed("delta", seed, sizeof seed);
	exit(0);
}

static void round_trip(const struct block_encoding_ops *ops, uint32_t n)
{
	struct encode_input in = {addr + ENCODING_FRONT, meta, n, &tables};
	struct decode_output to = {again + ENCODING_FRONT, meta_again, n, &more_tables};
	uint8_t *raw;
	bool ok;

	out.len = 0;
	if (!ops->encode(&in, &out))
		return;
	if (out.len > ENCODING_RAW_MAX(n))
		FUZZ_FAIL("%s: %zu bytes for %u accesses", ops->name, out.len, n);
	raw = calloc(1, out.len + ENCODING_SLACK);
	if (!raw)
		return;
	memcpy(raw, out.p, out.len);
	memset(again, 0, ENCODING_FRONT * sizeof *again);
	ok = ops->decode(raw, out.len, &to);
	free(raw);
	if (!ok || memcmp(again + ENCODING_FRONT, addr + ENCODING_FRONT, n * sizeof *addr) ||
	    memcmp(meta_again, meta, n * sizeof *meta))
		FUZZ_FAIL("%s: %u accesses do not come back", ops->name, n);
}

static void control_section(const uint8_t *data, size_t size)
{
	struct control_base base = {0}, written = {0}, read_again = {0};
	struct cursor c = cursor_of(data, size);
	struct piece p, q;

	while (c.p < c.end && piece_read(&c, &base, &p)) {
		struct cursor back;

		out.len = 0;
		piece_write(&out, &written, &p);
		back = cursor_of(out.p, out.len);
		if (!piece_read(&back, &read_again, &q) || q.order != p.order || q.after != p.after ||
		    q.accesses != p.accesses || q.control.op != p.control.op)
			FUZZ_FAIL("a piece does not come back");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct block_encoding_ops *ops;
	struct decode_output to = {addr + ENCODING_FRONT, meta, 0, &tables};
	uint8_t *raw;
	bool valid;

	if (size < 3)
		return 0;
	if (data[0] % 8 == 0) {
		control_section(data + 1, size - 1);
		return 0;
	}
	ops = encoding_by_number(data[0] % 8);
	to.n = 1 + (data[1] | (unsigned)data[2] << 8) % MOST;
	if (!ops)
		return 0;
	raw = calloc(1, size + ENCODING_SLACK);
	if (!raw)
		return 0;
	memcpy(raw, data + 3, size - 3);
	memset(addr, 0, ENCODING_FRONT * sizeof *addr);
	valid = ops->decode(raw, size - 3, &to);
	free(raw);
	for (uint32_t i = 0; valid && i < to.n; i++)
		valid = word_is_valid(meta[i]);
	if (valid)
		for (size_t i = 0; (ops = encoding_at(i)); i++)
			round_trip(ops, to.n);
	return 0;
}
