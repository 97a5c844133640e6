-- What happened during a run, in order; time in seconds of simulated time.
SELECT e.run_id, e.time_ps / 1e12 AS seconds, k.text AS kind, s.text AS scope, e.value, e.detail
FROM event_rows e
	JOIN strings k ON k.string_id = e.kind_id
	JOIN strings s ON s.string_id = e.scope_id
ORDER BY e.run_id, e.seq
