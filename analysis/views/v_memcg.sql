-- One row a memory cgroup at the end of a run: pages held, at most and in swap; what its limits did to it.
SELECT run_id, instance AS memcg,
	coalesce(sum(value) FILTER (WHERE stat = 'memcg.current_pages'), 0) AS current_pages,
	coalesce(sum(value) FILTER (WHERE stat = 'memcg.peak_pages'), 0) AS peak_pages,
	coalesce(sum(value) FILTER (WHERE stat = 'memcg.swap_pages'), 0) AS swap_pages,
	coalesce(sum(value) FILTER (WHERE stat = 'memcg.charged'), 0) AS charged,
	coalesce(sum(value) FILTER (WHERE stat = 'memcg.max'), 0) AS max_hits,
	coalesce(sum(value) FILTER (WHERE stat = 'memcg.high'), 0) AS high_hits,
	coalesce(sum(value) FILTER (WHERE stat = 'memcg.low'), 0) AS low_breaches,
	coalesce(sum(value) FILTER (WHERE stat = 'memcg.oom_kill'), 0) AS oom_kills,
	coalesce(sum(value) FILTER (WHERE stat = 'memcg.throttled_ps'), 0) / 1e12 AS throttled_seconds
FROM final_metrics
WHERE scope = 'memcg'
GROUP BY run_id, instance
ORDER BY run_id, instance
