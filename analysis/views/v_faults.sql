-- Page faults of each run: all, minor, major, for a million accesses, huge-page and NUMA-hint faults, swap-ins.
WITH t AS (
	SELECT run_id,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pgfault'), 0) AS faults,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pgmajfault'), 0) AS major_faults,
		coalesce(sum(value) FILTER (WHERE stat = 'cpu.accesses'), 0) AS accesses,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.thp_fault_alloc'), 0) AS thp_fault_alloc,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.thp_fault_fallback'), 0) AS thp_fault_fallback,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.numa_hint_faults'), 0) AS numa_hint_faults,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pswpin'), 0) AS swap_in
	FROM final_metrics
	WHERE scope IN ('machine', 'cpu')
	GROUP BY run_id)
SELECT run_id, faults, faults - major_faults AS minor_faults, major_faults,
	1e6 * faults / nullif(accesses, 0) AS faults_per_million_accesses,
	1e6 * major_faults / nullif(accesses, 0) AS major_per_million_accesses,
	thp_fault_alloc, thp_fault_fallback, numa_hint_faults, swap_in
FROM t
ORDER BY run_id
