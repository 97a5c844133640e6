#!/bin/sh
# record_places.sh - each access of a recording lies in a mapping that is live at its moment and allows it, in programs
# that map, unmap, grow, fork and load in every way, and in the replay no process is killed for touching what it may not.
cd "$(dirname "$0")/../.." || exit 2
. tests/laws.sh
case $faultline in /*) ;; *) faultline=$PWD/$faultline ;; esac
if ! command -v qemu-x86_64 >/dev/null; then
	echo "record_places: qemu-x86_64 is not installed (Debian: qemu-user)"
	exit 1
fi
${CC:-gcc} -O1 -D_GNU_SOURCE -pthread -o "$work/places" tests/clients/record/places.c -ldl || exit 1
cd "$work" || exit 2

# inside PROGRAM...: recorded into t.flt
inside() {
	rm -f t.flt
	"$faultline" record -q -o t.flt "$@" >out 2>err || fail "$*: status $?: $(cat err)"
	"$faultline" trace verify --strict t.flt >verified 2>&1 || fail "$*: $(cat verified)"
	grep -q '^t.flt: mappings: all [1-9][0-9]* accesses and [1-9][0-9]* buffers lie in a live mapping$' verified ||
		fail "$*: $(cat verified)"
}

replayed() { # replayed WHAT: in the machine, too
	rm -f "$store"
	"$faultline" run -q t.flt -o "$store" 2>err || fail "run of $1: $(cat err)"
	fact "$1: illegal accesses of the replay" \
		"SELECT sum(value) FROM final_metrics WHERE stat IN ('process.sigsegv', 'process.sigbus')" 0
}

n=0
for what in $(./places); do
	if [ "$what" = vsyscall ] && ! ./places vsyscall; then
		continue # booted with vsyscall=none
	fi
	inside ./places "$what"
	replayed "$what"
	n=$((n + 1))
done
[ $n -ge 13 ] || fail "only $n places"
# The page of vsyscalls belongs to the kernel: nothing of it is recorded.
"$faultline" trace cat t.flt | awk '$2 == "F" && length($3) > 11 { exit 1 }' || fail "a fetch beyond user space"

# ---- programs as people have them
inside sqlite3 :memory: "CREATE TABLE t (a, b); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 300)
	INSERT INTO t SELECT n, hex(n) FROM c; CREATE INDEX i ON t (b); SELECT count(*) FROM t WHERE b LIKE '%3%'"
replayed sqlite3
if [ -x /usr/bin/python3 ]; then
	inside /usr/bin/python3 -I -S -c 'print(sum(len(str(x)) for x in range(1000)))'
	replayed python3
fi
# A page between two segments of make's file is not the guard page of its stack.
printf 'all:\n\t@echo made; true\n' >one.mk
inside make -f one.mk
replayed make
echo 'int main(void) { return 0; }' >small.c
inside ${CC:-gcc} -O1 -o small small.c
./small || fail "the compiler does not compile under the recorder"

# ---- the check finds what is wrong: without the record of one mapping its accesses lie outside
inside ./places churn
"$faultline" trace cat t.flt >whole.txt
line=$(grep -n ' mmap .*fid=-1' whole.txt | tail -n 1 | cut -d: -f1)
awk -v line="$line" '$2 == "end" { $6 = $6 - 1 } NR != line' whole.txt >less.txt
"$faultline" trace verify less.txt >verified 2>err
grep -q 'outside: access [0-9]*, store of 1 bytes .*: no mapping$' verified || fail "a mapping less: $(cat verified err)"
exit $failed
