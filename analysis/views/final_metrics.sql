-- The numbers at the end of each run: statistic, scope, instance, value.
SELECT f.run_id, t.name AS stat, i.scope, i.instance, m.value, t.unit
FROM final_snapshots f
	JOIN metric_rows m ON m.snapshot_id = f.snapshot_id
	JOIN stats t ON t.stat_id = m.stat_id
	JOIN instances i ON i.instance_id = m.instance_id
