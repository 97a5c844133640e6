/*
 * formats_binary.h - small files of the binary formats, made from their layouts; each function returns how
 * many bytes it put into out.
 */
#ifndef TESTS_UNIT_FORMATS_BINARY_H
#define TESTS_UNIT_FORMATS_BINARY_H

#include <string.h>

#include "traces/bytes.h"

/* An instruction of ChampSim: 64 bytes, or CloudSuite's 96. */
static inline size_t champsim_put(uint8_t *p, bool cloudsuite, uint64_t ip, const uint64_t *loads,
				  unsigned nr_loads, const uint64_t *stores, unsigned nr_stores)
{
	memset(p, 0, 96);
	put_u64(p, ip);
	p[8] = p[9] = ip % 5 == 0;
	p[10] = 7; /* registers say nothing */
	for (unsigned i = 0; i < nr_stores; i++)
		put_u64(p + (cloudsuite ? 24 : 16) + 8 * i, stores[i]);
	for (unsigned i = 0; i < nr_loads; i++)
		put_u64(p + (cloudsuite ? 56 : 32) + 8 * i, loads[i]);
	return cloudsuite ? 96 : 64;
}

static inline size_t champsim_fixture(char *out)
{
	static const uint64_t stack[] = {0x7ffc00001000, 0, 0x7ffc00001010, 0x601040};
	uint8_t *p = (uint8_t *)out;

	p += champsim_put(p, false, 0x401000, stack, 1, NULL, 0);
	p += champsim_put(p, false, 0x401004, NULL, 0, stack, 1);
	p += champsim_put(p, false, 0x401008, stack, 4, stack + 2, 2);
	p += champsim_put(p, false, 0x401010, NULL, 0, NULL, 0);
	return (size_t)(p - (uint8_t *)out);
}

static inline size_t cloudsuite_fixture(char *out)
{
	static const uint64_t at[] = {0x2000, 0xffff888000001000, 0x7f00, 0x3000};
	uint8_t *p = (uint8_t *)out;

	p += champsim_put(p, true, 0x10001000, at, 1, at + 1, 3);
	p += champsim_put(p, true, 0x10001004, at, 0, at, 1);
	put_u16(p - 96 + 88, 6); /* address space */
	p += champsim_put(p, true, 0xffffffff81000000, at, 2, NULL, 0);
	return (size_t)(p - (uint8_t *)out);
}

static inline size_t oracle_put(uint8_t *p, unsigned bytes, uint32_t seconds, uint64_t object, uint32_t size,
				uint8_t op, uint16_t space, int64_t next)
{
	put_u32(p, seconds);
	put_u64(p + 4, object);
	put_u32(p + 12, size);
	if (bytes == 27) {
		p[16] = op;
		put_u16(p + 17, space);
	}
	put_u64(p + bytes - 8, (uint64_t)next);
	return bytes;
}

/* Objects 5 7 5 9 7. */
static inline size_t oraclegeneral_fixture(char *out)
{
	uint8_t *p = (uint8_t *)out;

	p += oracle_put(p, 24, 10, 5, 4096, 0, 0, 3);
	p += oracle_put(p, 24, 10, 7, 512, 0, 0, 5);
	p += oracle_put(p, 24, 11, 5, 70000, 0, 0, -1);
	p += oracle_put(p, 24, 12, 9, 1, 0, 0, INT64_MAX);
	p += oracle_put(p, 24, 12, 7, 512, 0, 0, -1);
	return (size_t)(p - (uint8_t *)out);
}

static inline size_t oracleopns_fixture(char *out)
{
	uint8_t *p = (uint8_t *)out;

	p += oracle_put(p, 27, 10, 5, 4096, 1, 0, 3);
	p += oracle_put(p, 27, 10, 7, 512, 13, 2, 5);
	p += oracle_put(p, 27, 11, 5, 8, 3, 0, -1);
	p += oracle_put(p, 27, 12, 9, 1, 9, 0, -1); /* delete */
	p += oracle_put(p, 27, 12, 7, 512, 12, 2, -1);
	return (size_t)(p - (uint8_t *)out);
}

static inline size_t varint_put(uint8_t *p, uint64_t v)
{
	size_t n = 0;

	for (; v > 127; v >>= 7)
		p[n++] = (uint8_t)(v | 0x80);
	p[n++] = (uint8_t)v;
	return n;
}

static inline size_t gem5_packet_put(uint8_t *p, uint64_t tick, uint64_t cmd, uint64_t addr, uint64_t size,
				     uint64_t flags)
{
	const uint64_t v[] = {tick, cmd, addr, size, flags};
	uint8_t body[80];
	size_t n = 0, head;

	for (unsigned i = 0; i < 5; i++) {
		body[n++] = (uint8_t)((i + 1) << 3);
		n += varint_put(body + n, v[i]);
	}
	head = varint_put(p, n);
	memcpy(p + head, body, n);
	return head + n;
}

static inline size_t gem5_fixture(char *out)
{
	/* obj_id "cpu", ver 0, tick_freq 10^12, an id_string {1: 0, 2: "x"}, a field 9 nobody knows */
	static const uint8_t header[] = {0x0a, 3,    'c',  'p',  'u',  0x10, 0, 0x18, 0x80,
					 0xa0, 0x94, 0xa5, 0x8d, 0x1d, 0x22, 5, 0x08, 0,
					 0x12, 1,    'x',  0x4d, 1,    2,    3, 4};
	uint8_t *p = (uint8_t *)out;

	memcpy(p, "gem5", 4);
	p[4] = sizeof header;
	memcpy(p + 5, header, sizeof header);
	p += 5 + sizeof header;
	p += gem5_packet_put(p, 500, 1, 0x80000000, 64, 0x100);
	p += gem5_packet_put(p, 1000, 1, 0x10ff8, 16, 0);
	p += gem5_packet_put(p, 1500, 2, 0x10ff8, 16, 0); /* a response */
	p += gem5_packet_put(p, 9000000000, 4, 0x7fffffff8, 8, 0);
	return (size_t)(p - (uint8_t *)out);
}

static inline size_t dr_put(uint8_t *p, unsigned type, unsigned size, uint64_t value)
{
	put_u16(p, (uint16_t)type);
	put_u16(p + 2, (uint16_t)size);
	put_u64(p + 4, value);
	return 12;
}

#define DR_TIME(us) (UINT64_C(13350000000000000) + (us)) /* after 1601 */

/* What stands in front of the first time marker. */
static inline size_t dr_head_put(uint8_t *p, unsigned version, uint64_t tid, uint64_t pid, uint64_t first_us)
{
	size_t n = dr_put(p, 25, 0, version);

	n += dr_put(p + n, 28, 12, version);
	n += dr_put(p + n, 28, 9, 0xe40); /* system calls are marked */
	n += dr_put(p + n, 22, 4, tid);
	n += dr_put(p + n, 24, 4, pid);
	n += dr_put(p + n, 28, 10, 64);
	n += dr_put(p + n, 28, 18, 4096);
	n += dr_put(p + n, 28, 2, DR_TIME(first_us));
	return n + dr_put(p + n, 28, 3, 0x5002); /* node 5, CPU 2 */
}

static inline size_t dr_tail_put(uint8_t *p, uint64_t tid)
{
	size_t n = dr_put(p, 23, 4, tid);

	return n + dr_put(p + n, 26, 0, 0);
}

static inline size_t drmemtrace_fixture(char *out)
{
	uint8_t *p = (uint8_t *)out;
	static const struct {
		unsigned type, size;
		uint64_t value;
	} rows[] = {
		{47, 5, 0x824448b48}, /* encoding */
		{10, 5, 0x401000},    /* instruction */
		{0, 8, 0x7ffc0ff8},   /* load */
		{47, 2, 0xfeeb},
		{48, 2, 0x401005},       /* taken jump */
		{2, 1, 0x9000},          /* prefetch */
		{17, 3, 0x040302},       /* three instructions of 2, 3 and 4 bytes behind it */
		{29, 2, 0x401007},       /* a repeated string instruction … */
		{1, 16, 0x7ffffffff000}, /* … stores */
		{28, 21, 0},             /* end of chunk */
		{28, 22, 77},
		{28, 2, DR_TIME(0)}, /* the same time again */
		{28, 3, 0x5002},
		{10, 2, 0x401010},
		{28, 25, 9}, /* system call 9 */
		{28, 26, 0},
		{28, 4, (UINT64_C(1) << 32) + 9},
		{28, 6, 0x1000},
		{28, 6, 2},
		{28, 27, 9}, /* the kernel's own accesses */
		{10, 4, 0xffffffff81000000},
		{0, 8, 0xffff888000000000},
		{28, 28, 9},
		{28, 2, DR_TIME(2500)},
		{28, 3, 3},
		{28, 4, (UINT64_C(1) << 32) + 9},
		{28, 7, 0x7f0000000000},
		{10, 2, 0x401012},
		{0, 0, 0x50}, /* a size that is not known */
		{28, 25, 11},
		{28, 4, (UINT64_C(1) << 32) + 11},
		{28, 7, 99},
		{28, 30, 22}, /* it failed */
		{28, 25, 231},
	};

	p += dr_head_put(p, 7, 1002, 1000, 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		p += dr_put(p, rows[i].type, rows[i].size, rows[i].value);
	p += dr_tail_put(p, 1002);
	return (size_t)(p - (uint8_t *)out);
}

#endif
