#!/bin/sh
# record_cli.sh - `faultline record`: programs of which is known what they do, and programs that are stopped.
#
# What the trace must say is worked out here or measured on the native run, never copied from a trace.
cd "$(dirname "$0")/../.." || exit 2
. tests/laws.sh
case $faultline in /*) ;; *) faultline=$PWD/$faultline ;; esac
root=$PWD
regions=$PWD/tests/clients/record/regions.awk
if ! command -v qemu-x86_64 >/dev/null; then
	echo "record_cli: qemu-x86_64 is not installed (Debian: qemu-user)"
	exit 1
fi
for n in known places; do
	${CC:-gcc} -O1 -D_GNU_SOURCE -pthread -o "$work/$n" tests/clients/record/$n.c -ldl || exit 1
done
cd "$work" || exit 2

# record OPTIONS... PROGRAM...: into t.flt, which must be sound; the program's output in out
record() {
	rm -f t.flt
	"$faultline" record -q -o t.flt "$@" >out 2>err
	status=$?
	"$faultline" trace verify --strict t.flt >verified 2>&1 || fail "record $*: $(cat verified) $(cat err)"
}

# Accesses of data, a line each: "thread kind address size" (address in hex).
accesses() {
	"$faultline" trace cat t.flt | awk '$2 == "S" || $2 == "L" { print $1, $2, $3, $4 }'
}

# permuted BASE WHO: what known.c's permuted() does, in order
permuted() {
	awk -v base="$1" -v who="$2" 'function hex(s, i, v) {
		for (i = 1; i <= length(s); i++)
			v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
		return v }
	BEGIN { for (k = 0; k < 2; k++) for (i = 0; i < 1000; i++)
		printf "%s %.0f 8\n", k ? "L" : "S", hex(base) + 8 * ((617 * i + who) % 1000) }'
}

# in_array BASE: those accesses of standard input that lie in its 8000 bytes, addresses in decimal
in_array() {
	awk -v base="$1" 'function hex(s, i, v) {
		for (i = 1; i <= length(s); i++)
			v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
		return v }
	BEGIN { from = hex(base) } { a = hex($3); if (a >= from && a < from + 8000) printf "%s %s %.0f %s\n", $1, $2, a, $4 }'
}

same() { # same A B WHAT
	cmp -s "$1" "$2" || fail "$3: $(diff "$1" "$2" | head -n 5)"
}

# ---- order, address and size of each access of a known program
for o in "" --no-fetches "--from-mark begin --to-mark end"; do
	# shellcheck disable=SC2086
	record $o ./known permutation
	[ $status -eq 0 ] || fail "permutation: status $status"
	base=$(cat out)
	permuted "$base" 0 >want
	accesses | in_array "$base" | cut -d' ' -f2- >got
	same want got "permutation $o"
	"$faultline" trace cat t.flt | awk '$2 == "mark"' >marks
	[ "$(wc -l <marks)" -eq 2 ] || fail "marks: $(cat marks)"
done
[ "$(accesses | wc -l)" -lt 20000 ] || fail "a window by marks keeps more than it should"

# ---- four threads and a child, each in its own order
record ./known threads
"$faultline" trace cat t.flt | awk '$2 == "S" || $2 == "L" { print $1, $2, $3, $4 }' >all
who=0
: >owners
while read -r base; do
	who=$((who + 1))
	permuted "$base" $who >want
	in_array "$base" <all >here
	cut -d' ' -f2- here >got
	same want got "thread $who"
	cut -d' ' -f1 here | sort -u >>owners
done <out
[ "$(wc -l <owners)" -eq 5 ] && [ "$(sort -u owners | wc -l)" -eq 5 ] || fail "five threads: $(cat owners)"
[ "$(cut -d. -f1 owners | sort -u | wc -l)" -eq 2 ] || fail "two processes: $(cat owners)"

# ---- every access lies in a live mapping: the replay maps nothing on demand and sees no segmentation fault
"$faultline" run -q t.flt -o "$store" -n threads 2>err || fail "run: $(cat err)"
fact "no access outside a mapping" "SELECT coalesce(sum(value), 0) FROM final_metrics WHERE stat LIKE '%segv%'" 0
fact "all was replayed" "SELECT accesses FROM runs" \
	"$("$faultline" trace info --json t.flt | sed -n 's/^ *"accesses": \([0-9]*\),*$/\1/p')"
check_laws

# ---- pages written are the kernel's anonymous pages, faults the kernel's faults
./known pages 20000 >native
record ./known pages 20000
rm -f "$store"
"$faultline" run -q t.flt -o "$store" 2>err || fail "run: $(cat err)"
pid=$("$faultline" trace cat t.flt | sed -n 's/^\([0-9]*\)\.[0-9]* process .*/\1/p')
replayed=$("$faultline" show status "$pid" --db "$store" --at touched | awk '$1 == "RssAnon:" { print $2 / 4 }')
awk -v here="$replayed" '$1 == "rss_anon_pages" {
	d = here - $2
	if (d < 0) d = -d
	if (d > $2 / 1000) { print "RssAnon: " here " pages, natively " $2; exit 1 } }' native || fail "anonymous pages"

# Minor faults: those of the array are the same, one a page. What is left is the program's start, where the native
# kernel starts from another loader's page tables and maps up to 16 cached file pages a fault (fault-around).
replayed=$(ask "SELECT sum(value) FROM final_metrics WHERE stat = 'process.min_flt'")
awk -v here="$replayed" '$1 == "minor_faults" {
	d = here - $2
	if (d < -100 || d > 100) { print "minor faults: " here ", natively " $2; exit 1 } }' native || fail "minor faults"

# ---- mappings: the replay's /proc/PID/maps is the program's own
record ./known maps
rm -f "$store"
"$faultline" run -q t.flt -o "$store" 2>err || fail "run: $(cat err)"
pid=$("$faultline" trace cat t.flt | sed -n 's/^\([0-9]*\)\.[0-9]* process .*/\1/p')
awk -f "$regions" out >want
"$faultline" show maps "$pid" --db "$store" --at maps | awk -f "$regions" >got
[ "$(wc -l <got)" -ge 10 ] || fail "maps: $(cat got)"
same want got maps

# ---- files: what is read and written, where
record ./known files "$work/data"
"$faultline" trace cat t.flt | sed -n 's/^[0-9.]* \(file .*data"\)/\1/p' >file
fid=$(sed -n 's/^file fid=\([0-9]*\) .*/\1/p' file)
grep -q "size=0 flags=0x1" file || fail "a created file: $(cat file)"
"$faultline" trace cat t.flt | grep -E " (read|write|fsync|truncate|mmap) .*fid=$fid( |\$)" |
	sed -E "s/^[0-9.]* //; s/ (seq|after|cpu|time|result|buf|addr|prot|flags)=[^ ]*//g; s/fid=[0-9]* *//; s/ +\$//" >got
cat >want <<-END
	write off=0 len=8192
	write off=8192 len=4096
	read off=5000 len=100
	read off=4096 len=10
	fsync
	mmap len=12288 off=0
	truncate size=4096
END
same want got files

# ---- output and exit status are the program's own
for n in 0 3 255; do
	record ./known says $n
	[ $status -eq $n ] || fail "exit status $n: $status"
	[ "$(cat err)" = "says to stderr" ] || fail "stderr: $(cat err)"
done
record ./known segv
[ $status -eq 139 ] || fail "killed by SIGSEGV: status $status"
echo words >in
"$faultline" record -q -o t.flt cat <in >out 2>err || fail "cat: $(cat err)"
same in out "standard input and output"

# ---- execve, scripts, environment
printf '#!/bin/sh\nexec "%s/known" says "$1"\n' "$work" >script
chmod +x script
record ./known exec ./script 5
[ $status -eq 5 ] || fail "a script by execve: status $status: $(cat err)"
"$faultline" trace cat t.flt | sed -n 's/.* exec .*text="\(.*\)".*/\1/p' | sed 's/.*\///' >got
printf 'dash\nknown\n' >want
sed -i 's/^sh$/dash/' got
same want got "programs one after the other"
record ./script 6
[ $status -eq 6 ] || fail "a script: status $status: $(cat err)"
record sh -c 'LD_LIBRARY_PATH=/nowhere; export LD_LIBRARY_PATH; env | grep ^LD_; ./known says 0 & wait'
grep -q '^LD_LIBRARY_PATH=/nowhere$' out || fail "environment: $(cat out)"
[ "$("$faultline" trace info t.flt | awk '$1 == "processes" { print $2 }')" -ge 4 ] || fail "children are missing"

# ---- windows
record --from 20k --count 30k ./known permutation
n=$("$faultline" trace info --json t.flt | sed -n 's/^ *"instructions": \([0-9]*\),*$/\1/p')
[ "$n" -ge 29900 ] && [ "$n" -le 30100 ] || fail "a window of 30000 instructions has $n"
record ./known pages 3000
all=$("$faultline" trace info --json t.flt | sed -n 's/^ *"instructions": \([0-9]*\),*$/\1/p')
record --sample 1k/10k ./known pages 3000
n=$("$faultline" trace info --json t.flt | sed -n 's/^ *"instructions": \([0-9]*\),*$/\1/p')
awk -v n="$n" -v all="$all" 'BEGIN { exit !(n > all * 0.09 && n < all * 0.11) }' || fail "a tenth of $all: $n"
record --count 10k --end-program ./known forever
[ $status -eq 137 ] || fail "--end-program: status $status"
record --max-size 100k --end-program timeout -s KILL 5 ./known forever
[ "$(wc -c <t.flt)" -gt 90000 ] && [ "$(wc -c <t.flt)" -lt 3000000 ] || fail "--max-size: $(wc -c <t.flt)"

# ---- stops: what was recorded until then can be read
begin() { # begin COMMAND...: until the program works
	rm -f t.flt out
	"$@" >out 2>err &
	pid=$!
	tries=0
	until grep -q working out 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || { fail "$* did not begin: $(cat err)"; return; }
		sleep 0.1
	done
	sleep 0.3
}
program_of() { # the emulator that a recorder runs
	ps -o pid= --ppid "$1" | tr -d ' ' | head -n 1
}
readable() { # readable WHAT LEAST: the trace can be read and has at least so many accesses
	"$faultline" trace info --json t.flt >info 2>err2 || fail "$1: $(cat err2)"
	n=$(sed -n 's/^ *"accesses": \([0-9]*\),*$/\1/p' info)
	[ "${n:-0}" -ge "$2" ] || fail "$1: only ${n:-0} accesses"
}
begin "$faultline" record -q -o t.flt ./known forever
kill -KILL "$(program_of $pid)"
wait $pid
[ $? -eq 137 ] || fail "a killed program"
"$faultline" trace verify t.flt >verified || fail "a killed program: $(cat verified)"
readable "a killed program" 100000

begin "$faultline" record -q -o t.flt ./known forever handler
kill -INT $pid
wait $pid
[ $? -eq 7 ] || fail "an interrupted program that handles it"
"$faultline" trace verify t.flt >verified || fail "an interrupted program: $(cat verified)"
readable "an interrupted program" 100000

# Ctrl-C typed at a terminal reaches program and recorder alike: the program decides what becomes of it
# (exec: a shell between the terminal and the recorder would answer it too)
ctrl_c() { # ctrl_c STATUS [handler]
	want=$1
	shift
	rm -f t.flt typed
	{
		tries=0
		until grep -q working typed 2>/dev/null || [ $tries -ge 200 ]; do
			tries=$((tries + 1))
			sleep 0.1
		done
		sleep 0.3
		printf '\003'
		sleep 2
	} | timeout 60 script -qefc "exec $faultline record -q -o t.flt ./known forever $*" typed >/dev/null 2>&1
	got=$?
	[ $got -eq "$want" ] || fail "Ctrl-C at a terminal $*: status $got: $(cat typed)"
	"$faultline" trace verify t.flt >verified || fail "Ctrl-C at a terminal: $(cat verified)"
	readable "Ctrl-C at a terminal" 100000
}
ctrl_c 7 handler
ctrl_c 130

begin "$faultline" record -q -o t.flt ./known forever
program=$(program_of $pid)
sleep 1
kill -KILL $pid
wait $pid 2>/dev/null
kill -KILL "$program" 2>/dev/null
readable "a killed recorder" 65536
"$faultline" run -q t.flt --no-store 2>err || [ $? -eq 7 ] || fail "a cut recording is replayed: $(cat err)"

# ---- no room, wrong usage: one line
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
	mkdir -p tiny
	unshare --mount sh -c "mount -t tmpfs -o size=64k none tiny && { '$faultline' record -o tiny/t.flt ./places threads
		echo \$? >status; cp tiny/t.flt t.flt; }" >out 2>err
	[ "$(cat status)" -eq 5 ] && [ "$(wc -l <err)" -eq 1 ] || fail "no room: $(cat err)"
	grep -q 'threads are done' out || fail "the program runs on when there is no room: $(cat out)"
	readable "no room" 1
fi
one_line() { # one_line STATUS ARGUMENTS...
	want=$1
	shift
	"$faultline" record "$@" >out 2>err
	got=$?
	[ $got -eq "$want" ] && [ "$(wc -l <err)" -eq 1 ] || fail "record $*: status $got: $(cat err)"
}
[ ! -w /dev/full ] || one_line 5 -o /dev/full ./known says 0
one_line 2
one_line 2 --nonsense true
one_line 2 --sample 5 true
one_line 2 --count many true
one_line 4 -o t.flt ./missing
one_line 4 -o /nowhere/t.flt true
(PATH=/nowhere && "$faultline" record -o t.flt ./known says 0) >out 2>err
[ $? -eq 4 ] && [ "$(wc -l <err)" -eq 1 ] && grep -q qemu-user err || fail "without the emulator: $(cat err)"

# ---- where `make install` puts it, both recorders are found; without them one line says what is missing
make -s --no-print-directory -C "$root" install BUILD="$(dirname "$faultline")" PREFIX="$work/usr" >out 2>err || fail "install: $(cat err)"
faultline=$work/usr/bin/faultline
record ./known says 0
[ $status -eq 0 ] || fail "installed: status $status: $(cat err)"
"$faultline" record --malloc -q -o t.alloclog.zst ./known says 0 >out 2>err || fail "installed, --malloc: $(cat err)"
rm -r usr/lib/faultline
one_line 4 -o t.flt true
one_line 4 --malloc -o t.alloclog.zst true
exit $failed
