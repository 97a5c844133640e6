-- Every resolved parameter of every run, with where its value came from.
SELECT p.run_id, d.path, p.value, p.origin, d.unit, d.default_value, d.kind, d.sentence
FROM param_rows p
	JOIN param_defs d ON d.param_id = p.param_id
