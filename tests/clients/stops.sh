#!/bin/sh
# stops.sh - runs that are stopped, killed, in each other's way, or have no room: the store stays whole and tells what
# happened.
cd "$(dirname "$0")/../.." || exit 2
. tests/laws.sh
case $faultline in /*) ;; *) faultline=$PWD/$faultline ;; esac
cd "$work" || exit 2

# Long enough to be caught in the midst: hours of simulated thrashing.
"$faultline" trace gen uniform --option count=20M --option pages=20000 long.flt || fail "gen"
"$faultline" trace gen uniform --option count=200K --option pages=1000 short.flt || fail "gen"
small="-s topology.node_mem=16MiB -s swap.size=256MiB -s metrics.interval_us=100000"

# started: waits until the row of the run that began is there
started() {
	tries=0
	until [ "$(sqlite3 -readonly "$store" "SELECT count(*) FROM runs" 2>/dev/null)" = "$1" ]; do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || { fail "no run began"; return; }
		sleep 0.1
	done
	sleep 0.3
}

whole() { # the store is a database with its tables and views, and may be added to
	law "a damaged store" "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'"
	law "dangling references" "SELECT * FROM pragma_foreign_key_check"
	"$faultline" query "$store" v_run_summary >out 2>err || fail "query: $(cat err)"
	"$faultline" run -q short.flt -o "$store" -n after 2>err || fail "another run: $(cat err)"
	fact "another run" "SELECT status FROM runs WHERE name = 'after' ORDER BY run_id DESC LIMIT 1" complete
}

background() { # background ARGUMENTS...: the program's number in $pid
	"$faultline" "$@" >out 2>err &
	pid=$!
}

# ---- Ctrl-C
# shellcheck disable=SC2086
background run long.flt -o "$store" $small
started 1
kill -INT $pid
wait $pid
status=$?
[ $status -eq 130 ] || fail "Ctrl-C: status $status: $(cat err)"
[ "$(wc -l <err)" -eq 1 ] || fail "Ctrl-C: $(cat err)"
fact "Ctrl-C" "SELECT status, message LIKE 'stopped after % accesses', finished IS NOT NULL FROM runs" "incomplete|1|1"
fact "what was done is stored" "SELECT accesses > 0 AND accesses = (SELECT sum(accesses) FROM v_cpu) FROM runs" 1
check_laws
whole

# ---- SIGKILL: nobody can write the end of the row
rm -f "$store"*
# shellcheck disable=SC2086
background run long.flt -o "$store" $small
started 1
kill -KILL $pid
wait $pid 2>/dev/null
fact "SIGKILL" "SELECT status, finished FROM runs" "incomplete|"
whole

# ---- SIGINT to a sweep: what is done is kept, the rest is done by the same command
rm -f "$store"*
set -- sweep long.flt -o "$store" -j 2 --no-progress --set topology.node_mem=16MiB --set swap.size=256MiB \
	--set replay.max_accesses=100000 --grid vm.swappiness=0,50,100,150,200
background "$@"
sleep 0.7
kill -INT $pid 2>/dev/null
wait $pid
status=$?
case $status in 0 | 130) ;; *) fail "Ctrl-C in a sweep: status $status: $(cat err)" ;; esac
[ "$(wc -l <err)" -le 1 ] || fail "Ctrl-C in a sweep: $(cat err)"
"$faultline" "$@" >out 2>err || fail "the sweep again: $(cat err)"
fact "all points, none twice" "SELECT count(*), count(DISTINCT config_fingerprint) FROM runs WHERE status = 'complete'" "5|5"
whole

# ---- two at once into one store
rm -f "$store"*
"$faultline" run -q short.flt -o "$store" -n first 2>err1 &
one=$!
"$faultline" run -q short.flt -o "$store" -n second 2>err2 &
two=$!
wait $one || fail "first of two: $(cat err1)"
wait $two || fail "second of two: $(cat err2)"
fact "both are there" "SELECT group_concat(name || ' ' || status, ', ') FROM (SELECT * FROM runs ORDER BY name)" \
	"first complete, second complete"
fact "and the same" "SELECT count(DISTINCT time_ps) FROM runs" 1
whole

# ---- a locked store: waits a while, then says so
(echo "BEGIN EXCLUSIVE; SELECT 'locked';" && while [ ! -e unlock ]; do sleep 0.1; done) | sqlite3 "$store" >lock &
holder=$!
until [ -s lock ]; do sleep 0.1; done
"$faultline" run -q short.flt -o "$store" -n locked 2>err
status=$?
: >unlock
wait $holder
[ $status -eq 8 ] && [ "$(wc -l <err)" -eq 1 ] && grep -q "locked" err || fail "locked store: status $status: $(cat err)"
fact "nothing of it is stored" "SELECT count(*) FROM runs WHERE name = 'locked'" 0
whole

# ---- no room: a limit of the file size stands for a full disk
rm -f "$store"*
"$faultline" run -q short.flt -o "$store" -n before || fail "before"
limit=$(($(wc -c <"$store") / 512 + 200)) # blocks of 512 bytes
(
	trap '' XFSZ
	ulimit -f $limit
	exec "$faultline" run -q long.flt -o "$store" -n full -s topology.node_mem=16MiB -s replay.max_accesses=300000 \
		-s metrics.interval_us=100
) 2>err
status=$?
[ $status -eq 5 ] && [ "$(wc -l <err)" -eq 1 ] || fail "full disk: status $status: $(head -n 3 err)"
fact "it is not complete" "SELECT count(*) FROM runs WHERE name = 'full' AND status = 'complete'" 0
fact "what was there is there" "SELECT status FROM runs WHERE name = 'before'" complete
whole
if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then
	mkdir tiny
	unshare --mount sh -c "mount -t tmpfs -o size=200k none tiny && exec '$faultline' run -q short.flt -o tiny/new.db \
		-s metrics.interval_us=10" >out 2>err
	status=$?
	[ $status -eq 5 ] && [ "$(wc -l <err)" -eq 1 ] || fail "full file system: status $status: $(head -n 3 err)"
	unshare --mount sh -c "mount -t tmpfs -o ro none tiny && exec '$faultline' run -q short.flt -o tiny/new.db" >out 2>err
	status=$?
	[ $status -eq 4 ] && [ "$(cat err)" = "faultline: tiny/new.db: opening: Read-only file system" ] ||
		fail "read-only file system: status $status: $(head -n 3 err)"
fi
(ulimit -f 4 && trap '' XFSZ && exec "$faultline" report "$store" -o page.html) 2>err
[ $? -eq 5 ] && [ "$(wc -l <err)" -eq 1 ] && grep -q "page.html: writing.*File too large" err || fail "a page without room: $(cat err)"
[ ! -e page.html ] || fail "a page without room left a file"
(ulimit -f 4 && trap '' XFSZ && exec "$faultline" trace gen uniform x.flt) 2>err
[ $? -eq 5 ] && [ "$(wc -l <err)" -eq 1 ] || fail "a trace without room: $(cat err)"
[ ! -e x.flt ] || fail "a trace without room left a file"
if [ -w /dev/full ]; then
	"$faultline" list params >/dev/full 2>err
	[ $? -eq 5 ] || fail "list to a full device: $(cat err)"
fi

# ---- a closed pipe ends the output, not the run
"$faultline" list params | head -n 1 >out || fail "list"
{
	"$faultline" run short.flt -o "$store" -n piped
	echo $? >status
} 2>err | true
[ "$(cat status)" = 0 ] && [ ! -s err ] || fail "closed pipe: status $(cat status): $(cat err)"
fact "closed pipe" "SELECT status FROM runs WHERE name = 'piped'" complete
{ "$faultline" trace cat long.flt || echo $? >status; } 2>err | head -n 1 >out
[ ! -s err ] && [ "$(cat status)" = 0 ] || fail "trace cat to a closed pipe: $(cat status) $(cat err)"
exit $failed
