#!/bin/sh
# demo.sh - a tour in half a minute: replays a recorded program on a machine that is too small for it, compares three
# settings of swappiness under three NUMA policies, and asks the store one question.
#
# usage: examples/demo.sh [FAULTLINE [OUTDIR]]
set -eu

faultline=${1:-build/faultline}
out=${2:-build/demo}
here=$(dirname "$0")
trace=$here/sqlite.flt
config=$here/two-nodes.yaml
store=$out/demo.db

mkdir -p "$out"
rm -f "$store" "$store-wal" "$store-shm" "$out/v_reclaim.txt"

if [ -t 1 ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
	bold='' plain=''
fi

title() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

title "1. The trace: a recorded run of SQLite"
"$faultline" trace info "$trace" | sed -n -e '/^program/p' -e '/^accesses/p' -e '/^footprint/p'

title "2. One run: two NUMA nodes, 38 MiB in all"
"$faultline" run "$trace" -o "$store" -n "first run" -c "$config"
"$faultline" query "$store" "
	SELECT r.minor_faults, r.major_faults, c.scan_kswapd AS kswapd_scanned, c.scan_direct AS direct_scanned,
		r.swap_out, r.swap_in, printf('%.1f %%', 100 * r.local_ratio) AS local_accesses
	FROM v_run_summary r JOIN v_reclaim c ON c.run_id = r.run_id"

title "3. Where the time of its CPUs went"
"$faultline" query "$store" "
	SELECT cause, sum(cycles) AS cycles,
		printf('%5.2f %%', 100.0 * sum(cycles) / (SELECT sum(cycles) FROM v_cpu)) AS share
	FROM v_cycles GROUP BY cause HAVING sum(cycles) > 0 ORDER BY 2 DESC LIMIT 8"

title "4. A sweep: three values of swappiness under three NUMA policies"
"$faultline" sweep "$trace" -o "$store" --name sweep --config "$config" --no-progress \
	--grid vm.swappiness=0,60,200 --grid numa.policy=default,interleave,preferred

title "5. One question to the store, in SQL"
cat >"$out/question.sql" <<'SQL'
SELECT s.value AS swappiness, n.value AS "NUMA policy",
	printf('%.1f', 1000 * r.sim_seconds) AS "simulated ms",
	r.major_faults AS "major faults", r.swap_in AS "swapped in", r.swap_out AS "swapped out",
	c.scan_direct AS "scanned directly", printf('%.1f', 100 * r.local_ratio) AS "local %"
FROM v_run_summary r
	JOIN v_reclaim c ON c.run_id = r.run_id
	JOIN params s ON s.run_id = r.run_id AND s.path = 'vm.swappiness'
	JOIN params n ON n.run_id = r.run_id AND n.path = 'numa.policy'
WHERE r.name LIKE 'sweep/%'
ORDER BY CAST(s.value AS INTEGER), n.value;
SQL
cat "$out/question.sql"
echo
sqlite3 -cmd '.mode column' "$store" <"$out/question.sql"

title "6. A program of your own: sqlite3 asking this store, recorded and replayed"
"$faultline" record -o "$out/own.flt" -- sqlite3 "$store" "SELECT count(*) || ' runs' FROM runs"
"$faultline" run "$out/own.flt" -o "$store" -n "own" -c "$config"
"$faultline" query "$store" "
	SELECT r.accesses, r.minor_faults, r.major_faults, p.peak_rss_pages, round(1000 * r.sim_seconds, 1) AS simulated_ms
	FROM v_run_summary r JOIN (SELECT run_id, max(value) AS peak_rss_pages FROM final_metrics
		WHERE stat = 'process.peak_rss_pages' GROUP BY run_id) p USING (run_id) WHERE r.name = 'own'"

"$faultline" report "$store" --run "first run" -o "$out/report.html"
printf '\nA page to look at: %s\n' "$out/report.html"
printf 'The store is %s: see "%s query %s --list".\n' "$store" "$faultline" "$store"
