/*
 * test_textfile_prop.c - formats that take lines in bulk: what the quick parser of common lines takes is what
 * the careful parser of single lines makes of it.
 *
 * Random files, some lines of which have a wrong character, are imported twice: as they are, and with lines
 * that the quick parser leaves alone (a carriage return at their end, a tab in front where the format allows
 * one). Both give the same records and, at the same line, the same error.
 */
#include "tests/suite.h"
#include "tests/unit/formats_support.h"

#include "sim/rng.h"

#define LINES_MAX  60
#define FILES      150
#define LINE       256
#define FILE_BYTES (LINES_MAX * (LINE + 4) + 200)

static struct rng rng;

static const struct grammar {
	const char *format, *head, *tail;
	const char *front; /* what may stand in front of a line */
	/* R: hex number, D: decimal number, O: one of ops, others stand for themselves */
	const char *lines[4];
	const char *ops[6];
} grammars[] = {
	{"rw", "", "", "\t", {"O R", "O 0xR"}, {"r", "w", "R", "W"}},
	{"dramsim3",
	 "",
	 "",
	 "\t",
	 {"R O D", "0xR  O D"},
	 {"READ", "WRITE", "read", "P_MEM_WR", "IFETCH", "Boff"}},
	{"ramulator", "", "", "\t", {"0xR O", "R O "}, {"R", "W", "r"}},
	{"ramulator2", "", "", "\t", {"O 0xR", "O D"}, {"LD", "ST", "ld", "Ld"}},
	{"prospero", "", "", "\t", {"D O D 8", "D O D D"}, {"R", "W", "w"}},
	{"din", "", "", "\t", {"O R", "O R remark", "O 0xR  x"}, {"0", "1", "2", "3", "4", "6"}},
	{"xdin", "", "", "\t", {"O R 4", "O R R", "O R 8 x y"}, {"r", "w", "i", "m", "c", "V"}},
	{"pinatrace",
	 "",
	 "",
	 "\t",
	 {"0xR: O 0xR", "0xR: O 0xR 8", "0xR:O 0xR  D  0xR", "# R"},
	 {"R", "W", "ST", "I"}},
	{"course", "", "", "\t", {"R O", "0xR O", "R  O"}, {"R", "W", "r", "WRITE"}},
	{"lackey", " L 10,4\n", "", "", {"I  R,4", " O R,8", " O R,D", "== x"}, {"L", "S", "M", "s"}},
	{"text",
	 "# faultline trace text 1\n",
	 "# end accesses 40 controls 0\n",
	 "",
	 {"1.1 O R 8 1", "1.12 O R D 0", "4294967295.4294967295 O R 1 7", "77.123456 O R 1 65535"},
	 {"L", "S", "F"}},
	{"memtrace",
	 "# memtrace 1\n# x\n",
	 "# end accesses 40 events 40\n",
	 "",
	 {"O 1 1 R 8", "O 1 12 R D", "O 99 4294967295 R 8", "O 1234567 12345678 R 1"},
	 {"R", "W"}},
};

static size_t put_number(char *out, size_t room, const char *spec)
{
	uint64_t v = rng_next(&rng) >> rng_below(&rng, 64);

	if (rng_below(&rng, 4) == 0)
		v = rng_below(&rng, 5000);
	if (*spec == 'D')
		return (size_t)snprintf(out, room, "%" PRIu64, v);
	return (size_t)snprintf(out, room, rng_below(&rng, 2) ? "%" PRIx64 : "%010" PRIx64, v);
}

static size_t put_line(char out[LINE], const struct grammar *g)
{
	static const char junk[] = "0123456789abcdefxXRWLSFIr ,.:#\t~";
	size_t n = 0, nr_lines = 0, nr_ops = 0;

	while (nr_lines < ARRAY_LEN(g->lines) && g->lines[nr_lines])
		nr_lines++;
	while (nr_ops < ARRAY_LEN(g->ops) && g->ops[nr_ops])
		nr_ops++;
	for (const char *s = g->lines[rng_below(&rng, nr_lines)]; *s; s++) {
		if (*s == 'R' || *s == 'D')
			n += put_number(out + n, LINE - n, s);
		else if (*s == 'O')
			n += (size_t)snprintf(out + n, LINE - n, "%s", g->ops[rng_below(&rng, nr_ops)]);
		else
			out[n++] = *s;
	}
	if (rng_below(&rng, 60) == 0)
		out[rng_below(&rng, n)] = junk[rng_below(&rng, sizeof junk - 1)];
	return n;
}

/* A file twice: as it is, and for the careful parser. */
static void put_files(const struct grammar *g, char quick[FILE_BYTES], char careful[FILE_BYTES])
{
	size_t lines = 1 + rng_below(&rng, LINES_MAX), n, m;

	n = m = (size_t)snprintf(quick, FILE_BYTES, "%s", g->head);
	memcpy(careful, quick, n);
	for (size_t i = 0; i < lines; i++) {
		char line[LINE];
		int len = (int)put_line(line, g);

		n += (size_t)snprintf(quick + n, FILE_BYTES - n, "%.*s\n", len, line);
		m += (size_t)snprintf(careful + m, FILE_BYTES - m, "%s%.*s\r\n", g->front, len, line);
	}
	snprintf(quick + n, FILE_BYTES - n, "%s", g->tail);
	snprintf(careful + m, FILE_BYTES - m, "%s", g->tail);
}

/* Cuts a message where it says what is not the same: the byte and the text that was found. */
static void cut_message(struct got *g)
{
	char *at = strstr(g->err.text, ": at byte");

	if (at)
		*at = '\0';
}

START_TEST(quick_and_careful)
{
	const struct grammar *g = &grammars[_i];
	static char quick[FILE_BYTES], careful[FILE_BYTES];
	static struct got first;
	size_t good = 0, bad = 0;

	rng_init(&rng, (uint64_t)_i, "test.textfile");
	for (int i = 0; i < FILES; i++) {
		const struct got *second;

		put_files(g, quick, careful);
		first = *import(g->format, "", quick);
		cut_message(&first);
		second = import(g->format, "", careful);
		cut_message((struct got *)second);
		ck_assert_msg(first.result == second->result && !strcmp(first.err.text, second->err.text),
			      "%s, file %d: %s, but %s\n%s", g->format, i, first.err.text, second->err.text,
			      quick);
		ck_assert_uint_eq(first.n, second->n);
		for (size_t k = 0; k < first.n; k++)
			ck_assert_str_eq(first.line[k], second->line[k]);
		good += first.n;
		bad += first.result != 0;
	}
	/* neither without errors nor errors alone */
	ck_assert_uint_gt(good, FILES);
	ck_assert_uint_gt(bad, FILES / 20);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("textfile");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, quick_and_careful, 0, (int)ARRAY_LEN(grammars));
	return run_case("textfile_prop", tc);
}
