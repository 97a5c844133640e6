-- Each total of a run beside the same total of the store's first run, where the two differ.
WITH t AS MATERIALIZED (
	SELECT run_id, scope, stat, value, unit FROM v_totals),
f AS MATERIALIZED (
	SELECT scope, stat, value FROM v_totals WHERE run_id = (SELECT min(run_id) FROM final_snapshots))
SELECT t.run_id, r.name, t.scope, t.stat, f.value AS first, t.value, t.value - f.value AS change,
	1.0 * t.value / nullif(f.value, 0) AS ratio, t.unit
FROM t
	JOIN f ON f.scope = t.scope AND f.stat = t.stat
	JOIN runs r ON r.run_id = t.run_id
WHERE t.value <> f.value
ORDER BY t.scope, t.stat, t.run_id
