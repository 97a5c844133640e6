/*
 * known.c - programs of which is known what they do to memory: `known WHAT`. record_cli.sh records them.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define N 1000

static void mark(const char *label)
{
	(void)!access(label, F_OK);
}

static volatile uint64_t *map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(99);
	return p;
}

/* Stores, then loads, in the order i -> (617 i + who) mod N. */
static void permuted(volatile uint64_t *a, unsigned who)
{
	for (unsigned i = 0; i < N; i++)
		a[(617 * i + who) % N] = i;
	for (unsigned i = 0; i < N; i++)
		(void)a[(617 * i + who) % N];
}

static int permutation(void)
{
	volatile uint64_t *a = map(N * 8);

	mark("faultline:begin");
	permuted(a, 0);
	mark("faultline:end");
	printf("%lx\n", (unsigned long)(uintptr_t)a);
	return 0;
}

struct part {
	volatile uint64_t *a;
	unsigned who;
};

static void *thread(void *arg)
{
	struct part *p = arg;

	permuted(p->a, p->who);
	return NULL;
}

/* Four threads and a forked child, each with its own array and permutation. */
static int threads(void)
{
	struct part part[5];
	pthread_t t[4];

	for (unsigned i = 0; i < 5; i++)
		part[i] = (struct part){map(N * 8), i + 1};
	for (unsigned i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, thread, &part[i]);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	if (fork() == 0) {
		thread(&part[4]);
		_exit(0);
	}
	wait(NULL);
	for (unsigned i = 0; i < 5; i++)
		printf("%lx\n", (unsigned long)(uintptr_t)part[i].a);
	return 0;
}

/* Writes one byte of each page but every third: prints the kernel's RssAnon and minor faults. */
static int pages(unsigned long n)
{
	volatile uint8_t *a = (volatile uint8_t *)map(n * 4096);
	char line[256];
	struct rusage before, u;
	FILE *f;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	getrusage(RUSAGE_SELF, &before);
	mark("faultline:begin");
	for (unsigned long i = 0; i < n; i++)
		if (i % 3 == 2)
			(void)a[i * 4096];
		else
			a[i * 4096] = 1;
	getrusage(RUSAGE_SELF, &u);
	mark("faultline:touched");
	printf("array_faults %ld\n", u.ru_minflt - before.ru_minflt);
	f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, "RssAnon:", 8))
			printf("rss_anon_pages %ld\n", strtol(line + 8, NULL, 10) / 4);
	getrusage(RUSAGE_SELF, &u);
	printf("minor_faults %ld\n", u.ru_minflt);
	return 0;
}

/* Runs a program without a copy of this one's memory: says how many faults it took. */
static int child(char **argv)
{
	struct rusage u;
	int status = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	wait4(pid, &status, 0, &u);
	fprintf(stderr, "child_faults %ld\n", u.ru_minflt + u.ru_majflt);
	return status != 0;
}

/* Writes pages, starts `true` the way that copies nothing, writes them again: prints the faults of that. */
static int spawn(unsigned long n)
{
	static char *const argv[] = {"true", NULL};
	volatile uint8_t *a = (volatile uint8_t *)map(n * 4096);
	struct rusage before, u;
	int status = 1;
	pid_t pid;

	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	for (unsigned long i = 0; i < n; i++)
		a[i * 4096] = 1;
	getrusage(RUSAGE_SELF, &before);
	mark("faultline:begin");
	if (posix_spawnp(&pid, "true", NULL, NULL, argv, NULL))
		return 1;
	for (unsigned long i = 0; i < n; i++)
		a[i * 4096] = 2;
	getrusage(RUSAGE_SELF, &u);
	mark("faultline:touched");
	printf("spawn_faults %ld\n", u.ru_minflt - before.ru_minflt);
	return waitpid(pid, &status, 0) != pid || status;
}

static int maps(void)
{
	static char buf[65536];
	volatile uint64_t *a = map(1 << 20);
	char *at = (char *)(uintptr_t)a, *grown;
	size_t all = 0;
	ssize_t n;
	int fd;

	a[0] = 1;
	mprotect(at + 8192, 4096, PROT_READ);
	munmap(at + 65536, 4096);
	grown = mremap(at + 131072, 8192, 40960, MREMAP_MAYMOVE);
	grown[0] = 1;
	free(malloc(300000));
	(void)!sbrk(100000);
	fd = open("/proc/self/maps", O_RDONLY);
	while ((n = read(fd, buf + all, sizeof buf - all)) > 0)
		all += (size_t)n;
	mark("faultline:maps");
	return fwrite(buf, 1, all, stdout) != all;
}

/* Files: what is read, written and mapped. */
static int files(const char *path)
{
	char buf[8192] = "x";
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	volatile char *m;

	(void)!write(fd, buf, sizeof buf);
	(void)!write(fd, buf, 4096);
	(void)!pread(fd, buf, 100, 5000);
	(void)!lseek(fd, 4096, SEEK_SET);
	(void)!read(fd, buf, 10);
	fsync(fd);
	m = mmap(NULL, 12288, PROT_READ, MAP_SHARED, fd, 0);
	(void)m[8192];
	(void)!ftruncate(fd, 4096);
	close(dup(fd));
	unlink(path);
	return 0;
}

static void on_interrupt(int sig)
{
	(void)sig;
	_exit(7);
}

/* Works until it is killed; `handler`: Ctrl-C ends it with 7. */
static int forever(const char *handler)
{
	volatile uint64_t *a = map(1 << 22);

	if (handler)
		signal(SIGINT, on_interrupt);
	puts("working");
	fflush(stdout);
	for (uint64_t i = 0;; i++)
		a[i * 617 % (1 << 19)] = i;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *arg = argc > 2 ? argv[2] : NULL;

	if (!strcmp(what, "permutation"))
		return permutation();
	if (!strcmp(what, "threads"))
		return threads();
	if (!strcmp(what, "pages"))
		return pages(strtoul(arg, NULL, 10));
	if (!strcmp(what, "spawn"))
		return spawn(strtoul(arg, NULL, 10));
	if (!strcmp(what, "child"))
		return child(argv + 2);
	if (!strcmp(what, "maps"))
		return maps();
	if (!strcmp(what, "files"))
		return files(arg);
	if (!strcmp(what, "forever"))
		return forever(arg);
	if (!strcmp(what, "exec")) {
		execv(arg, argv + 2);
		return 126;
	}
	if (!strcmp(what, "segv"))
		raise(SIGSEGV);
	fprintf(stderr, "%s to stderr\n", what);
	return arg ? (int)strtol(arg, NULL, 10) : 42;
}
