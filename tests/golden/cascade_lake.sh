#!/bin/sh
# cascade_lake.sh - examples/cascade-lake-2s.yaml: 36 CPUs, 192 GiB.
cd "$(dirname "$0")/../.." || exit 2
. tests/laws.sh

replay examples/sqlite.flt -c examples/cascade-lake-2s.yaml
check_trace
check_laws
check_caches
fact "CPUs" "SELECT count(*) FROM v_cpu" 36
fact "no pressure" "SELECT scan_kswapd + scan_direct + swap_out + allocstalls FROM v_reclaim" 0
fact "no node overflows" "SELECT sum(numa_miss) + sum(numa_foreign) FROM v_numa" 0
# The preset spells out what the defaults were taken from: apart from the machine's size the two are the same.
fact "parameters that differ from the defaults" \
	"SELECT group_concat(path, ' ') FROM (SELECT path FROM params WHERE value <> default_value AND origin <> 'default'
	 AND path NOT LIKE 'topology.%' AND NOT (kind = 'bytes') ORDER BY path)" memory.caches
exit $failed
