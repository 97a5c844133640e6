/*
 * places.c - programs that touch memory in all the places there are: `places WHAT`. record_places.sh records
 * them.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE  ((size_t)4096)
#define RW    (PROT_READ | PROT_WRITE)
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define VTIME UINT64_C(0xffffffffff600400) /* time() in the vsyscall page */

static char *map(void *at, size_t bytes, int prot, int flags)
{
	void *p = mmap(at, bytes, prot, ANON | flags, -1, 0);

	if (p == MAP_FAILED)
		exit(99);
	return p;
}

static void touch(char *p, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 512)
		((volatile char *)p)[at] = 1;
}

static unsigned descend(unsigned n, const volatile char *up)
{
	volatile char room[PAGE];

	room[0] = (char)n;
	room[PAGE - 1] = up ? up[0] : 0;
	return n ? descend(n - 1, room) + (unsigned)room[0] : 0;
}

static int stack(void)
{
	return descend(1500, NULL) == 0; /* 6 of its 8 MiB */
}

/* Maps, unmaps in parts, moves, grows, protects. */
static int churn(void)
{
	char *kept[32] = {NULL};
	size_t held[32] = {0};

	for (size_t i = 0; i < 1000; i++) {
		size_t k = i * 37 % 32, bytes = PAGE * (1 + i % 9);

		if (kept[k]) /* all of it, or its first page alone */
			munmap(kept[k], i % 2 ? held[k] : PAGE);
		kept[k] = map(NULL, bytes, RW, 0);
		touch(kept[k], bytes);
		if (i % 7 == 0) {
			kept[k] = mremap(kept[k], bytes, bytes + 2 * PAGE, MREMAP_MAYMOVE);
			bytes += 2 * PAGE;
			touch(kept[k], bytes);
		}
		held[k] = bytes;
		if (i % 11 == 0) {
			mprotect(kept[k], PAGE, PROT_READ);
			(void)*(volatile char *)kept[k];
		}
	}
	return 0;
}

static void *worker(void *arg)
{
	churn();
	descend(20, NULL);
	free(malloc(100000));
	return arg;
}

static int threads(void)
{
	pthread_t t[5];

	for (unsigned i = 0; i < 5; i++)
		pthread_create(&t[i], NULL, worker, NULL);
	for (unsigned i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
	puts("threads are done");
	return 0;
}

/* Children that map, some replaced by another program, not all waited for in turn. */
static int forks(void)
{
	for (unsigned i = 0; i < 9; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			churn();
			if (i % 2)
				execlp("true", "true", (char *)NULL);
			_exit(0);
		}
		if (i % 3 == 0)
			waitpid(pid, NULL, 0);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}

static int spawn(void)
{
	char *argv[] = {"sh", "-c", "echo one | cat >/dev/null", NULL};
	pid_t pid;

	if (posix_spawnp(&pid, "sh", NULL, NULL, argv, NULL))
		return 1;
	waitpid(pid, NULL, 0);
	return system("true");
}

static int heap(void)
{
	for (unsigned i = 0; i < 100; i++) {
		char *p = sbrk(50000);

		if (p != (char *)-1)
			touch(p, 50000);
		if (i % 5 == 4)
			sbrk(-70000);
	}
	return 0;
}

/* A mapping that grows downwards as stacks do, into room that is kept free for it. */
static int grows(void)
{
	char *room = map(NULL, 1024 * PAGE, PROT_NONE, 0), *p;

	munmap(room, 1024 * PAGE);
	p = map(room + 512 * PAGE, 16 * PAGE, RW, MAP_GROWSDOWN | MAP_FIXED);
	for (size_t i = 0; i < 60; i++)
		*(volatile char *)(p + 16 * PAGE - (i + 1) * PAGE) = 1;
	return 0;
}

static int library(void)
{
	for (unsigned i = 0; i < 2; i++) {
		void *lib = dlopen("libsqlite3.so.0", RTLD_NOW);
		const char *(*version)(void);

		if (!lib)
			return 1;
		*(void **)&version = dlsym(lib, "sqlite3_libversion");
		if (version()[0] != '3')
			return 1;
		dlclose(lib);
	}
	return 0;
}

static volatile sig_atomic_t handled;

static void handler(int sig)
{
	volatile char room[PAGE];

	room[0] = (char)sig;
	handled = handled + (room[0] == SIGUSR1);
}

static int altstack(void)
{
	stack_t s = {.ss_size = 16 * PAGE};
	struct sigaction a = {.sa_handler = handler, .sa_flags = SA_ONSTACK};

	s.ss_sp = map(NULL, s.ss_size, RW, 0);
	sigaltstack(&s, NULL);
	sigaction(SIGUSR1, &a, NULL);
	for (unsigned i = 0; i < 50; i++)
		raise(SIGUSR1);
	return handled != 50;
}

static void permit(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	mprotect((char *)((uintptr_t)info->si_addr & ~(PAGE - 1)), PAGE, RW);
}

/* Touches what it may not; its handler permits it. */
static int faults(void)
{
	struct sigaction a = {.sa_sigaction = permit, .sa_flags = SA_SIGINFO};
	char *p = map(NULL, 16 * PAGE, PROT_NONE, 0);

	sigaction(SIGSEGV, &a, NULL);
	touch(p, 16 * PAGE);
	return 0;
}

/* vdso and vvar where the kernel gives them. */
static int clocks(void)
{
	struct timespec t;
	struct timeval v;

	for (unsigned i = 0; i < 100; i++)
		if (clock_gettime(CLOCK_MONOTONIC, &t) || gettimeofday(&v, NULL) || time(NULL) < 1000)
			return 1;
	return 0;
}

static int vsyscall(void)
{
	long (*vtime)(long *) = (long (*)(long *))(uintptr_t)VTIME;

	return vtime(NULL) < 1000;
}

static int segment(void)
{
	int id = shmget(IPC_PRIVATE, 100000, 0600);
	char *p = shmat(id, NULL, 0);

	shmctl(id, IPC_RMID, NULL);
	touch(p, 100000);
	return shmdt(p);
}

static int file(void)
{
	static char buf[20000];
	FILE *f = tmpfile();
	char *p;

	if (!f || fwrite(buf, 1, sizeof buf, f) != sizeof buf || fflush(f))
		return 1;
	p = mmap(NULL, sizeof buf, RW, MAP_SHARED, fileno(f), 0);
	touch(p, sizeof buf);
	return munmap(p, sizeof buf);
}

static const struct {
	const char *name;
	int (*run)(void);
} places[] = {{"stack", stack},   {"churn", churn},       {"threads", threads}, {"forks", forks},
	      {"spawn", spawn},   {"heap", heap},         {"grows", grows},     {"library", library},
	      {"faults", faults}, {"altstack", altstack}, {"clocks", clocks},   {"vsyscall", vsyscall},
	      {"file", file},     {"segment", segment}};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
		if (argc < 2)
			puts(places[i].name);
		else if (!strcmp(argv[1], places[i].name))
			return places[i].run();
	return argc >= 2;
}
