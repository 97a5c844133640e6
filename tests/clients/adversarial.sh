#!/bin/sh
# Traces that contradict themselves: records of threads that nobody started, behind their exit or their process's, clones
# of numbers in use, calls with senseless arguments, on a machine with little memory. Every run of the checked build ends by
# itself, with the records that the trace holds all accounted for: replayed or skipped.
#
# adversarial.sh [SEEDS]: how many random traces; 40 by default. KEEP: a folder for those that fail.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/random_traces.sh

generate() {
	awk -v seed="$1" '
	function r(n) { return int(rand() * n) }
	function address() { return sprintf("%x", r(8) ? 268435456 + r(1024) * 4096 + r(4096) : 536870912 + r(1048576) * 64) }
	function call(c) {
		if (c == 0) return "mmap addr=0x" address() " len=" (1 + r(2097152)) " prot=" r(8) " flags=0x" (r(2) ? "32" : "22") " fid=-1 off=0 result=0x" address()
		if (c == 1) return "munmap addr=0x" address() " len=" r(300000) " result=0"
		if (c == 2) return "clone child_tid=" (1 + r(5)) " result=1"
		if (c == 3) return "fork child_pid=" (1 + r(4)) " child_tid=" (1 + r(3)) " result=1"
		if (c == 4) return r(3) ? "exit status=0" : "exit_group status=0"
		if (c == 5) return "exec text=\"/bin/x\" result=0"
		if (c == 6) return "mark text=\"m" r(3) "\""
		if (c == 7) return "mlock addr=0x" address() " len=" r(65536) " flags=0 result=0"
		if (c == 8) return "madvise addr=0x" address() " len=" r(262144) " advice=" r(26) " result=0"
		if (c == 9) return "oom_score_adj adj=" (r(2) ? -1000 : r(1000))
		if (c == 10) return "brk addr=0x" address() " result=0x" address()
		if (c == 11) return "mremap old=0x" address() " old_len=" r(65536) " new_len=" r(131072) " flags=" r(4) " new=0 result=0x" address()
		if (c == 12) return "mbind addr=0x" address() " len=" r(262144) " mode=" r(8) " mask=" r(8) " maxnode=64 flags=" r(8) " result=0"
		if (c == 13) return "read fid=" r(2) " off=" r(65536) " len=" r(200000) " buf=0 result=1"
		if (c == 14) return "write fid=" r(2) " off=" r(65536) " len=" r(200000) " buf=0x" address() " result=1"
		return "sleep ns=" r(100000000)
	}
	BEGIN {
		srand(seed)
		print "# faultline trace text 1"
		print "1.1 process ppid=0 text=\"p\""
		print "1.1 mmap addr=0x10000000 len=4194304 prot=3 flags=0x32 fid=-1 off=0 result=0x10000000"
		print "1.1 file fid=0 size=4194304 flags=0 text=\"/f0\""
		print "1.1 file fid=1 size=5000 flags=1 text=\"/f1\""
		n = 100 + r(900)
		while (n--) {
			who = (1 + r(3)) "." (1 + r(4))
			if (r(4)) {
				print who " " substr("LSF", 1 + r(3), 1) " " address() " " 2 ^ r(7) " " r(3)
				accesses++
			} else {
				print who " " call(r(16))
				controls++
			}
		}
		print "# end accesses " accesses " controls " controls + 4
	}'
}

# The records that the trace holds are all accounted for.
check() {
	records=$(grep -cE '^[0-9.]+ [LSF] ' "$tmp/t.txt")
	if replay -o "$tmp/s.db"; then
		told=$(sqlite3 "$tmp/s.db" "select sum(value) from v_totals where stat in ('replay.accesses', 'replay.skipped_accesses')")
		[ "$told" = "$records" ] || {
			echo "seed $seed: $records accesses in the trace, $told replayed or skipped"
			bad=1
		}
	fi
	rm -f "$tmp/s.db"
}
each_seed "${1:-40}" check
exit $bad
