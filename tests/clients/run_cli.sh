#!/bin/sh
# run_cli.sh - run, sweep, query, list and help as a user calls them, and that the same question has the same answer.
cd "$(dirname "$0")/../.." || exit 2
. tests/laws.sh

trace=$work/demo.flt
grid='--grid vm.swappiness=0,100 --grid topology.node_mem=[3MiB,2MiB],[8MiB,8MiB]'

says() { # says TEXT ARGUMENTS...: status 0 and the text in what is printed
	text=$1
	shift
	"$faultline" "$@" >"$work/out" 2>"$work/err" || fail "$*: status $?: $(cat "$work/err")"
	[ -z "$text" ] || grep -qF -- "$text" "$work/out" || fail "$*: no \"$text\" in: $(head -n 5 "$work/out")"
}

same() { # same A B WHAT: two stores with the same rows
	rows "$1" >"$work/a.rows"
	rows "$2" >"$work/b.rows"
	cmp -s "$work/a.rows" "$work/b.rows" || fail "$3: $(diff "$work/a.rows" "$work/b.rows" | head -n 4)"
}

# ---- a small trace, made by the program itself
says "" trace gen zipf --option count=300000 --option pages=1500 "$trace"

# ---- run: makes the store, adds to it, says what it did
says "300 k accesses" run "$trace" -o "$store" -s topology.node_mem=3MiB,2MiB
says "" run -q "$trace" -o "$store" -n "by name" --set topology.node_mem=8MiB
[ -s "$work/out" ] && fail "-q printed: $(cat "$work/out")"
fact "two runs" "SELECT group_concat(name || ' ' || status, ', ') FROM runs" "demo complete, by name complete"
fact "both replayed all" "SELECT count(*) FROM runs WHERE accesses = 300000" 2
fact "what was set is told from what was not" \
	"SELECT origin FROM params WHERE run_id = 2 AND path IN ('topology.node_mem', 'vm.swappiness') ORDER BY path" \
	"--set
default"
fact "all parameters are stored" "SELECT count(*) FROM params WHERE run_id = 1" \
	"$("$faultline" list params --csv | tail -n +2 | wc -l)"
says "" run "$trace" --no-store
says "complete, 1 killed for want of memory" run "$trace" --no-store -s memcg.max=1MiB -s memcg.swap_max=0
grep -q killed "$work/out" && "$faultline" run "$trace" --no-store | grep -q killed && fail "killed with memory enough"
says "complete, 1 of cpuset.changes did not come" run "$trace" --no-store -s cpuset.mems=0 -s cpuset.changes=@nowhere:s0.mems=0
key=$("$faultline" run "$trace" --print-key)
[ "$key" = "$("$faultline" run "$trace" --print-key -s vm.swappiness=60)" ] || fail "the default spelt out has another key"
[ "$key" != "$("$faultline" run "$trace" --print-key -s vm.swappiness=61)" ] || fail "another value has the same key"

# ---- files, --set wins wherever it stands, later files win
printf 'vm.swappiness: 10\ntopology: {node_mem: 8MiB}\n' >"$work/a.yaml"
printf 'vm: {swappiness: 20}\n' >"$work/b.yaml"
for order in "-c $work/a.yaml -c $work/b.yaml:20" "-s vm.swappiness=30 -c $work/a.yaml:30" "-c $work/b.yaml -c $work/a.yaml:10"; do
	rm -f "$store"
	# shellcheck disable=SC2086
	says "" run "$trace" -o "$store" ${order%:*}
	fact "${order%:*}" "SELECT value FROM params WHERE path = 'vm.swappiness'" "${order##*:}"
done
fact "where it was set" "SELECT origin FROM params WHERE path = 'vm.swappiness'" "$work/a.yaml:1:16"

# ---- the same run twice; another seed does not change what is not random
for n in 1 2; do
	"$faultline" run -q "$trace" -o "$work/same$n.db" -s topology.node_mem=3MiB,2MiB -s tlb.policy=random || fail "run $n"
done
same "$work/same1.db" "$work/same2.db" "the same run twice"
"$faultline" run -q "$trace" -o "$work/seed.db" -s topology.node_mem=3MiB,2MiB -s tlb.policy=random -s seed=2 || fail "seed"
a=$(sqlite3 "$work/same1.db" "SELECT sum(l1d_misses) FROM v_tlb")
b=$(sqlite3 "$work/seed.db" "SELECT sum(l1d_misses) FROM v_tlb")
[ "$a" != "$b" ] || fail "another seed has the same random choices: $a misses"

# ---- caches and as-recorded order are deterministic, too
for n in 1 2; do
	"$faultline" run -q "$trace" -o "$work/full$n.db" -c examples/two-nodes.yaml -c examples/full.yaml \
		-s replay.schedule=as-recorded -s topology.node_mem=3MiB,3MiB || fail "full run $n"
done
same "$work/full1.db" "$work/full2.db" "the same full run twice"

# ---- max_accesses and warm-up
rm -f "$store"
says "" run "$trace" -o "$store" -s replay.max_accesses=100000 -s replay.warmup_accesses=40000
fact "stops where it is told to" "SELECT accesses FROM runs" 100000
fact "counters start anew after the warm-up" "SELECT sum(accesses) FROM v_cpu" 60000

# ---- sweep: every combination, the same with one and with two at a time, nothing twice
# shellcheck disable=SC2086
says "4 points: 4 done" sweep "$trace" -o "$work/j1.db" -j 1 --no-progress $grid
# shellcheck disable=SC2086
says "4 points: 4 done" sweep "$trace" -o "$work/j2.db" -j 2 --no-progress $grid
same "$work/j1.db" "$work/j2.db" "a sweep with -j 1 and -j 2"
# shellcheck disable=SC2086
says "4 points: 4 stored already" sweep "$trace" -o "$work/j2.db" -j 2 --no-progress $grid
same "$work/j1.db" "$work/j2.db" "a sweep repeated"
says "1 done" sweep "$trace" -o "$work/j2.db" -j 2 --no-progress --grid vm.swappiness=0,100,200 \
	--grid 'topology.node_mem=[3MiB,2MiB]'
store=$work/j2.db
fact "points" "SELECT count(*), count(DISTINCT config_fingerprint) FROM runs" "5|5"
fact "every combination" "SELECT count(DISTINCT s.value || ' ' || m.value) FROM params s JOIN params m USING (run_id)
	WHERE s.path = 'vm.swappiness' AND m.path = 'topology.node_mem'" 5
# shellcheck disable=SC2086
says "demo/vm.swappiness=0,topology.node_mem=" sweep "$trace" -o "$work/none.db" --dry-run $grid
[ -e "$work/none.db" ] && fail "--dry-run made a store"
# A point of a sweep is the same as the run by hand.
"$faultline" run -q "$trace" -o "$work/hand.db" -s vm.swappiness=100 -s topology.node_mem=3MiB,2MiB || fail "by hand"
a=$(sqlite3 "$work/hand.db" "SELECT time_ps, config_fingerprint FROM runs")
b=$(sqlite3 "$work/j1.db" "SELECT time_ps, config_fingerprint FROM runs WHERE config_fingerprint =
	'${a#*|}'")
[ "$a" = "$b" ] || fail "by hand $a, by the sweep $b"

# ---- query: views and SQL, tables, CSV, JSON
says "v_run_summary" query "$store" --list
for view in $("$faultline" query "$store" --list | awk 'NR > 1 { print $1 }'); do
	says "" query "$store" "$view" --csv
done
says "complete" query "$store" v_run_summary --run 1
says '"n": 5' query "$store" "SELECT count(*) AS n FROM runs" --json

# ---- list and help
for kind in params stats policies formats events; do
	says "" list $kind
	says "" list $kind --csv
	says "[" list $kind --json
done
for name in $("$faultline" list params --csv | tail -n +2 | cut -d, -f1); do
	case $name in *.* | seed) ;; *) fail "parameter $name" ;; esac
done
says "usage: faultline COMMAND" help
says "usage: faultline COMMAND" --help
says "faultline 0" --version
for command in run sweep query trace list; do
	says "usage: faultline $command" help $command
	says "usage: faultline $command" $command --help
done

# ---- the exit statuses of the help are those of the README
for status in 2 3 4 5 6 7 8 9 10 130; do
	meaning=$("$faultline" --help | sed -n "s/^ *$status  //p")
	grep -qF "| $status | $meaning |" README.md || fail "README.md lacks exit status $status: $meaning"
done
exit $failed
