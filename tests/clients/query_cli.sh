#!/bin/sh
# query_cli.sh - `faultline query` from a shell: a store made by the sqlite3 shell from analysis/schema.sql, closed
# pipes, full devices, exit status. FAULTLINE is the program (build/faultline). Skipped (77) without sqlite3.
cd "$(dirname "$0")/../.." || exit 2
command -v sqlite3 >/dev/null || exit 77
. tests/store_checks.sh

# The schema alone makes a store: the program brings its own views when the store has none.
{
	cat analysis/schema.sql
	echo "PRAGMA application_id = 0x464c5452; PRAGMA user_version = 1;"
	echo "INSERT INTO runs(name, status, started) VALUES ('first', 'complete', '2024-01-01'), ('second', 'incomplete', '2024-01-02');"
	echo "INSERT INTO stats VALUES (1, 'cpu.cycles', 'counter', 'cycles', 'the clock');"
	echo "INSERT INTO instances VALUES (1, 'cpu', '0');"
	echo "INSERT INTO snapshots SELECT value, 1, value, iif(value = 50000, 'final', 'interval'), 'x', value, value FROM (WITH RECURSIVE c(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM c LIMIT 50000) SELECT value FROM c);"
	echo "INSERT INTO metric_rows SELECT snapshot_id, 1, 1, 3 * snapshot_id FROM snapshots;"
} | sqlite3 "$db" || exit 2

expect 0 "v_run_summary" query "$db" --list
expect 0 "second  incomplete" query "$db" v_run_summary
expect 0 "1    0  150000" query "$db" v_cpu
expect 0 '{"n": 50000}' query "$db" "SELECT count(*) AS n FROM v_samples" --json
expect 2 'did you mean "v_cpu"?' query "$db" v_cup
expect 2 "would write" query "$db" "UPDATE runs SET name = 'x'"
expect 4 "no such file" query "$dir/none.db" v_cpu
expect 8 "not a result store" query analysis/schema.sql v_cpu
expect 0 "usage: faultline query" help query

# A reader that closes the pipe is no error; a device that is full is.
first=$({ "$faultline" query "$db" v_samples --csv; echo $? >"$dir/status"; } 2>"$dir/err" | head -1)
case $first in run_id,seq,seconds*) ;; *) fail "v_samples begins with: $first" ;; esac
if [ "$(cat "$dir/status")" -ne 0 ] || [ -s "$dir/err" ]; then
	fail "closed pipe: status $(cat "$dir/status"), $(cat "$dir/err")"
fi
if [ -w /dev/full ]; then
	"$faultline" query "$db" v_samples >/dev/full 2>"$dir/err"
	got=$?
	if [ $got -ne 5 ] || ! grep -q "No space left" "$dir/err"; then
		fail "full device: status $got, $(cat "$dir/err")"
	fi
fi

# A store of an older program has no tables of curves: all views can be asked, and reading leaves it as it is.
sqlite3 "$db" "DROP TABLE IF EXISTS curve_points; DROP TABLE IF EXISTS curves; DROP VIEW IF EXISTS v_mrc; UPDATE meta SET value = 1 WHERE key = 'views'"
cp "$db" "$dir/old.db"
for view in $("$faultline" query "$dir/old.db" --list --csv | tail -n +2 | cut -d, -f1); do
	expect 0 "" query "$dir/old.db" "$view"
done
cmp -s "$db" "$dir/old.db" || fail "reading changed an older store"
expect 0 "curve_id" query "$db" v_mrc --csv

# The store is free for others while a reader takes its time.
"$faultline" query "$db" v_samples | { while [ ! -e "$dir/written" ]; do sleep 0.1; done; cat >/dev/null; } &
sleep 0.3
sqlite3 -cmd ".timeout 9000" "$db" "UPDATE runs SET name = 'renamed' WHERE run_id = 2" || failed=1
: >"$dir/written"
wait
expect 0 "renamed" query "$db" v_run_summary
exit $failed
