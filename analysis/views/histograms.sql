-- Every stored histogram: count, sum, smallest and largest value.
SELECT s.run_id, h.snapshot_id, s.seq, s.kind, s.label, t.name AS stat, i.scope, i.instance,
	h.count, h.sum, h.min, h.max
FROM histogram_rows h
	JOIN snapshots s ON s.snapshot_id = h.snapshot_id
	JOIN stats t ON t.stat_id = h.stat_id
	JOIN instances i ON i.instance_id = h.instance_id
