/*
 * fuzz_input.c - compressed input of every kind, to its end or to 64 MiB of it.
 */
#include "tests/fuzz/fuzz.h"

#include <zlib.h>
#include <zstd.h>

#include "traces/compress.h"

#define MOST (64u << 20)

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char text[] = "1.1 L 7f00 8 1\n1.1 S 7f08 8 1\n1.1 L 7f00 8 1\n1.1 S 7f08 8 1\n";
	static const uint8_t magics[][6] = {{0xfd, '7', 'z', 'X', 'Z', 0},
					    {4, 0x22, 0x4d, 0x18, 0x64, 0x40},
					    {'B', 'Z', 'h', '9', 0x31, 0x41},
					    {0xff, 6, 0, 0, 's', 'N'},
					    {'P', 'K', 3, 4, 20, 0}};
	uint8_t bytes[256];
	uLongf n = sizeof bytes;
	char name[16];

	(void)argc, (void)argv;
	if (!getenv("SEEDS"))
		return 0;
	fuzz_seed("zstd", bytes, ZSTD_compress(bytes, sizeof bytes, text, sizeof text - 1, 3));
	compress(bytes, &n, (const Bytef *)text, sizeof text - 1);
	fuzz_seed("zlib", bytes, n);
	fuzz_seed("plain", text, sizeof text - 1);
	for (size_t i = 0; i < sizeof magics / sizeof *magics; i++) {
		snprintf(name, sizeof name, "magic-%zu", i);
		fuzz_seed(name, magics[i], sizeof *magics);
	}
	exit(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buffer[1 << 16];
	uint64_t total = 0, done, of;
	struct input *in = NULL;
	struct err e = {0};
	size_t got = 1;
	char path[32];
	int fd = fuzz_file(data, size, path), rc = input_open(&in, path, &e);

	while (rc >= 0 && got && total < MOST) {
		rc = input_read(in, buffer, 1 + total % sizeof buffer, &got, &e);
		total += got;
	}
	fuzz_error(rc, &e);
	if (in) {
		input_position(in, &done, &of);
		input_close(in);
	}
	close(fd);
	return 0;
}
