#!/bin/sh
# selftest.sh - the style checks find what they are for, and nothing in a clean tree.
here=$(cd "$(dirname "$0")" && pwd) || exit 2
tree=$(mktemp -d) || exit 2
trap 'rm -rf "$tree"' EXIT
failed=0

# expect SCRIPT FINDINGS: what SCRIPT prints about the tree, in short form, and that it fails accordingly.
expect() {
	got=$("$here/$1" "$tree" 2>/dev/null)
	status=$?
	got=$(echo "$got" | sed 's/\(alone does not compile\): .*/\1/') # the rest is the compiler's wording
	if [ "$got" != "$2" ] || { [ -z "$2" ] && [ $status -ne 0 ]; } || { [ -n "$2" ] && [ $status -eq 0 ]; }; then
		printf 'selftest.sh: %s (status %d) says\n%s\nexpected\n%s\n' "$1" $status "$got" "$2"
		failed=1
	fi
}

# A clean tree.
mkdir -p "$tree/sim" "$tree/traces" "$tree/models/hw" "$tree/models/kernel/reclaim" "$tree/analysis" "$tree/tests/style"
cd "$tree" || exit 2
cp "$here/../../.clang-format" .
echo 'int a;' >sim/a.h
printf '#include "sim/a.h"\n\n#include <stdio.h>\n' >sim/a.c
printf '#include "sim/a.h"\n' >traces/t.h
printf '#include "traces/t.h"\n' >models/hw/tlb.h
printf '#include "models/hw/tlb.h"\n' >models/kernel/reclaim.h
printf '#include "models/kernel/reclaim.h"\n' >models/kernel/reclaim/x.c
printf '#include "sim/a.h"\n' >analysis/store.h
printf '# top to bottom\nkernel/reclaim\nhw/tlb\n' >models/ORDER
expect layers.sh ''
expect tidy.sh ''
expect format.sh ''

# Everything wrong that layers.sh looks for.
printf '#include "traces/t.h"\n' >sim/up.h
printf '#include "models/hw/tlb.h"\n#include "t.h"\n' >traces/up.h
printf '#include "models/kernel/reclaim/y.h"\n#include "sim/cli.h"\n#include <sqlite3.h>\n' >models/hw/tlb.c
echo 'extern struct y many[3];' >models/kernel/reclaim/y.h
touch sim/cli.h models/stray.h traces/t.h
echo 'int t;' >t.h
printf '#include "traces/t.h"\n' >analysis/down.h
printf '#include <stdio.h>\n#include "sim/a.h"\n' >sim/a.c
printf 'kernel/reclaim\nhw/tlb\nhw/gone\nhw/tlb\n' >models/ORDER
printf '#include "models/hw/tlb.h"\n' >sim/main.c
expect layers.sh 'analysis/down.h:1: analysis/ must not include "traces/t.h"
models/ORDER:3: hw/gone has no file
models/ORDER:4: hw/tlb is listed twice
models/hw/tlb.c:1: includes "models/kernel/reclaim/y.h": module kernel/reclaim is above hw/tlb
models/hw/tlb.c:1: the first include must be its own header "models/hw/tlb.h"
models/hw/tlb.c:2: models/ must not include "sim/cli.h": only commands know the terminal
models/hw/tlb.c:3: only analysis/ knows SQLite
models/kernel/reclaim/y.h:1: models/kernel/reclaim/y.h alone does not compile
models/stray.h:1: belongs to no module of models/ORDER
sim/a.c:1: the first include must be its own header "sim/a.h"
sim/up.h:1: sim/ must not include "traces/t.h"
traces/up.h:1: traces/ must not include "models/hw/tlb.h"
traces/up.h:2: "t.h" is not written from the root'

# Everything wrong that tidy.sh looks for, and look-alikes that are right.
rm -rf sim traces models analysis
mkdir sim models
{
	echo 'int long_one(void)'
	echo '{'
	yes '	(void)0;' | head -n 59
	echo '}'
	echo 'int short_one(void) { return 0; }'
} >sim/long.c
sed 's/long_one/table/' sim/long.c >sim/table.c
mkdir -p tests/style
printf 'sim/table.c table # rows\nsim/table.c gone\n' >tests/style/LONG
yes '' | head -n 601 >sim/tall.h
{
	echo '/* strcpy( in a comment, rand() too, */ int x = 0; // gets('
	echo 'const char *s = "sprintf(\"", c = '"'\"'"'; /* time('
	echo 'time( */ int n = my_rand() + o->rand() + o.time(0) + strcpy_like(0);'
	echo 'int m = rand ();'
	echo 'char *d = strcpy(0, 0); long t = time(0);'
} >models/calls.c
sed 's/my_rand/rand/' models/calls.c >sim/calls.c
w=TO
printf 'int a; \n/* %sDO: more */\nint XXXXXX;' "$w" >sim/left.c
yes 'int f(void);' | head -n 20 >sim/f.h
expect tidy.sh "models/calls.c:4: rand() is banned in models/
models/calls.c:5: strcpy() is banned
models/calls.c:5: time() is banned in models/
sim:1: 2 of 4 functions have more than 40 lines, at most 5 % may
sim/calls.c:5: strcpy() is banned
sim/left.c:1: blanks at the end of the line
sim/left.c:2: a note of unfinished work
sim/left.c:3: no newline at the end of the file
sim/long.c:1: long_one has 62 lines, at most 60 are allowed
sim/tall.h:601: the file has 601 lines, at most 600 are allowed
tests/style/LONG:2: sim/table.c gone is no exception (any more)"

rm -rf sim models
mkdir sim
printf 'int a;\nint  b;\n' >sim/a.c
expect format.sh 'sim/a.c:2: not as clang-format writes it'
exit $failed
