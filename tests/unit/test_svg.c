/*
 * test_svg.c - pictures are well-formed XML whatever the texts are; charts put points where their axes say.
 */
#include "traces/inspect/svg.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/suite.h"

#include "traces/inspect/chart.h"

static char *text;
static size_t len;

static FILE *begin(void)
{
	return open_memstream(&text, &len);
}

/* What svg_text made of s, between the tags. */
static char *written(const char *s)
{
	FILE *f = begin();
	char *from, *to, *out;

	svg_text(f, 1, 2, "axis", SVG_END, "%s", s);
	fclose(f);
	from = strchr(text, '>') + 1;
	to = strstr(from, "</text>");
	ck_assert_ptr_nonnull(to);
	out = strndup(from, (size_t)(to - from));
	free(text);
	return out;
}

#define BAD "\xef\xbf\xbd"

START_TEST(texts)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"plain", "plain"},
		{"<a&\">", "&#60;a&#38;&#34;&#62;"},
		{"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"\x01\n\x7f", BAD BAD BAD},
		{"\xc3", BAD},                         /* cut off */
		{"\xc3(", BAD "("},                    /* no continuation */
		{"\xc0\xaf", BAD BAD},                 /* overlong */
		{"\xe0\x80\xaf", BAD BAD BAD},         /* overlong */
		{"\xed\xa0\x80", BAD BAD BAD},         /* a surrogate */
		{"\xef\xbf\xbf", BAD BAD BAD},         /* no character */
		{"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* above 10ffff */
		{"\xff\xfe", BAD BAD},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *got = written(rows[i].in);

		ck_assert_str_eq(got, rows[i].out);
		free(got);
	}
}
END_TEST

START_TEST(document)
{
	FILE *f = begin();

	svg_begin(f, 100, 50, "a<b", "c&d");
	svg_end(f);
	fclose(f);
	ck_assert_ptr_nonnull(strstr(text, "<title>a&#60;b</title>"));
	ck_assert_ptr_nonnull(strstr(text, "<desc>c&#38;d</desc>"));
	ck_assert_ptr_nonnull(strstr(text, "viewBox=\"0 0 100 50\""));
	ck_assert_str_eq(text + len - 7, "</svg>\n");
	free(text);
}
END_TEST

START_TEST(bytes)
{
	char buf[32];

	ck_assert_str_eq(chart_bytes(buf, sizeof buf, 0), "0 B");
	ck_assert_str_eq(chart_bytes(buf, sizeof buf, 1023), "1023 B");
	ck_assert_str_eq(chart_bytes(buf, sizeof buf, 4096), "4 KiB");
	ck_assert_str_eq(chart_bytes(buf, sizeof buf, 1536 * 1024), "1.50 MiB");
	ck_assert_str_eq(chart_bytes(buf, sizeof buf, 39.34 * 1048576), "39.3 MiB");
	ck_assert_str_eq(chart_bytes(buf, sizeof buf, 0x1p41), "2 TiB");
}
END_TEST

static void draw(bool linear, bool y_log)
{
	static const double x[] = {4096, 16384, 65536}, y[] = {1, 0.1, 0.01};
	const struct chart_series s = {"one", 3, x, y};
	FILE *f = begin();

	chart_draw(f, &(struct chart){.title = "t",
				      .subtitle = "s",
				      .x_label = "x",
				      .y_label = "y",
				      .axis = CHART_BYTES,
				      .linear = linear,
				      .y_log = y_log,
				      .y_percent = true,
				      .series = &s,
				      .nr_series = 1});
	fclose(f);
}

/*
 * The plane is 76 … 872 wide and 74 … 478 high. Logarithmic: the points lie at the edges and in the middle,
 * at every second of four doublings and at each of two decades.
 */
START_TEST(axes)
{
	draw(false, true);
	ck_assert_ptr_nonnull(strstr(text, "d=\"M76.0 74.00H474.0V276.00H872.0V478.00H872.0\""));
	ck_assert_ptr_nonnull(strstr(text, ">16 KiB<"));
	ck_assert_ptr_nonnull(strstr(text, ">10 %<"));
	free(text);
	draw(true, false); /* x from 0: 1/16, 1/4, 1 of the width; y: 1, 0.1, 0.01 of the height */
	ck_assert_ptr_nonnull(strstr(text, "d=\"M125.8 74.00H275.0V437.60H872.0V473.96H872.0\""));
	ck_assert_ptr_nonnull(strstr(text, ">80 %<"));
	free(text);
}
END_TEST

/* Nothing to draw, or all points in one place: a picture without infinities. */
START_TEST(degenerate)
{
	static const double x[] = {4096}, y[] = {0};
	const struct chart_series one = {"one", 1, x, y}, none = {"none", 0, x, y};
	const struct chart_series *const both[] = {&one, &none};

	for (size_t i = 0; i < 8; i++) {
		FILE *f = begin();

		chart_draw(f, &(struct chart){.title = "t",
					      .subtitle = "s",
					      .x_label = "x",
					      .y_label = "y",
					      .linear = i & 1,
					      .y_log = i & 2,
					      .series = both[i >> 2],
					      .nr_series = 1});
		fclose(f);
		ck_assert_ptr_null(strstr(text, "nan"));
		ck_assert_ptr_null(strstr(text, "inf"));
		ck_assert_str_eq(text + len - 7, "</svg>\n");
		free(text);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("all");

	tcase_add_test(t, texts);
	tcase_add_test(t, document);
	tcase_add_test(t, bytes);
	tcase_add_test(t, axes);
	tcase_add_test(t, degenerate);
	return run_case("svg", t);
}
