#!/bin/sh
# All tests: style, the checked and sanitised build's unit, property, contract and fault tests, what has threads under TSan, clang's view
# of the code, and the program from the command line. Prints one line a test, everything of those that fail, and a sum at the end.
set -u
cd "$(dirname "$0")/.." || exit 1

jobs=$(nproc 2>/dev/null || echo 2)
san=build/check
tsan=build/threads
log=build/check/log
passed=0
failed=0
mkdir -p "$log"

export ASAN_OPTIONS=detect_leaks=1:handle_segv=0:abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1

# one NAME COMMAND...: runs it, counts it, shows its output when it fails
one() {
	name=$1
	shift
	out=$log/$(printf '%s' "$name" | tr '/ ' '__').log
	if "$@" >"$out" 2>&1 </dev/null; then
		passed=$((passed + 1))
		printf '  ok    %s\n' "$name"
	else
		failed=$((failed + 1))
		printf '  FAIL  %s\n' "$name"
		tail -n 60 "$out" | sed 's/^/        /'
	fi
}

make_quietly() {
	make --no-print-directory -j "$jobs" "$@" >"$log/make.log" 2>&1 || {
		tail -n 40 "$log/make.log"
		echo "0 passed, 1 failed"
		exit 1
	}
}

echo "building"
make_quietly all
make_quietly BUILD=$san SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' CFLAGS=-DFAULTLINE_CHECKED OPT='-O1 -g' test
make_quietly BUILD=build/clang CC=clang OPT=-O1 all
# What starts threads. A fence that this sanitiser does not know stands in code that they do not run.
threads="$tsan/tests/unit/test_native $tsan/tests/unit/test_encode_pool"
make_quietly BUILD=$tsan SAN=-fsanitize=thread CFLAGS=-Wno-error OPT='-O1 -g' $threads

for s in layers tidy format; do
	one "style/$s" sh tests/style/$s.sh
done
one "style/selftest" sh tests/style/selftest.sh
for t in "$san"/tests/*/test_*; do
	[ -x "$t" ] && [ -f "$t" ] && one "${t#"$san"/tests/}" "$t"
done
for t in $threads; do
	one "threads/${t##*/}" "$t"
done
export FAULTLINE=$PWD/build/faultline
export FAULTLINE_CHECKED=$PWD/$san/faultline
for t in tests/clients/*.sh tests/golden/*.sh; do
	[ -f "$t" ] && one "${t#tests/}" sh "$t"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
