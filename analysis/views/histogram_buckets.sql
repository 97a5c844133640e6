-- The buckets of every stored histogram: how many values lay between low and high, both included.
SELECT s.run_id, b.snapshot_id, s.seq, s.kind, s.label, t.name AS stat, i.scope, i.instance,
	b.low, b.high, b.count
FROM histogram_bucket_rows b
	JOIN snapshots s ON s.snapshot_id = b.snapshot_id
	JOIN stats t ON t.stat_id = b.stat_id
	JOIN instances i ON i.instance_id = b.instance_id
