-- Counters in the kernel's own names and units, as in /proc and /sys.
SELECT s.run_id, s.label, s.seq, a.text AS scope, b.text AS counter, k.value
FROM kernel_counter_rows k
	JOIN snapshots s ON s.snapshot_id = k.snapshot_id
	JOIN strings a ON a.string_id = k.scope_id
	JOIN strings b ON b.string_id = k.counter_id
