-- The snapshot that the other views read: the last final one of each run.
SELECT s.run_id, s.snapshot_id, s.seq, s.time_ps, s.accesses
FROM snapshots s
WHERE s.kind = 'final' AND s.seq = (
	SELECT max(x.seq) FROM snapshots x WHERE x.run_id = s.run_id AND x.kind = 'final')
