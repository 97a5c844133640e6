-- Each histogram at the end of a run: count, mean, median, 90th and 99th percentile, smallest and largest value.
-- A percentile is the top of the bucket it falls into (at most 12.5 % too high), never above the largest value.
WITH c AS (
	SELECT b.snapshot_id, b.stat_id, b.instance_id, b.high,
		sum(b.count) OVER (PARTITION BY b.snapshot_id, b.stat_id, b.instance_id ORDER BY b.bucket) AS up_to
	FROM histogram_bucket_rows b
	WHERE b.snapshot_id IN (SELECT snapshot_id FROM final_snapshots))
SELECT f.run_id, t.name AS stat, i.scope, i.instance, h.count, 1.0 * h.sum / nullif(h.count, 0) AS mean, h.min,
	min(min(c.high) FILTER (WHERE 100 * c.up_to >= 50 * h.count), h.max) AS p50,
	min(min(c.high) FILTER (WHERE 100 * c.up_to >= 90 * h.count), h.max) AS p90,
	min(min(c.high) FILTER (WHERE 100 * c.up_to >= 99 * h.count), h.max) AS p99,
	h.max, t.unit
FROM final_snapshots f
	JOIN histogram_rows h ON h.snapshot_id = f.snapshot_id
	JOIN stats t ON t.stat_id = h.stat_id
	JOIN instances i ON i.instance_id = h.instance_id
	LEFT JOIN c ON c.snapshot_id = h.snapshot_id AND c.stat_id = h.stat_id AND c.instance_id = h.instance_id
GROUP BY f.run_id, h.snapshot_id, h.stat_id, h.instance_id
ORDER BY f.run_id, t.name, i.scope, length(i.instance), i.instance
