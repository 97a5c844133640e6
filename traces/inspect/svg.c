/*
 * svg.c - the writer of pictures.
 */
#include "traces/inspect/svg.h"

#include <stdarg.h>
#include <string.h>

static const struct {
	const char *light, *dark;
} series[SVG_SERIES] = {{"#1f6feb", "#6cb0ff"}, {"#d1480f", "#ff9a66"}, {"#12805c", "#4fd1a5"},
			{"#8b3fc4", "#c99bf5"}, {"#9a6b00", "#e5c04b"}, {"#c2185b", "#ff85b3"},
			{"#007a87", "#4dd0e1"}, {"#5d6b7a", "#a9b7c6"}},
  /* Even steps of lightness, so that more is darker on white and lighter on black. */
	heats[SVG_HEATS] = {{"#dcebf7", "#16293b"}, {"#bfdaf0", "#1b3a57"}, {"#9cc5e6", "#1f4d75"},
			    {"#76addb", "#236292"}, {"#5293cc", "#2e7bb0"}, {"#3578b8", "#4796ca"},
			    {"#1f5d9d", "#6db2dd"}, {"#13437b", "#9dcfee"}, {"#0a2a55", "#d6edfb"}};

static void themed(FILE *f, bool dark)
{
	const char *ink = dark ? "#e6edf3" : "#1b1f24", *pale = dark ? "#9aa7b4" : "#57606a";
	const char *paper = dark ? "#0f141a" : "#ffffff", *grid = dark ? "#263039" : "#e4e8ec";
	const char *frame = dark ? "#4a5661" : "#8b949e", *band = dark ? "#151d26" : "#f6f8fa";

	fprintf(f, ".paper{fill:%s}.title,.label{fill:%s}.sub,.axis,.small{fill:%s}\n", paper, ink, pale);
	fprintf(f, ".grid{stroke:%s}.frame{stroke:%s}.mark{stroke:%s}.band{fill:%s}\n", grid, frame, pale,
		band);
	for (size_t i = 0; i < SVG_SERIES; i++)
		fprintf(f, ".s%zu{stroke:%s}.f%zu{fill:%s}", i, dark ? series[i].dark : series[i].light, i,
			dark ? series[i].dark : series[i].light);
	for (size_t i = 0; i < SVG_HEATS; i++)
		fprintf(f, ".h%zu{fill:%s}", i, dark ? heats[i].dark : heats[i].light);
	fputc('\n', f);
}

/* The length of the UTF-8 sequence at s that XML allows; 0 when there is none. */
static size_t sequence(const unsigned char *s)
{
	size_t n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 : 0;
	uint32_t c;

	if (*s >= 0xf0 && *s < 0xf5)
		n = 4;
	if (n <= 1)
		return n && *s >= ' ' && *s != 127 ? 1 : 0;
	c = *s & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if ((n == 3 && c < 0x800) || (n == 4 && (c < 0x10000 || c > 0x10ffff)) ||
	    (c >= 0xd800 && c < 0xe000) || c == 0xfffe || c == 0xffff)
		return 0;
	return n;
}

static void escaped(FILE *f, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t n = sequence(s);

		if (!n)
			fputs("\xef\xbf\xbd", f);
		else if (*s == '<' || *s == '>' || *s == '&' || *s == '"')
			fprintf(f, "&#%u;", *s);
		else
			fwrite(s, 1, n, f);
		s += n ? n : 1;
	}
}

void svg_begin(FILE *f, double width, double height, const char *title, const char *description)
{
	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f "
		"%.0f\" role=\"img\">\n<title>",
		width, height, width, height);
	escaped(f, title);
	fputs("</title>\n<desc>", f);
	escaped(f, description);
	fputs("</desc>\n<style>\ntext{font-family:system-ui,\"Segoe "
	      "UI\",Helvetica,Arial,sans-serif;font-size:12px}\n"
	      ".title{font-size:17px;font-weight:600}.sub{font-size:12.5px}.label{font-size:13px}"
	      ".small{font-size:10.5px}\n"
	      ".grid,.frame{stroke-width:1;fill:none}.mark{stroke-width:1;stroke-dasharray:4 3;fill:none}\n"
	      ".line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}\n",
	      f);
	themed(f, false);
	fputs("@media (prefers-color-scheme:dark){\n", f);
	themed(f, true);
	fputs("}\n</style>\n", f);
	svg_rect(f, 0, 0, width, height, "paper");
}

void svg_end(FILE *f)
{
	fputs("</svg>\n", f);
}

void svg_text(FILE *f, double x, double y, const char *class, enum svg_anchor anchor, const char *fmt, ...)
{
	static const char *const anchors[] = {"start", "middle", "end"};
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fprintf(f, "<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"%s\">", x, y, class,
		anchors[anchor]);
	escaped(f, text);
	fputs("</text>\n", f);
}

void svg_text_up(FILE *f, double x, double y, const char *class, const char *text)
{
	fprintf(f,
		"<text x=\"%.1f\" y=\"%.1f\" class=\"%s\" text-anchor=\"middle\" transform=\"rotate(-90 %.1f "
		"%.1f)\">",
		x, y, class, x, y);
	escaped(f, text);
	fputs("</text>\n", f);
}

void svg_line(FILE *f, double x1, double y1, double x2, double y2, const char *class)
{
	fprintf(f, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x1, y1, x2, y2,
		class);
}

void svg_rect(FILE *f, double x, double y, double w, double h, const char *class)
{
	fprintf(f, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" class=\"%s\"/>\n", x, y, w, h,
		class);
}
