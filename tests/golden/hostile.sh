#!/bin/sh
# The hostile build: the host's tables and windows are as small as they can be, so every rare path is taken all the time. What is
# simulated must not depend on them: the stores of both builds hold the same rows, but for wall time and host.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
tiny='-DRUN_CHUNK=3 -DPREFETCH_AHEAD=5 -DTLB_FRONT_SLOTS=64 -DMMU_CACHE_BUCKETS=1 -DWAIT_BUCKETS=1 -DOPEN_BYTES_MAX=65536'
tiny="$tiny -DSTACKDIST_FIRST_SLOTS=64u"
make --no-print-directory BUILD=build/hostile OPT=-O1 CFLAGS="$tiny -DFAULTLINE_CHECKED" all >/dev/null

rows() { # PROGRAM NAME: everything but the run's own row
	"$1" run examples/sqlite.flt -o "$dir/$2.db" --name same -q --set topology.node_mem=10MiB,10MiB \
		--set topology.node_cpus=2 --set replay.max_accesses=4000000
	sqlite3 "$dir/$2.db" .dump | grep -v '^INSERT INTO runs' >"$dir/$2.sql"
}
rows "$FAULTLINE" usual
rows build/hostile/faultline hostile
[ "$(wc -l <"$dir/usual.sql")" -gt 500 ] || { echo "too few rows to compare"; exit 1; }
cmp "$dir/usual.sql" "$dir/hostile.sql"

# The miss-ratio curve, exact and sampled.
for how in --every '--samples 500'; do
	# shellcheck disable=SC2086 # an option and its value
	"$FAULTLINE" trace mrc $how --csv examples/xz.flt >"$dir/usual.csv"
	# shellcheck disable=SC2086
	build/hostile/faultline trace mrc $how --csv examples/xz.flt >"$dir/hostile.csv"
	[ "$(wc -l <"$dir/usual.csv")" -gt 200 ] || { echo "too few sizes to compare"; exit 1; }
	cmp "$dir/usual.csv" "$dir/hostile.csv"
done
