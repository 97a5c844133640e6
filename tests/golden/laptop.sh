#!/bin/sh
# laptop.sh - examples/laptop.yaml: one node with plenty of memory, inclusive caches.
cd "$(dirname "$0")/../.." || exit 2
. tests/laws.sh

replay examples/xz.flt -c examples/laptop.yaml
check_trace
check_laws
check_caches
fact "no pressure" "SELECT scan_kswapd + scan_direct + swap_out + allocstalls FROM v_reclaim" 0
fact "one node: nothing is remote" "SELECT sum(remote_accesses) FROM v_cpu" 0
fact "one node: nothing is missed" "SELECT numa_miss + numa_foreign + other_node FROM v_numa" 0
fact "one node: no links" "SELECT count(*) FROM metrics WHERE stat LIKE 'link.%'" 0
fact "all goes over the bus" "SELECT $(total bus.messages) >= $(total dram.reads)" 1
# 4 x 64 bytes over two channels take no less time than the wires need: 3.332 ns a line and channel.
fact "no more than the wires can carry" "SELECT max(value) <= 2 * (SELECT time_ps FROM runs) FROM final_metrics
	WHERE stat = 'dram.busy_ps'" 1
exit $failed
