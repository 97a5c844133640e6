-- The kernel's numastat counters of each memory node, in pages, and the share served from the local node.
WITH t AS (
	SELECT run_id, CAST(instance AS INTEGER) AS node, -- of NODE/ZONE
		coalesce(sum(value) FILTER (WHERE stat = 'numastat.numa_hit'), 0) AS numa_hit,
		coalesce(sum(value) FILTER (WHERE stat = 'numastat.numa_miss'), 0) AS numa_miss,
		coalesce(sum(value) FILTER (WHERE stat = 'numastat.numa_foreign'), 0) AS numa_foreign,
		coalesce(sum(value) FILTER (WHERE stat = 'numastat.interleave_hit'), 0) AS interleave_hit,
		coalesce(sum(value) FILTER (WHERE stat = 'numastat.local_node'), 0) AS local_node,
		coalesce(sum(value) FILTER (WHERE stat = 'numastat.other_node'), 0) AS other_node
	FROM final_metrics
	WHERE scope = 'zone'
	GROUP BY run_id, node)
SELECT *, 1.0 * local_node / nullif(local_node + other_node, 0) AS local_ratio
FROM t
ORDER BY run_id, node
