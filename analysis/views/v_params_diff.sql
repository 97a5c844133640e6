-- The parameters that are not the same in all runs of the store, with the value that each run had.
SELECT p.run_id, r.name, d.path, p.value, d.unit, p.origin
FROM param_rows p
	JOIN param_defs d ON d.param_id = p.param_id
	JOIN runs r ON r.run_id = p.run_id
WHERE p.param_id IN (
	SELECT param_id
	FROM param_rows
	GROUP BY param_id
	HAVING count(DISTINCT value) > 1 OR count(*) < (SELECT count(DISTINCT run_id) FROM param_rows))
ORDER BY d.path, p.run_id
