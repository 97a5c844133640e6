#!/bin/sh
# show_cli.sh - `faultline show` from a shell: every format of a small run, the tree of files, mistakes. What the real
# tools make of the tree is show_tools.sh's.
# FAULTLINE is the program (build/faultline).
cd "$(dirname "$0")/../.." || exit 2
. tests/store_checks.sh

# same WHAT A B: two files are alike
same() {
	diff "$2" "$3" >"$dir/diff" || {
		fail "$1:"
		head -10 "$dir/diff"
	}
}

"$faultline" run examples/sort.flt -o "$db" --name small -s topology.node_mem=64MiB,48MiB -s topology.node_cpus=2,1 \
	-s swap.size=32MiB -s replay.warmup_accesses=4000000 >"$dir/log" 2>&1 || {
	cat "$dir/log"
	exit 1
}

expect 0 "MemTotal:" show meminfo --db "$db"
expect 0 "SwapTotal:         32764 kB" show meminfo --db "$db"
expect 0 "nr_unstable 0" show vmstat --db "$db"
expect 0 "start_pfn:" show zoneinfo --db "$db"
expect 0 "Node 1, zone" show buddyinfo --db "$db"
expect 0 "slabinfo - version: 2.1" show slabinfo --db "$db"
expect 0 "Mem: " show free --db "$db"
expect 0 "node 0 cpus: 0 1" show numactl-H --db "$db"
expect 0 "  1:  21  10 " show numactl-H --db "$db"
expect 0 "other_node" show numastat --db "$db"
expect 0 "TOTAL" show procrank --db "$db"
expect 0 "VmFlags: rd" show smaps 1 --db "$db" --at warmup
expect 0 "kernelpagesize_kB=4" show numa_maps P1 --db "$db" --run small --at warmup
expect 0 " default " show numa_maps P1 --db "$db" --at warmup
expect 0 "VmRSS:" show status 1 --db "$db" --run 1 --at warmup
expect 0 "Z (zombie)" show status 1 --db "$db"
expect 0 "usage: faultline show" help show
expect 2 'did you mean "meminfo"?' show meminfos --db "$db"
expect 2 "which store?" show meminfo
expect 2 "of which process?" show smaps --db "$db"
expect 2 "no process 99" show smaps 99 --db "$db"
expect 2 "no number of a process" show smaps 1x --db "$db"
expect 2 "one argument too many" show meminfo 1 --db "$db"
expect 2 "one argument too many" show meminfo --pid 1 --db "$db"
expect 0 "[rollup]" show smaps_rollup --pid 1 --db "$db" --label warmup
expect 0 "Page block order: 9" show pagetypeinfo --db "$db" --seq 0
expect 0 "policy: default" show numactl-s --db "$db"
expect 0 "Per-node system memory usage" show numastat-m --db "$db"
expect 0 "Private  " show numastat-p 1 --db "$db" --at warmup
expect 0 "TOTAL" show showmap 1 --db "$db" --at warmup
expect 0 '"MemTotal_kB": ' show meminfo --json --db "$db"
expect 0 "Total: " show free -m -t --db "$db"
expect 0 "/proc/PID/smaps_rollup" show --list
expect 0 '"label": "warmup"' show --list --json --db "$db"
expect 2 'did you mean "warmup"?' show meminfo --db "$db" --at warmpu
expect 2 'did you mean "small"?' show meminfo --db "$db" --run smal
expect 2 'did you mean "--label"?' show meminfo --db "$db" --lable x
expect 2 "no number of a snapshot" show meminfo --db "$db" --seq warmup
expect 2 'no snapshot "0"' show meminfo --db "$db" --label 0
expect 2 "only one of" show meminfo --db "$db" --seq 0 --at 0
expect 2 "options of free" show meminfo -m --db "$db"
expect 2 "no JSON form" show maps 1 --json --db "$db"
expect 2 "no snapshot of an OOM kill" show oom --db "$db"
expect 2 'no snapshot "later"' show meminfo --db "$db" --at later
expect 2 'no run "other"' show meminfo --db "$db" --run other
expect 4 "no such file" show meminfo --db "$dir/none.db"

# What smaps adds up is what status says.
rss=$("$faultline" show smaps 1 --db "$db" --at warmup | awk '/^Rss:/ { n += $2 } END { print n }')
expect 0 "VmRSS:	$(printf %8d "$rss") kB" show status 1 --db "$db" --at warmup

tree=$dir/tree
"$faultline" show --tree "$tree" --db "$db" || failed=1
expect 4 "Not a directory" show --tree "$db/x" --db "$db"
nodes=sys/devices/system/node
for f in proc/meminfo proc/vmstat proc/zoneinfo proc/buddyinfo proc/slabinfo $nodes/online $nodes/node1/meminfo \
	$nodes/node1/numastat $nodes/node1/vmstat $nodes/node1/distance $nodes/node1/cpulist; do
	[ -s "$tree/$f" ] || {
		fail "the tree has no $f"
	}
done
"$faultline" show zoneinfo --db "$db" >"$dir/out"
same zoneinfo "$dir/out" "$tree/proc/zoneinfo"

# An OOM kill: the report comes from a snapshot that the kill took, before the victim's memory was freed.
"$faultline" run examples/sort.flt -o "$db" --name killed -s topology.node_mem=16MiB,8MiB -s swap.size=0 \
	-s vm.overcommit_memory=1 >"$dir/log" 2>&1 || {
	cat "$dir/log"
	exit 1
}
expect 0 "sort invoked oom-killer: gfp_mask=0x" show oom --db "$db"
pages=$(sqlite3 "$db" "SELECT json_extract(detail, '$.anon_rss_pages') FROM events WHERE kind = 'oom_kill'")
[ "$pages" -gt 1000 ] || failed=1
size=$("$faultline" show status 1 --db "$db" --at oom-1 | awk '/^VmSize/ { print $2 }')
[ "$size" -gt 1000 ] || failed=1
expect 0 "Out of memory: Killed process 1 (sort) total-vm:${size}kB, anon-rss:$((4 * pages))kB, " show oom --db "$db"
expect 0 "RssAnon:	$(printf %8d $((4 * pages))) kB" show status 1 --db "$db" --at oom-1
expect 0 "Z (zombie)" show status 1 --db "$db"
# Free blocks add up to the free pages, zone by zone.
"$faultline" show oom --db "$db" | awk '/ free:[0-9]+kB boost/ { split($6, a, /[:k]/); free[$3 $4 $5] = a[2] }
	/Node .* = [0-9]+kB$/ { sub(":", "", $5); n++; if (free[$3 $4 $5] != $NF + 0) { print; bad = 1 } }
	END { exit bad || n != 2 }' || {
	fail "blocks and free pages of the OOM report disagree"
}
"$faultline" run examples/sort.flt -o "$db" --name silent -s topology.node_mem=16MiB,8MiB -s swap.size=0 \
	-s vm.overcommit_memory=1 -s metrics.oom_kills=0 >"$dir/log" 2>&1
expect 2 "no snapshot of an OOM kill (metrics.oom_kills" show oom --db "$db" --run silent
expect 0 "Killed process 1" show oom --db "$db" --run silent --at final

# The lines that name the request, the constraint and the victim, as the reference machine's kernel wrote them in the same
# scenario; programs, their numbers and sizes apart.
bare() {
	sed -n 's/^\[ *[0-9.]*\] //; /invoked oom-killer/s/.*gfp_mask/gfp_mask/p
		/^oom-kill:/s/task=[^,]*,pid=[0-9]*/task=T,pid=N/p
		/^Out of memory/{s/process [0-9]* ([^)]*)/process N (T)/; s/[0-9][0-9]*/N/gp;}'
}
for config in oom numa_fill_bind_oom; do
	json=tests/fidelity/configs/$config.json
	"$faultline" fidelity $json -o "$dir/$config.db" >"$dir/log" 2>&1 || cat "$dir/log"
	"$faultline" show oom --db "$dir/$config.db" | bare >"$dir/ours"
	sqlite3 :memory: "WITH o AS (SELECT json_extract(CAST(readfile('$json') AS TEXT), '$.oom[0][0]') AS v)
		SELECT 'T invoked oom-killer: ' || (v ->> 'what') || char(10) || (v ->> 'constraint') || char(10) || (v ->> 'killed')
		FROM o" | bare >"$dir/theirs"
	[ "$(wc -l <"$dir/theirs")" = 3 ] || failed=1
	same "$config: the kernel's own lines" "$dir/theirs" "$dir/ours"
done

# A snapshot that is taken changes nothing.
for run in killed silent; do
	"$faultline" query "$db" "SELECT stat, instance, value FROM final_metrics WHERE run_id = :run ORDER BY 1, 2" --run $run \
		--csv >"$dir/$run"
done
same "a snapshot at an OOM kill changed the run" "$dir/killed" "$dir/silent"
[ "$(wc -l <"$dir/killed")" -gt 100 ] || failed=1
exit $failed
