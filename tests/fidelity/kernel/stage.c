/*
 * stage.c - what the player needs around a scenario.
 */
#include "tests/fidelity/kernel/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/fidelity/kernel/player.h"

#define CAPTURES 64
#define WRITES   64

static int port = -1;
static struct {
	char path[64];
	bool of_process;
} captures[CAPTURES];
static size_t nr_captures;
static char group[PROCESSES][64]; /* by number of the process; 0: of who has none */
static struct {
	char label[32], path[96], value[64];
} writes[WRITES]; /* behind the snapshot of that label */
static size_t nr_writes;
static char text[1 << 16];

void stage_stop(const char *what)
{
	fprintf(stderr, "player: %s: %s\n", what, strerror(errno));
	sync();
	reboot(RB_POWER_OFF);
}

void stage_put(const char *p, size_t n)
{
	while (n) {
		ssize_t w = write(port, p, n);

		if (w <= 0)
			stage_stop("the port");
		p += w;
		n -= (size_t)w;
	}
}

long stage_write(const char *path, const char *format, int64_t n)
{
	char value[32];
	int fd = open(path, O_WRONLY), len = snprintf(value, sizeof value, format, (long)n);
	ssize_t r = write(fd, value, (size_t)len);

	close(fd);
	return r;
}

void *stage_load(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	void *p;

	if (fd < 0 || fstat(fd, &st))
		stage_stop(path);
	*size = (size_t)st.st_size;
	p = mmap(NULL, *size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		stage_stop(path);
	close(fd);
	return p;
}

/* In pieces, each with a head of its own. */
static void capture(const char *label, const char *path, const char *shown)
{
	char head[256];
	ssize_t got;
	int fd = open(path, O_RDONLY), len;

	if (fd < 0)
		return;
	while ((got = read(fd, text, sizeof text)) > 0) {
		len = snprintf(head, sizeof head, "=%s %s %zd\n", label, shown, got);
		stage_put(head, (size_t)len);
		stage_put(text, (size_t)got);
	}
	close(fd);
}

/* vmstat and the nodes' numastat first and last: what the capture costs can be taken off. */
static void capture_counters(const char *label, const char *suffix)
{
	char path[96], shown[128];

	snprintf(shown, sizeof shown, "/proc/vmstat%s", suffix);
	capture(label, "/proc/vmstat", shown);
	for (unsigned nid = 0; nid < 16; nid++) {
		snprintf(path, sizeof path, "/sys/devices/system/node/node%u/numastat", nid);
		snprintf(shown, sizeof shown, "%s%s", path, suffix);
		capture(label, path, shown);
	}
}

/*
 * What waits on each CPU joins the lists and the totals. move_pages of no page to given nodes is
 * do_pages_move, which begins with lru_cache_disable; without nodes it would only ask where pages are.
 */
static void settle(void)
{
	static void *pages[1];
	static int nodes[1], status[1];
	int fd;

	syscall(SYS_move_pages, 0, 0UL, pages, nodes, status, 0);
	fd = open("/proc/sys/vm/stat_refresh", O_RDONLY);
	if (fd < 0 || read(fd, text, 1) < 0)
		stage_stop("/proc/sys/vm/stat_refresh");
	close(fd);
}

static void write_text(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		stage_stop(path);
	close(fd);
}

/* What /setup asks for at this label; an empty value is a line without anything. */
static void make_changes(const char *label)
{
	for (size_t i = 0; i < nr_writes; i++)
		if (!strcmp(writes[i].label, label))
			write_text(writes[i].path, *writes[i].value ? writes[i].value : "\n");
}

void stage_snapshot(const char *label, const int *os_pid)
{
	char path[128], shown[128];

	settle();
	capture_counters(label, "");
	for (size_t i = 0; i < nr_captures; i++) {
		if (!captures[i].of_process) {
			capture(label, captures[i].path, captures[i].path);
			continue;
		}
		for (unsigned p = 1; p < PROCESSES; p++) {
			if (!os_pid[p])
				continue;
			snprintf(path, sizeof path, "/proc/%d/%.63s", os_pid[p], captures[i].path);
			snprintf(shown, sizeof shown, "/proc/P%u/%.63s", p, captures[i].path);
			capture(label, path, shown);
		}
	}
	capture_counters(label, ".end");
	make_changes(label);
}

/* ---- setting up ---- */

static void wait_for(const char *path)
{
	for (int i = 0; access(path, F_OK) && i < 400; i++)
		usleep(50000);
	if (access(path, F_OK))
		stage_stop(path);
}

static void insert_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		stage_stop(path);
	close(fd);
}

/* One step; w: up to four words, the last takes the rest of the line. */
static void step(char *w[4])
{
	if (!strcmp(w[0], "module")) {
		insert_module(w[1]);
	} else if (!strcmp(w[0], "mount")) { /* type, device, folder */
		mkdir(w[3], 0755);
		if (mount(w[2], w[3], w[1], MS_NOATIME, NULL) && errno != EBUSY)
			stage_stop(w[3]);
	} else if (!strcmp(w[0], "wait")) {
		wait_for(w[1]);
	} else if (!strcmp(w[0], "swapon")) {
		if (swapon(w[1], 0))
			stage_stop(w[1]);
	} else if (!strcmp(w[0], "write")) {
		write_text(w[1], w[2]);
	} else if (!strcmp(w[0], "at")) { /* label, path, value */
		if (nr_writes == WRITES)
			stage_stop("too many writes");
		snprintf(writes[nr_writes].label, sizeof writes->label, "%s", w[1]);
		snprintf(writes[nr_writes].path, sizeof writes->path, "%s", w[2]);
		snprintf(writes[nr_writes++].value, sizeof writes->value, "%s", w[3] ? w[3] : "");
	} else if (!strcmp(w[0], "folder")) {
		if (mkdir(w[1], 0755) && errno != EEXIST)
			stage_stop(w[1]);
	} else if (!strcmp(w[0], "enter")) { /* process, folder of a cgroup */
		snprintf(group[strtoul(w[1], NULL, 10) % PROCESSES], sizeof group[0], "%s", w[2]);
	} else if (!strcmp(w[0], "sleep")) {
		usleep((useconds_t)strtoul(w[1], NULL, 10) * 1000);
	} else if (!strcmp(w[0], "capture") || !strcmp(w[0], "capture_process")) {
		if (nr_captures == CAPTURES)
			stage_stop("too many captures");
		captures[nr_captures].of_process = w[0][7] != '\0';
		snprintf(captures[nr_captures++].path, sizeof captures->path, "%s", w[1]);
	} else if (!strcmp(w[0], "once")) {
		capture("machine", w[1], w[1]);
	} else if (!strcmp(w[0], "port")) {
		wait_for(w[1]);
		port = open(w[1], O_WRONLY);
		if (port < 0)
			stage_stop(w[1]);
	} else {
		errno = EINVAL;
		stage_stop(w[0]);
	}
}

void stage_enter(unsigned pid)
{
	const char *folder = *group[pid] ? group[pid] : group[0];
	char path[96];

	if (!*folder)
		return;
	snprintf(path, sizeof path, "%s/cgroup.procs", folder);
	if (stage_write(path, "%ld", 0) <= 0)
		stage_stop(path);
}

void stage_set_up(void)
{
	size_t size;
	char *p = stage_load("/setup", &size), *save = NULL;

	for (char *line = strtok_r(p, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *w[4] = {line, NULL, NULL, NULL};

		for (size_t i = 1; i < 4 && w[i - 1]; i++) {
			w[i] = strchr(w[i - 1], ' ');
			if (w[i])
				*w[i]++ = '\0';
			if (i == 2 && !strcmp(w[0], "write"))
				break;
		}
		step(w);
	}
	munmap(p, size + 1);
}
