#!/bin/sh
# formats_cli.sh - foreign formats from the command line, against the programs that make them: lackey's own output
# comes back as it was, files packed by gzip, xz, bzip2, lz4 and zstd are read, and theirs is what is written.
#
# usage: tests/clients/formats_cli.sh [FAULTLINE]
set -u

traces=$(cd "$(dirname "$0")/../fidelity/traces" && pwd)
. "$(dirname "$0")/../trace_checks.sh"

# bad STATUS TEXT ARGUMENTS...: exit status, and one line on stderr that holds the text
bad() {
	want=$1
	text=$2
	shift 2
	"$faultline" "$@" >out 2>err
	got=$?
	[ "$got" -eq "$want" ] || fail "$* gave status $got, expected $want: $(cat err)"
	[ "$(wc -l <err)" -eq 1 ] || fail "$* printed $(wc -l <err) error lines"
	grep -qF -- "$text" err || fail "$*: expected \"$text\", found: $(cat err)"
}

# ---- lackey: a real program's trace, there and back
if command -v valgrind >/dev/null; then
	valgrind --tool=lackey --trace-mem=yes --log-file=lackey.log /bin/true || fail "valgrind"
	"$faultline" trace convert lackey.log lackey.flt || fail "lackey's log is not read"
	"$faultline" trace export --to lackey lackey.flt lackey.again || fail "export --to lackey"
	# valgrind's own remarks are what the importer skips
	grep -v -e '^==' -e '^--' -e '^$' lackey.log >lackey.norm
	[ "$(wc -l <lackey.norm)" -gt 10000 ] || fail "lackey traced $(wc -l <lackey.norm) lines"
	cmp lackey.norm lackey.again || fail "lackey's lines are not what they were"
else
	echo "formats_cli: valgrind is not installed: lackey is not tried" >&2
	awk 'BEGIN { for (i = 0; i < 30000; i++) printf "I  %08x,4\n L %08x,8\n", 4096 + i * 4, 16777216 + i % 77 * 64 }' \
		>lackey.norm
	"$faultline" trace convert lackey.norm lackey.flt || fail "convert"
fi

# ---- memtrace: scenarios that a real kernel played. A new file's size is not in a trace, comments are not.
for scenario in file_io anon_hotcold rand_numa_3 rand_exact_2; do
	trace=$traces/$scenario.trace.zst
	"$faultline" trace convert "$trace" scenario.flt && "$faultline" trace export --to memtrace scenario.flt scenario ||
		fail "memtrace: $scenario"
	zstd -dc "$trace" | sed -e '/^# op/d' -e '/^# sum/d' -e 's/^\(F [^ ]* [^ ]*\) [0-9]* new$/\1 0 new/' >scenario.norm
	cmp scenario.norm scenario || fail "memtrace: $scenario is not what it was"
done

# ---- a directory of drmemtrace files is one trace: two threads that take turns, one file packed
le() { # le BYTES VALUE: little endian
	bytes=$1 value=$2
	while [ "$bytes" -gt 0 ]; do
		printf "\\$(printf %o $((value & 255)))"
		value=$((value >> 8)) bytes=$((bytes - 1))
	done
}
record() { # record TYPE SIZE VALUE
	le 2 "$1" && le 2 "$2" && le 8 "$3"
}
thread() { # thread TID TIME: ten loads, then ten more 100 us later
	record 25 0 7 && record 28 12 7 && record 28 9 64 && record 22 4 "$1" && record 24 4 100 && record 28 2 "$2"
	for i in 1 2 3 4 5 6 7 8 9 10; do record 10 4 4198400 && record 0 8 $((4096 * $1 + 8 * i)); done
	record 28 2 $(($2 + 100))
	for i in 1 2 3 4 5 6 7 8 9 10; do record 10 4 4198400 && record 0 8 $((4096 * $1 + 8 * i)); done
	record 23 4 "$1" && record 26 0 0
}
mkdir many
thread 101 13350000000000000 | gzip >many/drmemtrace.app.101.trace.gz
thread 102 13350000000000050 >many/drmemtrace.app.102.trace
echo remark >many/README
"$faultline" trace cat many >many.txt || fail "trace cat of a directory"
[ "$(sed -n 's/^100\.\(10[12]\) L .*/\1/p' many.txt | uniq -c | tr -s '\n ' ' ')" = " 10 101 10 102 10 101 10 102 " ] ||
	fail "the threads of a directory do not take turns: $(grep ' L ' many.txt)"
"$faultline" run -q many -o many.db || fail "run of a directory"
[ "$(sqlite3 many.db 'SELECT accesses FROM runs')" = 80 ] || fail "run of a directory: not 80 accesses"
mkdir empty
bad 4 "is a directory" trace info empty
bad 4 "no *.trace.*" trace info --format drmemtrace empty

# ---- what others packed
for tool in gzip xz bzip2 lz4 zstd; do
	command -v $tool >/dev/null || continue
	$tool -c <lackey.norm >part.1 2>/dev/null
	# two packed files in one, split in the middle of the text
	head -n 5000 lackey.norm | $tool -c >packed 2>/dev/null
	tail -n +5001 lackey.norm | $tool -c >>packed 2>/dev/null
	for f in part.1 packed; do
		"$faultline" trace export --to lackey $f unpacked 2>err || fail "$tool: $(cat err)"
		cmp -s unpacked lackey.norm || fail "$tool: what was read is not what was packed"
	done
	"$faultline" trace export --to lackey --format lackey - - <packed >unpacked 2>err || fail "$tool in a pipe: $(cat err)"
	cmp -s unpacked lackey.norm || fail "$tool: what came through a pipe is not what was packed"
	head -c 20000 part.1 >cut
	bad 7 "$tool" trace export --to lackey cut unpacked
	[ -s unpacked ] || fail "$tool: nothing is left of a file that was cut"
	head -c "$(wc -c <unpacked)" lackey.norm | cmp -s - unpacked || fail "$tool: wrong beginning of a file that was cut"
done

# ---- what others unpack
for suffix in gz:gzip xz:xz zst:zstd; do
	tool=${suffix#*:}
	suffix=${suffix%:*}
	command -v $tool >/dev/null || continue
	"$faultline" trace export --to lackey lackey.flt "out.$suffix" || fail "writing .$suffix"
	$tool -dc <"out.$suffix" | cmp -s - lackey.norm || fail "$tool does not find in out.$suffix what was written"
done

# ---- small files that unpack to a lot take no memory
for tool in gzip xz; do
	command -v $tool >/dev/null || continue
	{ echo '# faultline trace text 1' && head -c 200000000 /dev/zero | tr '\0' 7; } | $tool -c -1 >bomb
	(ulimit -v 150000 && "$faultline" trace info bomb) >out 2>err
	[ $? -eq 6 ] || fail "$tool: a bomb: $(cat err)"
done

gzip -c lackey.flt >native.gz
bad 6 "a native trace that was packed once more" trace info native.gz

# ---- what is left out is said; wrong usage
echo '0041f7a0 R' >course
"$faultline" trace export --to rw lackey.norm rw.out 2>err || fail "export --to rw"
grep -q "rw.out: rw has no place for instruction fetches (" err || fail "what was left out is not said: $(cat err)"
"$faultline" trace export --to rw course - 2>err | cmp -s - /dev/fd/3 3<<-END || fail "standard output"
	r 41f7a0
END
[ -s err ] && fail "something is said although nothing was left out: $(cat err)"
"$faultline" trace export --list | grep -q '^oraclegeneral  *libCacheSim' || fail "export --list"
bad 2 "expected --to FORMAT" trace export course out.rw
bad 2 'no format "rv"; did you mean "rw"?' trace export --to rv course out.rw
bad 2 "bzip2 files are only read" trace export --to rw course out.bz2
bad 2 "--level: expected 1" trace export --to rw --level 20 course out.gz
"$faultline" trace export --to lackey lackey.norm - 2>err >/dev/full
[ $? -eq 5 ] && grep -q "standard output: writing failed: No space" err || fail "full disk: $(cat err)"
bad 4 "none.trace" trace export --to rw none.trace out.rw
bad 4 "none/out: cannot be created" trace export --to rw course none/out
[ -e out.rw ] || [ -e out.rw.tmp ] && fail "a failed export leaves a file"

exit $failed
