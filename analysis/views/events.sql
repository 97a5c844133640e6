-- What happened during a run, in order; time in picoseconds.
SELECT e.run_id, e.seq, e.time_ps, k.text AS kind, s.text AS scope, e.value, e.detail
FROM event_rows e
	JOIN strings k ON k.string_id = e.kind_id
	JOIN strings s ON s.string_id = e.scope_id
