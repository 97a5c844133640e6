#!/bin/sh
# run.sh FOLDER - runs each fuzz target of FOLDER for FUZZ_SECONDS (60), the one of formats once a format. What it finds is
# kept beside the targets as crash-…, and the exit status tells. FUZZ_ONLY: names of targets or formats.
set -u
targets=$1
seconds=${FUZZ_SECONDS:-60}
failed=0
export ASAN_OPTIONS=detect_leaks=1:handle_abort=1 UBSAN_OPTIONS=print_stacktrace=1

# fuzz NAME TARGET: its seeds, then the run
fuzz() {
	if [ -n "${FUZZ_ONLY:-}" ]; then
		case " $FUZZ_ONLY " in *" $1 "*) ;; *) return ;; esac
	fi
	corpus=$targets/corpus/$1
	mkdir -p "$corpus" "$targets/found"
	SEEDS=$corpus "$2" >/dev/null 2>&1
	if "$2" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
		-artifact_prefix="$targets/found/$1-" "$corpus" >"$targets/$1.log" 2>&1; then
		printf '  ok    %-16s %s runs\n' "$1" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$targets/$1.log")"
	else
		printf '  FAIL  %s\n' "$1"
		grep -vE '^#|^INFO|^	NEW_FUNC' "$targets/$1.log" | tail -n 40 | sed 's/^/        /'
		failed=1
	fi
}

for t in "$targets"/fuzz_*; do
	case $t in *.d) continue ;; esac
	name=${t##*/fuzz_}
	[ "$name" = format ] || fuzz "$name" "$t"
done
for f in $(sed -n 's/^	X(\([a-z0-9_]*\)).*/\1/p' traces/formats/formats.h); do
	FORMAT=$f
	export FORMAT
	fuzz "$f" "$targets/fuzz_format"
done
exit $failed
