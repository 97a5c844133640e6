#!/bin/sh
# inspect_cli.sh - what `faultline trace` says about traces: miss-ratio curves, pictures, summaries.
#
# usage: tests/clients/inspect_cli.sh [FAULTLINE]
set -u

. "$(dirname "$0")/../trace_checks.sh"

absent() {
	for f in "$@"; do
		[ -e "$f" ] && fail "$f was left behind"
	done
}

# picture FILE: a whole SVG document
picture() {
	contains "$1" '<svg xmlns="http://www.w3.org/2000/svg"'
	equals "$(tail -n 1 "$1")" '</svg>' "the end of $1"
	if command -v python3 >/dev/null; then
		python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' "$1" || fail "$1 is no XML"
	fi
}

# ---- mrc: pages a b c b b a d a c of process 1: depths - - - 2 1 3 - 2 4; process 2 touches a twice
{
	echo '# faultline trace text 1'
	for page in a b c b b a d a c; do
		echo "1.1 L ${page}000 8 1"
	done
	echo '2.2 S a000 8 1'
	echo '2.2 F a008 8 1'
	echo '# end accesses 11 controls 0'
} >abc.txt
status 0 trace convert abc.txt abc.flt
status 0 trace mrc --process 1 --csv abc.flt
equals "$(cut -d, -f3,5 out | tr '\r\n' '  ' | tr -s ' ')" "size_pages,misses 1,8 2,6 3,5 4,4 " "the curve of process 1"
contains out '4096,1,4,16384,4,0.444444444,9'
status 0 trace mrc --per-process --csv abc.txt
contains out '4096,1,4,16384,4,0.444444444,9'
contains out '4096,2,1,4096,1,0.5,2'
status 0 trace mrc --json abc.flt
contains out '"touches": 11,'
contains out '"distinct_pages": 5,'
contains out '{"pages": 4, "bytes": 16384, "misses": 5, "miss_ratio": 0.454545455}'
status 0 trace mrc --fetches --csv abc.flt
contains out '4096,,1,4096,1,1,1'
status 0 trace mrc --page 4K,2M --at 8K,2M --csv abc.flt
contains out '4096,,2,8192,7,'
contains out '2097152,,1,2097152,2,'
status 0 trace mrc --tlb --at 2 --csv abc.flt
contains out '4096,,2,8192,7,'
contains out '2097152,,2,4194304,2,'
status 0 trace mrc abc.flt
contains out '11 touches of pages of 4 KiB, 5 distinct pages (20 KiB)'

# ---- mrc: sampled at rate 1 is exact for small sizes; with a bound it says so
status 0 trace gen zipf z.flt --option count=200k,pages=20000
cp z.flt z2.flt
status 0 trace mrc --csv --at 4K,400K,4M z.flt
cp out exact
status 0 trace mrc --csv --rate 1 --at 4K,400K,4M z.flt
cmp -s exact out || fail "rate 1 is not exact: $(cat out)"
status 0 trace mrc --csv --every z.flt
equals "$(tail -n 1 out | cut -d, -f5)" "$("$faultline" trace info --json z.flt | sed -n 's/.*"footprint_pages": \([0-9]*\),/\1/p')" \
	"misses of the largest memory and distinct pages"
status 0 trace mrc --samples 500 --json z.flt
contains out '"method": "sampled"'
status 0 trace mrc --sampled z.flt
contains out 'estimated from'

# ---- mrc: a fully associative LRU TLB of the simulated machine misses the same, and once more at the retry behind a fault
status 0 trace gen zipf tlb.flt --accesses 60k --option pages=3000
status 2 trace gen zipf x.flt --accesses many
for n in 16 64 200; do
	status 0 run tlb.flt -o tlb.db --name "$n" --set tlb.l1d.entries=$n --set tlb.l1d.ways=$n
	status 0 trace mrc --tlb --page 4K --at $n --csv tlb.flt
	equals "$(sqlite3 tlb.db "SELECT sum(iif(stat = 'tlb.l1d_misses', value, 0)) - sum(iif(stat = 'vmstat.pgfault' AND
		scope = 'machine', value, 0)) FROM metrics JOIN runs USING (run_id) WHERE name = '$n' AND kind = 'final'")" \
		"$(sed -n '2s/[0-9]*,[0-9]*,[0-9]*,[0-9]*,\([0-9]*\),.*/\1/p' out)" "misses of a TLB of $n entries, simulated and by the curve"
done

# ---- mrc: pictures and the store
status 0 trace mrc --svg curve.svg -o store.db --name zipf z.flt
equals "$(wc -c <out)" 0 "what is printed when files are asked for"
picture curve.svg
contains curve.svg 'Miss-ratio curve of zipf'
contains curve.svg 'prefers-color-scheme'
status 0 trace mrc --tlb --linear --svg tlb.svg z.flt
picture tlb.svg
contains tlb.svg 'pages of 2 MiB'
status 0 trace mrc -o store.db --per-process abc.flt
equals "$(sqlite3 store.db "SELECT count(*) FROM curves")" 3 "curves"
equals "$(sqlite3 store.db "SELECT group_concat(size_pages || ':' || misses, ' ') FROM v_mrc WHERE process = 1")" \
	"1:8 2:6 3:5 4:4" "the stored curve"
equals "$(sqlite3 store.db "SELECT min(misses) = (SELECT cold FROM curves WHERE name = 'zipf') FROM v_mrc WHERE name = 'zipf'")" \
	1 "the last point of zipf"
status 0 query store.db v_mrc
contains out zipf
status 2 trace mrc --page 4K --svg curve.svg --process 77 z.flt
picture curve.svg

# ---- mrc: wrong usage and bad input
for bad in '--page 3K' '--page 2K' '--page 4K,8K,16K,32K,64K' '--page x' '--rate 0' '--rate 2' '--rate x' '--samples 3' '--points 1' \
	'--at 0' '--at 1,,2' '--process x' '--process 1 --per-process' '--csv --json' '--nonsense' '--process 7' '--fetches'; do
	# shellcheck disable=SC2086 # several words
	status 2 trace mrc $bad z.flt
done
status 2 trace mrc
status 4 trace mrc nothing.flt
status 4 trace mrc --svg nodir/x.svg z.flt
status 4 trace mrc -o nodir/x.db z.flt
absent nodir x.svg
head -c $(($(wc -c <z.flt) - 9)) z.flt >cut.flt
status 7 trace mrc --svg cut.svg cut.flt
picture cut.svg
head -n 8 abc.txt >cut.txt
status 7 trace mrc --csv cut.txt
contains out '4096,,3,12288,4,'
echo 'prose' >prose.db
status 8 trace mrc -o prose.db abc.flt
# ---- info: the footer, the kinds of control records, everything
status 0 trace info --quick z.flt
contains out '204 800'
grep -q fingerprint out && fail "info --quick read the file"
status 0 trace info --quick --json z.flt
grep -q controls_by_op out && fail "info --quick --json read the control records"
status 0 trace info --full abc.flt
contains out '1.1            9  81.8 %      9       0        0             9'
contains out 'most often'
status 0 trace info --json --windows 2 abc.txt
contains out '{"accesses": 6, "pages": 3, "new_pages": 3, "reads": 6, "writes": 0, "fetches": 0}'
contains out '{"accesses": 5, "pages": 4, "new_pages": 2, "reads": 3, "writes": 1, "fetches": 1}'
contains out '"pages_for": {"0.5": 4, "0.9": null, "0.99": null, "0.999": null}'
if command -v python3 >/dev/null; then
	python3 -m json.tool out >/dev/null || fail "info --full --json is no JSON"
fi
status 2 trace info --quick --full z.flt
status 2 trace info --windows 0 z.flt

# ---- slice by time, marks and addresses; cat from the middle
{
	echo '# faultline trace text 1'
	echo '1.1 process ppid=0 text="p"'
	for i in 0 1 2 3 4 5 6 7; do
		echo "1.1 L ${i}000 8 10"
		echo "1.1 mark time=$((i * 1000000 + 1000000)) text=\"m$i\""
	done
	echo '# end accesses 8 controls 9'
} >marks.txt
status 0 trace convert marks.txt marks.flt
accesses() { "$faultline" trace cat "$1" | sed -n 's/^[0-9.]* [LSF] \([0-9a-f]*\) .*/\1/p' | tr '\n' ' '; }
status 0 trace slice --time --from 2ms --count 3ms marks.flt s.flt
equals "$(accesses s.flt)" "2000 3000 4000 " "a slice by time"
status 0 trace slice --from-mark m2 --to-mark m5 marks.flt s.flt
equals "$(accesses s.flt)" "3000 4000 5000 " "a slice between marks"
status 0 trace slice --from-mark m2 --from 1 --count 2 marks.flt s.flt
equals "$(accesses s.flt)" "4000 5000 " "a slice counted from a mark"
status 0 trace slice --to-mark m0 marks.txt s.flt
equals "$(accesses s.flt)" "0 " "a slice up to a mark"
status 0 trace slice --from 1 --address 2004-0x4001 marks.flt s.flt
equals "$(accesses s.flt)" "2000 3000 4000 " "a slice of addresses"
equals "$("$faultline" trace info --json s.flt | sed -n 's/.*"instructions": \([0-9]*\),/\1/p')" 70 "instructions of a slice of addresses"
contains s.flt '"sampled": true'
status 0 trace cat --from 6 marks.flt
equals "$(grep -c ' L ' out)" 2 "accesses from the sixth on"
status 0 trace cat --from 6 --thread 1.1 marks.flt
equals "$(grep -c ' L ' out)" 2 "accesses of the thread from the sixth on"
equals "$(grep -m 1 ' L ' out)" '1.1 L 6000 8 10' "the first of them"
for bad in '--from-mark m9' '--time --from 2x' '--time --instructions' '--address 5-4' '--address x' '--time --from 9s'; do
	# shellcheck disable=SC2086
	status 2 trace slice $bad marks.flt s9.flt
done
status 2 trace slice --time z.flt s9.flt
absent s9.flt

# ---- sample: windows with all control records, shares of the pages
status 0 trace sample --window 1 --every 3 --skip 1 --marks marks.flt s.flt
equals "$(accesses s.flt)" "1000 4000 7000 " "every third access"
equals "$("$faultline" trace cat s.flt | grep -c 'mark.*text="m')" 8 "marks that were there"
contains s.flt '"sampled": true'
status 0 trace cat s.flt
contains out 'mark text="window 3"'
status 0 trace sample --pages 0.5 z.flt s.flt
pages=$("$faultline" trace info --json s.flt | sed -n 's/.*"footprint_pages": \([0-9]*\),/\1/p')
[ "$pages" -gt 8200 ] && [ "$pages" -lt 8900 ] || fail "half of 17135 pages are $pages"
equals "$("$faultline" trace verify s.flt | grep -c sound)" 1 "the sample"
for bad in '' '--window 3' '--window 3 --every 2' '--pages 2' '--pages 0.1 --window 1 --every 2' '--pages 0.1 --marks'; do
	# shellcheck disable=SC2086
	status 2 trace sample $bad z.flt s9.flt
done
status 2 trace sample --skip 1G --window 1 --every 1 z.flt s9.flt
absent s9.flt
status 7 trace sample --window 1 --every 2 cut.txt s9.flt
equals "$(accesses s9.flt)" "a000 c000 b000 d000 " "the sample of what is there"
rm s9.flt

# ---- merge: turns by instructions, new numbers, files apart or shared
{
	echo '# faultline trace text 1'
	echo '1.1 process ppid=0 text="p"'
	echo '1.1 file fid=0 size=4096 flags=0 text="/f"'
	for i in 0 1 2 3; do
		echo "1.1 L 1${i}000 8 5"
	done
	echo '1.1 read fid=0 off=0 len=10 buf=0 result=10'
	echo '# end accesses 4 controls 3'
} >one.txt
sed 's/1.1 L 1/1.1 L 2/; s/ 8 5$/ 8 10/' one.txt >two.txt
status 0 trace merge --quantum 10 one.txt two.txt m.flt
contains out 'two.txt: process 1 is now 2'
equals "$(accesses m.flt)" "10000 11000 20000 12000 13000 21000 22000 23000 " "accesses in turns by instructions"
status 0 trace cat m.flt
contains out '2.2 process ppid=0 text="p"'
contains out '2.2 read fid=1 off=0 len=10'
status 0 trace merge --quiet --by accesses --quantum 2 --share-files one.txt two.txt m.flt
equals "$(wc -c <out)" 0 "what a quiet merge prints"
equals "$(accesses m.flt)" "10000 11000 20000 21000 12000 13000 22000 23000 " "accesses in turns of two"
equals "$("$faultline" trace cat m.flt | grep -c ' file ')" 1 "declarations of a shared file"
equals "$("$faultline" trace cat m.flt | grep -c ' read fid=0 ')" 2 "reads of the shared file"
status 0 trace merge --by file two.txt one.txt one.txt m.flt
equals "$(accesses m.flt)" "20000 21000 22000 23000 10000 11000 12000 13000 10000 11000 12000 13000 " "one after another"
equals "$("$faultline" trace info --json m.flt | sed -n 's/.*"processes": \([0-9]*\),/\1/p')" 3 "processes"
status 0 trace merge --by time marks.flt marks.flt m.flt
equals "$(accesses m.flt)" "0 0 1000 1000 2000 2000 3000 3000 4000 4000 5000 5000 6000 6000 7000 7000 " "in turns by time"
status 0 trace verify m.flt
status 2 trace merge one.txt m9.flt
status 2 trace merge --by nonsense one.txt two.txt m9.flt
status 2 trace merge --quantum 0 one.txt two.txt m9.flt
status 2 trace merge --by time z.flt z.flt m9.flt
status 4 trace merge one.txt nothing.txt m9.flt
absent m9.flt

# ---- diff: the same, another address, a longer one
status 0 trace diff one.txt one.txt
contains out 'the same: 4 accesses, 3 control records'
status 0 trace diff abc.txt abc.flt
sed 's/12000 8 5/12008 8 5/' one.txt >other.txt
"$faultline" trace diff one.txt other.txt >out 2>err
equals $? 1 "status of a difference"
contains out 'first difference behind 2 accesses and 2 control records'
contains out '< 1.1 L 12000 8 5'
contains out '> 1.1 L 12008 8 5'
"$faultline" trace diff one.txt m.flt >out 2>err
equals $? 1 "status of a difference"
contains out 'accesses       4   16    +12'
# the same threads in other turns; then one that only the second trace has
status 0 trace merge --quantum 10 --quiet one.txt two.txt turns.flt
status 0 trace merge --by file --quiet one.txt two.txt turns2.flt
"$faultline" trace diff turns.flt turns2.flt >out 2>err
equals $? 1 "status of other turns"
status 0 trace diff --threads turns.flt turns2.flt
contains out 'the same: 8 accesses, 6 control records'
"$faultline" trace diff --threads one.txt turns.flt >out 2>err
equals $? 1 "status of another thread"
contains out 'thread 2.2: first difference behind 0 accesses and 0 control records'
contains out '< (the trace ends)'
contains out 'accesses       4   8     +4'
"$faultline" trace diff --threads --quick turns.flt one.txt >out 2>err
contains out 'thread 2.2: first difference'
status 4 trace diff --threads one.txt nothing.txt
status 4 trace diff one.txt nothing.txt
status 7 trace diff cut.txt cut.txt
status 2 trace diff one.txt

# ---- plot: a picture of everything, of a part, of several processes, of foreign traces
status 0 trace plot z.flt p.svg
picture p.svg
contains p.svg 'What z.flt touches when'
contains p.svg '205 k accesses'
status 0 trace plot --name '<&">' --process 1 --data one.txt p.svg
picture p.svg
contains p.svg 'What &#60;&#38;&#34;&#62; touches when'
status 0 trace plot --from 1 --count 2 marks.flt p.svg
contains p.svg '2 accesses, 8 KiB touched'
status 0 trace plot --address 2000-4000 marks.flt p.svg
contains p.svg '8 KiB touched'
status 0 trace plot m.flt p.svg
contains p.svg 'process 2'
status 7 trace plot cut.flt p.svg
picture p.svg
status 2 trace plot z.flt
status 2 trace plot --process 99 z.flt p9.svg
status 2 trace plot --fetches z.flt p9.svg
status 2 trace plot --from 1G z.flt p9.svg
status 2 trace plot --address 9-8 z.flt p9.svg
status 4 trace plot nothing.flt p9.svg
status 4 trace plot z.flt nodir/p9.svg
absent p9.svg nodir

# ---- Ctrl-C while a pipe is silent: status 130, one line, nothing left behind
mkfifo silent
sleep 100 >silent &
sleeper=$!
# interrupted ARGUMENTS...: `trace ARGUMENTS` is stopped by a signal
interrupted() {
	sh -c 'exec "$0" trace "$@" >out 2>err' "$faultline" "$@" &
	verb=$!
	sleep 0.2
	kill -TERM $verb
	wait $verb
	equals $? 130 "status of $1 after a signal"
	equals "$(wc -l <err)" 1 "error lines of $1 after a signal"
}
interrupted mrc --format course --svg stop.svg -o stop.db silent
interrupted info --format course --full silent
interrupted slice --format course --from 5 silent stop.flt
interrupted sample --format course --pages 0.5 silent stop.flt
interrupted plot --format course silent stop.svg
interrupted diff --format course silent silent
kill $sleeper
absent stop.svg stop.flt stop.db

for verb in mrc info slice cat sample merge diff plot; do
	status 0 trace $verb --help
	contains out "usage: faultline trace $verb"
done
absent ./*.tmp

[ $failed -eq 0 ] && echo "inspect_cli: ok"
exit $failed
