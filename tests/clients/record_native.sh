#!/bin/sh
# record_native.sh - what the kernel counts when a program runs natively, against the replay of its recording: anonymous
# pages, page faults; and its mappings under the recorder, region by region. A program of ours, python3 and sqlite3.
cd "$(dirname "$0")/../.." || exit 2
. tests/laws.sh
case $faultline in /*) ;; *) faultline=$PWD/$faultline ;; esac
regions=$PWD/tests/clients/record/regions.awk
if ! command -v qemu-x86_64 >/dev/null; then
	echo "record_native: qemu-x86_64 is not installed (Debian: qemu-user)"
	exit 1
fi
${CC:-gcc} -O1 -D_GNU_SOURCE -pthread -o "$work/known" tests/clients/record/known.c || exit 1
cd "$work" || exit 2
export PYTHONHASHSEED=0 LC_ALL=C
python=/usr/bin/python3
[ -x $python ] || python=

replay() { # replay PROGRAM...: recorded into t.flt, run into the store; its process in pid
	rm -f t.flt "$store"
	"$faultline" record -q -o t.flt "$@" >recorded 2>err || fail "record $*: $(cat err)"
	"$faultline" run -q t.flt -o "$store" 2>err || fail "run of $*: $(cat err)"
	pid=$("$faultline" trace cat --controls t.flt | sed -n 's/^\([0-9]*\)\.[0-9]* process .*/\1/p')
}

near() { # near HERE NATIVE MOST WHAT
	awk -v a="$1" -v b="$2" -v most="$3" 'BEGIN { d = a - b; exit !(a > 0 && b > 0 && d <= most && d >= -most) }' ||
		fail "$4: $1, natively $2, at most $3 apart"
}

# compare WHAT MARK PROGRAM...: the program prints "rss_anon_pages N" or the RssAnon line of its status, and marks that moment.
#
# Anonymous pages: within one in a thousand. Faults of the whole program: both kinds together, because the native run finds
# in the page cache what the replay reads from the disk. The child is started by vfork, so that no copy-on-write of the
# shell counts as its own. What is left is where files are mapped: one fault maps up to 16 cached pages around it, fewer
# when they are still being read. A heap of more than 32 MiB would differ: the emulator's ends there, and malloc maps instead.
compare() {
	what=$1
	mark=$2
	shift 2
	"$@" >/dev/null || fail "$what runs natively" # its files are cached now
	./known child "$@" >native 2>usage
	replay "$@"
	pages=$(awk '$1 == "rss_anon_pages" { print $2 } $1 == "RssAnon:" { print $2 / 4 }' native)
	here=$("$faultline" show status "$pid" --db "$store" --at "$mark" | awk '$1 == "RssAnon:" { print $2 / 4 }')
	[ "${pages:-0}" -ge 5000 ] || fail "$what is too small: $pages pages"
	near "$here" "$pages" $((pages / 1000)) "$what: anonymous pages"
	faults=$(awk '$1 == "child_faults" { print $2 }' usage)
	here=$(ask "SELECT sum(value) FROM final_metrics WHERE instance = 'P$pid' AND stat IN ('process.min_flt', 'process.maj_flt')")
	near "$here" "$faults" $((20 + faults / 100)) "$what: faults"
}

compare known touched ./known pages 20000
# The array alone, between two marks: one fault a page, as the kernel counts them.
equals_faults() {
	for at in begin touched; do
		ask "SELECT value FROM metrics WHERE instance = 'P$pid' AND stat = 'process.min_flt' AND label = '$at'"
	done | awk 'NR == 1 { a = $1 } END { print $1 - a }'
}
here=$(equals_faults)
there=$(awk '$1 == "array_faults" { print $2 }' native)
[ "$here" = 20000 ] || fail "minor faults of an array of 20000 pages: $here"
near "$here" "$there" 2 "minor faults of the array"

# A child in its parent's memory (posix_spawn) leaves the parent no copy-on-write faults.
./known spawn 5000 >native || fail "known spawn runs natively"
replay ./known spawn 5000
there=$(awk '$1 == "spawn_faults" { print $2 }' native)
here=$(equals_faults)
[ "$here" -le 100 ] && [ "$there" -le 100 ] || fail "faults of 5000 pages behind a posix_spawn: $here, natively $there"
"$faultline" trace cat --controls t.flt >text
[ "$(grep -c ' fork .* vm=1 ' text)" = 1 ] || fail "the child is not in its parent's memory"
awk -v pid="$pid" '$2 == "fork" { child = $3; sub(/.*=/, "", child); next }
	child && $2 == "exec" && index($1, child ".") == 1 { exit bad }
	child && index($1, pid ".") == 1 { bad = 1 }' text || fail "the parent did not wait for its child's exec"

cat >status.py <<-'END'
	import os
	big = bytearray(50000000)
	status = open("/proc/self/status").read()
	maps = open("/proc/self/maps").read()
	os.access("faultline:here", 0)
	print(status, maps)
END
[ -z "$python" ] || compare python3 here $python -I -S status.py
# sqlite3's fsdir looks at the file, which marks the moment; .import reads its own status.
: >faultline:here
compare sqlite3 here sqlite3 :memory: "CREATE TABLE t (b); INSERT INTO t VALUES (zeroblob(12000000)); CREATE TABLE s (line);
	INSERT INTO t SELECT * FROM t; SELECT sum(length(b)) FROM t" '.import /proc/self/status s' \
	"SELECT line FROM s WHERE line LIKE 'RssAnon%'; SELECT count(*) FROM fsdir('faultline:here')"

# ---- mappings: of the replay and of /proc/PID/maps under the recorder
same_regions() { # same_regions WHAT MARK: recorded holds what the program read
	grep -E '^ ?[0-9a-f]+-[0-9a-f]+ ' recorded | awk -f "$regions" >want
	"$faultline" show maps "$pid" --db "$store" --at "$2" | awk -f "$regions" >got
	[ "$(wc -l <want)" -ge 10 ] || fail "$1: few regions: $(cat recorded)"
	cmp -s want got || fail "$1: $(diff want got)"
}
replay ./known maps
same_regions known maps
if [ -n "$python" ]; then
	replay $python -I -S status.py
	same_regions python3 here
fi
# cat says nothing of when it reads: the mark goes behind the last file that it opens.
replay cat /proc/self/maps
"$faultline" trace cat t.flt >text
last=$(grep -n ' other number=257 ' text | tail -n 1 | cut -d: -f1)
awk -v last="$last" '$2 == "end" { $6 = $6 + 1 } { print } NR == last { print $1 " mark text=\"maps\"" }' text >marked.txt
rm -f "$store"
"$faultline" run -q marked.txt -o "$store" 2>err || fail "run of cat: $(cat err)"
same_regions cat maps
exit $failed
