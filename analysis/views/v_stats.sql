-- Every statistic in the store with its kind, unit and one sentence on what it means.
SELECT name, kind, unit, sentence
FROM stats
ORDER BY name
