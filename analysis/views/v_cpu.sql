-- One row a CPU: cycles of its clock, idle cycles without and with a task waiting for a device, instructions, accesses by kind and by local or remote memory.
SELECT run_id, CAST(instance AS INTEGER) AS cpu,
	coalesce(sum(value) FILTER (WHERE stat = 'cpu.cycles'), 0) AS cycles,
	coalesce(sum(value) FILTER (WHERE stat = 'cycles.idle'), 0) AS idle_cycles,
	coalesce(sum(value) FILTER (WHERE stat = 'cycles.iowait'), 0) AS iowait_cycles,
	coalesce(sum(value) FILTER (WHERE stat = 'cpu.instructions'), 0) AS instructions,
	coalesce(sum(value) FILTER (WHERE stat = 'cpu.accesses'), 0) AS accesses,
	coalesce(sum(value) FILTER (WHERE stat = 'cpu.loads'), 0) AS loads,
	coalesce(sum(value) FILTER (WHERE stat = 'cpu.stores'), 0) AS stores,
	coalesce(sum(value) FILTER (WHERE stat = 'cpu.fetches'), 0) AS fetches,
	coalesce(sum(value) FILTER (WHERE stat = 'cpu.local_accesses'), 0) AS local_accesses,
	coalesce(sum(value) FILTER (WHERE stat = 'cpu.remote_accesses'), 0) AS remote_accesses,
	1.0 * sum(value) FILTER (WHERE stat = 'cpu.instructions')
		/ nullif(coalesce(sum(value) FILTER (WHERE stat = 'cpu.cycles'), 0)
			- coalesce(sum(value) FILTER (WHERE stat IN ('cycles.idle', 'cycles.iowait')), 0), 0) AS instructions_per_cycle
FROM final_metrics
WHERE scope = 'cpu'
GROUP BY run_id, instance
ORDER BY run_id, cpu
