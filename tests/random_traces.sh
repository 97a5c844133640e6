# random_traces.sh - what the tests share that replay random traces in text. Sourced from the root, not run.
#
# Takes the program of the checked build if there is one; sets faultline, tmp (a directory) and bad. KEEP: a folder for the
# traces that fail.

faultline=${FAULTLINE_CHECKED:-${FAULTLINE:-build/faultline}}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
bad=0

# replay OPTIONS...: runs $tmp/t.txt on one of four machines, by $seed; false: it failed, and was kept
replay() {
	case $((seed % 4)) in
	0) set -- "$@" -s replay.mapping=on-demand -s topology.node_mem=40MiB -s swap.size=64MiB ;;
	1) set -- "$@" -s replay.mapping=on-demand -s topology.node_mem=64MiB -s topology.node_cpus=2 ;;
	2) set -- "$@" -s replay.mapping=on-demand -s replay.schedule=as-recorded -s topology.node_cpus=4 ;;
	esac
	timeout -k 5 120 "$faultline" run "$tmp/t.txt" "$@" >"$tmp/out" 2>&1
	code=$?
	[ $code -ne 0 ] || return 0
	echo "seed $seed ($*): exit $code: $(tail -n 5 "$tmp/out")"
	[ -z "${KEEP:-}" ] || cp "$tmp/t.txt" "$KEEP/$(basename "$0" .sh)$seed.txt"
	bad=1
	return 1
}

# each_seed N CHECK: generates (`generate SEED`, the script's) and checks traces 1 to N
each_seed() {
	seed=0
	while [ $seed -lt "$1" ]; do
		seed=$((seed + 1))
		generate $seed >"$tmp/t.txt"
		"$2"
	done
}
