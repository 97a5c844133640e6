#!/bin/sh
# tidy.sh [ROOT] - sizes, banned calls, leftovers.
#
#   Functions have at most 60 lines (those in tests/style/LONG excepted: "file function"), 95 % of them at most
#   40; files at most 600. Measured with universal-ctags; without it functions are not measured.
#   No call that overruns (strcpy, strcat, sprintf, gets, ...) or hides errors (atoi, ...) anywhere; nothing in
#   models/ that reads the host's clock, environment or random numbers.
#   No notes of unfinished work, no blanks at line ends, a newline at the end of each file.
#
# Prints "file:line: what" for each finding and fails when there is any.
cd "${1:-$(dirname "$0")/../..}" || exit 2
found=$(mktemp) || exit 2
trap 'rm -f "$found"' EXIT

folders=
for d in sim traces models analysis tests examples; do
	[ -d "$d" ] && folders="$folders $d"
done
# shellcheck disable=SC2086 # folder and file names without blanks
c_files=$(find $folders \( -name '*.c' -o -name '*.h' \) | LC_ALL=C sort)
# shellcheck disable=SC2086
texts=$(find $folders Makefile \( -name '*.c' -o -name '*.h' -o -name '*.sh' -o -name '*.sql' -o -name '*.py' \
	-o -name '*.yaml' -o -name '*.md' -o -name Makefile -o -name ORDER \) 2>/dev/null | LC_ALL=C sort)

# ---- sizes ----
for f in $c_files; do
	n=$(wc -l <"$f")
	[ "$n" -gt 600 ] && echo "$f:601: the file has $n lines, at most 600 are allowed"
done >>"$found"

if ctags --version 2>/dev/null | grep -q 'Universal Ctags'; then
	# shellcheck disable=SC2086
	ctags --languages=C --langmap=C:.c.h --kinds-C=f --fields=+ne --sort=no -o - $c_files 2>/dev/null |
		awk -F'\t' -v exceptions=tests/style/LONG '
	BEGIN {
		while ((getline row < exceptions) > 0) {
			n++
			sub(/[ \t]*#.*/, "", row)
			if (row != "")
				excepted[row] = n
		}
	}
	{
		first = last = 0
		for (i = 4; i <= NF; i++) {
			if ($i ~ /^line:/)
				first = substr($i, 6)
			if ($i ~ /^end:/)
				last = substr($i, 5)
		}
		if (!first || !last)
			next
		lines = last - first + 1
		all++
		long += lines > 40
		key = $2 " " $1
		if (lines > 60 && key in excepted)
			delete excepted[key]
		else if (lines > 60)
			print $2 ":" first ": " $1 " has " lines " lines, at most 60 are allowed"
	}
	END {
		if (long * 20 > all)
			print "sim:1: " long " of " all " functions have more than 40 lines, at most 5 % may"
		for (key in excepted)
			print exceptions ":" excepted[key] ": " key " is no exception (any more)"
	}' >>"$found"
else
	echo "tidy.sh: universal-ctags is not installed: functions are not measured" >&2
fi

# ---- banned calls, outside comments and strings ----
# shellcheck disable=SC2086
awk '
function ban(list, where,    n, i, names) {
	n = split(list, names, " ")
	for (i = 1; i <= n; i++)
		banned[names[i]] = where
}
# The line without comments, strings and characters; in_comment lives from line to line.
function code_of(s,    out, c, two, quote) {
	out = ""
	while (s != "") {
		c = substr(s, 1, 1)
		two = substr(s, 1, 2)
		if (in_comment) {
			if (two == "*/") {
				in_comment = 0
				s = substr(s, 2)
			}
		} else if (quote != "") {
			if (c == "\\")
				s = substr(s, 2)
			else if (c == quote)
				quote = ""
		} else if (two == "/*") {
			in_comment = 1
			s = substr(s, 2)
		} else if (two == "//") {
			return out
		} else if (c == "\"" || c == "\047") {
			quote = c
		} else {
			out = out c
		}
		s = substr(s, 2)
	}
	return out
}
BEGIN {
	ban("strcpy strcat stpcpy sprintf vsprintf gets atoi atol atoll atof alloca", "")
	ban("rand srand random srandom drand48 time clock gettimeofday clock_gettime getenv rdtsc", "models/")
	ban("localtime gmtime getpid", "models/")
}
FNR == 1 { in_comment = 0 }
{
	if (!in_comment && index($0, "(") == 0 && index($0, "/*") == 0)
		next
	code = code_of($0)
	while (match(code, /[A-Za-z_][A-Za-z0-9_]*[ \t]*\(/)) {
		name = substr(code, RSTART, RLENGTH - 1)
		before = substr(code, 1, RSTART - 1)
		code = substr(code, RSTART + RLENGTH)
		sub(/[ \t]*$/, "", name)
		if (!(name in banned) || before ~ /(\.|->)[ \t]*$/)
			continue
		if (index(FILENAME, banned[name]) == 1 || banned[name] == "")
			print FILENAME ":" FNR ": " name "() is banned" (banned[name] == "" ? "" : " in " banned[name])
	}
}' /dev/null $c_files >>"$found"

# ---- leftovers ----
words="TO""DO|FIX""ME|X""XX"
# shellcheck disable=SC2086
grep -nwE "$words" /dev/null $texts | sed 's/^\([^:]*:[0-9]*\):.*/\1: a note of unfinished work/' >>"$found"
# shellcheck disable=SC2086
grep -nE '[[:blank:]]$' /dev/null $texts | sed 's/^\([^:]*:[0-9]*\):.*/\1: blanks at the end of the line/' >>"$found"
for f in $texts; do
	[ -s "$f" ] && [ -n "$(tail -c 1 "$f")" ] && echo "$f:$(($(wc -l <"$f") + 1)): no newline at the end of the file"
done >>"$found"

LC_ALL=C sort -t: -k1,1 -k2,2n "$found"
[ ! -s "$found" ]
