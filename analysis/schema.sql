-- The result store: one database, many runs.
--
-- Names that repeat (statistics, instances, counters) are stored once and referred to by number; the views
-- metrics, histograms, histogram_buckets, kernel_counters, params and events put the text back. Everything of a
-- run hangs on its row in runs and goes with it. Numbers are exact integers; only wall_seconds is a float.
-- A change of a table here needs a new schema version in analysis/db.c; a view may change at any time.

CREATE TABLE meta(
	key TEXT NOT NULL PRIMARY KEY,
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A run is inserted as incomplete and gets its final status when it ends, so a program that was killed leaves
-- an incomplete run behind (finished IS NULL).
CREATE TABLE runs(
	run_id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	status TEXT NOT NULL CHECK (status IN ('complete', 'incomplete', 'failed', 'truncated')),
	message TEXT,
	trace_path TEXT,
	trace_fingerprint TEXT,
	trace_provenance TEXT, -- JSON object
	config_fingerprint TEXT,
	program_version TEXT,
	seed ANY, -- integer, or decimal text when it does not fit into 63 bits
	mapping TEXT, -- recorded, on-demand
	schedule TEXT, -- rescheduled, as-recorded
	time_ps INTEGER NOT NULL DEFAULT 0, -- simulated time at the end
	accesses INTEGER NOT NULL DEFAULT 0, -- replayed, warm-up included
	plan_key TEXT, -- of the sweep point that made this run
	-- about the host; never part of a comparison of results
	started TEXT NOT NULL, -- UTC
	finished TEXT,
	wall_seconds REAL,
	peak_rss_kb INTEGER
) STRICT;
CREATE INDEX runs_by_name ON runs(name);
CREATE INDEX runs_by_key ON runs(plan_key) WHERE plan_key IS NOT NULL;

CREATE TABLE param_defs(
	param_id INTEGER PRIMARY KEY,
	path TEXT NOT NULL UNIQUE,
	kind TEXT NOT NULL,
	default_value TEXT NOT NULL,
	unit TEXT NOT NULL,
	sentence TEXT NOT NULL
) STRICT;

CREATE TABLE param_rows(
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	param_id INTEGER NOT NULL REFERENCES param_defs,
	value TEXT NOT NULL,
	origin TEXT NOT NULL, -- default, FILE:LINE:COL, --set, preset NAME
	PRIMARY KEY (run_id, param_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE stats(
	stat_id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	kind TEXT NOT NULL CHECK (kind IN ('counter', 'gauge', 'histogram')),
	unit TEXT NOT NULL,
	sentence TEXT NOT NULL
) STRICT;

-- Whose number it is: scope cpu instance 0, scope zone instance 0/DMA32, scope process instance P1.
CREATE TABLE instances(
	instance_id INTEGER PRIMARY KEY,
	scope TEXT NOT NULL,
	instance TEXT NOT NULL,
	UNIQUE (scope, instance)
) STRICT;

CREATE TABLE strings(
	string_id INTEGER PRIMARY KEY,
	text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE snapshots(
	snapshot_id INTEGER PRIMARY KEY,
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	seq INTEGER NOT NULL, -- order within the run
	kind TEXT NOT NULL CHECK (kind IN ('warmup', 'interval', 'named', 'final')),
	label TEXT NOT NULL,
	time_ps INTEGER NOT NULL, -- simulated
	accesses INTEGER NOT NULL,
	UNIQUE (run_id, seq)
) STRICT;

CREATE TABLE metric_rows(
	snapshot_id INTEGER NOT NULL REFERENCES snapshots ON DELETE CASCADE,
	stat_id INTEGER NOT NULL REFERENCES stats,
	instance_id INTEGER NOT NULL REFERENCES instances,
	value INTEGER NOT NULL,
	PRIMARY KEY (snapshot_id, stat_id, instance_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE histogram_rows(
	snapshot_id INTEGER NOT NULL REFERENCES snapshots ON DELETE CASCADE,
	stat_id INTEGER NOT NULL REFERENCES stats,
	instance_id INTEGER NOT NULL REFERENCES instances,
	count INTEGER NOT NULL,
	sum INTEGER NOT NULL,
	min INTEGER NOT NULL,
	max INTEGER NOT NULL,
	PRIMARY KEY (snapshot_id, stat_id, instance_id)
) STRICT, WITHOUT ROWID;

-- Buckets that hold something: values low to high, both included.
CREATE TABLE histogram_bucket_rows(
	snapshot_id INTEGER NOT NULL,
	stat_id INTEGER NOT NULL,
	instance_id INTEGER NOT NULL,
	bucket INTEGER NOT NULL,
	low INTEGER NOT NULL,
	high INTEGER NOT NULL,
	count INTEGER NOT NULL,
	PRIMARY KEY (snapshot_id, stat_id, instance_id, bucket),
	FOREIGN KEY (snapshot_id, stat_id, instance_id) REFERENCES histogram_rows ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Counters in the kernel's own names and units; scope vmstat, node/0, zone/0/DMA32, proc/P1, ...
CREATE TABLE kernel_counter_rows(
	snapshot_id INTEGER NOT NULL REFERENCES snapshots ON DELETE CASCADE,
	scope_id INTEGER NOT NULL REFERENCES strings,
	counter_id INTEGER NOT NULL REFERENCES strings,
	value INTEGER NOT NULL,
	PRIMARY KEY (snapshot_id, scope_id, counter_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE event_rows(
	run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
	seq INTEGER NOT NULL, -- order within the run
	time_ps INTEGER NOT NULL,
	kind_id INTEGER NOT NULL REFERENCES strings,
	scope_id INTEGER NOT NULL REFERENCES strings,
	value INTEGER NOT NULL,
	detail TEXT, -- JSON
	PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;
