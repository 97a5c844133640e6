#!/bin/sh
# record_malloc.sh FAULTLINE OUTDIR: what `faultline record --malloc` costs a program: its own CPU time and wall time with and
# without, the least of REPS runs (default 5), and bytes of the log an event. The machine should be idle and have a second CPU
# for the recorder.
set -eu

fl=$1
out=$2
reps=${REPS:-5}
case $fl in /*) ;; *) fl=$PWD/$fl ;; esac
mkdir -p "$out"
cd "$out"

# Binary trees that are built, summed and freed: a third of the time is the allocator's.
cat >tree.c <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct node { struct node *left, *right; unsigned long v[4]; };
static struct node *build(int depth)
{
	struct node *n = malloc(sizeof *n);
	memset(n, depth, sizeof *n);
	n->left = n->right = NULL;
	if (depth) {
		n->left = build(depth - 1);
		n->right = build(depth - 1);
	}
	return n;
}
static unsigned long sum(struct node *n)
{
	return n ? n->v[0] * 31 + sum(n->left) * 7 + sum(n->right) : 0;
}
static void drop(struct node *n)
{
	if (n) {
		drop(n->left);
		drop(n->right);
		free(n);
	}
}
int main(void)
{
	unsigned long s = 0;
	for (int i = 0; i < 60; i++) {
		struct node *n = build(14);
		for (int k = 0; k < 4; k++)
			s += sum(n);
		drop(n);
	}
	printf("%lu\n", s);
}
EOF
# Words counted in a hash table of copied keys.
cat >words.c <<'EOF'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct entry { struct entry *next; char *key; int count; };
static struct entry *table[65536];
int main(void)
{
	unsigned x = 1;
	long s = 0;
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 200000; i++) {
			char b[32];
			unsigned h = 5381;
			struct entry *e;
			x = x * 1664525 + 1013904223;
			snprintf(b, sizeof b, "w%u", (x >> 12) % 50000);
			for (char *p = b; *p; p++)
				h = h * 33 ^ *p;
			for (e = table[h & 65535]; e && strcmp(e->key, b); e = e->next)
				;
			if (!e) {
				e = malloc(sizeof *e);
				*e = (struct entry){table[h & 65535], strdup(b), 0};
				table[h & 65535] = e;
			}
			s += ++e->count;
		}
		for (int i = 0; i < 65536; i++)
			while (table[i]) {
				struct entry *e = table[i];
				table[i] = e->next;
				free(e->key);
				free(e);
			}
	}
	printf("%ld\n", s);
}
EOF
# Two threads that do nothing but allocate and free what the other one allocated.
cat >threads.c <<'EOF'
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
static _Atomic(void *) slot[64];
static void *work(void *a)
{
	unsigned x = (unsigned)(size_t)a * 7919 + 1;
	for (int i = 0; i < 500000; i++) {
		x = x * 1664525 + 1013904223;
		free(atomic_exchange(&slot[x >> 10 & 63], malloc(16 + (x >> 24))));
	}
	return NULL;
}
int main(void)
{
	pthread_t t[2];
	for (long i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, work, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}
EOF
for p in tree words threads; do
	"${CC:-gcc}" -D_GNU_SOURCE -O2 -w -o $p $p.c -lpthread
done

least() { # COLUMN FILE
	cut -d' ' -f"$1" "$2" | sort -n | head -n 1
}

# The time of the program alone is taken within the recorder, by GNU time; wall time around it.
printf '%-10s %10s %10s %10s %8s %10s %10s %8s %14s\n' program events "CPU s" recorded ratio "wall s" recorded ratio "bytes an event"
for command in "tree" "words" "threads" "awk"; do
	case $command in
	awk) set -- awk 'BEGIN { for (i = 0; i < 300000; i++) { w[i % 5000] = w[i % 5000] "" i; if (i % 7 == 0) delete w[i % 5000] } }' ;;
	*) set -- "./$command" ;;
	esac
	: >plain
	: >recorded
	i=0
	while [ "$i" -lt "$reps" ]; do
		/usr/bin/time -a -o plain -f '%U %S %e' "$@" >/dev/null
		begin=$(date +%s.%N)
		"$fl" record --malloc -q -o log.zst /usr/bin/time -o one -f '%U %S' "$@" >/dev/null
		echo "$(cat one) $(echo "$(date +%s.%N) $begin" | awk '{ print $1 - $2 }')" >>recorded
		i=$((i + 1))
	done
	for f in plain recorded; do
		awk '{ print $1 + $2, $3 }' $f >$f.sum
	done
	echo "$command $(zstdcat log.zst | tail -n 1 | cut -d' ' -f4) $(wc -c <log.zst) $(least 1 plain.sum) $(least 1 recorded.sum)" \
		"$(least 2 plain.sum) $(least 2 recorded.sum)" | awk '{
		printf "%-10s %10d %10.3f %10.3f %8.2f %10.3f %10.3f %8.2f %14.2f\n", $1, $2, $4, $5, $5 / $4, $6, $7, $7 / $6, $3 / $2 }'
done
