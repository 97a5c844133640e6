#!/bin/sh
# bench.sh FAULTLINE OUTDIR [--csv]: accesses a second, host memory, and time against plain zstd decoding of the same file.
# Bundled real traces and generated ones, in two settings: translation (TLB, walk, NUMA, memory manager; caches off) and
# full (caches and DRAM on). Medians of CPU time over REPS runs (default 3); the machine should be idle.
# Without --csv also how fast text traces are imported (bench_import.c). Last what recording costs (record.sh) and how
# fast what was bundled and recorded decodes, without replay (bench_decode.c).
# LIBS: what the program is linked with; `make bench` says it.
set -eu

fl=$1
out=$2
format=${3:-}
reps=${REPS:-3}
count=${COUNT:-50000000}
here=$(dirname "$0")
mkdir -p "$out"
cc=${CC:-gcc}
[ "$out/frames" -nt "$here/frames.c" ] || $cc -O2 -o "$out/frames" "$here/frames.c" -lzstd

gen() { # NAME PATTERN OPTIONS...: made once
	name=$1
	pattern=$2
	shift 2
	[ -f "$out/$name.flt" ] || {
		set -- $(printf ' --option %s' "$@")
		"$fl" trace gen "$pattern" "$out/$name.flt" "$@" >/dev/null
	}
}
gen zipf zipf count="$count" pages=1048576 theta=0.9
gen uniform uniform count="$count" pages=4194304
gen warm uniform count="$count" pages=65536 # the faults are few: what a TLB miss costs
gen sequential sequential count="$count" bytes=1073741824

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# cpu COMMAND...: user and system seconds, and the largest resident set in KiB (GNU time)
cpu() {
	/usr/bin/time -f '%U %S %M' -o "$out/cpu" "$@" >/dev/null
	awk '{ printf "%.3f %d\n", $1 + $2, $3 }' "$out/cpu"
}

measure() { # COMMAND...: median seconds and the largest memory
	i=0
	: >"$out/times"
	while [ "$i" -lt "$reps" ]; do
		cpu "$@" >>"$out/times"
		i=$((i + 1))
	done
	printf '%s %s\n' "$(cut -d' ' -f1 "$out/times" | median)" "$(cut -d' ' -f2 "$out/times" | sort -n | tail -n 1)"
}

row() { # TRACE SETTING MEMORY ACCESSES OPTIONS...
	trace=$1
	setting=$2
	mem=$3
	max=$4
	shift 4
	set -- "$fl" run "$trace" --no-store -q --set "topology.node_mem=$mem" --set "replay.max_accesses=$max" "$@"
	m=$(measure "$@")
	z=$(measure "$out/frames" "$trace" 10)
	n=$("$fl" trace info --json "$trace" | sed -n 's/.*"accesses": *\([0-9]*\).*/\1/p' | head -n 1)
	[ "$max" -gt 0 ] && [ "$max" -lt "$n" ] && part=$max || part=$n
	awk -v t="$(basename "$trace" .flt)" -v s="$setting" -v m="$m" -v z="$z" -v n="$n" -v part="$part" -v csv="$format" 'BEGIN {
		split(m, a, " "); split(z, b, " ");
		share = b[1] / 10 * part / n; if (share <= 0) share = 0.001;
		f = csv == "--csv" ? "%s,%s,%d,%.1f,%d,%.1f\n" : "%-12s %-12s %12d %10.1f %12d %14.1f\n";
		printf f, t, s, part, part / a[1] / 1e6, a[2], a[1] / share }'
}

if [ "$format" = --csv ]; then
	echo "trace,setting,accesses,million_accesses_per_cpu_second,peak_kib,times_zstd"
else
	printf '%-12s %-12s %12s %10s %12s %14s\n' trace setting accesses "M/s of CPU" "peak KiB" "x zstd decode"
fi
for t in "$here"/../../examples/*.flt; do
	row "$t" translation 1GiB 0
done
for t in zipf uniform warm sequential; do
	row "$out/$t.flt" translation 20GiB 0
done
for t in "$here"/../../examples/*.flt; do
	row "$t" full 1GiB 0 --set memory.caches=true
done
for t in zipf uniform warm sequential; do
	row "$out/$t.flt" full 20GiB 10000000 --set memory.caches=true
done

lib=$(dirname "$fl")/libfaultline.a
# shellcheck disable=SC2086 # a list of words
$cc -std=c11 -D_GNU_SOURCE -O3 -I"$here/../.." -o "$out/bench_import" "$here/bench_import.c" "$lib" ${LIBS:?make bench sets it} -lpthread
echo
[ "$format" = --csv ] || "$out/bench_import" "$out" 20
"$here"/record.sh "$fl" "$out/record" "$format"

# shellcheck disable=SC2086 # a list of words
$cc -std=c11 -D_GNU_SOURCE -O3 -I"$here/../.." -o "$out/bench_decode" "$here/bench_decode.c" "$lib" $LIBS -lpthread
echo
# On one processor: no second thread decodes beside the first.
taskset -c "$(taskset -cp $$ | sed 's/.*[:,-] *//')" "$out/bench_decode" "$reps" ${format:+"$format"} \
	"$here"/../../examples/*.flt "$out"/record/*.flt
