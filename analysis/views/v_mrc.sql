-- Miss-ratio curves of traces: memory size against the share of page touches that an LRU memory misses.
SELECT c.curve_id, c.name, c.trace_fingerprint, c.kinds, c.process, c.method, c.page_bytes, p.size_pages,
	p.size_pages * c.page_bytes AS size_bytes, p.misses, 1.0 * p.misses / nullif(c.touches, 0) AS miss_ratio
FROM curves c
	JOIN curve_points p ON p.curve_id = c.curve_id
ORDER BY c.curve_id, p.size_pages
