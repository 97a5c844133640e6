-- Page reclaim of each run: pages scanned and stolen, by whom and of which kind, refaults, swap, stalls, OOM kills.
WITH t AS (
	SELECT run_id,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pgscan_kswapd'), 0) AS scan_kswapd,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pgscan_direct'), 0) AS scan_direct,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pgscan_anon'), 0) AS scan_anon,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pgscan_file'), 0) AS scan_file,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pgsteal_kswapd'), 0) AS steal_kswapd,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pgsteal_direct'), 0) AS steal_direct,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pgsteal_anon'), 0) AS steal_anon,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pgsteal_file'), 0) AS steal_file,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pgactivate'), 0) AS activated,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pgdeactivate'), 0) AS deactivated,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.workingset_refault_anon'), 0) AS refault_anon,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.workingset_refault_file'), 0) AS refault_file,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pswpin'), 0) AS swap_in,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.pswpout'), 0) AS swap_out,
		coalesce(sum(value) FILTER (WHERE stat LIKE 'vmstat.allocstall%'), 0) AS allocstalls,
		coalesce(sum(value) FILTER (WHERE stat = 'vmstat.oom_kill'), 0) AS oom_kills
	FROM final_metrics
	WHERE scope = 'machine'
	GROUP BY run_id)
SELECT *,
	1.0 * (steal_anon + steal_file) / nullif(scan_anon + scan_file, 0) AS efficiency,
	1.0 * scan_direct / nullif(scan_kswapd + scan_direct, 0) AS direct_share
FROM t
ORDER BY run_id
