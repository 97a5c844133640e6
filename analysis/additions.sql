-- Tables that came after the first stores were made: created when a store without them is opened for writing. They
-- stand beside the tables of schema.sql, so they need no new schema version.

-- Curves measured on traces (faultline trace mrc); they belong to no run.
CREATE TABLE IF NOT EXISTS curves(
	curve_id INTEGER PRIMARY KEY,
	name TEXT NOT NULL,
	trace_path TEXT NOT NULL,
	trace_fingerprint TEXT,
	program_version TEXT NOT NULL,
	kinds TEXT NOT NULL, -- all, data, fetches
	process INTEGER, -- pid; NULL: all processes together
	page_bytes INTEGER NOT NULL,
	method TEXT NOT NULL CHECK (method IN ('exact', 'sampled')),
	rate REAL NOT NULL, -- share of the pages followed at the end, 1 when exact
	accesses INTEGER NOT NULL,
	touches INTEGER NOT NULL, -- of pages; an access that touches two counts twice
	cold INTEGER NOT NULL, -- first touches
	made TEXT NOT NULL -- UTC
) STRICT;

-- A memory of size_pages misses so many touches, first touches included.
CREATE TABLE IF NOT EXISTS curve_points(
	curve_id INTEGER NOT NULL REFERENCES curves ON DELETE CASCADE,
	size_pages INTEGER NOT NULL,
	misses INTEGER NOT NULL,
	PRIMARY KEY (curve_id, size_pages)
) STRICT, WITHOUT ROWID;
