#!/bin/sh
# record_malloc.sh - `faultline record --malloc`: small programs that know what they allocate, against the log.
#
# usage: tests/clients/record_malloc.sh [FAULTLINE]
set -u

. "$(dirname "$0")/../trace_checks.sh"

compile() { # compile NAME [OPTIONS], the source on standard input
	name=$1
	shift
	cat >"$name.c"
	# Without optimisation: calls that change nothing stay.
	gcc -D_GNU_SOURCE -O0 -w "$@" -o "$name" "$name.c" -lpthread || fail "$name does not compile"
}

log() { # the lines of a log
	zstdcat "$1" 2>/dev/null
}

whole() { # the log is whole, and its last line counts its events
	equals "$(log "$1" | tail -n 1)" "# end events $(log "$1" | grep -c '^[-+za<>!] ')" "$1 is whole"
}

# Blocks of any thread are freed when they live, and given out when they do not.
consistent() {
	log "$1" | awk '
	/^P / { delete live }
	/^[+za>] / { if ($2 in live) bad++; live[$2] = 1 }
	/^[-<] / { if (!($2 in live)) bad++; delete live[$2] }
	END { exit bad > 0 }' || fail "$1: events are out of order"
}

# ---- a program that says what it does
compile known <<'EOF'
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static char said[8192];
static int n;
#define SAY(...) (n += snprintf(said + n, sizeof said - n, __VA_ARGS__))
int main(void)
{
	char *p, *q, *s;
	void *a;
	p = malloc(100);
	SAY("+ %lx 64\n", (long)p);
	SAY("< %lx\n", (long)p);
	p = realloc(p, 300000);
	SAY("> %lx 493e0\n", (long)p);
	q = calloc(3, 7);
	SAY("z %lx 15\n", (long)q);
	SAY("< %lx\n! 7fffffffffffffff\n", (long)q);
	if (realloc(q, (size_t)-1 >> 1))
		return 1;
	SAY("- %lx\n", (long)p);
	free(p);
	p = aligned_alloc(64, 128);
	SAY("a %lx 80 40\n", (long)p);
	SAY("- %lx\n", (long)p);
	free(p);
	if (posix_memalign(&a, 4096, 10))
		return 1;
	SAY("a %lx a 1000\n- %lx\n", (long)a, (long)a);
	free(a);
	a = memalign(32, 5);
	SAY("a %lx 5 20\n< %lx\n", (long)a, (long)a);
	a = reallocarray(a, 3, 5);
	SAY("> %lx f\n", (long)a);
	SAY("- %lx\n", (long)a);
	realloc(a, 0);
	a = valloc(5);
	SAY("a %lx 5 1000\n- %lx\n", (long)a, (long)a);
	free(a);
	a = realloc(NULL, 77);
	SAY("+ %lx 4d\n", (long)a);
	s = strdup("hello");
	SAY("+ %lx 6\n", (long)s);
	free(NULL);
	if (malloc((size_t)-1 >> 1) || calloc((size_t)-1, 2) || reallocarray(NULL, (size_t)-1, 2))
		return 1;
	SAY("! 7fffffffffffffff\n! ffffffffffffffff\n");
	write(1, said, n);
	return 7;
}
EOF
"$faultline" record --malloc -o known.log ./known >said 2>err
equals $? 7 "exit status of the program"
log known.log | sed -n 's/^\([+z>]\) \([^ ]*\) \([^ ]*\) .*/\1 \2 \3/p; s/^a \([^ ]*\) \([^ ]*\) [^ ]* \(.*\)/a \1 \2 \3/p
	s/^! \([^ ]*\) .*/! \1/p; /^[-<] /p' >got
cmp -s said got || fail "known: $(diff said got)"
whole known.log
grep -q '^P [0-9]* [0-9]* .*/known$' <<EOF || fail "no program line"
$(log known.log)
EOF
equals "$(log known.log | grep -c '^C [0-9a-f]* .*/known+0x[0-9a-f]*$')" 12 "callers in the program"
# The overflow in reallocarray never reaches the allocator; realloc to 0 is a free.
grep -q ': 8 allocations of .* 5 frees, 3 reallocs, 3 failed; .* 1 thread in 1 process' err || fail "summary: $(cat err)"

# ---- the log is a trace
"$faultline" trace convert known.log known.flt 2>err || fail "convert: $(cat err)"
"$faultline" trace verify known.flt >/dev/null 2>err || fail "verify: $(cat err)"
"$faultline" run known.log -o known.db >/dev/null 2>err || fail "run: $(cat err)"

# ---- threads hand blocks to each other
compile handover <<'EOF'
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
static _Atomic(void *) slot[64];
static void *work(void *a)
{
	unsigned x = (unsigned)(size_t)a * 7919 + 1;
	for (int i = 0; i < 20000; i++) {
		x = x * 1664525 + 1013904223;
		void *p = malloc(16 + (x >> 24));
		if ((x >> 8 & 7) == 0)
			p = realloc(p, (x >> 16 & 1023) + 1);
		free(atomic_exchange(&slot[x >> 10 & 63], p));
	}
	return NULL;
}
int main(void)
{
	pthread_t t[4];
	for (long i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, work, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < 64; i++)
		free(slot[i]);
	return 0;
}
EOF
"$faultline" record --malloc -q -o handover.log ./handover 2>err || fail "handover: $(cat err)"
whole handover.log
consistent handover.log
equals "$(log handover.log | grep -c '^+ ')" 80000 "allocations of four threads"
equals "$(log handover.log | grep -c '^- ')" 80000 "frees of four threads"
equals "$(log handover.log | grep '^S ' | sort -u | wc -l)" 5 "threads"
"$faultline" trace convert handover.log handover.flt 2>err || fail "convert: $(cat err)"

# ---- more threads than there are rings, one after the other
compile churn <<'EOF'
#include <pthread.h>
#include <stdlib.h>
static void *work(void *a)
{
	free(malloc(99));
	return NULL;
}
int main(void)
{
	for (int i = 0; i < 6000; i++) {
		pthread_t t;
		pthread_create(&t, NULL, work, NULL);
		pthread_join(t, NULL);
	}
	return 0;
}
EOF
"$faultline" record --malloc -q -o churn.log ./churn 2>err
equals "$(cat err)" "" "messages about 6000 threads"
whole churn.log
equals "$(log churn.log | grep -c '^+ [0-9a-f]* 63 ')" 6000 "allocations of 6000 threads"

# ---- children: fork, a thread that forks, exec, vfork
compile children <<'EOF'
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static void *forks(void *a)
{
	void *p = malloc(1001);
	if (fork() == 0) {
		free(p);
		malloc(1002);
		_exit(0);
	}
	free(p);
	return NULL;
}
int main(int argc, char **argv)
{
	char *args[] = {argv[0], "x", "y", NULL};
	pthread_t t;
	pid_t pid;
	if (argc > 1) {
		malloc(1003);
		if (argc > 2)
			return 0;
		return execv(argv[0], args);
	}
	pthread_create(&t, NULL, forks, NULL);
	pthread_join(t, NULL);
	args[2] = NULL;
	posix_spawn(&pid, argv[0], NULL, NULL, args, environ);
	for (int i = 0; i < 20; i++)
		if (fork() == 0) {
			malloc(1004);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	return 3;
}
EOF
"$faultline" record --malloc -q -o children.log ./children 2>err
equals $? 3 "status of a program with children"
whole children.log
count() { # count LOG SIZE: how many processes allocated that
	log "$1" | awk -v size="$2" '/^S / { pid = $2 } /^[+z] / && $3 == size { seen[pid]++ } END { for (p in seen) n++; print n + 0 }'
}
equals "$(count children.log 3e9)" 1 "processes that allocated 1001 bytes"
equals "$(count children.log 3ea)" 1 "processes that allocated 1002 bytes"
equals "$(log children.log | grep -c '^+ [0-9a-f]* 3eb ')" 2 "blocks of 1003 bytes, in front of and behind execve"
equals "$(count children.log 3eb)" 1 "processes that allocated 1003 bytes"
equals "$(count children.log 3ec)" 20 "processes that allocated 1004 bytes"
equals "$(log children.log | grep -c '^F ')" 21 "forks"
equals "$(log children.log | grep -c '^X ')" 23 "ends of processes"
"$faultline" trace convert children.log children.flt 2>err || fail "convert: $(cat err)"
equals "$("$faultline" trace info --json children.flt | sed -n 's/^ *"processes": \([0-9]*\),*$/\1/p')" 23 processes

# ---- killed: nothing that was recorded is lost
compile killed <<'EOF'
#include <signal.h>
#include <stdlib.h>
int main(void)
{
	for (int i = 0; i < 1000; i++)
		malloc(555);
	raise(SIGKILL);
}
EOF
"$faultline" record --malloc -q -o killed.log ./killed 2>err
equals $? 137 "status of a program that was killed"
whole killed.log
equals "$(log killed.log | grep -c '^+ [0-9a-f]* 22b ')" 1000 "allocations of a program that was killed"

# ---- the recorder is killed: the program runs on, what was flushed can be read
compile slow <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void)
{
	for (int i = 0; i < 300000; i++)
		free(malloc(64));
	puts("half");
	fflush(stdout);
	usleep(2200000);
	for (int i = 0; i < 300000; i++)
		free(malloc(64));
	puts("done");
	return 0;
}
EOF
"$faultline" record --malloc -q -o slow.log ./slow >out 2>err &
recorder=$!
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	[ -s out ] && break
	sleep 0.2
done
sleep 1.4
kill -KILL $recorder
wait $recorder 2>/dev/null
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	grep -q 'done' out && break
	sleep 0.3
done
grep -q 'done' out || fail "the program stopped with its recorder"
"$faultline" trace convert slow.log slow.flt 2>err
equals $? 7 "status of converting a log that was cut off"
equals "$(log slow.log | grep -c '^+ [0-9a-f]* 40 ')" 300000 "allocations that were flushed"

# ---- a signal for the recorder is the program's
"$faultline" record --malloc -q -o term.log sleep 20 2>err &
recorder=$!
for i in 1 2 3 4 5 6 7 8 9 10; do
	[ -n "$(pgrep -P $recorder sleep)" ] && break
	sleep 0.2
done
kill -TERM $recorder
wait $recorder
equals $? 143 "status after SIGTERM"
whole term.log

# ---- a log that grows too large: the program ends as it would, the log can be read up to there
(
	ulimit -S -f 64
	"$faultline" record --malloc -q -o large.log ./handover 2>err
	echo $? >status
)
equals "$(cat status)" 5 "status when the log cannot be written"
equals "$(wc -l <err)" 1 "lines of the error"
"$faultline" trace convert large.log large.flt 2>err
equals $? 7 "status of converting a log that could not be finished"
"$faultline" record --malloc -q -o /dev/full ./killed 2>err
equals $? 5 "status when nothing of the log can be written"

# ---- what takes no preloaded object is told
if gcc -static -O0 -w -o static killed.c 2>/dev/null; then
	"$faultline" record --malloc -q -o static.log ./static 2>err
	equals $? 137 "status of a static program"
	grep -q 'nothing was recorded' err || fail "nothing was said about a static program"
fi

# ---- wrong usage
for args in "" "-x ./known" "-o" "--level 20 ./known"; do
	# shellcheck disable=SC2086 # several words
	"$faultline" record --malloc $args >out 2>err
	equals $? 2 "status of \"record --malloc $args\""
	equals "$(wc -l <err)" 1 "error lines of \"record --malloc $args\""
done
"$faultline" record --malloc -q -o none.log ./does-not-exist >out 2>err
equals $? 127 "status of a program that is not there"
"$faultline" record --malloc --help | grep -q -- --output || fail "no help"

exit $failed
