/*
 * calls.c - what of a system call only the program's own process can tell: the file behind a descriptor, the
 * memory behind a pointer. What becomes of it is the driver's (traces/recorder/calls.c).
 *
 * Calls that change the address space, and those that start threads and processes, are made one at a time in
 * a process, and take their place in the order at their entry; all others take it at their return. So no
 * other thread can be seen to use a mapping before the call that made it.
 *
 * execve: the emulator would leave itself and run the new program natively. It is started again instead,
 * unless recording is over.
 *
 * Data behind a struct raw_call, by row below:
 *   SLEEP    ns asked for, or slept when the call named a time of day
 *   MASK     the first 64 bits of one or two masks
 *   VECTOR   pairs of address and length
 *   BYTES    the first 32 bytes of what is written
 *   FILE2    dev, ino, position, size of the other file
 *   SEGMENT  bytes of a segment of shared memory
 *
 * Not recorded: calls that a native program makes without entering the kernel (vDSO: clock_gettime and
 * others). Not modelled: signal frames, some 1.3 KiB that the kernel (here the emulator, without a word to
 * its plugins, which see no registers either) writes to the stack when it delivers a signal and reads when
 * the handler returns; what the handler itself does there, right below, is recorded.
 */
#include "traces/recorder/plugin/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "traces/recorder/launch.h"
#include "traces/recorder/plugin/lane.h"
#include "traces/recorder/plugin/maps.h"

#define NR_CALLS   512
#define NO_FD      15
#define RESULT_FD  14
#define MARK       "faultline:"
#define SHM_DEV    UINT64_C(0x53595356) /* no device: files of shared memory segments */
#define VECTORS    16
#define SEGMENTS   64
#define ARGS_BYTES ((size_t)4 << 20)

enum call_flag { SKIP = 1, SERIAL = 2, PATH0 = 4, PATH1 = 8, OPENS = 16 };
enum call_data { NO_DATA, SLEEP, MASK, VECTOR, BYTES, FILE2, SEGMENT };

/* number; flags; argument that is a descriptor; data; the argument it is about */
#define CALL_ROWS(X)                                    \
	X(read, 0, 0, NO_DATA, 0)                       \
	X(pread64, 0, 0, NO_DATA, 0)                    \
	X(readv, 0, 0, VECTOR, 1)                       \
	X(preadv, 0, 0, VECTOR, 1)                      \
	X(preadv2, 0, 0, VECTOR, 1)                     \
	X(write, 0, 0, BYTES, 1)                        \
	X(pwrite64, 0, 0, NO_DATA, 0)                   \
	X(writev, 0, 0, VECTOR, 1)                      \
	X(pwritev, 0, 0, VECTOR, 1)                     \
	X(pwritev2, 0, 0, VECTOR, 1)                    \
	X(sendfile, 0, 1, FILE2, 0)                     \
	X(copy_file_range, 0, 0, FILE2, 2)              \
	X(fsync, 0, 0, NO_DATA, 0)                      \
	X(fdatasync, 0, 0, NO_DATA, 0)                  \
	X(fadvise64, 0, 0, NO_DATA, 0)                  \
	X(readahead, 0, 0, NO_DATA, 0)                  \
	X(ftruncate, 0, 0, NO_DATA, 0)                  \
	X(fallocate, 0, 0, NO_DATA, 0)                  \
	X(open, PATH0 | OPENS, RESULT_FD, NO_DATA, 1)   \
	X(creat, PATH0 | OPENS, RESULT_FD, NO_DATA, 6)  \
	X(openat, PATH1 | OPENS, RESULT_FD, NO_DATA, 2) \
	X(access, PATH0, NO_FD, NO_DATA, 0)             \
	X(stat, PATH0, NO_FD, NO_DATA, 0)               \
	X(lstat, PATH0, NO_FD, NO_DATA, 0)              \
	X(newfstatat, PATH1, NO_FD, NO_DATA, 0)         \
	X(statx, PATH1, NO_FD, NO_DATA, 0)              \
	X(faccessat, PATH1, NO_FD, NO_DATA, 0)          \
	X(faccessat2, PATH1, NO_FD, NO_DATA, 0)         \
	X(mmap, SERIAL, 4, NO_DATA, 0)                  \
	X(munmap, SERIAL, NO_FD, NO_DATA, 0)            \
	X(mprotect, SERIAL, NO_FD, NO_DATA, 0)          \
	X(mremap, SERIAL, NO_FD, NO_DATA, 0)            \
	X(brk, SERIAL, NO_FD, NO_DATA, 0)               \
	X(madvise, SERIAL, NO_FD, NO_DATA, 0)           \
	X(shmat, SERIAL, NO_FD, SEGMENT, 0)             \
	X(shmdt, SERIAL, NO_FD, SEGMENT, 0)             \
	X(clone, SERIAL, NO_FD, NO_DATA, 0)             \
	X(fork, SERIAL, NO_FD, NO_DATA, 0)              \
	X(vfork, SERIAL, NO_FD, NO_DATA, 0)             \
	X(nanosleep, 0, NO_FD, SLEEP, 0)                \
	X(clock_nanosleep, 0, NO_FD, SLEEP, 2)          \
	X(mbind, 0, NO_FD, MASK, 3)                     \
	X(set_mempolicy, 0, NO_FD, MASK, 1)             \
	X(migrate_pages, 0, NO_FD, MASK, 2)             \
	X(sched_setaffinity, 0, NO_FD, MASK, 2)         \
	X(clock_gettime, SKIP, NO_FD, NO_DATA, 0)       \
	X(gettimeofday, SKIP, NO_FD, NO_DATA, 0)        \
	X(time, SKIP, NO_FD, NO_DATA, 0)                \
	X(getcpu, SKIP, NO_FD, NO_DATA, 0)

static const struct call_row {
	bool known;
	uint8_t flags, fd, data, about;
} call_rows[NR_CALLS] = {
#define CALL_ROW(name, flags, fd, data, about) [SYS_##name] = {true, (flags), (fd), (data), (about)},
	CALL_ROWS(CALL_ROW)
#undef CALL_ROW
};
static const struct call_row no_row = {.fd = NO_FD};

static pthread_mutex_t serial = PTHREAD_MUTEX_INITIALIZER;
static struct segment {
	uint64_t addr, bytes;
} segments[SEGMENTS]; /* attached; guarded by serial */

static const struct call_row *row_of(int64_t number)
{
	return number >= 0 && number < NR_CALLS && call_rows[number].known ? &call_rows[number] : &no_row;
}

static void set_low(uint64_t low)
{
	__atomic_store_n(&lane.head->low, low, __ATOMIC_SEQ_CST);
}

static uint64_t bump(void)
{
	return __atomic_add_fetch(&shared->clock, 1, __ATOMIC_SEQ_CST);
}

/* ---- files ---- */

static uint64_t dev_of(const struct stat *st)
{
	return (uint64_t)major(st->st_dev) << 32 | minor(st->st_dev);
}

static void tell_file(int fd, const struct stat *st, bool created)
{
	uint64_t record[RAW_WORDS_MAX];
	struct raw_file *file = (void *)record;
	char link[40], path[RECORDER_TEXT];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	path[n > 0 ? n : 0] = 0;
	*file = (struct raw_file){0, dev_of(st), st->st_ino, (uint64_t)st->st_size,
				  created ? RAW_FILE_CREATED : 0};
	lane_record(RAW_FILE, record, sizeof *file / 8 + lane_text(record + sizeof *file / 8, path));
}

/* Whether the driver knows the file, as far as this process remembers; it does not mind to be told twice. */
static bool was_told(const struct stat *st)
{
	static uint64_t told[256];
	uint64_t key = (dev_of(st) * 31 + st->st_ino) | UINT64_C(1) << 63;
	uint64_t *slot = &told[key % 256];

	return __atomic_exchange_n(slot, key, __ATOMIC_RELAXED) == key;
}

/* The regular file behind fd: dev, ino, position, size. All 0 when there is none. */
static void describe(int fd, bool opened, bool created, uint64_t *what)
{
	struct stat st;
	off_t at;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return;
	at = lseek(fd, 0, SEEK_CUR);
	if (!was_told(&st) || opened)
		tell_file(fd, &st, created && st.st_size == 0);
	what[0] = dev_of(&st);
	what[1] = st.st_ino;
	what[2] = at < 0 ? 0 : (uint64_t)at;
	what[3] = (uint64_t)st.st_size;
}

static void describe_call(const struct call_row *row, struct raw_call *c)
{
	uint64_t what[4] = {0};

	if (row->fd == RESULT_FD && c->result >= 0)
		describe((int)c->result, true, row->about == 6 || c->arg[row->about] & O_CREAT, what);
	else if (row->fd < 6 && !(c->number == SYS_mmap && c->arg[3] & MAP_ANONYMOUS))
		describe((int)c->arg[row->fd], false, false, what);
	c->dev = what[0];
	c->ino = what[1];
	c->position = what[2];
	c->size = what[3];
}

static void describe_path(struct raw_call *c)
{
	char path[RECORDER_TEXT];
	struct stat st;

	if (c->result < 0 || !maps_string(path, c->arg[0], sizeof path) || stat(path, &st) != 0)
		return;
	c->dev = dev_of(&st);
	c->ino = st.st_ino;
	c->size = (uint64_t)st.st_size;
}

/* ---- memory ---- */

static uint64_t segment_of(struct raw_call *c)
{
	struct shmid_ds ds;
	uint64_t bytes = 0;

	if (c->number == SYS_shmat && c->result >= 0 && shmctl((int)c->arg[0], IPC_STAT, &ds) == 0) {
		c->dev = SHM_DEV;
		c->ino = c->arg[0] + 1;
		bytes = c->size = ds.shm_segsz;
		for (size_t i = 0; i < SEGMENTS; i++)
			if (!segments[i].addr) {
				segments[i] = (struct segment){(uint64_t)c->result, bytes};
				break;
			}
	}
	for (size_t i = 0; c->number == SYS_shmdt && c->result == 0 && i < SEGMENTS; i++)
		if (segments[i].addr == c->arg[0]) {
			bytes = segments[i].bytes;
			segments[i].addr = 0;
			break;
		}
	return bytes;
}

static uint64_t slept(const struct raw_call *c, uint64_t entered_ns)
{
	struct timespec t = {0};
	bool clock = c->number == SYS_clock_nanosleep;

	if (clock && c->arg[1] & TIMER_ABSTIME)
		return c->time_ns - entered_ns;
	maps_read(&t, c->arg[clock ? 2 : 0], sizeof t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static size_t gather(const struct call_row *row, struct raw_call *c, uint64_t entered_ns, uint64_t *data)
{
	uint64_t n = c->arg[2];

	switch (row->data) {
	case SLEEP:
		data[0] = slept(c, entered_ns);
		return 1;
	case MASK:
		data[0] = data[1] = 0;
		maps_read(data, c->arg[row->about], 8);
		if (c->number == SYS_migrate_pages)
			maps_read(data + 1, c->arg[3], 8);
		return 2;
	case VECTOR:
		return maps_read(data, c->arg[1], (n < VECTORS ? n : VECTORS) * 16) / 16 * 2;
	case BYTES:
		memset(data, 0, 32);
		maps_read(data, c->arg[1], n < 31 ? n : 31);
		return 4;
	case FILE2:
		memset(data, 0, 32);
		describe((int)c->arg[row->about], false, false, data);
		return 4;
	case SEGMENT:
		data[0] = segment_of(c);
		return 1;
	default:
		return 0;
	}
}

/* ---- execve ---- */

/* A NULL-terminated array of strings of the program; NULL when it cannot be read. */
static char **read_strings(uint64_t addr, char **room, const char *end)
{
	size_t n = 0, cap = 64;
	char **list = malloc(cap * sizeof *list);
	uint64_t p;

	for (; list; n++, addr += 8) {
		size_t left = (size_t)(end - *room);

		if (n + 1 == cap) {
			char **more = realloc(list, (cap *= 2) * sizeof *list);

			if (!more)
				break;
			list = more;
		}
		if (addr && maps_read(&p, addr, 8) < 8)
			break;
		if (!addr || !p) {
			list[n] = NULL;
			return list;
		}
		if (!maps_string(*room, p, left))
			break;
		list[n] = *room;
		*room += strlen(*room) + 1;
	}
	free(list);
	return NULL;
}

static bool exec_path(bool at, char *path)
{
	char name[PATH_MAX];
	int dir = at ? (int)lane.arg[0] : AT_FDCWD;

	if (!maps_string(name, lane.arg[at], sizeof name))
		return false;
	if (dir == AT_FDCWD || *name == '/')
		return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX;
	if (*name == 0)
		return snprintf(path, PATH_MAX, "/proc/self/fd/%d", dir) < PATH_MAX;
	return snprintf(path, PATH_MAX, "/proc/self/fd/%d/%s", dir, name) < PATH_MAX;
}

/* Starts the emulator again. Returns when there is nothing to start: the emulator then tries by itself. */
static void exec_again(bool at)
{
	struct launch *l = malloc(sizeof *l);
	char *room = malloc(ARGS_BYTES), *p = room, *end = room + ARGS_BYTES;
	char option[LAUNCH_OPTION_BYTES], path[PATH_MAX];
	char **argv = NULL, **envp = NULL;

	if (l && room && exec_path(at, path)) {
		argv = read_strings(lane.arg[1 + at], &p, end);
		envp = argv ? read_strings(lane.arg[2 + at], &p, end) : NULL;
	}
	if (envp) {
		enum launch_result found = launch_resolve(l, path, argv[0]);

		if (found == LAUNCH_OK)
			launch_exec(l, shared, option, argv, envp);
		else if (found == LAUNCH_FOREIGN)
			__atomic_fetch_add(&shared->escaped, 1, __ATOMIC_RELAXED);
	}
	free(argv);
	free(envp);
	free(room);
	free(l);
}

/* ---- entry and return ---- */

static size_t fill(struct raw_call *c, int64_t number, int64_t result)
{
	*c = (struct raw_call){.number = (uint64_t)number, .cpu = sched_getcpu(), .result = result};
	memcpy(c->arg, lane.arg, sizeof c->arg);
	c->time_ns = lane_now_ns();
	c->stamp = c->after = bump();
	return sizeof *c / 8;
}

/* Calls that do not return. */
static void last_call(int64_t number)
{
	struct raw_call c;
	size_t n = fill(&c, number, 0);

	lane_record(RAW_CALL, (uint64_t *)(void *)&c, n);
	set_low(LOW_BLOCKED);
	lane.seen = c.after;
	if (number == SYS_exit)
		lane_close();
}

/* A look at a file whose name begins with MARK is a mark. */
static void look_for_mark(const struct call_row *row)
{
	lane.is_mark = false;
	if (row->flags & (PATH0 | PATH1)) {
		uint64_t path = lane.arg[row->flags & PATH1 ? 1 : 0];
		char head[sizeof MARK] = "";

		if (maps_read(head, path, sizeof MARK - 1) == sizeof MARK - 1 && !strcmp(head, MARK))
			lane.is_mark = maps_string(lane.mark, path + sizeof MARK - 1, sizeof lane.mark);
	}
}

static __thread uint64_t entered_ns __attribute__((tls_model("initial-exec")));

void calls_on_entry(qemu_plugin_id_t id, unsigned vcpu, int64_t number, uint64_t a0, uint64_t a1, uint64_t a2,
		    uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7)
{
	const struct call_row *row = row_of(number);
	const uint64_t args[6] = {a0, a1, a2, a3, a4, a5};

	(void)id, (void)vcpu, (void)a6, (void)a7;
	lane.in_call = false;
	if (row->flags & SKIP)
		return;
	memcpy(lane.arg, args, sizeof args);
	if (number == SYS_exit || number == SYS_exit_group) {
		last_call(number);
		return;
	}
	lane.in_call = true;
	lane.number = number;
	lane.serial = row->flags & SERIAL;
	look_for_mark(row);
	if (row->data == SLEEP)
		entered_ns = lane_now_ns();
	set_low(LOW_BLOCKED);
	if ((number == SYS_execve || number == SYS_execveat) && !lane_stopped())
		exec_again(number == SYS_execveat);
	if (lane.serial) {
		pthread_mutex_lock(&serial);
		set_low(2 * lane_clock());
	}
	lane.entered = bump();
	if (lane.serial)
		set_low(2 * lane.entered);
}

static void tell_mark(const struct raw_call *c)
{
	uint64_t record[RAW_WORDS_MAX];
	struct raw_mark *m = (void *)record;

	*m = (struct raw_mark){0, c->stamp, c->after, c->time_ns};
	lane_record(RAW_MARK, record, sizeof *m / 8 + lane_text(record + sizeof *m / 8, lane.mark));
}

static void tell_call(int64_t number, int64_t result)
{
	uint64_t record[RAW_WORDS_MAX];
	struct raw_call *c = (void *)record;
	const struct call_row *row = row_of(number);
	size_t n;

	n = fill(c, number, result);
	if (lane.serial)
		c->stamp = lane.entered;
	if (number == SYS_sched_setaffinity && c->arg[0] == lane.head->tid)
		c->arg[0] = 0;
	describe_call(row, c);
	if (number == SYS_truncate)
		describe_path(c);
	c->nr_data = gather(row, c, entered_ns, record + n);
	if (lane.is_mark)
		tell_mark(c);
	else
		lane_record(RAW_CALL, record, n + c->nr_data);
	lane.seen = c->after;
	if (lane.attached)
		set_low(2 * c->after + 1);
}

/* -512 and below are QEMU's own: the call is made again, or was a signal's return. */
void calls_on_return(qemu_plugin_id_t id, unsigned vcpu, int64_t number, int64_t result)
{
	(void)id, (void)vcpu;
	if (!lane.in_call || number != lane.number)
		return;
	lane.in_call = false;
	if (lane.attached) {
		set_low(2 * lane_clock());
		if (result > -512 || result < -4095)
			tell_call(number, result);
	}
	if (lane.serial)
		pthread_mutex_unlock(&serial);
}
