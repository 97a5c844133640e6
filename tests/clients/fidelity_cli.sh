#!/bin/sh
# faultline fidelity as a user calls it: labels in the order they were taken, counters of the empty scenario where the
# kernel had them, bad files refused with their place.
set -eu
cd "$(dirname "$0")/../.."
faultline=${FAULTLINE:-build/faultline}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fail() { echo "fidelity_cli: $*" >&2; exit 1; }

"$faultline" fidelity -q tests/fidelity/configs/empty.json tests/fidelity/configs/fork_cow.json -o "$dir/r.db"
labels=$(sqlite3 "$dir/r.db" "SELECT group_concat(label, ' ') FROM (SELECT DISTINCT label, seq FROM kernel_counters
	WHERE run_id = (SELECT run_id FROM runs WHERE name = 'fork_cow') ORDER BY seq)")
[ "$labels" = "before written forked child_read child_wrote_half parent_rewrote child_gone after exited final" ] ||
	fail "labels are: $labels"
# Half of the pages that were shared after fork are the child's own once it wrote them.
pss=$(sqlite3 "$dir/r.db" "SELECT value FROM kernel_counters WHERE label = 'child_wrote_half' AND
	scope = 'region/P2/1000000000' AND counter = 'Pss'")
[ "$pss" = 24576 ] || fail "Pss is $pss, not 24576 kB"
reuse=$(sqlite3 "$dir/r.db" "SELECT value FROM kernel_counters WHERE label = 'after' AND scope = 'vmstat' AND
	counter = 'pgreuse' AND run_id = (SELECT run_id FROM runs WHERE name = 'fork_cow')")
[ "$reuse" -ge 4096 ] && [ "$reuse" -le 4112 ] || fail "pgreuse is $reuse"

printf '{"format":"memgt-config 2"}' >"$dir/a.json"
"$faultline" fidelity "$dir/a.json" -o "$dir/r.db" 2>"$dir/err" && fail "a file of another format was taken"
grep -q "a.json:1:1: expected" "$dir/err" || fail "no place: $(cat "$dir/err")"
printf '{"format":' >"$dir/b.json"
"$faultline" fidelity "$dir/b.json" -o "$dir/r.db" 2>"$dir/err" && fail "half a file was taken"
grep -q "b.json:.*not JSON" "$dir/err" || fail "no place: $(cat "$dir/err")"
