-- One row a run: status, size, speed, faults, reclaim, swap, TLB, NUMA and the simulator's own speed.
-- Counters are those since the warm-up ended; a ratio without a denominator is null.
WITH t AS (
	SELECT run_id,
		sum(value) FILTER (WHERE stat = 'cpu.instructions') AS instructions,
		sum(value) FILTER (WHERE stat = 'cpu.cycles') AS cycles,
		sum(value) FILTER (WHERE stat IN ('cycles.idle', 'cycles.iowait')) AS idle,
		sum(value) FILTER (WHERE stat = 'cpu.accesses') AS accesses,
		sum(value) FILTER (WHERE stat = 'cpu.local_accesses') AS local,
		sum(value) FILTER (WHERE stat = 'cpu.remote_accesses') AS remote,
		sum(value) FILTER (WHERE stat = 'tlb.l1d_hits') AS l1d_hits,
		sum(value) FILTER (WHERE stat = 'tlb.l1d_misses') AS l1d_misses,
		sum(value) FILTER (WHERE stat = 'tlb.l1i_hits') AS l1i_hits,
		sum(value) FILTER (WHERE stat = 'tlb.l1i_misses') AS l1i_misses,
		sum(value) FILTER (WHERE stat = 'tlb.l2_hits') AS l2_hits,
		sum(value) FILTER (WHERE stat = 'tlb.l2_misses') AS l2_misses,
		sum(value) FILTER (WHERE stat = 'mmu.walk_cycles') AS walk_cycles,
		sum(value) FILTER (WHERE stat = 'vmstat.pgfault') AS pgfault,
		sum(value) FILTER (WHERE stat = 'vmstat.pgmajfault') AS pgmajfault,
		sum(value) FILTER (WHERE stat IN ('vmstat.pgscan_anon', 'vmstat.pgscan_file')) AS pgscan,
		sum(value) FILTER (WHERE stat IN ('vmstat.pgsteal_anon', 'vmstat.pgsteal_file')) AS pgsteal,
		sum(value) FILTER (WHERE stat = 'vmstat.pswpin') AS pswpin,
		sum(value) FILTER (WHERE stat = 'vmstat.pswpout') AS pswpout,
		sum(value) FILTER (WHERE stat = 'vmstat.oom_kill') AS oom_kill
	FROM final_metrics
	WHERE scope IN ('cpu', 'machine')
	GROUP BY run_id)
SELECT r.run_id, r.name, r.status,
	CASE WHEN json_valid(r.trace_provenance) THEN json_extract(r.trace_provenance, '$.program') END AS program,
	r.accesses,
	r.time_ps / 1e12 AS sim_seconds,
	1.0 * t.instructions / nullif(t.cycles - coalesce(t.idle, 0), 0) AS instructions_per_cycle,
	1.0 * t.cycles / nullif(t.accesses, 0) AS cycles_per_access,
	coalesce(t.pgfault, 0) - coalesce(t.pgmajfault, 0) AS minor_faults,
	coalesce(t.pgmajfault, 0) AS major_faults,
	coalesce(t.pgscan, 0) AS pages_scanned,
	coalesce(t.pgsteal, 0) AS pages_stolen,
	coalesce(t.pswpin, 0) AS swap_in,
	coalesce(t.pswpout, 0) AS swap_out,
	1.0 * t.l1d_misses / nullif(t.l1d_hits + t.l1d_misses, 0) AS l1d_tlb_miss_ratio,
	1.0 * t.l1i_misses / nullif(t.l1i_hits + t.l1i_misses, 0) AS l1i_tlb_miss_ratio,
	1.0 * t.l2_misses / nullif(t.l2_hits + t.l2_misses, 0) AS l2_tlb_miss_ratio,
	1.0 * t.walk_cycles / nullif(t.accesses, 0) AS walk_cycles_per_access,
	1.0 * t.local / nullif(t.local + coalesce(t.remote, 0), 0) AS local_ratio,
	coalesce(t.oom_kill, 0) AS oom_kills,
	r.wall_seconds,
	r.accesses / 1e6 / nullif(r.wall_seconds, 0) AS maccesses_per_second,
	r.peak_rss_kb,
	r.message
FROM runs r
	LEFT JOIN t ON t.run_id = r.run_id
ORDER BY r.run_id
