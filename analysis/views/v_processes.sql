-- One row a process at the end of a run: minor and major faults, resident and swapped pages.
SELECT run_id, instance AS process,
	coalesce(sum(value) FILTER (WHERE stat = 'process.min_flt'), 0) AS min_flt,
	coalesce(sum(value) FILTER (WHERE stat = 'process.maj_flt'), 0) AS maj_flt,
	coalesce(sum(value) FILTER (WHERE stat = 'process.rss_pages'), 0) AS rss_pages,
	coalesce(sum(value) FILTER (WHERE stat = 'process.swap_pages'), 0) AS swap_pages
FROM final_metrics
WHERE scope = 'process'
GROUP BY run_id, instance
ORDER BY run_id, length(instance), instance
