#!/bin/sh
# show_cli.sh - `faultline show` from a shell: every format of a small run, the tree of files, mistakes; and, where they
# are installed and mounts are allowed, the real tools reading the tree: they must print what `show` prints.
# FAULTLINE is the program (build/faultline).
cd "$(dirname "$0")/../.." || exit 2
faultline=${FAULTLINE:-build/faultline}
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
db=$dir/s.db
failed=0

# expect STATUS PATTERN ARGS...: the exit status, and a fixed text in what is printed
expect() {
	status=$1 pattern=$2
	shift 2
	"$faultline" "$@" >"$dir/out" 2>&1
	got=$?
	if [ "$got" -ne "$status" ] || ! grep -qF -- "$pattern" "$dir/out"; then
		echo "faultline $*: status $got, expected $status and \"$pattern\":"
		head -5 "$dir/out"
		failed=1
	fi
}

# same WHAT A B: two files are alike
same() {
	diff "$2" "$3" >"$dir/diff" || {
		echo "$1:"
		head -10 "$dir/diff"
		failed=1
	}
}

"$faultline" run examples/sort.flt -o "$db" --name small -s topology.node_mem=64MiB,48MiB -s topology.node_cpus=2,1 \
	-s swap.size=32MiB -s replay.warmup_accesses=4000000 >"$dir/log" 2>&1 || {
	cat "$dir/log"
	exit 1
}

expect 0 "MemTotal:" show meminfo --db "$db"
expect 0 "SwapTotal:         32764 kB" show meminfo --db "$db"
expect 0 "nr_unstable 0" show vmstat --db "$db"
expect 0 "start_pfn:" show zoneinfo --db "$db"
expect 0 "Node 1, zone" show buddyinfo --db "$db"
expect 0 "slabinfo - version: 2.1" show slabinfo --db "$db"
expect 0 "Mem: " show free --db "$db"
expect 0 "node 0 cpus: 0 1" show numactl-H --db "$db"
expect 0 "  1:  21  10 " show numactl-H --db "$db"
expect 0 "other_node" show numastat --db "$db"
expect 0 "TOTAL" show procrank --db "$db"
expect 0 "VmFlags: rd" show smaps 1 --db "$db" --at warmup
expect 0 "kernelpagesize_kB=4" show numa_maps P1 --db "$db" --run small --at warmup
expect 0 "VmRSS:" show status 1 --db "$db" --run 1 --at warmup
expect 0 "Z (zombie)" show status 1 --db "$db"
expect 0 "usage: faultline show" help show
expect 2 'did you mean "meminfo"?' show meminfos --db "$db"
expect 2 "which store?" show meminfo
expect 2 "of which process?" show smaps --db "$db"
expect 2 "no process 99" show smaps 99 --db "$db"
expect 2 "no number of a process" show smaps 1x --db "$db"
expect 2 "one argument too many" show meminfo 1 --db "$db"
expect 2 'no snapshot "later"' show meminfo --db "$db" --at later
expect 2 'no run "other"' show meminfo --db "$db" --run other
expect 4 "no such file" show meminfo --db "$dir/none.db"

# What smaps adds up is what status says.
rss=$("$faultline" show smaps 1 --db "$db" --at warmup | awk '/^Rss:/ { n += $2 } END { print n }')
expect 0 "VmRSS:	$(printf %8d "$rss") kB" show status 1 --db "$db" --at warmup

tree=$dir/tree
"$faultline" show --tree "$tree" --db "$db" || failed=1
expect 4 "Not a directory" show --tree "$db/x" --db "$db"
nodes=sys/devices/system/node
for f in proc/meminfo proc/vmstat proc/zoneinfo proc/buddyinfo proc/slabinfo $nodes/online $nodes/node1/meminfo \
	$nodes/node1/numastat $nodes/node1/vmstat $nodes/node1/distance $nodes/node1/cpulist; do
	[ -s "$tree/$f" ] || {
		echo "the tree has no $f"
		failed=1
	}
done
"$faultline" show zoneinfo --db "$db" >"$dir/out"
same zoneinfo "$dir/out" "$tree/proc/zoneinfo"

# in_tree COMMAND...: the command with the tree's files over the host's, in mounts of its own
in_tree() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare -m --propagation private sh -c 'tree=$1; shift
		for f in meminfo vmstat zoneinfo buddyinfo slabinfo; do
			[ ! -e /proc/$f ] || mount --bind "$tree/proc/$f" /proc/$f || exit 99
		done
		[ ! -d /sys/devices/system/node ] ||
			mount --bind "$tree/sys/devices/system/node" /sys/devices/system/node || exit 99
		exec "$@"' sh "$tree" "$@"
}

# tool WHAT COMMAND...: prints what `show WHAT` prints
tool() {
	what=$1
	shift
	command -v "$1" >/dev/null || return 0
	in_tree "$@" >"$dir/real"
	"$faultline" show "$what" --db "$db" >"$dir/out"
	same "$*" "$dir/out" "$dir/real"
}

in_tree true 2>/dev/null || exit $failed # not root, or no mounts here
case $(free -V 2>/dev/null) in *" 4.0.2") tool free free ;; esac
if [ -d /sys/devices/system/node ]; then
	tool numactl-H numactl --hardware
	tool numastat numastat
fi
if command -v vmstat >/dev/null; then
	total=$(awk '/^MemTotal:/ { print $2 }' "$tree/proc/meminfo")
	in_tree vmstat -s >"$dir/real"
	grep -q "^ *$total K total memory" "$dir/real" || {
		echo "vmstat -s does not find $total K:"
		head -3 "$dir/real"
		failed=1
	}
fi
if command -v slabtop >/dev/null && [ -r /proc/slabinfo ]; then
	objects=$(awk 'NR > 2 { a += $2; n += $3 } END { print a " / " n }' "$tree/proc/slabinfo")
	in_tree slabtop -o >"$dir/real"
	grep -qF ": $objects (" "$dir/real" || {
		echo "slabtop does not find $objects objects:"
		head -3 "$dir/real"
		failed=1
	}
fi
exit $failed
