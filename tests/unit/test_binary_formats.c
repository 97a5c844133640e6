/*
 * test_binary_formats.c - the importers of binary formats: every record of small files made from the layouts,
 * bad records, and directories of drmemtrace files.
 */
#include "tests/unit/formats_support.h"

#include <lz4frame.h>
#include <sys/stat.h>
#include <zip.h>

#include "tests/suite.h"

#include "tests/unit/formats_binary.h"

static char bytes[8192];

static struct got *import_fixture(const char *format, const char *options, size_t (*make)(char *out))
{
	return import_bytes(format, options, bytes, make(bytes));
}

/* ---- champsim ---- */

START_TEST(champsim_records)
{
	struct got *g = import_fixture("champsim", "", champsim_fixture);

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 F 401000 1 1", "1.1 L 7ffc00001000 1 0", "1.1 F 401004 1 1", "1.1 S 7ffc00001000 1 0",
	       "1.1 F 401008 1 1", "1.1 L 7ffc00001000 1 0", "1.1 L 7ffc00001010 1 0", "1.1 L 601040 1 0",
	       "1.1 S 7ffc00001010 1 0", "1.1 S 601040 1 0", "1.1 F 401010 1 1");
	ck_assert(g->provenance.no_sizes && g->provenance.no_threads && g->provenance.no_times);
	ck_assert(!g->provenance.no_fetches && !g->provenance.physical);
}
END_TEST

/* Address space n is process n + 1; a record without ip begins with its first access. */
START_TEST(cloudsuite_records)
{
	struct got *g = import_fixture("cloudsuite", "", cloudsuite_fixture);

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 F 10001000 1 1", "1.1 L 2000 1 0", "1.1 S ffff888000001000 1 0", "1.1 S 7f00 1 0",
	       "1.1 S 3000 1 0", "7.7 F 10001004 1 1", "7.7 S 2000 1 0", "1.1 F ffffffff81000000 1 1",
	       "1.1 L 2000 1 0", "1.1 L ffff888000001000 1 0");
	memset(bytes, 0, 8);
	g = import_bytes("cloudsuite", "", bytes, 96);
	EXPECT(g, "1.1 L 2000 1 1", "1.1 S ffff888000001000 1 0", "1.1 S 7f00 1 0", "1.1 S 3000 1 0");
}
END_TEST

START_TEST(champsim_bad)
{
	size_t n = champsim_fixture(bytes);
	struct got *g;

	g = import_bytes("champsim", "", bytes, n - 1);
	ck_assert_int_eq(g->result, -(int)ERR_TRUNCATED);
	ck_assert_uint_eq(g->n, 10);
	ck_assert_ptr_nonnull(strstr(g->err.text, "cut off at byte 192: 63 bytes left, a record has 64"));
	bytes[64 + 9] = 2;
	g = import_bytes("champsim", "", bytes, n);
	ck_assert_int_eq(g->result, -(int)ERR_FORMAT);
	ck_assert_uint_eq(g->n, 2);
	ck_assert_ptr_nonnull(strstr(g->err.text, "record 2 at byte 64"));
	/* Zeros are no trace. */
	memset(bytes, 0, sizeof bytes);
	ck_assert_int_eq(importer_find("champsim")->probe((uint8_t *)bytes, 4096), 0);
	ck_assert_int_eq(importer_find("oraclegeneral")->probe((uint8_t *)bytes, 4096), 0);
}
END_TEST

/* ---- libCacheSim ---- */

START_TEST(oracle_records)
{
	struct got *g = import_fixture("oraclegeneral", "", oraclegeneral_fixture);

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 L 5000 4096 1", "1.1 L 7000 512 1", "1.1 L 5000 4096 1", "1.1 L 9000 1 1",
	       "1.1 L 7000 512 1");
	ck_assert(g->provenance.no_fetches && !g->provenance.no_sizes);
	g = import_fixture("oraclegeneral", "object=address", oraclegeneral_fixture);
	ck_assert_str_eq(g->line[1], "1.1 L 7 512 1");
	/* 3, 4 … 8, 10, 11, 13, 14 store; 9 is an order; the namespace is the process. */
	g = import_fixture("oracleopns", "", oracleopns_fixture);
	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 L 5000 4096 1", "3.3 S 7000 512 1", "1.1 S 5000 8 1", "3.3 L 7000 512 1");
}
END_TEST

START_TEST(oracle_bad)
{
	size_t n = oraclegeneral_fixture(bytes);
	const struct importer_ops *ops = importer_find("oraclegeneral");
	struct got *g;

	ck_assert_int_eq(ops->probe((uint8_t *)bytes, n), 90);
	put_u64((uint8_t *)bytes + 16, 2); /* record 2 is another object */
	ck_assert_int_eq(ops->probe((uint8_t *)bytes, n), 0);
	put_u64((uint8_t *)bytes + 24 + 4, UINT64_C(1) << 52);
	g = import_bytes("oraclegeneral", "", bytes, n);
	ck_assert_int_eq(g->result, -(int)ERR_FORMAT);
	ck_assert_uint_eq(g->n, 1);
	ck_assert_ptr_nonnull(strstr(g->err.text, "object=address"));
	n = oracleopns_fixture(bytes);
	bytes[27 + 16] = 15;
	g = import_bytes("oracleopns", "", bytes, n);
	ck_assert_int_eq(g->result, -(int)ERR_FORMAT);
	ck_assert_uint_eq(g->n, 1);
}
END_TEST

/* ---- gem5 ---- */

START_TEST(gem5_records)
{
	struct got *g = import_fixture("gem5", "", gem5_fixture);

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1.1 F 80000000 64 1", "1.1 L 10ff8 16 1", "1.1 S 7fffffff8 8 1");
	ck_assert(g->provenance.physical && g->provenance.no_threads && !g->provenance.no_sizes);
}
END_TEST

START_TEST(gem5_bad)
{
	size_t n = gem5_fixture(bytes), at = n;
	uint8_t *p = (uint8_t *)bytes;
	struct got *g;

	/* A length of more than 32 KiB; one of eleven bytes; a packet without size; size 0; no header. */
	n += varint_put(p + n, 40000);
	g = import_bytes("gem5", "", bytes, n);
	ck_assert_int_eq(g->result, -(int)ERR_FORMAT);
	ck_assert_uint_eq(g->n, 3);
	memset(p + at, 0xff, 20);
	ck_assert_int_eq(import_bytes("gem5", "", bytes, at + 20)->result, -(int)ERR_FORMAT);
	memcpy(p + at, "\x06\x08\x01\x10\x01\x18\x05", 7);
	ck_assert_int_eq(import_bytes("gem5", "", bytes, at + 7)->result, -(int)ERR_FORMAT);
	ck_assert_int_eq(
		import_bytes("gem5", "", bytes, at + gem5_packet_put(p + at, 1, 1, 64, 0, 0))->result,
		-(int)ERR_FORMAT);
	ck_assert_int_eq(
		import_bytes("gem5", "", bytes, at + gem5_packet_put(p + at, 1, 4, UINT64_MAX - 2, 8, 0))
			->result,
		-(int)ERR_FORMAT);
	/* Three bytes of the next packet. */
	gem5_packet_put(p + at, 1, 4, 64, 8, 0);
	g = import_bytes("gem5", "", bytes, at + 3);
	ck_assert_int_eq(g->result, -(int)ERR_TRUNCATED);
	ck_assert_uint_eq(g->n, 3);
	p[5 + 1] = 200; /* the obj_id is longer than the header */
	ck_assert_int_eq(import_bytes("gem5", "", bytes, at)->result, -(int)ERR_FORMAT);
	p[0] = 'G';
	ck_assert_int_eq(import_bytes("gem5", "", bytes, at)->result, -(int)ERR_FORMAT);
}
END_TEST

/* ---- drmemtrace ---- */

static char origin[300];

/* What lies at `path`; where it says it comes from goes to origin. */
static struct got *import_path(const char *format)
{
	static struct got g;
	struct importer *im;
	struct batch b;

	memset(&g, 0, sizeof g);
	g.result = importer_open(&im, importer_find(format), path, "", &g.err);
	if (g.result)
		return &g;
	im->ops->provenance(im, &g.provenance);
	snprintf(origin, sizeof origin, "%s, %s, %s", g.provenance.recorder, g.provenance.recorded_at,
		 g.provenance.notes);
	while ((g.result = im->ops->next(im, &b, &g.err)) > 0)
		add_batch(&g, &b);
	im->ops->close(im);
	return &g;
}

START_TEST(drmemtrace_records)
{
	struct got *g = import_fixture("drmemtrace", "", drmemtrace_fixture);

	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "1000.1002 F 401000 5 1", "1000.1002 L 7ffc0ff8 8 0", "1000.1002 F 401005 2 1",
	       "1000.1002 F 401007 2 1", "1000.1002 F 401009 3 1", "1000.1002 F 40100c 4 1",
	       "1000.1002 S 7ffffffff000 16 0", "1000.1002 F 401010 2 1",
	       /* 0x1000 and 2 are its arguments; it is over 2.5 ms later, on CPU 3 */
	       "1000.1002 other number=9 a0=0x1000 a1=0x2 a2=0x0 a3=0x0 a4=0x0 result=139637976727552 cpu=3 "
	       "time=2500000",
	       "1000.1002 F 401012 2 1", "1000.1002 L 50 1 0",
	       "1000.1002 other number=11 a0=0x0 a1=0x0 a2=0x0 a3=0x0 a4=0x0 result=-22 cpu=3 time=2500000",
	       "1000.1002 other number=231 a0=0x0 a1=0x0 a2=0x0 a3=0x0 a4=0x0 cpu=3 time=2500000",
	       "1000.1002 exit status=0 cpu=3 time=2500000");
	ck_assert(!g->provenance.no_threads && !g->provenance.no_times && !g->provenance.sampled);
	import_path("drmemtrace");
	/* 13350000000 - 11644473600 seconds after 1970 */
	ck_assert_str_eq(origin, "drmemtrace version 7, 2024-01-17T21:20:00Z, 1 file");
	ck_assert_int_eq(import_fixture("drmemtrace", "x=1", drmemtrace_fixture)->result, -(int)ERR_USAGE);
}
END_TEST

START_TEST(drmemtrace_bad)
{
	static const struct {
		unsigned type, size;
		uint64_t value;
		enum err_code code;
	} rows[] = {
		{50, 0, 0, ERR_FORMAT},     {22, 4, UINT64_C(1) << 32, ERR_FORMAT},
		{25, 0, 8, ERR_FORMAT},     {10, 4097, 64, ERR_FORMAT},
		{17, 9, 0, ERR_FORMAT},     {1, 8, UINT64_MAX - 3, ERR_FORMAT},
		{1, 65535, 0x7fff, ERR_OK}, {28, 999, 5, ERR_OK},
		{26, 0, 0, ERR_OK},         {22, 4, UINT64_MAX, ERR_OK},
	};
	uint8_t *p = (uint8_t *)bytes;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t n = dr_head_put(p, 2, 5, 5, 0);
		struct got *g;

		n += dr_put(p + n, 10, 4, 0x401000);
		n += dr_put(p + n, rows[i].type, rows[i].size, rows[i].value);
		n += dr_tail_put(p + n, 5);
		g = import_bytes("drmemtrace", "", bytes, n);
		ck_assert_msg(g->result == -(int)rows[i].code, "row %zu: %d %s", i, g->result, g->err.text);
		ck_assert_str_eq(g->line[0], "5.5 F 401000 4 1");
		if (rows[i].code)
			ck_assert_ptr_nonnull(strstr(g->err.text, "record 11 at byte 120: expected"));
		/* Without its footer it was cut off. */
		g = import_bytes("drmemtrace", "", bytes, n - 12);
		ck_assert_int_eq(g->result, -(int)(rows[i].code ? ERR_FORMAT : ERR_TRUNCATED));
	}
	/* 65535 bytes from 0x7fff on: 1, then 15 pages, then the rest. */
	ck_assert_int_eq(import_bytes("drmemtrace", "", "no header at all", 16)->result, -(int)ERR_FORMAT);
	ck_assert_int_eq(import_bytes("drmemtrace", "", bytes, 0)->result, -(int)ERR_TRUNCATED);
}
END_TEST

START_TEST(drmemtrace_large_access)
{
	uint8_t *p = (uint8_t *)bytes;
	size_t n = dr_head_put(p, 2, 5, 5, 0);
	struct got *g;

	n += dr_put(p + n, 1, 10000, 0x7fff);
	n += dr_tail_put(p + n, 5);
	g = import_bytes("drmemtrace", "", bytes, n);
	ck_assert_str_eq(g->err.text, "");
	EXPECT(g, "5.5 S 7fff 1 0", "5.5 S 8000 4096 0", "5.5 S 9000 4096 0", "5.5 S a000 1807 0",
	       "5.5 exit status=0 cpu=2");
}
END_TEST

/* A file of the directory; mode: as it is, as a zip of two chunks, or as an lz4 frame. */
static void put_file(const char *dir, const char *name, const void *data, size_t n, int mode)
{
	static uint8_t packed[16384];
	char file[200];
	FILE *f;

	snprintf(file, sizeof file, "%s/%s", dir, name);
	if (mode == 1) {
		zip_t *z = zip_open(file, ZIP_CREATE, NULL);

		zip_file_add(z, "chunk.0000", zip_source_buffer(z, data, 120, 0), 0);
		zip_file_add(z, "chunk.0001", zip_source_buffer(z, (const char *)data + 120, n - 120, 0), 0);
		ck_assert_int_eq(zip_close(z), 0);
		return;
	}
	if (mode == 2) {
		n = LZ4F_compressFrame(packed, sizeof packed, data, n, NULL);
		data = packed;
	}
	f = fopen(file, "wb");
	ck_assert(f && fwrite(data, 1, n, f) == n && fclose(f) == 0);
}

/* Two threads that take turns by their clocks: 1 at 0 and 200, 2 at 100 and 200 (behind 1, whose file is
 * first). */
static void put_directory(const char *dir, size_t cut)
{
	uint8_t *p = (uint8_t *)bytes;
	size_t n = dr_head_put(p, 6, 1, 1, 0);

	n += dr_put(p + n, 0, 8, 0x1000);
	n += dr_put(p + n, 28, 2, DR_TIME(200));
	n += dr_put(p + n, 0, 8, 0x1008);
	n += dr_put(p + n, 0, 8, 0x1010);
	n += dr_tail_put(p + n, 1);
	put_file(dir, "drmemtrace.app.1.trace.zip", bytes, n - cut, 1);
	n = dr_head_put(p, 6, 2, 1, 100);
	n += dr_put(p + n, 1, 4, 0x2000);
	n += dr_put(p + n, 28, 2, DR_TIME(200));
	n += dr_put(p + n, 1, 4, 0x2004);
	n += dr_tail_put(p + n, 2);
	put_file(dir, "drmemtrace.app.2.trace.lz4", bytes, n, 2);
	put_file(dir, "cpu_schedule.bin.zip", "no trace", 8, 0);
	put_file(dir, "v2p.textproto", "page_size: 4096", 15, 0);
}

START_TEST(drmemtrace_directory)
{
	struct err e = {0};
	char command[200], below[100];
	struct got *g;

	snprintf(path, sizeof path, "/tmp/faultline-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	snprintf(below, sizeof below, "%s/trace", path);
	ck_assert_int_eq(mkdir(below, 0700), 0);
	g = import_path("drmemtrace");
	ck_assert_int_eq(g->result, -(int)ERR_OPEN);
	ck_assert_ptr_null(importer_probe(path, &e));
	for (int i = 0; i < 3; i++) {
		/* below DIR/trace, in DIR itself, and there with the first file cut off in front of its exit
		 */
		put_directory(i ? path : below, i == 2 ? 24 : 0);
		ck_assert_ptr_eq(importer_probe(path, &e), importer_find("drmemtrace"));
		g = import_path("drmemtrace");
		ck_assert_int_eq(g->result, i == 2 ? -(int)ERR_TRUNCATED : 0);
		if (i == 2)
			EXPECT(g, "1.1 L 1000 8 0", "1.2 S 2000 4 0", "1.1 L 1008 8 0", "1.1 L 1010 8 0",
			       "1.2 S 2004 4 0", "1.2 exit status=0 cpu=2 time=200000");
		else
			EXPECT(g, "1.1 L 1000 8 0", "1.2 S 2000 4 0", "1.1 L 1008 8 0", "1.1 L 1010 8 0",
			       "1.1 exit status=0 cpu=2 time=200000", "1.2 S 2004 4 0",
			       "1.2 exit status=0 cpu=2 time=200000");
		ck_assert_str_eq(origin,
				 "drmemtrace version 6, 2024-01-17T21:20:00Z, 2 files; v2p.textproto has "
				 "physical addresses, which are not read");
		snprintf(command, sizeof command, "%s/drmemtrace.app.1.trace.zip", path);
		unlink(command);
	}
	snprintf(command, sizeof command, "rm -r %s", path);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, champsim_records);
	tcase_add_test(t, cloudsuite_records);
	tcase_add_test(t, champsim_bad);
	tcase_add_test(t, oracle_records);
	tcase_add_test(t, oracle_bad);
	tcase_add_test(t, gem5_records);
	tcase_add_test(t, gem5_bad);
	tcase_add_test(t, drmemtrace_records);
	tcase_add_test(t, drmemtrace_bad);
	tcase_add_test(t, drmemtrace_large_access);
	tcase_add_test(t, drmemtrace_directory);
	return run_case("binary_formats", t);
}
