/*
 * zlib.c - zlib streams (RFC 1950) one behind another, as DAMON's tools and others write whole files.
 *
 * The format has no magic: what is taken for one begins with 0x78 (deflate, a window of 32 KiB) and one of
 * the levels whose second byte is no printable character; level 2 to 5 of zlib (0x5e) is a text's "x^".
 */
#include "traces/compress/deflate.h"

static bool zlib_probe(const uint8_t *p, size_t n)
{
	return n >= 2 && p[0] == 0x78 && (p[1] == 0x01 || p[1] == 0x9c || p[1] == 0xda);
}

static void *zlib_unpack_open(void)
{
	return deflate_unpack_open(DEFLATE_ZLIB);
}

const struct compression_ops zlib_compression = {
	.name = "zlib",
	.frame = "stream",
	.suffix = ".zz",
	.probe = zlib_probe,
	.unpack_open = zlib_unpack_open,
	.unpack = deflate_unpack,
	.unpack_close = deflate_unpack_close,
};
