/*
 * test_exports_prop.c - A -> native -> A is the identity, byte for byte, for every format that can be read
 * and written; A is drawn at random and written here, from the format's layout.
 *
 * And what is written in any format from a random trace is read back as its accesses, as far as the format
 * holds them.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/rng.h"
#include "tests/scratch.h"
#include "tests/suite.h"
#include "tests/unit/formats_binary.h"
#include "traces/exports/exports.h"
#include "traces/import.h"

enum { RECORDS = 3000, ROUNDS = 4, FILE_MAX = RECORDS * 200 };

static struct rng rng;
static uint8_t a[FILE_MAX], b[FILE_MAX + 1];
static char dir[SCRATCH_MAX], foreign[100], native[100], again[100];

static void setup(void)
{
	scratch_make(dir);
	snprintf(foreign, sizeof foreign, "%s/a", dir);
	snprintf(native, sizeof native, "%s/native", dir);
	snprintf(again, sizeof again, "%s/b", dir);
}

static void teardown(void)
{
	scratch_remove(dir);
}

/* Addresses of every length; never 0. */
static uint64_t draw_addr(void)
{
	return (rng_next(&rng) >> (1 + rng_below(&rng, 55))) | 8;
}

/* Sizes that all formats with sizes hold, every one of them. */
static unsigned draw_size(void)
{
	return (unsigned)(1 + (rng_below(&rng, 2) ? rng_below(&rng, 16) : rng_below(&rng, 4096)));
}

static char draw_of(const char *kinds)
{
	return kinds[rng_below(&rng, strlen(kinds))];
}

/* ---- canonical files; each returns its length ---- */

#define LINES(name, ...)                                                          \
	static size_t name##_make(uint8_t *out)                                   \
	{                                                                         \
		size_t n = 0;                                                     \
                                                                                  \
		for (unsigned i = 0; i < RECORDS; i++)                            \
			n += (size_t)snprintf((char *)out + n, 100, __VA_ARGS__); \
		return n;                                                         \
	}

LINES(course, "%08" PRIx64 " %c\n", draw_addr(), draw_of("RW"))
LINES(din, "%c %" PRIx64 "\n", draw_of("012"), draw_addr() & ~UINT64_C(3))
LINES(ramulator, "0x%" PRIx64 " %c\n", draw_addr(), draw_of("RW"))
LINES(ramulator2, "%s 0x%" PRIx64 "\n", rng_below(&rng, 2) ? "LD" : "ST", draw_addr())
LINES(rw, "%c %" PRIx64 "\n", draw_of("rw"), draw_addr())
LINES(xdin, "%c %" PRIx64 " %x\n", draw_of("rwi"), draw_addr(), draw_size())

static size_t lackey_make(uint8_t *out)
{
	uint64_t last = 0;
	size_t n = 0;

	for (unsigned i = 0; i < RECORDS; i++) {
		char kind = i ? draw_of("IILSM") : 'I';
		uint64_t addr = draw_addr();

		addr += addr == last; /* a load and a store of the same bytes would be one modification */
		last = addr;
		n += (size_t)snprintf((char *)out + n, 100, "%s%c %s%08" PRIx64 ",%u\n",
				      kind == 'I' ? "" : " ", kind, kind == 'I' ? " " : "", addr,
				      draw_size());
	}
	return n;
}

static size_t champsim_any(uint8_t *out, bool cloudsuite)
{
	size_t n = 0;

	for (unsigned i = 0; i < RECORDS; i++) {
		uint64_t loads[4], stores[4], ip = rng_below(&rng, 20) ? draw_addr() : 0;
		unsigned nr_loads = (unsigned)rng_below(&rng, 5),
			 nr_stores = (unsigned)rng_below(&rng, cloudsuite ? 5 : 3);

		for (unsigned k = 0; k < 4; k++) {
			loads[k] = draw_addr();
			stores[k] = draw_addr();
		}
		nr_loads += !ip && !nr_loads && !nr_stores; /* an empty record says nothing */
		champsim_put(out + n, cloudsuite, ip, loads, nr_loads, stores, nr_stores);
		memset(out + n + 8, 0, 8); /* branches and registers */
		if (cloudsuite)
			put_u16(out + n + 88, (uint16_t)rng_below(&rng, 3));
		n += cloudsuite ? 96 : 64;
	}
	return n;
}

static size_t champsim_make(uint8_t *out)
{
	return champsim_any(out, false);
}

static size_t cloudsuite_make(uint8_t *out)
{
	return champsim_any(out, true);
}

static size_t oracle_any(uint8_t *out, unsigned bytes)
{
	for (unsigned i = 0; i < RECORDS; i++) {
		uint64_t object = rng_below(&rng, 2) ? rng_below(&rng, 40) : rng_below(&rng, 100000);

		oracle_put(out + (size_t)i * bytes, bytes, 0, object, 4096, rng_below(&rng, 2) ? 12 : 13,
			   (uint16_t)rng_below(&rng, 3), -1);
	}
	for (unsigned i = 0; i < RECORDS; i++)
		for (unsigned k = i + 1; k < RECORDS; k++) {
			const uint8_t *p = out + (size_t)i * bytes, *q = out + (size_t)k * bytes;

			if (get_u64(p + 4) != get_u64(q + 4) ||
			    (bytes == 27 && get_u16(p + 17) != get_u16(q + 17)))
				continue;
			put_u64(out + (size_t)(i + 1) * bytes - 8, k + 1);
			break;
		}
	return (size_t)RECORDS * bytes;
}

static size_t oraclegeneral_make(uint8_t *out)
{
	return oracle_any(out, 24);
}

static size_t oracleopns_make(uint8_t *out)
{
	return oracle_any(out, 27);
}

static size_t dinero8_make(uint8_t *out)
{
	memset(out, 0, (size_t)RECORDS * 8);
	for (unsigned i = 0; i < RECORDS; i++) {
		put_u32(out + (size_t)i * 8, (uint32_t)draw_addr());
		put_u16(out + (size_t)i * 8 + 4, (uint16_t)draw_size());
		out[i * 8 + 6] = (uint8_t)rng_below(&rng, 3);
	}
	return (size_t)RECORDS * 8;
}

/* As this program numbers packets: a nanosecond apart. */
static size_t gem5_make(uint8_t *out)
{
	static const uint8_t header[] = {'g',  'e',  'm',  '5',  20,   0x0a, 9,   'f',  'a',
					 'u',  'l',  't',  'l',  'i',  'n',  'e', 0x10, 0,
					 0x18, 0x80, 0xa0, 0x94, 0xa5, 0x8d, 0x1d};
	size_t n = sizeof header;

	memcpy(out, header, n);
	for (unsigned i = 0; i < RECORDS; i++) {
		bool store = rng_below(&rng, 2);
		size_t len = gem5_packet_put(out + n, i * 1000, store ? 4 : 1, draw_addr(), draw_size(),
					     store || rng_below(&rng, 2) ? 0 : 0x100);

		/* its id is field 6 */
		out[n + len] = 6 << 3;
		out[n] = (uint8_t)(out[n] + 1 + varint_put(out + n + len + 1, i));
		n += (size_t)out[n] + 1;
	}
	return n;
}

/* One call each; a random number of up to 64 bits and one of 32. */
static const char *const calls[] = {
	"mmap 0x%" PRIx64 "000 %u rw- private,anon -1 0",
	"mmap 0x%" PRIx64 "000 %u r-x shared,file 7 4096",
	"mmap 0x%" PRIx64 "000 %u --- private,anon,populate -1 0",
	"munmap 0x%" PRIx64 "000 %u",
	"mprotect 0x%" PRIx64 "000 %u r--",
	"madvise 0x%" PRIx64 "000 %u pageout",
	"mlock 0x%" PRIx64 "000 %u",
	"munlock 0x%" PRIx64 "000 %u",
	"mremap 0x%" PRIx64 "000 %u 0x7000 4096",
	"mbind 0x%" PRIx64 "000 %u preferred_many 0x3 move",
	"mbind 0x%" PRIx64 "000 %u default 0x0 -",
	"set_mempolicy interleave 0x%" PRIx64 "5",
	"read 7 %" PRIu64 " %u",
	"write 7 %" PRIu64 " %u",
	"fadvise 7 %" PRIu64 " %u willneed",
	"oom_score_adj -%" PRIu64,
	"sleep %" PRIu64,
	"drop_caches %" PRIu64,
	"fork 1%" PRIu64,
	"fsync 7",
	"affinity 63",
	"exit",
};

static size_t memtrace_make(uint8_t *out)
{
	size_t n = (size_t)snprintf((char *)out, 100,
				    "# memtrace 1\n# scenario test\nF 7 /data/f 1048576 old\nF 8 /n 0 new\n");
	unsigned accesses = 0, seq = 0;

	while (seq < RECORDS) {
		unsigned pid = 1 + (unsigned)rng_below(&rng, 3), kind = (unsigned)rng_below(&rng, 10);
		char call[100];

		n += (size_t)snprintf((char *)out + n, 60, "%c %u %u ", "RWRWRWMMSM"[kind], pid, pid);
		if (kind < 6) {
			accesses++;
			n += (size_t)snprintf((char *)out + n, 60, "%" PRIx64 " %u\n", draw_addr(),
					      draw_size());
		} else if (kind < 8) {
			snprintf(call, sizeof call, calls[rng_below(&rng, ARRAY_LEN(calls))],
				 rng_below(&rng, 400) + 1, (unsigned)rng_below(&rng, 1 << 30));
			n += (size_t)snprintf((char *)out + n, 130, "%u %u %s\n",
					      (unsigned)rng_below(&rng, 64), seq, call);
		} else if (kind == 8) {
			n -= 4;
			n += (size_t)snprintf((char *)out + n, 60, "%u label%u\n", seq, pid);
		} else {
			n += (size_t)snprintf((char *)out + n, 60, "%u %u spawn\n",
					      (unsigned)rng_below(&rng, 64), seq);
		}
		seq++;
	}
	return n + (size_t)snprintf((char *)out + n, 100, "# end accesses %u events %u\n", accesses, seq);
}

static const struct {
	const char *format;
	size_t (*make)(uint8_t *out);
} formats[] = {
	{"champsim", champsim_make},
	{"cloudsuite", cloudsuite_make},
	{"course", course_make},
	{"din", din_make},
	{"dinero8", dinero8_make},
	{"gem5", gem5_make},
	{"lackey", lackey_make},
	{"memtrace", memtrace_make},
	{"oraclegeneral", oraclegeneral_make},
	{"oracleopns", oracleopns_make},
	{"ramulator", ramulator_make},
	{"ramulator2", ramulator2_make},
	{"rw", rw_make},
	{"xdin", xdin_make},
};

/* ---- the way ---- */

static void import_native(const char *format)
{
	const struct importer_ops *ops = importer_find(format);
	struct provenance p = {0};
	struct trace_writer *w;
	struct importer *im;
	struct err e = {0};

	ck_assert_ptr_nonnull(ops);
	ck_assert_msg(importer_open(&im, ops, foreign, "", &e) == 0, "%s", e.text);
	ops->provenance(im, &p);
	ck_assert_int_eq(trace_writer_open(&w, native, &p, 1, &e), 0);
	ck_assert_msg(import_run(im, w, "test", &e) == 0, "%s: %s", format, e.text);
	ck_assert_int_eq(trace_writer_close(w, &e), 0);
	ops->close(im);
}

static void export_native(const char *format, const char *path)
{
	struct err e = {0};
	struct merged *m;
	struct trace *t;
	struct pack *pack;
	struct export x;
	struct batch batch;

	ck_assert_int_eq(trace_open(&t, native, &e), 0);
	ck_assert_int_eq(merged_open(&m, t, &e), 0);
	ck_assert_int_eq(pack_open(&pack, path, 0, &e), 0);
	ck_assert_int_eq(export_open(&x, exporter_find(format), pack, trace_provenance(t), &e), 0);
	while (merged_next(m, &batch, &e) > 0)
		if (export_batch(&x, &batch, &e))
			ck_abort_msg("%s", e.text);
	ck_assert_int_eq(export_finish(&x, &e), 0);
	ck_assert_str_eq(e.text, "");
	export_close(&x);
	ck_assert_int_eq(pack_close(pack, &e), 0);
	merged_close(m);
	trace_close(t);
}

static size_t read_file(const char *path, uint8_t *out, size_t room)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	ck_assert_ptr_nonnull(f);
	n = fread(out, 1, room, f);
	fclose(f);
	return n;
}

START_TEST(identity)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t n, m;
		FILE *f;

		rng_init(&rng, (uint64_t)_i * 100 + round, "test.exports");
		n = formats[_i].make(a);
		ck_assert_uint_lt(n, FILE_MAX);
		f = fopen(foreign, "wb");
		ck_assert(f && fwrite(a, 1, n, f) == n && fclose(f) == 0);
		import_native(formats[_i].format);
		export_native(formats[_i].format, again);
		m = read_file(again, b, sizeof b);
		for (size_t i = 0; i < MIN_OF(n, m); i++)
			if (a[i] != b[i])
				ck_abort_msg("%s: byte %zu of %zu: %#x, was %#x", formats[_i].format, i, n,
					     b[i], a[i]);
		ck_assert_uint_eq(m, n);
	}
}
END_TEST

/* Every format that can be written and has an importer is in the table above. */
START_TEST(all_formats)
{
	for (size_t i = 0; exporter_at(i); i++) {
		bool found = false;

		for (size_t k = 0; k < ARRAY_LEN(formats); k++)
			found = found || !strcmp(formats[k].format, exporter_at(i)->name);
		ck_assert_msg(found || !importer_find(exporter_at(i)->name), "%s", exporter_at(i)->name);
	}
}
END_TEST

/* ---- any trace ---- */

enum { ACCESSES = 5000 };
static uint64_t addr[ACCESSES];
static uint32_t meta[ACCESSES];

static void write_native(void)
{
	struct trace_writer *w;
	struct err e = {0};
	size_t n;

	ck_assert_int_eq(trace_writer_open(&w, native, &(struct provenance){0}, 1, &e), 0);
	for (size_t i = 0; i < ACCESSES; i += n) {
		uint32_t t = 1 + (uint32_t)rng_below(&rng, 3);
		struct control c = {.op = REC_MARK, .pid = t, .tid = t, .cpu = -1, .text = "m"};
		struct batch batch = {.pid = t, .tid = t, .addr = addr + i, .meta = meta + i};

		n = 1 + rng_below(&rng, 40);
		n = MIN_OF(n, ACCESSES - i);
		for (size_t k = i; k < i + n; k++) {
			addr[k] = draw_addr();
			meta[k] = meta_make(addr[k], (enum access_kind)rng_below(&rng, 3),
					    1u << rng_below(&rng, 7), (uint32_t)rng_below(&rng, 3));
		}
		batch.n = n;
		batch.control = rng_below(&rng, 3) ? NULL : &c;
		c.seq = 0;
		ck_assert_msg(trace_writer_batch(w, &batch, &e) == 0, "%s", e.text);
	}
	ck_assert_int_eq(trace_writer_close(w, &e), 0);
}

/* The addresses of loads and stores, in order, come back from every format that holds addresses. */
START_TEST(any_trace)
{
	const char *format = formats[_i].format;
	const struct importer_ops *ops = importer_find(format);
	unsigned keeps = exporter_find(format)->keeps;
	struct importer *im;
	struct err e = {0};
	struct batch batch;
	size_t i = 0;

	if (keeps & KEEPS_PAGES || !strcmp(format, "champsim") || !strcmp(format, "cloudsuite") ||
	    !strcmp(format, "dinero8"))
		return; /* pages; loads in front of stores; 32 bits */
	rng_init(&rng, (uint64_t)_i, "test.exports.any");
	write_native();
	export_native(format, foreign);
	ck_assert_msg(importer_open(&im, ops, foreign, "", &e) == 0, "%s", e.text);
	while (ops->next(im, &batch, &e) > 0)
		for (size_t k = 0; k < batch.n; k++, i++) {
			while (i < ACCESSES && META_KIND(meta[i]) == ACCESS_FETCH && !(keeps & KEEPS_FETCHES))
				i++;
			if (i == ACCESSES ||
			    batch.addr[k] != (strcmp(format, "din") ? addr[i] : addr[i] & ~UINT64_C(3)) ||
			    META_KIND(batch.meta[k]) != META_KIND(meta[i]) ||
			    (keeps & KEEPS_SIZES && META_SIZE(batch.meta[k]) != META_SIZE(meta[i])))
				ck_abort_msg("%s: access %zu", format, i);
		}
	ck_assert_str_eq(e.text, "");
	ops->close(im);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, identity, 0, ARRAY_LEN(formats));
	tcase_add_loop_test(t, any_trace, 0, ARRAY_LEN(formats));
	tcase_add_test(t, all_formats);
	return run_case("exports_prop", t);
}
