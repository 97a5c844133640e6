#!/bin/sh
# show_tools.sh - the real tools read a tree that `faultline show --tree` wrote, and each prints the store's numbers in
# the right places. Every counter of the store is first set to a number of its own, so that a swapped field is caught.
# What is asked for comes from SQL, not from `show`.
#
# Tools that read /proc and /sys run in a chroot of the tree with their libraries copied in: that needs no mounts, so it
# works as root in a plain container, and elsewhere in a user namespace. FAULTLINE is the program (build/faultline).
cd "$(dirname "$0")/../.." || exit 2
. tests/store_checks.sh
exporter=
trap '[ -z "$exporter" ] || kill "$exporter" 2>/dev/null; rm -rf "$dir"' EXIT
tree=$dir/tree
export TERM=dumb LC_ALL=C

"$faultline" run examples/sort.flt -o "$db" --name small -s topology.node_mem=64MiB,192MiB -s topology.node_cpus=2,1 \
	-s topology.distances='10 31 32 10' -s swap.size=32MiB,8MiB -s swap.priority=5,7 -s memory.caches=true \
	-s cache.l1d.size=48KiB -s cache.l1d.ways=12 -s vm.swappiness=37 \
	-s replay.warmup_accesses=4000000 -s replay.max_accesses=4100000 >"$dir/log" 2>&1 || {
	cat "$dir/log"
	exit 1
}

# A different number in each counter but for those that say where things lie. All are multiples of 4, pages and kB.
sqlite3 "$db" "
WITH n AS MATERIALIZED (SELECT snapshot_id AS sn, scope_id AS sc, counter_id AS co, a.text AS scope, b.text AS counter,
	4 * (1000 + row_number() OVER (ORDER BY a.text, b.text)) AS v
	FROM kernel_counter_rows JOIN strings a ON a.string_id = scope_id JOIN strings b ON b.string_id = counter_id
	WHERE snapshot_id = (SELECT snapshot_id FROM snapshots WHERE label = 'warmup'))
UPDATE kernel_counter_rows SET value = CASE
	WHEN counter IN ('MemTotal', 'SwapTotal') THEN 40000000 + v
	WHEN counter = 'MemAvailable' THEN 20000000 + v
	WHEN counter = 'num_objs' THEN 90000 + v
	WHEN counter = 'managed' THEN 500000 + v
	ELSE v END
FROM n WHERE snapshot_id = sn AND scope_id = sc AND counter_id = co
	AND counter NOT IN ('present', 'spanned', 'start_pfn', 'Size', 'Flags', 'Offset', 'Inode', 'MapMax', 'start_brk',
		'brk', 'threads', 'ppid', 'priority', 'kswapd_failures', 'reclaimable', 'oom_score_adj')
	AND scope NOT LIKE 'path/%' AND scope NOT LIKE 'comm/%';
WITH n AS MATERIALIZED (SELECT snapshot_id AS sn, stat_id AS st, instance_id AS i, name,
	row_number() OVER (ORDER BY name, instance) AS v
	FROM metric_rows JOIN stats USING (stat_id) JOIN instances USING (instance_id)
	WHERE snapshot_id = (SELECT snapshot_id FROM snapshots WHERE label = 'warmup') AND kind = 'counter'
	AND scope IN ('cpu', 'device', 'machine'))
UPDATE metric_rows SET value = CASE -- ticks of 26 M cycles, milliseconds, sectors
	WHEN name LIKE 'cycles.%' THEN v * 26000000
	WHEN name LIKE '%_ps' THEN v * 1000000000
	WHEN name LIKE '%_bytes' THEN v * 512
	ELSE v END
FROM n WHERE snapshot_id = sn AND stat_id = st AND instance_id = i" || exit 1
sqlite3 -separator ' ' "$db" "SELECT scope, counter, value FROM kernel_counters WHERE label = 'warmup'" >"$dir/values"
[ -s "$dir/values" ] || {
	echo "no counters"
	exit 1
}

# value SCOPE COUNTER: from the store
value() {
	awk -v s="$1" -v c="$2" '$1 == s && $2 == c { n += $3 } END { print n + 0 }' "$dir/values"
}

# sum SCOPE-PATTERN COUNTER: over the scopes that the pattern matches
sum() {
	awk -v s="^$1\$" -v c="$2" '$1 ~ s && $2 == c { n += $3 } END { print n + 0 }' "$dir/values"
}

meminfo() {
	value meminfo "$1"
}

# prints WHAT REGEX: the last output has such a line
prints() {
	grep -Eq -- "$2" "$dir/out" || {
		fail "$1: expected $2 in"
		head -40 "$dir/out"
	}
}

"$faultline" show --tree "$tree" --db "$db" --at warmup || exit 1

# ---- the chroot ----
need() {
	command -v "$1" >/dev/null || {
		fail "$1 is not installed (tests/setup.sh test)"
		return 1
	}
}

install_tool() {
	need "$1" || return
	path=$(readlink -f "$(command -v "$1")")
	mkdir -p "$tree/bin"
	cp "$path" "$tree/bin/$1"
	for lib in $(ldd "$path" | grep -o '/[^ )]*'); do
		[ -e "$tree$lib" ] || { mkdir -p "$tree${lib%/*}" && cp -L "$lib" "$tree$lib"; }
	done
}

for t in free vmstat slabtop numactl numastat pmap ps swapon; do
	install_tool $t
done
for t in /lib/terminfo/d/dumb /usr/share/terminfo/d/dumb; do
	[ ! -e $t ] || { mkdir -p "$tree${t%/*}" && cp $t "$tree$t"; }
done
# A tool finds itself in /proc.
cp -r "$tree/proc/1" "$tree/proc/self"
printf 'Cpus_allowed:\t7\nCpus_allowed_list:\t0-2\nMems_allowed:\t3\nMems_allowed_list:\t0-1\n' >>"$tree/proc/self/status"

if chroot "$tree" /bin/free -V >/dev/null 2>&1; then
	enter="chroot"
elif unshare -r chroot "$tree" /bin/free -V >/dev/null 2>&1; then
	enter="unshare -r chroot"
else
	echo "show_tools.sh: neither chroot nor unshare -r chroot is allowed here, so no tool can be shown the tree"
	exit 1
fi

# in_tree COMMAND...: its output in out
in_tree() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	sh -c 'tree=$1 enter=$2; shift 2; ln -s self "$tree/proc/$$"; exec $enter "$tree" "/bin/$@"' sh "$tree" "$enter" \
		"$@" >"$dir/out" 2>"$dir/err" || fail "$*: status $?: $(head -3 "$dir/err")"
}

# ---- procps ----
total=$(meminfo MemTotal)
free=$(meminfo MemFree)
available=$(meminfo MemAvailable)
cache=$(($(meminfo Cached) + $(meminfo SReclaimable)))
swap=$(meminfo SwapTotal)
swap_free=$(meminfo SwapFree)
in_tree free
prints free "^Mem: +$total +$((total - available)) +$free +$(meminfo Shmem) +$cache +$available\$"
prints free "^Swap: +$swap +$((swap - swap_free)) +$swap_free\$"
case $("$tree/bin/free" -V) in
*" 4.0.2")
	"$faultline" show free --db "$db" --at warmup | diff - "$dir/out" >"$dir/diff" || fail "free: $(cat "$dir/diff")"
	;;
esac

in_tree vmstat -s
for line in "$total K total memory" "$((total - available)) K used memory" "$(meminfo Active) K active memory" \
	"$(meminfo Inactive) K inactive memory" "$free K free memory" "0 K buffer memory" "$cache K swap cache" \
	"$swap K total swap" "$((swap - swap_free)) K used swap" "$swap_free K free swap" \
	"$(value vmstat pgpgin) K paged in" "$(value vmstat pgpgout) K paged out" \
	"$(value vmstat pswpin) pages swapped in" "$(value vmstat pswpout) pages swapped out"; do
	prints "vmstat -s" "^ *$line\$"
done

# /proc/stat and diskstats come from statistics.
statistic() {
	sqlite3 "$db" "SELECT ifnull(sum(value), 0) FROM metrics WHERE label = 'warmup' AND stat = '$1' AND instance LIKE '$2'"
}
ticks() {
	sqlite3 "$db" "SELECT ifnull(sum(v), 0) FROM (SELECT sum(value) * 100 / 2600000000 AS v FROM metrics
		WHERE label = 'warmup' AND scope = 'cpu' AND stat IN ($1) GROUP BY instance)"
}
prints "vmstat -s" "^ *$(ticks "'cycles.user_insn', 'cycles.user_memory', 'cycles.tlb', 'cycles.walk'") non-nice user cpu"
prints "vmstat -s" "^ *$(ticks "'cycles.idle'") idle cpu ticks\$"
prints "vmstat -s" "^ *$(ticks "'cycles.iowait'") IO-wait cpu ticks\$"
prints "vmstat -s" "^ *$(ticks "SELECT name FROM stats WHERE name LIKE 'cycles.%' AND name NOT IN (
	'cycles.user_insn', 'cycles.user_memory', 'cycles.tlb', 'cycles.walk', 'cycles.idle', 'cycles.iowait')") system cpu"
prints "vmstat -s" "^ *$(statistic sched.switches %) CPU context switches\$"
case $("$tree/bin/vmstat" -V) in
*" 4.0.2")
	"$faultline" show vmstat-s --db "$db" --at warmup | diff - "$dir/out" >"$dir/diff" || fail "vmstat -s: $(cat "$dir/diff")"
	;;
esac
in_tree vmstat -d
for d in disk swap; do
	prints "vmstat -d" "^$d +$(statistic blkdev.reads $d) +0 +$(($(statistic blkdev.read_bytes $d) / 512)) +[0-9]+ +$(
		statistic blkdev.writes $d) +0 +$(($(statistic blkdev.write_bytes $d) / 512)) +0 "
done

# Cache by cache: num total size pages.
in_tree vmstat -m
slabs=$(awk '$1 ~ "^slab/" { print substr($1, 6) }' "$dir/values" | sort -u)
[ "$(printf '%s\n' "$slabs" | wc -l)" -ge 5 ] || fail "only these slab caches: $slabs"
for c in $slabs; do
	prints "vmstat -m" "^$(printf %.24s "$c") +$(value "slab/$c" active_objs) +$(value "slab/$c" num_objs) +$(value \
		"slab/$c" objsize) +$(value "slab/$c" objperslab)\$"
done
in_tree slabtop -o
for c in $slabs; do
	prints slabtop "^ *$(value "slab/$c" num_objs) +$(value "slab/$c" active_objs) +[0-9]+% +$(awk -v n="$(value \
		"slab/$c" objsize)" 'BEGIN { printf "%.2f", n / 1024 }')K +$(value "slab/$c" num_slabs) +$(value \
		"slab/$c" objperslab) +[0-9]+K $c *\$"
done

in_tree swapon --show --bytes --noheadings
prints "swapon --show" "^/dev/swap0 +partition +$(($(value swap/0 pages) * 4096)) +$(($(value swap/0 inuse) * 4096)) +5\$"
prints "swapon --show" "^/dev/swap1 +partition +$(($(value swap/1 pages) * 4096)) +$(($(value swap/1 inuse) * 4096)) +7\$"

in_tree ps -o pid,ppid,min_flt,maj_flt,nlwp,vsz,rss,comm -p 1
prints ps "^ *1 +0 +$(value proc/P1 minflt) +$(value proc/P1 majflt) +1 +$(value proc/P1 VmSize) +$(value proc/P1 VmRSS) sort\$"

in_tree pmap -X 1
start=$(awk '$1 ~ "^region/P1/" && $2 == "Size" && $3 > 60000 { sub(".*/", "", $1); print $1 }' "$dir/values")
line=
for c in Size Rss Pss Pss_Dirty Referenced Anonymous LazyFree ShmemPmdMapped; do
	line="$line +$(value "region/P1/$start" $c)"
done
prints "pmap -X" "^ *0*$start rw-p 00000000 +00:00 +0$line +0 "

# ---- numactl ----
mb() {
	echo $(($1 / 256))
}
if in_tree numactl --hardware && grep -q "No NUMA support" "$dir/out" "$dir/err"; then
	echo "numactl is not checked: get_mempolicy is forbidden in this container"
else
	prints numactl "^available: 2 nodes \(0-1\)\$"
	prints numactl "^node 0 cpus: 0 1\$"
	prints numactl "^node 1 cpus: 2\$"
	for n in 0 1; do
		prints numactl "^node $n size: $(mb "$(sum "zone/$n/.*" managed)") MB\$"
		prints numactl "^node $n free: $(mb "$(sum "zone/$n/.*" nr_free_pages)") MB\$"
	done
	prints numactl "^  0:  10  31 \$"
	prints numactl "^  1:  32  10 \$"
	"$faultline" show numactl-H --db "$db" --at warmup | diff - "$dir/out" >"$dir/diff" ||
		fail "numactl: $(cat "$dir/diff")"
fi

in_tree numastat
for c in numa_hit numa_miss numa_foreign interleave_hit local_node other_node; do
	prints numastat "^$c +$(value node/0 $c) +$(value node/1 $c)\$"
done

# two_nodes PRINTED FIRST SECOND UNITS-A-MB
two_nodes() {
	line=$(awk -v n="$1" -v a="$2" -v b="$3" -v u="$4" \
		'BEGIN { gsub(/[()]/, "\\\\&", n); printf "^%s +%.2f +%.2f +%.2f$", n, a / u, b / u, (a + b) / u }')
	prints numastat "$line"
}
in_tree numastat -m
while read -r name counter unit; do
	two_nodes "$name" "$(value node/0 "$counter")" "$(value node/1 "$counter")" "$unit"
done <<EOF
Active(anon) nr_active_anon 256
Inactive(anon) nr_inactive_anon 256
Active(file) nr_active_file 256
Inactive(file) nr_inactive_file 256
Unevictable nr_unevictable 256
Dirty nr_dirty 256
Writeback nr_writeback 256
FilePages nr_file_pages 256
Mapped nr_mapped 256
AnonPages nr_anon_pages 256
Shmem nr_shmem 256
KernelStack nr_kernel_stack 1024
PageTables nr_page_table_pages 256
SReclaimable nr_slab_reclaimable 256
SUnreclaim nr_slab_unreclaimable 256
EOF
two_nodes MemTotal "$(sum 'zone/0/.*' managed)" "$(sum 'zone/1/.*' managed)" 256
two_nodes MemFree "$(sum 'zone/0/.*' nr_free_pages)" "$(sum 'zone/1/.*' nr_free_pages)" 256
two_nodes Mlocked "$(sum 'zone/0/.*' nr_mlock)" "$(sum 'zone/1/.*' nr_mlock)" 256
"$faultline" show numastat-m --db "$db" --at warmup >"$dir/ours"
grep -v '^Token' "$dir/out" | diff "$dir/ours" - >"$dir/diff" || fail "numastat -m: $(head -5 "$dir/diff")"

in_tree numastat -p 1
two_nodes Total "$(sum 'region/P1/.*' N0)" "$(sum 'region/P1/.*' N1)" 256
"$faultline" show numastat-p 1 --db "$db" --at warmup | diff - "$dir/out" >"$dir/diff" ||
	fail "numastat -p: $(head -5 "$dir/diff")"

# ---- no chroot needed ----
need lscpu && {
	lscpu -s "$tree" >"$dir/out" || fail "lscpu: status $?"
	prints lscpu "^CPU\(s\): +3\$"
	prints lscpu "^On-line CPU\(s\) list: +0-2\$"
	prints lscpu "^Socket\(s\): +2\$"
	prints lscpu "^L1d cache: +144 KiB \(3 instances\)\$" # 48 KiB each
	prints lscpu "^L3 cache: +49.5 MiB \(2 instances\)\$"
	prints lscpu "^NUMA node0 CPU\(s\): +0,1\$|^NUMA node0 CPU\(s\): +0-1\$"
	prints lscpu "^NUMA node1 CPU\(s\): +2\$"
	lscpu -s "$tree" -C=NAME,ONE-SIZE,WAYS,SETS,COHERENCY-SIZE >"$dir/out"
	prints "lscpu -C" "^L1d +48K +12 +64 +64\$"
	prints "lscpu -C" "^L2 +1M +16 +1024 +64\$"
}
need lsmem && { # node 0 ends at 64 MiB, node 1 at 256: two blocks of 128
	lsmem -s "$tree" --summary=never --bytes -a -n -o RANGE,SIZE,STATE,NODE >"$dir/out" || fail "lsmem: status $?"
	prints lsmem "^0x0000000000000000-0x0000000007ffffff +134217728 +online +0\$"
	prints lsmem "^0x0000000008000000-0x000000000fffffff +134217728 +online +1\$"
	[ "$(wc -l <"$dir/out")" = 2 ] || fail "lsmem: $(cat "$dir/out")"
}
need smem && {
	smem -S "$tree" -H -c "pid name vss rss pss uss swap" >"$dir/out" || fail "smem: status $?"
	line=" *1 +sort"
	line="$line +$(sum 'region/P1/.*' Size) +$(sum 'region/P1/.*' Rss) +$(sum 'region/P1/.*' Pss)"
	line="$line +$(($(sum 'region/P1/.*' Private_Clean) + $(sum 'region/P1/.*' Private_Dirty)))"
	prints smem "^$line +$(sum 'region/P1/.*' Swap) *\$"
	smem -S "$tree" -H -w >"$dir/out" || fail "smem -w: status $?"
	prints "smem -w" "^free memory +$free +$free +0 *\$"
}

# ---- node exporter: the numbers as it reads them ----
# metric NAME VALUE: Go prints large ones with an exponent
metric() {
	awk -v n="$1" -v v="$2" '$1 == n { seen = 1; ok = $2 + 0 == v + 0 } END { exit !(seen && ok) }' "$dir/out" ||
		fail "node exporter: $1 is $(awk -v n="$1" '$1 == n { print $2 }' "$dir/out"), expected $2"
}
need prometheus-node-exporter && need curl && {
	port=$((20000 + $$ % 20000))
	prometheus-node-exporter --path.procfs="$tree/proc" --path.sysfs="$tree/sys" --collector.disable-defaults \
		--collector.meminfo --collector.meminfo_numa --collector.vmstat --collector.vmstat.fields='.*' --collector.stat \
		--collector.buddyinfo --collector.zoneinfo --collector.loadavg --web.listen-address=127.0.0.1:$port \
		>"$dir/err" 2>&1 &
	exporter=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		curl -s --noproxy '*' "http://127.0.0.1:$port/metrics" >"$dir/out" && break
		sleep 0.2
	done
	kill $exporter
	exporter=
	grep -q '^node_memory_MemTotal_bytes' "$dir/out" || fail "node exporter: $(tail -3 "$dir/err")"
	for c in MemTotal MemFree MemAvailable Cached SwapCached Active Inactive Unevictable Mlocked SwapTotal SwapFree Dirty \
		Writeback AnonPages Mapped Shmem Slab SReclaimable SUnreclaim PageTables Committed_AS; do
		metric node_memory_${c}_bytes $(($(meminfo $c) * 1024))
	done
	metric node_memory_Active_anon_bytes $(($(meminfo "Active(anon)") * 1024))
	metric node_memory_Inactive_file_bytes $(($(meminfo "Inactive(file)") * 1024))
	awk '$1 == "vmstat" && $2 !~ /_high$/ { print $2, $3 }' "$dir/values" >"$dir/vmstat" # x86-64 has no HighMem
	while read -r c v; do
		metric "node_vmstat_$c" "$v"
	done <"$dir/vmstat"
	for n in 0 1; do
		metric "node_memory_numa_Active_anon{node=\"$n\"}" $(($(value node/$n nr_active_anon) * 4096))
		metric "node_memory_numa_AnonPages{node=\"$n\"}" $(($(value node/$n nr_anon_pages) * 4096))
		metric "node_memory_numa_numa_miss_total{node=\"$n\"}" "$(value node/$n numa_miss)"
	done
	for o in 0 1 2 3 4 5 6 7 8 9 10; do
		metric "node_buddyinfo_blocks{node=\"0\",size=\"$o\",zone=\"DMA32\"}" "$(value buddy/0/DMA32 order_$o)"
	done
	for c in min low high present spanned managed; do
		metric "node_zoneinfo_${c}_pages{node=\"1\",zone=\"DMA32\"}" "$(value zone/1/DMA32 $c)"
	done
	metric "node_zoneinfo_nr_free_pages{node=\"1\",zone=\"DMA32\"}" "$(value zone/1/DMA32 nr_free_pages)"
	metric node_context_switches_total "$(statistic sched.switches %)"
}

[ "$(cat "$tree/proc/sys/vm/swappiness")" = 37 ] || fail "proc/sys/vm/swappiness"
[ "$(cat "$tree/proc/sys/vm/min_free_kbytes")" = "$(value sysctl min_free_kbytes)" ] || fail "proc/sys/vm/min_free_kbytes"

# Blocks by type: the sums of pagetypeinfo's lines, order by order.
order_sum() {
	awk -v o="$1" '$6 == "Movable" && $4 == "DMA32," && $2 + 0 == 1 { print $(7 + o) }' "$tree/proc/pagetypeinfo"
}
for o in 6 8 9 10; do
	[ "$(order_sum $o)" = "$(value pagetype/1/DMA32/Movable order_$o)" ] || fail "pagetypeinfo: order $o is $(order_sum $o)"
done
exit $failed
