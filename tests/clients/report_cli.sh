#!/bin/sh
# report_cli.sh - `faultline report` from a shell: the page stands alone, its numbers are the store's, names cannot break
# out of it, the same store gives the same bytes, mistakes. FAULTLINE is the program (build/faultline).
cd "$(dirname "$0")/../.." || exit 2
. tests/store_checks.sh

evil='</script><script>x</script>&"'
for run in "plain 60 0" "$evil 180 1000000"; do
	"$faultline" run examples/sort.flt -o "$db" --name "${run%% *}" -s topology.node_mem=12MiB,12MiB -s swap.size=64MiB \
		-s replay.max_accesses=4000000 -s metrics.interval_us=5000 -s vm.swappiness="$(echo "$run" | cut -d' ' -f2)" \
		-s replay.warmup_accesses="${run##* }" >"$dir/log" 2>&1 || {
		cat "$dir/log"
		exit 1
	}
done

# json PAGE SQL-EXPRESSION: over the page's data, as d
json() {
	awk '/<script type="application\/json"/ { on = 1; next } on && /<\/script>/ { exit } on' "$1" >"$dir/data.json"
	sqlite3 :memory: "WITH t AS (SELECT CAST(readfile('$dir/data.json') AS TEXT) AS d) SELECT $2 FROM t"
}

# same WHAT PAGE-EXPRESSION STORE-SQL: the page says what the store says
same() {
	ours=$(json "$dir/page.html" "$2")
	theirs=$(sqlite3 "$db" "$3")
	[ -n "$ours" ] && [ "$ours" = "$theirs" ] || fail "$1: the page has \"$ours\", the store \"$theirs\""
}

# stands_alone PAGE: nothing that a browser would fetch
stands_alone() {
	grep -nE '(src|href) *=|@import|url\(|fetch\(|XMLHttpRequest' "$1" && fail "$1 refers to something outside"
	grep -oE 'https?://[^"]*' "$1" | grep -v '^http://www.w3.org/2000/svg$' && fail "$1 names an address"
	[ "$(grep -c '</script>' "$1")" = 2 ] || fail "$1: a text ended a script element"
	[ "$(tail -n 1 "$1")" = "</html>" ] || fail "$1 is not whole"
}

"$faultline" report "$db" -o "$dir/page.html" --run plain || fail "report: status $?"
stands_alone "$dir/page.html"
[ "$(json "$dir/page.html" "json_valid(d)")" = 1 ] || fail "the data is not JSON"
column() {
	echo "json_extract(d, '$.$1.rows[0][' || (SELECT key FROM json_each(d, '$.$1.columns') WHERE value = '$2') || ']')"
}
for c in accesses minor_faults major_faults pages_stolen swap_out swap_in oom_kills; do
	same "$c" "$(column runs $c)" "SELECT $c FROM v_run_summary WHERE name = 'plain'"
done
[ "$(json "$dir/page.html" "$(column runs swap_out)")" -gt 0 ] || fail "the run swaps nothing"
same "cycles" "(SELECT sum(value ->> 2) FROM json_each(d, '$.cycles.rows'))" \
	"SELECT sum(cycles) FROM v_cycles WHERE run_id = 1"
same "parameters" "json_array_length(d, '$.params.rows')" "SELECT count(*) FROM params WHERE run_id = 1"
same "snapshots drawn" "(SELECT count(DISTINCT value ->> 1) FROM json_each(d, '$.series.rows'))" \
	"SELECT count(*) FROM snapshots WHERE run_id = 1 AND kind IN ('interval', 'final')"
same "a line's sum" "(SELECT sum(value ->> 3) FROM json_each(d, '$.series.rows') WHERE value ->> 2 = 'vmstat.pgfault')" \
	"SELECT sum(value) FROM metrics WHERE run_id = 1 AND stat = 'vmstat.pgfault' AND kind IN ('interval', 'final')"
same "nodes summed" "(SELECT sum(value ->> 3) FROM json_each(d, '$.series.rows') WHERE value ->> 2 = 'zone.nr_free_pages')" \
	"SELECT sum(value) FROM metrics WHERE run_id = 1 AND stat = 'zone.nr_free_pages' AND kind IN ('interval', 'final')"
# Every statistic that a chart draws exists, so no line is missing by a wrong name.
json "$dir/page.html" "(SELECT group_concat(value ->> 4 || '+' || (value ->> 5), '+') FROM json_each(d, '$.charts'))" | tr '+' '\n' |
	sort -u | while read -r stat; do
	[ -z "$stat" ] || [ "$(sqlite3 "$db" "SELECT count(*) FROM stats WHERE name = '$stat'")" = 1 ] || echo "$stat"
done >"$dir/missing"
[ -s "$dir/missing" ] && fail "charts of statistics that do not exist: $(cat "$dir/missing")"

"$faultline" report "$db" -o "$dir/again.html" --run 1
cmp "$dir/page.html" "$dir/again.html" || fail "the same store gives another page"
"$faultline" report "$db" -o - --run 1 | cmp - "$dir/page.html" || fail "stdout gets another page"

# Two runs; the second has a warm-up, before which nothing is drawn.
"$faultline" report "$db" --all -o "$dir/page.html" || fail "report --all: status $?"
stands_alone "$dir/page.html"
same "both names" "json_extract(d, '$.title')" "SELECT group_concat(name, ', ') FROM (SELECT name FROM runs ORDER BY run_id)"
same "snapshots behind the warm-up" \
	"(SELECT count(DISTINCT value ->> 1) FROM json_each(d, '$.series.rows') WHERE value ->> 0 = 1)" \
	"SELECT count(*) FROM snapshots WHERE run_id = 2 AND kind IN ('interval', 'final')
	AND seq > (SELECT seq FROM snapshots WHERE run_id = 2 AND kind = 'warmup')"
"$faultline" report "$db" --run 1 --run plain --title '<b>&' -o "$dir/page.html" || fail "report --title: status $?"
grep -qF '<title>&#60;b&#62;&#38; - Faultline</title>' "$dir/page.html" || fail "the title is not escaped"
same "a run that is named twice" "json_array_length(d, '$.runs.rows')" "SELECT 1"

sum=$(cksum <"$db")
"$faultline" report "$db" -o "$dir/page.html"
[ "$(cksum <"$db")" = "$sum" ] || fail "the report changed the store"

expect 0 "usage: faultline report" help report
expect 2 'did you mean "plain"?' report "$db" -o "$dir/x.html" --run plan
[ ! -e "$dir/x.html" ] || fail "a page was left behind by a mistake"
expect 2 "which store?" report -o "$dir/x.html"
expect 2 "where to?" report "$db"
expect 2 "only one of" report "$db" -o "$dir/x.html" --all --run 1
expect 2 'did you mean "--title"?' report "$db" -o "$dir/x.html" --titel x
expect 2 "one argument too many" report "$db" other -o "$dir/x.html"
expect 2 "more than 8 runs" report "$db" -o "$dir/x.html" --run 1 --run 1 --run 1 --run 1 --run 1 --run 1 --run 1 --run 1 \
	--run 1
expect 4 "no such file" report "$dir/none.db" -o "$dir/x.html"
expect 4 "No such file or directory" report "$db" -o "$dir/none/x.html"
if [ -e /dev/full ]; then
	expect 5 "writing" report "$db" -o /dev/full
	[ -c /dev/full ] || fail "the report removed /dev/full"
fi
exit $failed
