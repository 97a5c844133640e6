/*
 * json.c - files of lines "name value" or "name: value kB" as a JSON object.
 *
 * The unit becomes part of the name: "MemTotal_kB". Lines without a value of their own (the head of
 * smaps_rollup) are left out, and so is "Node 0 " before a name. What is no number is text.
 */
#include "analysis/show/show.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void print_text(const char *text, size_t n, FILE *f)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '"' || c == '\\')
			fprintf(f, "\\%c", c);
		else if (c < 0x20)
			fprintf(f, "\\u%04x", c);
		else
			fputc(c, f);
	}
}

static bool is_number(const char *text, size_t n)
{
	size_t i = n > 1 && *text == '-';

	if (!n || (text[i] == '0' && n > i + 1)) /* JSON has no leading zeros: "0022" is text */
		return false;
	while (i < n && isdigit((unsigned char)text[i]))
		i++;
	return i == n;
}

/* One line; false when it has no value. */
static bool print_line(const char *line, size_t n, bool first, FILE *f)
{
	size_t name, value, unit;

	if (!strncmp(line, "Node ", 5))
		for (unsigned blanks = 0; blanks < 2 && n; n--, line++)
			blanks += *line == ' ';
	name = strcspn(line, ": ");
	if (name >= n || memchr(line, '[', n))
		return false;
	for (value = name + (line[name] == ':'); value < n && isspace((unsigned char)line[value]);)
		value++;
	unit = n - value > 3 && !strncmp(line + n - 3, " kB", 3) ? 3 : 0;
	fprintf(f, "%s\n  \"", first ? "" : ",");
	print_text(line, name, f);
	fputs(unit ? "_kB\": " : "\": ", f);
	n -= unit;
	if (is_number(line + value, n - value)) {
		fprintf(f, "%.*s", (int)(n - value), line + value);
	} else {
		fputc('"', f);
		print_text(line + value, n - value, f);
		fputc('"', f);
	}
	return true;
}

bool show_has_json(const struct show_format *format)
{
	static void (*const lines[])(const struct show *s, unsigned id, FILE *f) = {
		show_meminfo,      show_vmstat,        show_status,     show_smaps_rollup,
		show_node_meminfo, show_node_numastat, show_node_vmstat};

	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		if (format->print == lines[i])
			return true;
	return false;
}

void show_json(const struct show *s, const struct show_format *format, unsigned id, FILE *f)
{
	bool first = true;
	char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return;
	format->print(s, id, memory);
	fclose(memory);
	fputc('{', f);
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		first = !print_line(line, strcspn(line, "\n"), first, f) && first;
	fputs(first ? "}\n" : "\n}\n", f);
	free(text); /* open_memstream's */
}
