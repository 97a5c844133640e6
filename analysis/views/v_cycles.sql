-- Where each CPU's cycles went: run, CPU, cause, cycles; the causes of a CPU add up to its clock.
SELECT run_id, CAST(instance AS INTEGER) AS cpu, substr(stat, 8) AS cause, value AS cycles
FROM final_metrics
WHERE stat LIKE 'cycles.%' AND scope = 'cpu'
ORDER BY run_id, cpu, cycles DESC, cause
