#!/bin/sh
# Traces with senseless numbers: all operations with addresses, lengths, sizes, masks and counts at the borders of what 64
# bits hold, a few operations at a time (so that not everyone is dead after ten records). Every run of the checked
# build ends by itself, within its time and without a crash.
#
# extreme.sh [SEEDS]: how many random traces; 24 by default. KEEP: a folder for those that fail.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/random_traces.sh

# The operations and their arguments, from the list itself: NAME ARGUMENT...
tr -d '\n' <traces/record.h | grep -oE 'X\([A-Z_]+, [0-9]+, (true|false),[^"]*"[a-z0-9_ ]*"' |
	sed 's/X(\([A-Z_]*\),[^"]*"\([^"]*\)"/\1 \2/' | tr '[:upper:]' '[:lower:]' |
	grep -vE '^(sync|exit|exit_group|exec) ' >"$tmp/ops"
[ "$(wc -l <"$tmp/ops")" -gt 25 ] || {
	echo "only $(wc -l <"$tmp/ops") operations found in record.h"
	exit 1
}

generate() {
	awk -v seed="$1" '
	function r(n) { return int(rand() * n) }
	function number() {
		if (r(3)) return border[r(borders)]
		return r(2) ? r(64) : sprintf("0x%x", 268435456 + r(4096) * 4096)
	}
	function address() { return r(100) ? sprintf("%x", 268435456 + r(4190000)) : substr(border[r(borders)], 3) }
	function call(op, n, part, i, s, v) {
		n = split(op, part, " ")
		s = part[1]
		for (i = 2; i <= n; i++) {
			v = number()
			if (part[i] == "fid") v = r(5) - 1
			if (part[i] ~ /^(flags|prot|advice|mode)$/ && r(3)) v = r(64)
			s = s " " part[i] "=" v
		}
		if (r(2)) s = s " result=" (r(3) ? number() : -r(4096))
		if (!r(4)) s = s " cpu=" (r(2) ? r(65) : 2147483647)
		if (!r(4)) s = s " time=" number()
		return s
	}
	BEGIN {
		srand(seed)
		borders = split("0x0 0x1 0xfff 0x1000 0x1001 0x1fffff 0x200000 0x40000000 0x7fffffff 0x80000000 0xffffffff " \
			"0x100000000 0x10000000000 0x400000000000 0x7ffffffff000 0x7fffffffffff 0x800000000000 0x1000000000000 " \
			"0x100000000000000 0x4000000000000000 0x7fffffffffffffff 0x8000000000000000 0xffffffffffffffff " \
			"0xfffffffffffff000 0xffffffffffffefff 0xffff800000000000 0x10000000 0x10001000", border, " ")
		border[0] = "0x2"
	}
	{ op[NR] = $0 }
	END {
		picks = 3 + r(6)
		for (i = 0; i < picks; i++) pick[i] = op[1 + r(NR)]
		print "# faultline trace text 1"
		for (p = 1; p <= 2; p++) {
			print p ".1 process ppid=0 text=\"p\""
			print p ".1 mmap addr=0x10000000 len=4194304 prot=7 flags=0x32 fid=-1 off=0 result=0x10000000"
		}
		for (i = 0; i < 3; i++) print "1.1 file fid=" i " size=" border[r(borders)] " flags=" r(2) " text=\"/f" i "\""
		n = 30 + r(300)
		controls = 7
		while (n--) {
			who = (1 + r(2)) "." (r(50) ? 1 + r(3) : "4294967295")
			if (r(2)) {
				print who " " substr("LSF", 1 + r(3), 1) " " address() " " 4 ^ r(7) " " r(3)
				accesses++
			} else {
				print who " " call(pick[r(picks)])
				controls++
			}
		}
		print "# end accesses " accesses + 0 " controls " controls
	}' "$tmp/ops"
}

check() {
	replay --no-store -q
}
each_seed "${1:-24}" check

# What once did not end: more than all memory read into a buffer, 2^63 bytes written, clocks turned over.
text() {
	{
		echo "# faultline trace text 1"
		cat
		echo "# end accesses $1 controls $2"
	} >"$tmp/t.txt"
}
runs() { # WHAT OPTIONS...
	what=$1
	shift
	timeout -k 5 60 "$faultline" run "$tmp/t.txt" --no-store -q "$@" >"$tmp/out" 2>&1 || {
		echo "$what: $(head -n 3 "$tmp/out")"
		bad=1
	}
}
echo '1.1 read fid=3 off=6 len=268435456 buf=268435456 result=275165184' | text 0 1
runs "a read of more than all memory" -s topology.node_mem=40MiB -s swap.size=64MiB -s replay.mapping=on-demand
echo '2.1 write fid=9 off=7529707583850935 len=140737488355328 buf=39 result=2147483648' | text 0 1
runs "a write of 2^47 bytes"
text 1 4 <<END
1.1 sleep ns=18446744073709551615
1.1 instr count=18446744073709551615
1.2 instr count=18446744073709547519
1.2 sleep ns=9223372036854775807
1.1 S 10000000 8 1
END
runs "a sleep and instructions without end"
exit $bad
