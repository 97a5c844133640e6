#!/bin/sh
# record.sh - records the real programs behind the traces in this folder, once more.
#
# usage: examples/record.sh [NAME ...]      names: sqlite xz sort; without one, all
#
# Needs qemu-user, sqlite3, xz-utils and coreutils of Debian 12, and faultline itself (FAULTLINE=path, default
# build/faultline). A recording takes seconds. Addresses, order and counts come out the same on a machine with the
# same packages; times, the date and the host do not.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
faultline=${FAULTLINE:-$here/../build/faultline}
case $faultline in /*) ;; *) faultline=$PWD/$faultline ;; esac
work=/tmp/faultline-record # fixed, since file names get into the trace
mkdir "$work" || { echo "record.sh: $work is there: is another recording under way?" >&2; exit 1; }
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$work"

version() { # version PACKAGE
	dpkg-query -W -f '${Version}' "$1"
}

# record NAME PACKAGE COUNT OPTIONS NOTES PROGRAM ARGUMENTS...   (standard input is $input)
record() {
	name=$1 package=$2 count=$3 options=$4 notes=$5
	shift 5
	# The program is ended when the window is over.
	# shellcheck disable=SC2086
	env -i LC_ALL=C TZ=UTC HOME=/nonexistent PATH=/usr/bin:/bin "$faultline" record -q --renumber -o "$name.flt" \
		--count "$count" --end-program $options "$@" <"$input" >/dev/null || [ $? -eq 137 ]
	program=$1
	shift
	"$faultline" trace convert --level 19 \
		--provenance "program=$program ($package $(version "$package"))" \
		--provenance "arguments=$*" \
		--provenance "recorder=faultline record (qemu-user $(version qemu-user)), first $count instructions $options" \
		--provenance "recorded_at=$(date -u +%Y-%m-%d)" \
		--provenance "host=$(sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1), Linux $(uname -r), Debian $(cat /etc/debian_version)" \
		--provenance "notes=$notes" \
		"$name.flt" "$here/$name.flt"
	rm -f "$name.flt"
	"$faultline" trace info "$here/$name.flt"
}

# A shop's documents, 10000 texts of 3 to 9 KB: counted, then read in random order, with their customers.
sqlite() {
	sqlite3 shop.db <<-'SQL'
		pragma page_size = 4096;
		create table customer(id integer primary key, name text, region integer);
		create table document(id integer primary key, customer integer, day integer, body text);
		create table pick(n integer primary key, id integer);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000)
		insert into customer select i, 'customer-' || (i * 7919 % 20000), i * 31 % 97 from n;
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 10000)
		insert into document select i, i * 7919 % 20000 + 1, i * 104729 % 3650,
			printf('%05d document %d of day %d %.*c', i * 7927 % 10000, i, i * 104729 % 3650, 3000 + i * 37 % 6000, 'x')
			from n;
		with recursive n(i, id) as (select 1, 17 union all select i + 1, (id * 4801 + 11) % 10000 from n where i < 4500)
		insert into pick select i, id + 1 from n;
		analyze;
	SQL
	cat >query.sql <<-'SQL'
		pragma cache_size = -131072;
		select count(*) from document;
		select count(*), max(d.body), sum(c.region) from pick
			cross join document d on d.id = pick.id cross join customer c on c.id = d.customer;
	SQL
	input=query.sql
	record sqlite sqlite3 22M '' \
		'counts 10000 documents of 3 to 9 KB, then joins them in random order with their customers; the database is cached as it is read' \
		sqlite3 shop.db
}

# The start of a compression with a dictionary of 64 MiB: random accesses to the match finder's hash table.
xz_() {
	input=/dev/null
	record xz xz-utils 29M --no-fetches 'the first part of compressing the interpreter of python3.11' \
		xz -9 -T1 -c /usr/bin/python3.11
}

# 500000 lines: the buffer is filled and cut into lines.
sort_() {
	awk 'BEGIN { x = 1; for (i = 0; i < 500000; i++) { x = (x * 48271) % 2147483647; printf "%010d item %d\n", x, i } }' >lines.txt
	input=/dev/null
	record sort coreutils 27M --no-fetches 'the first part of sorting 500000 lines of random numbers' \
		sort --parallel=1 -S 64M lines.txt
}

[ $# -gt 0 ] || set -- sqlite xz sort
for name in "$@"; do
	case $name in
	sqlite) sqlite ;;
	xz) xz_ ;;
	sort) sort_ ;;
	*)
		echo "record.sh: unknown name $name; expected sqlite, xz or sort" >&2
		exit 2
		;;
	esac
done
