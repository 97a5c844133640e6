#!/bin/sh
# run.sh FAULTLINE FOLDER - replays every configuration of configs/, prints how many counters lie where a real kernel had
# them, and writes RESULTS.md. FOLDER takes the stores. Fails when fewer are than a floor that score.py names.
# CONFIGS=FOLDER: those configurations instead; nothing is written.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
configs=${CONFIGS:-$here/configs}
faultline=$1
out=$2
mkdir -p "$out"
rm -f "$out"/*.db

# Two at a time; each configuration has a store of its own, so that none waits for the other.
find "$configs" -name '*.json' -print0 | sort -z | xargs -0 -P 2 -I FILE sh -c '
	"$0" fidelity -q "$2" -o "$1/$(basename "$2" .json).db" || echo "$2 failed" >>"$1/failed"
' "$faultline" "$out" FILE
if [ -f "$out/failed" ]; then
	cat "$out/failed" >&2
	rm -f "$out/failed"
	exit 1
fi
if [ -n "${CONFIGS:-}" ]; then
	python3 "$here/score.py" "$out"/*.db "$configs"/*.json
else
	python3 "$here/score.py" --guard --page "$here/RESULTS.md" "$out"/*.db "$configs"/*.json
fi
