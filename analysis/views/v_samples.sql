-- Each statistic over simulated time: its value at every interval snapshot and the change since the one before.
SELECT s.run_id, s.seq, s.time_ps / 1e12 AS seconds, s.accesses, t.name AS stat, i.scope, i.instance, m.value,
	m.value - lag(m.value, 1, 0) OVER (
		PARTITION BY s.run_id, m.stat_id, m.instance_id ORDER BY s.seq) AS change
FROM snapshots s
	JOIN metric_rows m ON m.snapshot_id = s.snapshot_id
	JOIN stats t ON t.stat_id = m.stat_id
	JOIN instances i ON i.instance_id = m.instance_id
WHERE s.kind IN ('interval', 'final')
ORDER BY s.run_id, t.name, i.scope, length(i.instance), i.instance, s.seq
