#!/bin/sh
# record.sh FAULTLINE OUTDIR [--csv]: what recording costs: CPU time an access (emulator and recorder together, user and
# system), bytes an access, times the native CPU time; for five programs and on the average.
set -eu

fl=$1
out=$2
format=${3:-}
mkdir -p "$out"
case $fl in /*) ;; *) fl=$PWD/$fl ;; esac
cd "$out"

cat >query.sql <<'SQL'
create table t(a integer primary key, b text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 40000)
insert into t select i, 'text ' || (i * 7919 % 40000) from n;
create index ib on t(b);
select count(*), sum(length(b)) from t where b like '%99%';
select count(*) from t x join t y on y.b = 'text ' || x.a;
SQL
cat >words.py <<'PY'
import json, re
d = [{"n": i, "s": str(i) * 3} for i in range(8000)]
for k in range(3):
    d = json.loads(json.dumps(d))
print(sum(x["n"] for x in d), len(re.findall("9+", json.dumps(d))))
PY
head -c 1500000 /usr/bin/sqlite3 >data
awk 'BEGIN { for (i = 0; i < 150000; i++) { x = (x * 48271 + 11) % 2147483647; printf "%010d item %d\n", x, i } }' >lines
awk 'BEGIN {
	print "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>"
	for (f = 0; f < 10; f++) {
		printf "static int f%d(int a, const char *s)\n{\n\tint n = 0;\n", f
		printf "\tfor (int i = a; i < a * %d; i++)\n\t\tn += s[i %% 7] * i ^ (n >> %d);\n", f + 2, f % 5 + 1
		printf "\tswitch (n & 7) {\n\tcase 1:\n\t\treturn n + (int)strlen(s);\n\tcase 3:\n\t\treturn abs(n);\n\t}\n"
		print "\treturn n;\n}"
	}
	print "int main(int c, char **v)\n{\n\tint n = c;"
	for (f = 0; f < 10; f++)
		printf "\tn += f%d(n, v[0]);\n", f
	print "\treturn printf(\"%d\", n);\n}"
}' >row.c

# cpu COMMAND...: user and system seconds of it and its children
cpu() {
	/usr/bin/time -f '%U %S' -o cpu "$@" >/dev/null 2>errors || { cat errors >&2; exit 1; }
	tail -n 1 cpu | awk '{ print $1 + $2 }'
}

row() { # NAME COMMAND...
	name=$1
	shift
	rm -f ./*.db
	native=$(cpu "$@")
	rm -f ./*.db
	recorded=$(cpu "$fl" record -q -o "$name.flt" "$@")
	n=$("$fl" trace info --json "$name.flt" | sed -n 's/^ *"accesses": *\([0-9]*\).*/\1/p')
	echo "$name $n $recorded $native $(wc -c <"$name.flt")" >>rows
}

rm -f rows
row sqlite sh -c 'sqlite3 bench.db <query.sql'
row python "$(command -v /usr/bin/python3 || command -v python3)" words.py
row xz xz -T1 -6 -c data
row gcc gcc -O2 -c -o row.o row.c
row sort-threads sort --parallel=4 -S 64M -o sorted lines
awk -v csv="$format" 'BEGIN {
	if (csv == "--csv")
		print "program,accesses,cpu_ns_an_access,bytes_an_access,times_native"
	else
		printf "%-12s %12s %14s %14s %14s\n", "recorded", "accesses", "CPU ns/access", "bytes/access", "x native CPU"
}
{
	f = csv == "--csv" ? "%s,%d,%.1f,%.3f,%.1f\n" : "%-12s %12d %14.1f %14.3f %14.1f\n"
	times = $4 ? $3 / $4 : 0
	printf f, $1, $2, $3 / $2 * 1e9, $5 / $2, times
	ns += $3 / $2 * 1e9
	bytes += $5 / $2
	n++
}
END {
	if (csv == "--csv")
		printf "average,,%.1f,%.3f,\n", ns / n, bytes / n
	else
		printf "%-12s %27.1f %14.3f\n", "average", ns / n, bytes / n
}' rows
