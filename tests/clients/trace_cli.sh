#!/bin/sh
# trace_cli.sh - `faultline trace` as a user calls it: round trips, slices, damaged files, wrong usage.
#
# usage: tests/clients/trace_cli.sh [FAULTLINE]
set -u

. "$(dirname "$0")/../trace_checks.sh"

same() { # same A B WHAT
	cmp -s "$1" "$2" || fail "$3: $1 and $2 differ"
}

json() { # json FILE KEY: a number of info --json
	"$faultline" trace info --json "$1" | sed -n "s/^ *\"$2\": \([0-9]*\),*$/\1/p"
}

# ---- a small trace: two processes, files, several megabytes apart
{
	echo '# memtrace 1'
	echo 'F 0 /data/f 1048576 new'
	echo 'M 1 1 0 0 spawn'
	echo 'M 1 1 0 1 mmap 0x10000000 4194304 rw- private,anon -1 0'
	awk 'BEGIN { for (i = 0; i < 1000; i++) printf "W 1 1 %x 8\n", 268435456 + i * 4096 }'
	echo 'M 1 1 0 1002 write 0 0 8192'
	echo 'M 1 1 0 1003 madvise 0x10000000 4096 dontneed'
	echo 'M 1 1 0 1004 fork 2'
	echo 'S 1005 middle'
	awk 'BEGIN { for (i = 0; i < 1000; i++) printf "R %d %d %x 8\n", 1 + i % 2, 1 + i % 2, 268435456 + i % 10 * 4096 }'
	echo 'M 2 2 0 2006 exit'
	echo '# end accesses 2000 events 2007'
} >small.trace

# ---- convert, cat, convert
status 0 trace convert small.trace small.flt
[ -e small.flt.tmp ] && fail "convert left its temporary file"
equals "$(json small.flt accesses)" 2000 accesses
equals "$(json small.flt writes)" 1000 writes
equals "$(json small.flt reads)" 1000 reads
equals "$(json small.flt fetches)" 0 fetches
equals "$(json small.flt processes)" 3 processes
# 1000 pages of process 1, and the ten that process 2 reads
equals "$(json small.flt footprint_pages)" 1005 footprint_pages
status 0 trace cat small.flt
cp out small.txt
status 0 trace convert small.txt again.flt
same small.flt again.flt "cat and convert"
"$faultline" trace cat small.flt | "$faultline" trace convert --format text - piped.flt || fail "standard input"
same small.flt piped.flt "through a pipe"
zstd -q small.trace -o small.trace.zst
status 0 trace convert small.trace.zst packed.flt
same small.flt packed.flt "zstd input"
status 0 trace convert small.flt copy.flt
same small.flt copy.flt "native to native"
status 0 trace cat small.trace
same out small.txt "cat of the foreign and of the native file"
status 0 trace info small.trace
contains out "2 000"
status 0 trace verify small.flt
contains out "2000 accesses"
status 0 trace verify small.trace

# ---- verify: accesses outside the mappings of their moment, by number; formats without mappings say so
status 0 trace verify --strict small.flt
contains out "small.flt: mappings: all 2000 accesses and 0 buffers lie in a live mapping"
printf '# faultline trace text 1\n1.1 L 10000 8 1\n# end accesses 1 controls 0\n' >none.txt
status 0 trace verify --strict none.txt
contains out "none.txt: mappings: not checked: no mappings in the trace"
cat >places.txt <<-'END'
	# faultline trace text 1
	1.1 process ppid=0 text="p"
	1.1 mapping addr=0x10000 len=8192 prot=0x3 flags=0x22 fid=-1 off=0
	1.1 S 10000 8 1
	1.1 L 11ff8 8 1
	1.1 L 11ffc 8 1
	1.1 fork child_pid=2 child_tid=2
	2.2 munmap addr=0x10000 len=4096
	2.2 L 10ff8 8 1
	2.2 L 10ffc 8 1
	2.2 mprotect addr=0x11000 len=4096 prot=0x1
	1.1 S 11000 8 1
	2.3 S 11000 8 1
	2.3 F 11000 8 1
	2.2 write fid=0 off=0 len=4096 buf=0x11000 result=4096
	2.2 read fid=0 off=0 len=4096 buf=0x11000 result=100
	# end accesses 8 controls 7
END
cat >want <<-'END'
	FILE: outside: access 2, load of 8 bytes at 0x11ffc by process 1, thread 1: no mapping
	FILE: outside: access 3, load of 8 bytes at 0x10ff8 by process 2, thread 2: no mapping
	FILE: outside: access 4, load of 8 bytes at 0x10ffc by process 2, thread 2: no mapping
	FILE: outside: access 6, store of 8 bytes at 0x11000 by process 2, thread 3: the mapping is not writable
	FILE: outside: access 7, fetch of 8 bytes at 0x11000 by process 2, thread 3: the mapping is not executable
	FILE: outside: buffer of a read before access 8 of 100 bytes at 0x11000 by process 2, thread 2: the mapping is not writable
END
status 0 trace convert places.txt places.flt
for f in places.txt places.flt; do
	status 0 trace verify $f
	contains out "$f: mappings: 6 of 8 accesses and 2 buffers lie outside the mappings of their moment"
	grep outside: out | sed "s/^$f/FILE/" >got
	same want got "what lies outside in $f"
	status 6 trace verify --strict --outside 2 $f
	contains err "$f: 6 of 8 accesses and 2 buffers lie outside"
	equals "$(wc -l <out)" 2 "lines with --outside 2"
	status 0 trace verify --outside 0 $f
	equals "$(grep -c outside: out)" 0 "lines with --outside 0"
done
status 2 trace verify --outside many places.flt

# ---- two programs do not write one file at a time; what a killed one left is no hindrance
: >one.flt.tmp
status 0 trace convert small.flt one.flt
: >one.flt.tmp
flock one.flt.tmp "$faultline" trace convert small.flt one.flt >out 2>err
equals "$? $(wc -l <err)" "4 1" "status and lines while another writes"
contains err "one.flt.tmp: another program is writing it"
same small.flt one.flt "what was written before"
rm -f one.flt.tmp

# ---- cat's choices
status 0 trace cat --limit 5 small.flt
equals "$(grep -vc '^#' out)" 5 "records with --limit 5"
status 0 trace cat --thread 2.2 small.flt
equals "$(grep -c '^2.2 L' out)" 500 "loads of thread 2.2"
equals "$(grep -vc '^[2#]' out)" 0 "other threads"
cp out thread.txt
status 0 trace convert thread.txt thread.flt
equals "$(json thread.flt accesses)" 500 "accesses of the thread"
status 0 trace cat --controls small.flt
equals "$(grep -c ' [LSF] ' out)" 0 "accesses with --controls"

# ---- slice: 10 accesses from the 1000th on, with the state in front of them
status 0 trace slice --from 1000 --count 10 small.flt slice.flt
equals "$(json slice.flt accesses)" 10 "accesses of the slice"
status 0 trace cat slice.flt
grep ' L ' out >got
grep ' L ' small.txt | head -n 10 >expected
same got expected "the slice's accesses"
contains out "1.1 mmap addr=0x10000000"
contains out "0.0 file fid=0 size=0"
contains out "1.1 fork child_pid=2"
contains out "1.1 truncate fid=0 size=8192"
grep -q ' write \| madvise ' out && fail "the slice kept calls of the moment"
status 0 trace verify slice.flt
status 0 trace slice --process 2 --count 20 small.flt process.flt
equals "$(json process.flt accesses)" 20 "accesses of process 2"
status 0 trace cat process.flt
equals "$(grep -c '^1.1 [LS]' out)" 0 "accesses of process 1"
contains out "1.1 fork child_pid=2"
status 0 trace slice small.flt all.flt
equals "$(json all.flt accesses)" 2000 "a slice of everything"
status 0 trace slice --instructions --from 5 --count 7 small.flt few.flt
equals "$(json few.flt instructions)" 7 "instructions"
status 2 trace slice --from 2000 small.flt none.flt
[ -e none.flt ] && fail "an empty slice left a file"

# ---- cut and damaged files
size=$(wc -c <small.flt)
for cut in 3 100 $((size / 2)) $((size - 1)); do
	head -c "$cut" small.flt >cut.flt
	"$faultline" trace verify cut.flt >out 2>err
	case $? in 6 | 7) ;; *) fail "verify of $cut bytes gave another status: $(cat err)" ;; esac
done
# behind the file's header, before its first block is whole
provenance=$(od -An -tu4 -j12 -N4 small.flt | tr -d ' ')
head -c $((24 + provenance + 60)) small.flt >cut.flt
status 7 trace verify cut.flt
status 7 trace mrc cut.flt
status 7 trace slice --count 10 cut.flt cut2.flt
contains err "before the cut"
cp small.flt bad.flt
printf 'XXXX' | dd of=bad.flt bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
"$faultline" trace verify bad.flt >out 2>err
case $? in 6 | 7) ;; *) fail "verify of a damaged file gave another status: $(cat err)" ;; esac
contains err bad.flt
head -n 500 small.trace >cut.trace
status 7 trace convert cut.trace cut.flt
contains err cut.trace:500
equals "$(json cut.flt accesses)" 496 "accesses before the cut"
status 7 trace verify cut.trace
sed '700s/^W/Q/' small.trace >bad.trace
echo old >kept.flt
status 6 trace convert bad.trace kept.flt
contains err bad.trace:700
equals "$(cat kept.flt)" old "the file that was there"
[ -e kept.flt.tmp ] && fail "a failed convert left its temporary file"
head -c "$(($(wc -c <small.trace.zst) - 6))" small.trace.zst >cut.zst
status 7 trace convert --format memtrace cut.zst cutz.flt
contains err "zstd frame"

# ---- Ctrl-C while a pipe is silent: status 130, nothing left behind
mkfifo silent
sleep 100 >silent &
sleeper=$!
sh -c 'exec "$1" trace convert --format course silent stopped.flt 2>err' sh "$faultline" &
converter=$!
sleep 0.3
kill -TERM $converter
wait $converter
equals $? 130 "status after a signal"
kill $sleeper
contains err interrupted
[ -e stopped.flt.tmp ] && fail "an interrupted convert left its temporary file"

# ---- wrong usage
status 2 trace
status 2 trace frobnicate
status 2 trace convert
status 2 trace convert small.trace
status 2 trace convert --format nonsense small.trace x.flt
status 2 trace convert --nonsense small.trace x.flt
status 2 trace convert --level 99 small.trace x.flt
status 2 trace convert --format course --options a=b small.trace x.flt
status 2 trace convert --provenance colour=blue small.trace x.flt
status 2 trace convert - x.flt
status 2 trace cat --thread x small.flt
status 2 trace cat --limit -1 small.flt
status 2 trace cat small.flt small.flt
status 2 trace slice --from 1 --count 0 small.flt x.flt
status 2 trace slice --thread 1.1 --process 1 small.flt x.flt
status 2 trace gen
status 2 trace gen nonsense x.flt
status 4 trace info nothing.flt
status 4 trace convert nothing.trace x.flt
status 4 trace convert small.trace nodir/x.flt
echo 'no trace at all' >prose
status 6 trace info prose
for verb in info cat convert verify slice gen formats; do
	status 0 trace $verb --help
	contains out "usage: faultline trace $verb"
done
status 0 trace formats
contains out lackey
status 0 trace gen --list

# ---- gen: the same options, the same bytes
pattern=$("$faultline" trace gen --list | sed -n '2s/ .*//p')
status 0 trace gen --list "$pattern"
contains out pages
status 2 trace gen --list nonsense
status 2 trace gen "$pattern" x.flt --option nonsense=1
status 0 trace gen "$pattern" gen1.flt
status 0 trace gen "$pattern" gen2.flt
same gen1.flt gen2.flt "gen twice"
status 0 trace verify gen1.flt

[ $failed -eq 0 ] && echo "trace_cli: ok"
exit $failed
