#!/bin/sh
# full.sh - examples/full.yaml over examples/two-nodes.yaml: pressure, caches, links and DRAM at once.
cd "$(dirname "$0")/../.." || exit 2
. tests/laws.sh

replay examples/sqlite.flt -c examples/two-nodes.yaml -c examples/full.yaml
check_trace
check_laws
check_caches
fact "both nodes' memory is read" "SELECT count(*) FROM final_metrics WHERE stat = 'dram.reads' AND value > 0" 2
fact "the link carries" "SELECT min(value) > 0 FROM final_metrics WHERE stat = 'link.bytes'" 1
law "a remote line goes over a link" \
	"SELECT 1 WHERE $(total link.bytes) < 64 * $(total hierarchy.remote_reads)"
fact "the second file wins" "SELECT value FROM params WHERE path = 'cache.llc.size'" 1048576
fact "the first file holds" "SELECT value FROM params WHERE path = 'topology.node_cpus'" "1 1"
exit $failed
