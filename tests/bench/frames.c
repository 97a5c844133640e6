/*
 * frames.c - decompresses every zstd frame of a file and throws the bytes away: what decoding cannot be
 * faster than.
 *
 * usage: frames FILE [ROUNDS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

static unsigned char *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	unsigned char *p;
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0 || fseek(f, 0, SEEK_SET)) {
		perror(path);
		exit(4);
	}
	*n = (size_t)size;
	p = malloc(*n + 1);
	if (!p || fread(p, 1, *n, f) != *n) {
		perror(path);
		exit(5);
	}
	fclose(f);
	return p;
}

/* One pass over the file; returns the bytes that came out. */
static size_t decode(ZSTD_DCtx *d, const unsigned char *p, size_t n)
{
	static const unsigned char magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
	static unsigned char out[8 << 20];
	size_t total = 0;

	for (size_t i = 0; i + 4 <= n;) {
		size_t size = memcmp(p + i, magic, 4) ? 0 : ZSTD_findFrameCompressedSize(p + i, n - i);
		size_t got = size && !ZSTD_isError(size)
				     ? ZSTD_decompressDCtx(d, out, sizeof out, p + i, size)
				     : 0;

		if (!got || ZSTD_isError(got)) { /* no frame, or bytes that only looked like one */
			i++;
			continue;
		}
		total += got;
		i += size;
	}
	return total;
}

int main(int argc, char **argv)
{
	ZSTD_DCtx *d = ZSTD_createDCtx();
	size_t n, total = 0;
	unsigned char *p;

	if (argc < 2) {
		fprintf(stderr, "usage: frames FILE [ROUNDS]\n");
		return 2;
	}
	p = read_file(argv[1], &n);
	for (int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 1; rounds > 0; rounds--)
		total += decode(d, p, n);
	printf("%zu\n", total);
	ZSTD_freeDCtx(d);
	free(p);
	return 0;
}
