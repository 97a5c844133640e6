-- TLB hits, misses and miss ratios of each CPU, by level.
WITH t AS (
	SELECT run_id, CAST(instance AS INTEGER) AS cpu,
		coalesce(sum(value) FILTER (WHERE stat = 'tlb.l1d_hits'), 0) AS l1d_hits,
		coalesce(sum(value) FILTER (WHERE stat = 'tlb.l1d_misses'), 0) AS l1d_misses,
		coalesce(sum(value) FILTER (WHERE stat = 'tlb.l1i_hits'), 0) AS l1i_hits,
		coalesce(sum(value) FILTER (WHERE stat = 'tlb.l1i_misses'), 0) AS l1i_misses,
		coalesce(sum(value) FILTER (WHERE stat = 'tlb.l2_hits'), 0) AS l2_hits,
		coalesce(sum(value) FILTER (WHERE stat = 'tlb.l2_misses'), 0) AS l2_misses
	FROM final_metrics
	WHERE scope = 'cpu'
	GROUP BY run_id, instance)
SELECT run_id, cpu,
	l1d_hits, l1d_misses, 1.0 * l1d_misses / nullif(l1d_hits + l1d_misses, 0) AS l1d_miss_ratio,
	l1i_hits, l1i_misses, 1.0 * l1i_misses / nullif(l1i_hits + l1i_misses, 0) AS l1i_miss_ratio,
	l2_hits, l2_misses, 1.0 * l2_misses / nullif(l2_hits + l2_misses, 0) AS l2_miss_ratio
FROM t
ORDER BY run_id, cpu
