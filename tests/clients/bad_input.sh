#!/bin/sh
# bad_input.sh - whatever is wrong: one clear line, the exit status of its class (sim/err.h), nothing half-written.
cd "$(dirname "$0")/../.." || exit 2
. tests/laws.sh
examples=$PWD/examples
case $faultline in /*) ;; *) faultline=$PWD/$faultline ;; esac
cd "$work" || exit 2

# bad STATUS TEXT ARGUMENTS...: exit status, one line on stderr that holds the text, no store
bad() {
	status=$1 text=$2
	shift 2
	rm -f new.db*
	for program in "$faultline" ${FAULTLINE_CHECKED:-}; do
		"$program" "$@" >out 2>err
		got=$?
		[ $got -eq "$status" ] || fail "$*: status $got, expected $status: $(head -n 3 err)"
		[ "$(wc -l <err)" -eq 1 ] || fail "$*: $(wc -l <err) lines: $(head -n 5 err)"
		grep -qF -- "$text" err || fail "$*: no \"$text\" in: $(cat err)"
		[ ! -e new.db ] || fail "$*: left a store behind"
	done
}

# trace NAME: a native trace from text on standard input, the first line and the last apart
trace() {
	{
		echo '# faultline trace text 1'
		cat
	} >"$1.txt"
	n=$(grep -c '^[0-9.]* [LSF] ' "$1.txt")
	echo "# end accesses $n controls $(($(grep -c '^[0-9]' "$1.txt") - n))" >>"$1.txt"
	"$faultline" trace convert "$1.txt" "$1.flt" || fail "convert $1"
}

# odd NAME: the trace is odd but not wrong: the run completes, in both orders of threads
odd() {
	for order in rescheduled as-recorded; do
		rm -f "$store"
		"$faultline" run -q "$1.flt" -o "$store" -s replay.schedule=$order || fail "$1: status $?"
		fact "$1" "SELECT status FROM runs" complete
		check_laws
		fact "$1: nothing is lost" "SELECT $(total replay.accesses) + $(total replay.skipped_accesses)" \
			"$(grep -c '^[0-9.]* [LSF] ' "$1.txt")"
		[ -z "${FAULTLINE_CHECKED:-}" ] || "$FAULTLINE_CHECKED" run -q "$1.flt" --no-store -s replay.schedule=$order ||
			fail "$1: checked build: status $?"
	done
}

trace good <<'END'
1.1 process ppid=0 text="p"
1.1 mmap addr=0x10000000 len=65536 prot=0x3 flags=0x22 fid=-1 off=0 result=0x10000000
1.1 S 10000000 8 1
1.1 L 10001000 8 1
1.1 exit
END
size=$(wc -c <good.flt)

# ---- command line
"$faultline" >out 2>err
[ $? -eq 2 ] && grep -q "^usage: faultline COMMAND" err || fail "no command: $(head -n 3 err)"
bad 2 'unknown command "runn"; did you mean "run"?' runn
bad 2 'unknown option "--frob"' --frob
bad 2 '"--frob"' run good.flt -o new.db --frob
bad 2 '"-o"' run good.flt -o
bad 2 "no TRACE given" run -o new.db
bad 2 "more than one TRACE" run good.flt good.flt -o new.db
bad 2 "no store given" run good.flt
bad 2 "no assignment" run good.flt -o new.db -s vm.swappiness
bad 2 "nonsense" run good.flt -o new.db -f nonsense
bad 2 "what to list" list
bad 2 "frob" list frob
bad 2 "frob" trace frob
bad 2 "frob" query new.db --frob
bad 2 "frob" sweep good.flt -o new.db --grid vm.swappiness=1 --frob

# ---- files that are not there, or not what they should be
bad 4 "nothing.flt" run nothing.flt -o new.db
bad 4 "directory" run . -o new.db
echo 'some prose' >prose
: >empty
bad 6 "prose: no known trace format" run prose -o new.db
bad 6 "empty: empty file" run empty -o new.db
cp good.flt newer.flt
printf '\003' | dd of=newer.flt bs=1 seek=8 conv=notrunc 2>/dev/null
bad 6 "offset 8: trace format version 3.0 is newer" run newer.flt -o new.db
for at in 12 16 24 25; do
	cp good.flt flipped.flt
	printf '\377' | dd of=flipped.flt bs=1 seek=$at conv=notrunc 2>/dev/null
	bad 6 "flipped.flt: offset 1" run flipped.flt -o new.db
done
bad 4 "cannot be opened" run good.flt -o new.db -c nothing.yaml
bad 4 "is a directory" run good.flt -o new.db -c .
if [ "$(id -u)" != 0 ]; then # root may read and write everything
	cp good.flt secret.flt
	chmod 000 secret.flt
	bad 4 "Permission denied" run secret.flt -o new.db
	mkdir sealed
	chmod 555 sealed
	bad 4 "sealed/new.db" run good.flt -o sealed/new.db
elif unshare --mount true 2>/dev/null; then # a file system that even root cannot write
	mkdir sealed
	unshare --mount sh -c "mount -t tmpfs -o ro,size=64k none sealed && exec '$faultline' run good.flt -o sealed/new.db" \
		>out 2>err
	[ $? -eq 4 ] && [ "$(wc -l <err)" -eq 1 ] || fail "read-only directory: $(head -n 3 err)"
fi
bad 4 "nodir/new.db" run good.flt -o nodir/new.db
bad 4 "directory" run good.flt -o .
bad 8 "not a result store" run good.flt -o prose
[ "$(cat prose)" = "some prose" ] || fail "the file that is no store was changed"
sqlite3 other.db 'CREATE TABLE t(x)'
bad 8 "other.db" run good.flt -o other.db
bad 4 "no such file" query new.db v_cpu

# ---- a bomb: a small file that decompresses to 600 MB
head -c 600000000 /dev/zero | zstd -q -c >bomb.zst
bad 6 "bomb.zst: no known trace format" run bomb.zst -o new.db
{ echo '# faultline trace text 1' && head -c 600000000 /dev/zero | tr '\0' 7; } | zstd -q -c >line.zst
bad 6 "expected lines of at most" run line.zst -o new.db
(ulimit -v 400000 && "$faultline" run line.zst -o new.db) >out 2>err
[ $? -eq 6 ] || fail "a bomb takes the host's memory: $(cat err)"

# ---- configurations
bad 3 'unknown parameter "vm.swapiness"; did you mean "vm.swappiness"?' run good.flt -o new.db -s vm.swapiness=1
bad 3 "vm.swappiness: 201 is out of range: expected 0 to 200" run good.flt -o new.db -s vm.swappiness=201
bad 3 'not "many"' run good.flt -o new.db -s vm.swappiness=many
bad 3 "tlb.l1d.ways: 0 is out of range" run good.flt -o new.db -s tlb.l1d.ways=0
bad 3 "64 entries in 5 ways" run good.flt -o new.db -s tlb.l1d.ways=5
bad 3 "cache.l1d.ways: 0 is out of range" run good.flt -o new.db -s cache.l1d.ways=0
bad 3 "node 1 has neither memory nor CPUs" run good.flt -o new.db -s topology.node_mem=1GiB,0 -s topology.node_cpus=1,0
bad 3 "no CPU" run good.flt -o new.db -s topology.node_cpus=0
bad 3 "no memory" run good.flt -o new.db -s topology.node_mem=0
bad 3 "topology.node_mem" run good.flt -o new.db -s topology.node_mem=4KiB
bad 3 "topology.node_mem" run good.flt -o new.db -s topology.node_mem=64KiB
bad 3 "expected 4 (2 rows of 2)" run good.flt -o new.db -s topology.node_mem=1GiB,1GiB -s topology.distances=10
bad 3 "takes no nodes" run good.flt -o new.db -s numa.nodes=0
bad 3 "no node with memory" run good.flt -o new.db -s numa.policy=bind -s numa.nodes=1
printf 'vm:\n  swappiness: 10\n  swapines: 3\n' >key.yaml
bad 3 'key.yaml:3:3: unknown parameter "vm.swapines"; did you mean "vm.swappiness"?' run good.flt -o new.db -c key.yaml
printf 'vm:\n  swappiness: 10\nvm.swappiness: 3\n' >twice.yaml
bad 3 "twice.yaml:3:1: vm.swappiness is set twice" run good.flt -o new.db -c twice.yaml
printf 'vm:\n  swappiness: 1000\n' >range.yaml
bad 3 "range.yaml:2:15: vm.swappiness: 1000 is out of range" run good.flt -o new.db -c range.yaml
printf 'vm: {\n' >syntax.yaml
bad 3 "syntax.yaml:" run good.flt -o new.db -c syntax.yaml
bad 3 "vm.swapiness" sweep good.flt -o new.db --no-progress --grid vm.swapiness=1,2

# ---- traces that end early: all before the cut is used
rm -f "$store"
head -c 1000000 "$examples/sqlite.flt" >cut.flt
"$faultline" run -q cut.flt -o "$store" 2>err
[ $? -eq 7 ] && [ "$(wc -l <err)" -eq 1 ] || fail "cut trace: $(head -n 3 err)"
fact "cut trace" "SELECT status FROM runs" truncated
fact "all before the cut" "SELECT accesses FROM runs" \
	"$("$faultline" trace info --json cut.flt | sed -n 's/^ *"accesses": \([0-9]*\).*/\1/p')"
fact "that is much" "SELECT accesses BETWEEN 1000000 AND 15999999 FROM runs" 1
check_laws
for n in 10 24 26 100 $((size - 33)) $((size - 1)); do
	rm -f "$store"
	head -c "$n" good.flt >cut.flt
	"$faultline" run -q cut.flt -o "$store" >out 2>err
	case $? in 6 | 7) ;; *) fail "cut after $n bytes: status $?: $(cat err)" ;; esac
done

# ---- a flipped bit in the middle: what was before it is stored, the run is marked as failed
rm -f "$store"
cp "$examples/sqlite.flt" flipped.flt
printf 'X' | dd of=flipped.flt bs=1 seek=1200000 conv=notrunc 2>/dev/null
"$faultline" run -q flipped.flt -o "$store" 2>err
[ $? -eq 6 ] && [ "$(wc -l <err)" -eq 1 ] && grep -q "flipped.flt: block at offset" err || fail "flipped bit: $(cat err)"
fact "flipped bit" "SELECT status FROM runs" failed
fact "the message is stored" "SELECT message LIKE '%checksum%' FROM runs" 1
check_laws

# ---- odd traces: the simulated program does what no program should, the simulator goes on
trace far <<'END'
1.1 process ppid=0 text="p"
1.1 mmap addr=0x10000000 len=65536 prot=0x3 flags=0x22 fid=-1 off=0 result=0x10000000
1.1 S 10000000 8 1
1.1 S ffff800000001000 8 1
1.1 L 10001000 8 1
1.1 exit
END
odd far
fact "far: SIGSEGV" "SELECT $(total process.sigsegv)" 1
fact "far: the event" "SELECT count(*) FROM v_events WHERE kind = 'sigsegv'" 1
fact "far: what follows is skipped" "SELECT $(total replay.skipped_accesses)" 2
trace wild <<'END'
1.1 process ppid=0 text="p"
1.1 mmap addr=0x10000000 len=8192 prot=0x1 flags=0x22 fid=-1 off=0 result=0x10000000
1.1 L 10000000 8 1
1.1 S 10000000 8 1
1.1 exit
2.2 L 10000000 8 1
2.2 exit
END
odd wild
fact "wild: one may not write, the other has no mapping" "SELECT $(total process.sigsegv)" 2
trace nothing <<'END'
1.1 process ppid=0 text="p"
1.1 mmap addr=0x10000000 len=65536 prot=0x3 flags=0x22 fid=-1 off=0 result=0x10000000
1.1 S 10000000 8 1
1.1 munmap addr=0x20000000 len=65536
1.1 munmap addr=0x10000000 len=0 result=-22
1.1 munmap addr=0x10000123 len=4096
1.1 L 10001000 8 1
1.1 exit
END
odd nothing
fact "nothing: only what differs from the recording" "SELECT $(total replay.mismatches)" 1
fact "nothing: what failed" "SELECT $(total process.syscalls_failed)" 2
trace exits <<'END'
1.1 process ppid=0 text="p"
1.1 mmap addr=0x10000000 len=65536 prot=0x3 flags=0x22 fid=-1 off=0 result=0x10000000
1.1 S 10000000 8 1
1.1 clone child_tid=2
1.1 exit
1.2 S 10000000 8 1
1.1 exit
1.1 mmap addr=0x20000000 len=65536 prot=0x3 flags=0x22 fid=-1 off=0 result=0x20000000
1.1 S 20000000 8 1
1.2 S 10000008 8 1
1.2 exit_group
1.2 exit
1.2 exit
END
odd exits
fact "exits: a thread that is gone does nothing" "SELECT $(total replay.skipped_accesses)" 1
trace reused <<'END'
1.1 process ppid=0 text="p"
1.1 fork child_pid=1 child_tid=1
1.1 clone child_tid=1
1.1 clone child_tid=77
1.1 fork child_pid=9 child_tid=9
9.9 exec text="q"
9.9 fork child_pid=1 child_tid=1
9.9 exit_group
9.9 S 20000000 8 1
1.1 exit
END
odd reused
trace calls <<'END'
1.1 process ppid=0 text="p"
1.1 file fid=0 size=5000 flags=0 text="/f"
1.1 mmap addr=0x10000000 len=1048576 prot=0x3 flags=0x32 fid=0 off=0 result=0x10000000
1.1 L 10000000 8 1
1.1 read fid=7 off=0 len=4096 buf=0x0
1.1 write fid=0 off=1099511627776 len=0 buf=0x10000000
1.1 truncate fid=0 size=0
1.1 madvise addr=0x10000000 len=4096 advice=99
1.1 mremap old=0x70000000 old_len=4096 new_len=8192 flags=1 new=0x0
1.1 mbind addr=0x10000000 len=4096 mode=77 mask=0xff maxnode=64 flags=0
1.1 set_mempolicy mode=2 mask=0 maxnode=0
1.1 mlock addr=0x10000000 len=18446744073709551615 flags=0
1.1 munlockall
1.1 affinity mask=0
1.1 brk addr=0xffffffffffffffff
1.1 mprotect addr=0x1 len=1 prot=0
1.1 other number=9999 a0=0xffffffffffffffff
1.1 exit
END
odd calls
trace none <<'END'
END
odd none

# ---- text that is none
sed '4s/S/Q/' good.txt >wrong.txt
bad 6 "wrong.txt:4" trace convert wrong.txt new.db
sed 's/accesses 2/accesses 3/' good.txt >wrong.txt
bad 6 "wrong.txt" run wrong.txt -o new.db
exit $failed
