-- Page walks of each CPU: how many, steps and cycles of each, and their share of the CPU's clock.
WITH t AS (
	SELECT run_id, CAST(instance AS INTEGER) AS cpu,
		coalesce(sum(value) FILTER (WHERE stat = 'mmu.walks'), 0) AS walks,
		coalesce(sum(value) FILTER (WHERE stat = 'mmu.walk_steps'), 0) AS steps,
		coalesce(sum(value) FILTER (WHERE stat = 'mmu.walk_cycles'), 0) AS cycles,
		coalesce(sum(value) FILTER (WHERE stat = 'cpu.cycles'), 0) AS cpu_cycles,
		coalesce(sum(value) FILTER (WHERE stat = 'cpu.accesses'), 0) AS accesses
	FROM final_metrics
	WHERE scope = 'cpu'
	GROUP BY run_id, instance)
SELECT run_id, cpu, walks, steps, cycles AS walk_cycles,
	1.0 * steps / nullif(walks, 0) AS steps_per_walk,
	1.0 * cycles / nullif(walks, 0) AS cycles_per_walk,
	1.0 * cycles / nullif(accesses, 0) AS walk_cycles_per_access,
	1.0 * cycles / nullif(cpu_cycles, 0) AS share_of_cycles
FROM t
ORDER BY run_id, cpu
