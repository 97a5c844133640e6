/*
 * param_parse.c - the text of a parameter's value to numbers.
 */
#include "sim/param_parse.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

/* Reads "K", "KB", "KiB", "B", ... in any case. False when what follows is no suffix.
 */
static bool parse_suffix(const char **s, enum param_suffix suffix, unsigned *shift)
{
	static const char letters[] = "kmgt";
	const char *p = *s, *l;

	*shift = 0;
	while (suffix == SUFFIX_ANY && *p == ' ')
		p++;
	if (!isalpha((unsigned char)*p))
		return true;
	l = strchr(letters, tolower((unsigned char)*p));
	if (l) {
		*shift = 10 * (unsigned)(l - letters + 1);
		p++;
		if (tolower((unsigned char)*p) == 'i' && tolower((unsigned char)p[1]) == 'b')
			p++;
	}
	if (tolower((unsigned char)*p) == 'b')
		p++;
	*s = p;
	return !isalnum((unsigned char)*p);
}

const char *param_parse_number(const char **s, enum param_suffix suffix, uint64_t *out)
{
	const char *p = *s;
	int base = 10;
	unsigned shift = 0;
	uint64_t v = 0;

	if (*p == '-')
		return "a number that is not negative";
	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	if (digit_value(*p) >= base)
		return suffix ? "a whole number with an optional suffix K, M, G or T" : "a whole number";
	for (; digit_value(*p) < base; p++) {
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
		    __builtin_add_overflow(v, (uint64_t)digit_value(*p), &v))
			return "a number below 2^64";
	}
	if (suffix && !parse_suffix(&p, suffix, &shift))
		return "a whole number with an optional suffix K, M, G or T";
	if (shift && v >> (64 - shift))
		return "a number below 2^64";
	*out = v << shift;
	*s = p;
	return NULL;
}

bool param_parse_bool(const char *s, bool *out)
{
	static const char *const names[] = {"false", "true", "off", "on", "no", "yes", "0", "1"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!strcasecmp(s, names[i])) {
			*out = i & 1;
			return true;
		}
	}
	return false;
}

const char *param_number_text(char *buf, size_t n, const struct param_row *row, uint64_t v)
{
	static const char *const suffix[] = {"", " KiB", " MiB", " GiB", " TiB"};
	size_t k = 0;

	if (row->kind == PARAM_BYTES) {
		while (k + 1 < ARRAY_LEN(suffix) && v && v % 1024 == 0) {
			v /= 1024;
			k++;
		}
	}
	snprintf(buf, n, "%" PRIu64 "%s", v, suffix[k]);
	return buf;
}

int param_check_range(const struct param_row *row, uint64_t v, const char *text, struct err *e)
{
	char lo[40], hi[40];

	if (v >= row->min && v <= row->max)
		return 0;
	param_number_text(lo, sizeof lo, row, row->min);
	param_number_text(hi, sizeof hi, row, row->max);
	if (row->max == UINT64_MAX)
		return err_set(e, ERR_CONFIG, "%s: %s is out of range: expected at least %s%s%s", row->path,
			       text, lo, *row->unit ? " " : "", row->unit);
	return err_set(e, ERR_CONFIG, "%s: %s is out of range: expected %s to %s%s%s", row->path, text, lo,
		       hi, *row->unit ? " " : "", row->unit);
}
