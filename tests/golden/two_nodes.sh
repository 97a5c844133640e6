#!/bin/sh
# two_nodes.sh - examples/two-nodes.yaml: a program on two nodes that are too small for it. Pressure must show, and
# everything must add up.
cd "$(dirname "$0")/../.." || exit 2
. tests/laws.sh

# happens WHAT CONDITION: something that this machine is there to show
happens() {
	fact "$1" "SELECT $2 FROM v_reclaim" 1
}

replay examples/sqlite.flt -c examples/two-nodes.yaml
check_trace
check_laws
happens "kswapd reclaims" "steal_kswapd > 0"
happens "the program reclaims by itself, too" "steal_direct > 0 AND allocstalls > 0"
happens "file pages are dropped" "steal_file > 0"
happens "anonymous pages are swapped out" "swap_out > 0 AND steal_anon > 0"
happens "swapped pages come back" "swap_in > 0"
happens "nobody is killed" "oom_kills = 0"
fact "kswapd runs on both CPUs" "SELECT count(*) FROM v_cycles WHERE cause = 'reclaim_kswapd' AND cycles > 0" 2
fact "memory of both nodes is used" "SELECT count(*) FROM v_numa WHERE local_node + other_node > 0" 2
fact "major faults are those of the processes" \
	"SELECT major_faults - (SELECT sum(maj_flt) FROM v_processes) FROM v_faults" 0
# The footprint is more than there is: what is neither resident nor swapped is the page cache's.
fact "the process does not fit" "SELECT min(value) < $(info footprint_pages) FROM final_metrics
	WHERE stat = 'process.peak_rss_pages'" 1
# Snapshots every 10 ms, and one at the end.
fact "snapshots" "SELECT count(*) - (SELECT time_ps / 10000000000 FROM runs) FROM snapshots" 1

# A program that writes much and reads little: nearly all is anonymous memory. To a slow device kswapd cannot write as fast.
replay examples/xz.flt -c examples/two-nodes.yaml -s topology.node_mem=8MiB,6MiB -s vm.min_free_kbytes=50 \
	-s swap.write_us=500
check_trace
check_laws
happens "the program reclaims by itself" "scan_direct > 0 AND allocstalls > 0 AND steal_direct > 0"
happens "anonymous pages are swapped out" "swap_out > 0"
fact "direct reclaim costs time" "SELECT sum(cycles) > 0 FROM v_cycles WHERE cause = 'reclaim_direct'" 1

# The policies do what they say: bound memory is on its node, interleaved memory on both alike.
replay examples/xz.flt -c examples/two-nodes.yaml -s topology.node_mem=128MiB,128MiB \
	-s numa.policy=bind -s numa.nodes=1
check_trace
check_laws
fact "node 0 serves next to nothing" "SELECT 100 * min(n) < max(n) AND max(n) > $(info footprint_pages) / 2
	FROM (SELECT numa_hit + numa_miss AS n FROM v_numa)" 1
fact "no page is taken elsewhere than meant" "SELECT sum(numa_miss) FROM v_numa" 0
replay examples/xz.flt -c examples/two-nodes.yaml -s topology.node_mem=128MiB,128MiB -s numa.policy=interleave
check_trace
check_laws
fact "both nodes serve alike, within a twentieth" "SELECT 20 * (max(n) - min(n)) < max(n) AND min(n) > 1000
	FROM (SELECT interleave_hit AS n FROM v_numa)" 1
exit $failed
