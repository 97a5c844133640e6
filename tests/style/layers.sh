#!/bin/sh
# layers.sh [ROOT] - who may include whom.
#
#   sim <- traces <- models; analysis stands on sim alone; sim/main.c, the front door, is excepted.
#   Inside models/ a file includes only modules below its own in models/ORDER.
#   SQLite is analysis/'s; the terminal (sim/cli.h) is not the models', their commands excepted.
#   Headers compile alone; a .c includes its own header first; includes are written from the root.
#
# Prints "file:line: what" for each finding and fails when there is any. CC: the compiler, cc by default.
cd "${1:-$(dirname "$0")/../..}" || exit 2
found=$(mktemp) || exit 2
trap 'rm -f "$found"' EXIT

sources=$(find sim traces models analysis \( -name '*.c' -o -name '*.h' \) 2>/dev/null | LC_ALL=C sort)
order=/dev/null
[ -f models/ORDER ] && order=models/ORDER

# shellcheck disable=SC2086 # file names without blanks
grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]' /dev/null $sources | awk -v order="$order" '
function fail(what) { print file ":" line ": " what }
# "models/kernel/reclaim/x.c" -> "kernel/reclaim", the longest name in the order that fits; "" when none does
function module_of(path) {
	sub(/^models\//, "", path)
	sub(/\.[ch]$/, "", path)
	while (!(path in rank)) {
		if (!sub(/\/[^\/]*$/, "", path))
			return ""
	}
	return path
}
function floor_of(path) {
	return substr(path, 1, index(path, "/") - 1)
}
function check_models(target,    mine, theirs) {
	mine = module_of(file)
	theirs = module_of(target)
	if (mine != "" && theirs == "")
		fail("\"" target "\" belongs to no module of models/ORDER")
	else if (mine != "" && rank[theirs] < rank[mine])
		fail("includes \"" target "\": module " theirs " is above " mine)
}
function check(target,    from, to) {
	from = floor_of(file)
	to = floor_of(target)
	if (to == "") {
		fail("\"" target "\" is not written from the root")
		return
	}
	if (file == "sim/main.c")
		return
	if (!((from " " to) in allowed))
		fail(from "/ must not include \"" target "\"")
	else if (to == "models")
		check_models(target)
	if (from == "models" && target == "sim/cli.h" && file !~ /\/cmd_[^\/]*$/)
		fail("models/ must not include \"" target "\": only commands know the terminal")
}
BEGIN {
	n = split("sim sim,traces sim,traces traces,models sim,models traces,models models,analysis sim,analysis analysis",
		  pairs, ",")
	for (i = 1; i <= n; i++)
		allowed[pairs[i]]
	while ((getline row < order) > 0) {
		order_line++
		sub(/#.*/, "", row)
		gsub(/[ \t]/, "", row)
		if (row == "")
			continue
		if (row in rank)
			print order ":" order_line ": " row " is listed twice"
		rank[row] = order_line
	}
}
{
	file = $0
	sub(/:.*/, "", file)
	rest = substr($0, length(file) + 2)
	line = rest
	sub(/:.*/, "", line)
	quoted = rest ~ /include[ \t]*"/
	sub(/^[^"<]*["<]/, "", rest)
	sub(/[">].*/, "", rest)
	if (file != last) {
		own = file
		sub(/\.c$/, ".h", own)
		if (own != file && (getline unused < own) >= 0 && rest != own)
			fail("the first include must be its own header \"" own "\"")
		close(own)
		last = file
	}
	if (quoted)
		check(rest)
	else if (rest == "sqlite3.h" && file !~ /^analysis\//)
		fail("only analysis/ knows SQLite")
}' >>"$found"

# Every file of models/ has a module, every module a file.
for f in $sources; do
	case $f in
	models/*) echo "$f" ;;
	esac
done | awk -v order="$order" '
BEGIN {
	while ((getline row < order) > 0) {
		n++
		sub(/#.*/, "", row)
		gsub(/[ \t]/, "", row)
		if (row != "")
			place[row] = n
	}
}
{
	path = $0
	sub(/^models\//, "", path)
	sub(/\.[ch]$/, "", path)
	while (!(path in place) && sub(/\/[^\/]*$/, "", path))
		;
	if (path in place)
		used[path]
	else
		print $0 ":1: belongs to no module of models/ORDER"
}
END {
	for (m in place) {
		if (!(m in used))
			print order ":" place[m] ": " m " has no file"
	}
}' >>"$found"

for h in $sources; do
	case $h in
	*.h) ;;
	*) continue ;;
	esac
	${CC:-cc} -std=c11 -D_GNU_SOURCE -I. -fsyntax-only -x c "$h" 2>&1 |
		sed -n 's/^\([^:]*:[0-9]*\):[0-9]*: \(fatal \)\{0,1\}error: \(.*\)/\1: '"$(echo "$h" | sed 's/[\/&]/\\&/g')"' alone does not compile: \3/p' |
		head -n 1
done >>"$found"

LC_ALL=C sort -t: -k1,1 -k2,2n "$found"
[ ! -s "$found" ]
