/*
 * fuzz_format.c - the importer of the format that FORMAT names, and the probes of all of them.
 */
#include "tests/fuzz/fuzz.h"

#pragma clang diagnostic ignored "-Wunused-function" /* the fixtures come with helpers of the unit tests */
#include "tests/unit/formats_fixtures.h"
#include "traces/source.h"

/* A file of some bytes may stand for many accesses, but not for endless ones. */
#define ACCESSES_MAX 200000000u

static const struct importer_ops *format;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static char bytes[FIXTURE_MAX];
	const char *name = getenv("FORMAT");
	char file[64];

	(void)argc, (void)argv;
	format = name ? importer_find(name) : NULL;
	if (!format)
		FUZZ_FAIL("FORMAT: the name of a format, as `faultline trace formats` lists them");
	if (!getenv("SEEDS"))
		return 0;
	for (int i = 0; i < (int)ARRAY_LEN(fixtures); i++) {
		if (strcmp(fixtures[i].format, name) != 0)
			continue;
		snprintf(file, sizeof file, "%s-%d", name, i);
		fuzz_seed(file, bytes, fixture_bytes(i, bytes));
	}
	exit(0);
}

static void check_batch(const struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		uint32_t m = b->meta[i], size = META_SIZE(m);
		bool split = (b->addr[i] & (PAGE_SIZE - 1)) + size > PAGE_SIZE;

		if (META_KIND(m) == 3 || size == 0 || size > META_SIZE_MAX || split != !!(m & META_SPLIT))
			FUZZ_FAIL("access %zu: address %llx, word %x", i, (unsigned long long)b->addr[i], m);
	}
	if (b->control && (!record_op_info(b->control->op) || b->control->op == REC_SYNC))
		FUZZ_FAIL("control record %d", (int)b->control->op);
	if (b->control && b->control->text && strlen(b->control->text) > CONTROL_TEXT_MAX)
		FUZZ_FAIL("a text of %zu bytes", strlen(b->control->text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct provenance p = {0};
	struct importer *im = NULL;
	struct err e = {0};
	uint64_t accesses = 0;
	char input[32];
	int fd = fuzz_file(data, size, input), rc;

	(void)importer_probe(input, &e);
	err_clear(&e);
	rc = importer_open(&im, format, input, "", &e);
	while (rc >= 0 && accesses < ACCESSES_MAX) {
		struct batch b = {0};

		rc = format->next(im, &b, &e);
		if (rc <= 0)
			break;
		check_batch(&b);
		accesses += b.n;
	}
	fuzz_error(rc, &e);
	if (im) {
		format->provenance(im, &p);
		format->close(im);
	}
	close(fd);
	return 0;
}
