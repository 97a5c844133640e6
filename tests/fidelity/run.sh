#!/bin/sh
# run.sh FAULTLINE FOLDER - replays every configuration of configs/, prints how many counters lie where a real kernel had
# them, and writes RESULTS.md. FOLDER takes the stores.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
faultline=$1
out=$2
mkdir -p "$out"
rm -f "$out"/*.db

# Two at a time; each configuration has a store of its own, so that none waits for the other.
find "$here/configs" -name '*.json' -print0 | sort -z | xargs -0 -P 2 -I FILE sh -c '
	"$0" fidelity -q "$2" -o "$1/$(basename "$2" .json).db" || echo "$2 failed" >>"$1/failed"
' "$faultline" "$out" FILE
if [ -f "$out/failed" ]; then
	cat "$out/failed" >&2
	rm -f "$out/failed"
	exit 1
fi
python3 "$here/score.py" --page "$here/RESULTS.md" "$out"/*.db "$here"/configs/*.json
