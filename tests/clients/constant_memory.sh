#!/bin/sh
# constant_memory.sh - memory does not grow with a trace's length: the same pattern of 10 million and of a thousand
# million accesses is written, told about, cut, measured and replayed in the same memory.
#
# usage: tests/clients/constant_memory.sh [FAULTLINE]
set -u

faultline=${1:-${FAULTLINE:-build/faultline}}
case $faultline in /*) ;; *) faultline=$PWD/$faultline ;; esac
if [ ! -x "$faultline" ] || ! command -v /usr/bin/time >/dev/null; then
	echo "constant_memory: $faultline or /usr/bin/time is no program" >&2
	exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0
slack=4096 # KiB
said=

fail() {
	echo "FAILED: $*" >&2
	failed=1
}

# peak ARGUMENTS...: peak resident memory in KiB
peak() {
	if ! /usr/bin/time -f %M -o peak "$faultline" "$@" >out 2>err; then
		fail "$*: $(cat err)"
		echo 0 >peak
	fi
	tail -n 1 peak
}

# same WHAT SMALL LARGE: both in KiB
same() {
	said="$said $1 $2/$3"
	[ "$3" -le $(($2 + slack)) ] || fail "$1: $2 KiB for the small trace, $3 KiB for the large one"
}

small=$(peak trace gen sequential small.flt --accesses 10M --option pages=8192,write=0)
large=$(peak trace gen sequential large.flt --accesses 1G --option pages=8192,write=0)
same gen "$small" "$large"
for verb in "info --quick" info "mrc --sampled" "mrc --page 4K,2M" "cat --limit 10"; do
	# shellcheck disable=SC2086 # verb and options
	same "$verb" "$(peak trace $verb small.flt)" "$(peak trace $verb large.flt)"
done
grep -q '1000.1000 L' out || fail "cat printed no access: $(cat out)"
same "slice at the end" "$(peak trace slice --from 9M --count 1M small.flt s.flt)" \
	"$(peak trace slice --from 999M --count 1M large.flt l.flt)"
same "sample" "$(peak trace sample --window 100k --every 5M small.flt s.flt)" \
	"$(peak trace sample --window 100k --every 500M large.flt l.flt)"
same run "$(peak run small.flt -o s.db)" "$(peak run large.flt -o l.db)"

[ $failed -eq 0 ] && echo "constant_memory: ok; peak KiB of the small and the large trace:$said"
exit $failed
