-- Every stored number: snapshot, statistic, scope, instance, value.
SELECT s.run_id, m.snapshot_id, s.seq, s.kind, s.label, t.name AS stat, i.scope, i.instance, m.value
FROM metric_rows m
	JOIN snapshots s ON s.snapshot_id = m.snapshot_id
	JOIN stats t ON t.stat_id = m.stat_id
	JOIN instances i ON i.instance_id = m.instance_id
