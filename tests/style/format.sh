#!/bin/sh
# format.sh [ROOT] - every C file is as clang-format (14, the tree's .clang-format) writes it.
#
# Prints "file:line: what" for each finding and fails when there is any. CLANG_FORMAT: the program.
cd "${1:-$(dirname "$0")/../..}" || exit 2
tool=${CLANG_FORMAT:-clang-format}
if ! command -v "$tool" >/dev/null; then
	echo "format.sh: $tool is not installed: nothing is checked" >&2
	exit 0
fi
folders=
for d in sim traces models analysis tests examples; do
	[ -d "$d" ] && folders="$folders $d"
done
# shellcheck disable=SC2086 # folder names without blanks
found=$(find $folders \( -name '*.c' -o -name '*.h' \) -print0 | LC_ALL=C sort -z |
	xargs -0 -r "$tool" --dry-run -Werror 2>&1 |
	sed -n 's/^\([^:]*:[0-9]*\):[0-9]*: error: .*/\1: not as clang-format writes it/p' | uniq)
[ -z "$found" ] && exit 0
echo "$found"
exit 1
