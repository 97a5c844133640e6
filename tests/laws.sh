# laws.sh - what must hold in every run, asked of its store. Sourced by the golden tests, not run.
#
# Needs FAULTLINE (and FAULTLINE_CHECKED, when there is a checked build); sets work (a directory), store, failed.
# None of these numbers is copied from an output: they are conservation laws, or counts of the trace itself.

faultline=${FAULTLINE:-build/faultline}
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
store=$work/store.db
failed=0
if ! "$faultline" --version >/dev/null 2>&1; then
	echo "no program at $faultline; set FAULTLINE"
	exit 1
fi

fail() {
	echo "FAILED: $*"
	failed=1
}

ask() { # ask SQL: the answer of the store, one line a row
	sqlite3 -bail "$store" "$1" || fail "sqlite3: $1"
}

# law WHAT SQL: the statement selects what breaks the law, so it must select nothing
law() {
	answer=$(ask "$2")
	[ -z "$answer" ] || fail "$1: $answer"
}

# fact WHAT SQL EXPECTED
fact() {
	answer=$(ask "$2")
	[ "$answer" = "$3" ] || fail "$1: $answer, expected $3"
}

# total NAME: SQL for a statistic of the last run, summed over its instances
total() {
	printf "(SELECT coalesce(sum(value), 0) FROM final_metrics WHERE stat = '%s')" "$1"
}

# replay TRACE ARGUMENTS...: a run into a fresh store; by the checked build, too, which must give the same rows
replay() {
	trace=$1
	rm -f "$store" "$store"-*
	"$faultline" run "$@" -q -n golden -o "$store" || { fail "run $*: status $?"; exit 1; }
	if [ -n "${FAULTLINE_CHECKED:-}" ]; then
		rm -f "$work"/checked.db*
		"$FAULTLINE_CHECKED" run "$@" -q -n golden -o "$work/checked.db" || fail "checked build, run $*: status $?"
		rows "$store" >"$work/rows"
		rows "$work/checked.db" >"$work/checked.rows"
		cmp -s "$work/rows" "$work/checked.rows" ||
			fail "checked build: other rows: $(diff "$work/rows" "$work/checked.rows" | head -n 5)"
	fi
}

# rows STORE: all of a store as text but for what belongs to the host (wall time, memory) and to the path
rows() {
	{
		sqlite3 "$1" "SELECT name, status, message, trace_fingerprint, trace_provenance, config_fingerprint,
			program_version, seed, mapping, schedule, time_ps, accesses, plan_key FROM runs ORDER BY name, run_id"
		for t in param_defs param_rows stats instances strings snapshots metric_rows histogram_rows \
			histogram_bucket_rows kernel_counter_rows event_rows; do
			echo "-- $t"
			sqlite3 "$1" "SELECT * FROM $t"
		done
	}
}

info() { # info KEY: a number of trace info
	"$faultline" trace info --json "$trace" | sed -n "s/^ *\"$1\": \([0-9]*\),*$/\1/p"
}

# check_trace: everything in the trace was replayed
check_trace() {
	fact "status" "SELECT status FROM runs" complete
	fact "accesses of the run" "SELECT accesses FROM runs" "$(info accesses)"
	fact "accesses of the CPUs" "SELECT sum(accesses) FROM v_cpu" "$(info accesses)"
	fact "loads" "SELECT sum(loads) FROM v_cpu" "$(info reads)"
	fact "stores" "SELECT sum(stores) FROM v_cpu" "$(info writes)"
	fact "fetches" "SELECT sum(fetches) FROM v_cpu" "$(info fetches)"
	fact "instructions" "SELECT sum(instructions) FROM v_cpu" "$(info instructions)"
	fact "controls" "SELECT $(total replay.controls)" "$(info controls)"
	fact "mismatches" "SELECT $(total replay.mismatches)" 0
}

# check_laws: what holds whatever the trace and the machine
check_laws() {
	law "causes of cycles do not sum to the CPU's clock" \
		"SELECT cpu, sum(v_cycles.cycles), v_cpu.cycles FROM v_cpu JOIN v_cycles USING (run_id, cpu)
		 GROUP BY run_id, cpu HAVING sum(v_cycles.cycles) <> v_cpu.cycles"
	law "a CPU's clock is not the machine's" \
		"SELECT cpu, cycles FROM v_cpu JOIN runs USING (run_id) JOIN params USING (run_id) WHERE path = 'cpu.mhz'
		 AND abs(cycles * 1000000 / CAST(value AS INTEGER) - time_ps) > 1000000 / CAST(value AS INTEGER) + 1"
	law "kinds of accesses" "SELECT cpu FROM v_cpu WHERE loads + stores + fetches <> accesses"
	law "places of accesses" "SELECT cpu FROM v_cpu WHERE local_accesses + remote_accesses <> accesses"
	law "accesses of the processes" "SELECT 1 WHERE $(total process.accesses) <> $(total replay.accesses)"
	law "misses of one node are foreign to another" \
		"SELECT sum(numa_miss), sum(numa_foreign) FROM v_numa HAVING sum(numa_miss) <> sum(numa_foreign)"
	law "an allocation is hit or miss, local or other" \
		"SELECT node FROM v_numa WHERE numa_hit + numa_miss <> local_node + other_node"
	law "slots in use are those handed out and not given back, and at most 64 idle ones a CPU and 64 on their way back" \
		"SELECT idle FROM (SELECT $(total swap.used_slots) - $(total swap.slots_allocated) + $(total swap.slots_freed) AS idle)
		 WHERE idle < 0 OR idle > 64 * (SELECT 1 + count(*) FROM v_cpu)"
	law "a process's swapped pages have slots, at any time" \
		"SELECT seq FROM (SELECT seq, sum(value) FILTER (WHERE stat = 'process.swap_pages') AS pages,
			sum(value) FILTER (WHERE stat = 'swap.slots_allocated')
			- sum(value) FILTER (WHERE stat = 'swap.slots_freed') AS slots FROM v_samples GROUP BY seq)
		 WHERE pages > slots"
	law "pages scanned, by whom and of which kind" \
		"SELECT run_id FROM v_reclaim WHERE scan_kswapd + scan_direct <> scan_anon + scan_file"
	law "pages stolen, by whom and of which kind" \
		"SELECT run_id FROM v_reclaim WHERE steal_kswapd + steal_direct <> steal_anon + steal_file"
	law "stolen without being scanned" "SELECT run_id FROM v_reclaim WHERE efficiency > 1"
	law "pages and bytes of the swap device" \
		"SELECT 1 WHERE 4096 * ($(total vmstat.pswpin) + $(total vmstat.pswpout)) <> (SELECT sum(value)
		 FROM final_metrics WHERE stat IN ('blkdev.read_bytes', 'blkdev.write_bytes') AND instance = 'swap')"
	law "translations of the second level are misses of the first" \
		"SELECT cpu FROM v_tlb WHERE l2_hits + l2_misses <> l1d_misses + l1i_misses"
	law "each access is translated" \
		"SELECT cpu FROM v_tlb JOIN v_cpu USING (run_id, cpu)
		 WHERE l1d_hits + l1d_misses < loads + stores OR l1i_hits + l1i_misses < fetches"
	law "walks and their histogram" \
		"SELECT cpu, walks, count FROM v_walks JOIN v_latency USING (run_id)
		 WHERE stat = 'mmu.walk_latency' AND CAST(instance AS INTEGER) = cpu
		 AND (count <> walks OR round(mean * count) <> walk_cycles)"
	law "a counter went back" \
		"SELECT stat, instance, seq FROM v_samples JOIN stats ON name = stat WHERE kind = 'counter' AND change < 0"
	law "a process is larger than memory" \
		"SELECT instance, m.value FROM final_metrics m, params p
		 WHERE stat = 'process.peak_rss_pages' AND p.path = 'topology.node_mem' AND 4096 * m.value >
		 (SELECT sum(j.value) FROM json_each('[' || replace(p.value, ' ', ',') || ']') j)"
	law "a store is no valid database" "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'"
	law "dangling references" "SELECT * FROM pragma_foreign_key_check"
}

# check_caches: with memory.caches and a last level, what goes in comes out on the next floor
check_caches() {
	fact "caches are on" "SELECT value FROM params WHERE path = 'memory.caches'" true
	law "each access is looked up" \
		"SELECT 1 WHERE $(total cache.l1d.hits) + $(total cache.l1d.misses) < $(total cpu.loads) + $(total cpu.stores)
		 OR $(total cache.l1i.hits) + $(total cache.l1i.misses) < $(total cpu.fetches)"
	law "the second level is asked for what the first misses" \
		"SELECT * FROM ($(by_cpu "'cache.l2.hits', 'cache.l2.misses'")) a
		 JOIN ($(by_cpu "'cache.l1d.misses', 'cache.l1i.misses'")) b USING (instance)
		 WHERE a.n <> b.n"
	law "the last level is asked for what the second misses" \
		"SELECT 1 WHERE $(total cache.llc.hits) + $(total cache.llc.misses) <> $(total cache.l2.misses)"
	law "a miss of the last level is read from memory or from another cache" \
		"SELECT 1 WHERE $(total cache.llc.misses) <>
		 $(total hierarchy.local_reads) + $(total hierarchy.remote_reads) + $(total hierarchy.forwards)"
	law "memory reads a line once" \
		"SELECT 1 WHERE $(total dram.reads) <> $(total hierarchy.local_reads) + $(total hierarchy.remote_reads)"
	law "rows are hit, closed or in conflict" \
		"SELECT 1 WHERE $(total dram.row_hits) + $(total dram.row_misses) + $(total dram.row_conflicts) <>
		 $(total dram.reads) + $(total dram.writes)"
	law "lines that entered a cache and left it" \
		"SELECT 1 WHERE $(total cache.l1d.evictions) + $(total cache.l1d.invalidations) > $(total cache.l1d.misses)
		 OR $(total cache.l2.evictions) + $(total cache.l2.invalidations) > $(total cache.l2.misses)"
}

by_cpu() { # by_cpu NAMES: SQL for the sum of statistics, CPU by CPU
	printf "SELECT instance, sum(value) AS n FROM final_metrics WHERE scope = 'cpu' AND stat IN (%s) GROUP BY instance" "$1"
}
