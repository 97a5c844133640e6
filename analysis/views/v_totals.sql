-- Each statistic at the end of a run, summed over the instances of its scope.
SELECT run_id, scope, stat, sum(value) AS value, unit
FROM final_metrics
GROUP BY run_id, scope, stat
ORDER BY run_id, scope, stat
