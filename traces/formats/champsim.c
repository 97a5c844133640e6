/*
 * champsim.c - instruction traces of ChampSim (inc/trace_instruction.h): one record an instruction, little
 * endian, no header, usually compressed with xz or gzip.
 *
 *   champsim    64 bytes: u64 ip; u8 is_branch, taken; u8 destination registers[2], source registers[4]; u64
 *               addresses written[2], read[4]
 *   cloudsuite  96 bytes: u64 ip; u8 is_branch, taken; u8 destination registers[4], source registers[4]; 6
 *               bytes padding; u64 addresses written[4], read[4]; u8 address space[2]; 6 bytes padding
 *
 * An address of 0 is an unused slot, an ip of 0 means that nothing is known of the instruction. A record is a
 * fetch, its loads, its stores, in this order. The format has no sizes: fetches and accesses are of one byte.
 * champsim has one thread (pid 1, tid 1); cloudsuite's address space n is process n + 1.
 *
 * There is no magic: a file is told by its shape (flags of 0 and 1, canonical addresses), and only when the
 * whole beginning has it.
 *
 * Not modelled: registers and branches, which say nothing of memory.
 */
#include "traces/formats/formats.h"

#include "traces/bytes.h"
#include "traces/formats/textfile.h"

struct champsim {
	struct text_format format; /* first: a textfile knows only this one */
	unsigned stores_at, nr_stores, loads_at, nr_loads, asid_at; /* asid_at 0: none */
};

static int champsim_record(struct textfile *t, const char *p, const char *end, struct err *e)
{
	const struct champsim *f = (const struct champsim *)t->format;
	const uint8_t *r = (const uint8_t *)p;
	uint32_t pid = 1 + (f->asid_at ? get_u16(r + f->asid_at) : 0u), icount = 1;

	if (r[8] > 1 || r[9] > 1)
		return textfile_bad(t, p, end, "0 or 1 in the bytes 8 and 9 (is a branch, is taken)", e);
	if (get_u64(r)) {
		textfile_access(t, pid, pid, get_u64(r), ACCESS_FETCH, 1, 1);
		icount = 0;
	}
	for (unsigned i = 0; i < f->nr_loads + f->nr_stores; i++) {
		bool store = i >= f->nr_loads;
		uint64_t addr =
			get_u64(r + (store ? f->stores_at + 8 * (i - f->nr_loads) : f->loads_at + 8 * i));

		if (!addr)
			continue;
		textfile_access(t, pid, pid, addr, store ? ACCESS_STORE : ACCESS_LOAD, 1, icount);
		icount = 0;
	}
	return 0;
}

static int champsim_start(struct textfile *t, struct err *e)
{
	const struct champsim *f = (const struct champsim *)t->format;

	(void)e;
	t->provenance.recorder = f->asid_at ? "champsim (cloudsuite)" : "champsim";
	t->provenance.no_threads = true;
	t->provenance.no_sizes = true;
	t->provenance.no_times = true;
	return 0;
}

/* A user's or kernel's address of four or five levels of page tables. */
static bool is_canonical(uint64_t addr)
{
	return addr >> 56 == 0 || addr >> 56 == 0xff;
}

static bool is_record(const struct champsim *f, const uint8_t *r)
{
	bool good = r[8] <= 1 && r[9] <= 1 && get_u64(r) && is_canonical(get_u64(r));

	for (unsigned i = 0; i < f->nr_loads; i++)
		good = good && is_canonical(get_u64(r + f->loads_at + 8 * i));
	for (unsigned i = 0; i < f->nr_stores; i++)
		good = good && is_canonical(get_u64(r + f->stores_at + 8 * i));
	if (f->asid_at)
		good = good && get_u32(r + f->asid_at + 2) == 0 && get_u16(r + f->asid_at + 6) == 0;
	return good;
}

static int probe_with(const struct champsim *f, const uint8_t *head, size_t n)
{
	size_t bytes = f->format.record_bytes, nr = n / bytes, accesses = 0;

	for (size_t i = 0; i < nr; i++) {
		if (!is_record(f, head + i * bytes))
			return 0;
		for (size_t k = f->stores_at; k < f->loads_at + 8 * f->nr_loads; k += 8)
			accesses += get_u64(head + i * bytes + k) != 0;
	}
	/* Less than a tenth of the instructions, or nearly all slots in use: no program does that. */
	return nr && accesses * 10 >= nr && accesses <= nr * (f->nr_loads + f->nr_stores) * 3 / 4 ? 75 : 0;
}

#define CHAMPSIM(name_, bytes_, sentence_, ...)                                                       \
	static const struct champsim name_##_champsim;                                                \
	static int name_##_probe(const uint8_t *head, size_t n)                                       \
	{                                                                                             \
		return probe_with(&name_##_champsim, head, n);                                        \
	}                                                                                             \
	const struct importer_ops name_##_importer = {                                                \
		.name = #name_,                                                                       \
		.sentence = sentence_,                                                                \
		.probe = name_##_probe,                                                               \
		TEXTFILE_HOOKS(&name_##_champsim.format),                                             \
	};                                                                                            \
	static const struct champsim name_##_champsim = {                                             \
		.format = {.record_bytes = bytes_, .start = champsim_start, .line = champsim_record}, \
		__VA_ARGS__};

CHAMPSIM(champsim, 64, "ChampSim instruction traces: records of 64 bytes", .stores_at = 16, .nr_stores = 2,
	 .loads_at = 32, .nr_loads = 4)
CHAMPSIM(cloudsuite, 96, "ChampSim's CloudSuite traces: records of 96 bytes", .stores_at = 24, .nr_stores = 4,
	 .loads_at = 56, .nr_loads = 4, .asid_at = 88)
