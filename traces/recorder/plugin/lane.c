/*
 * lane.c - claiming a ring, waiting for room in it, what is told when a thread or a program begins.
 *
 * Not modelled: more than RINGS_MAX threads at a time (the surplus is counted, not recorded).
 */
#include "traces/recorder/plugin/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "traces/recorder/plugin/maps.h"

#define RING_TRIES 200 /* of 10 ms */

static struct ring_head dummy;
__thread struct lane lane __attribute__((tls_model("initial-exec"))) = {.head = &dummy};
struct shared *shared;
static bool told_image, is_child;

bool lane_open_shared(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct shared *s;

	if (fd < 0) {
		fprintf(stderr, "faultline-plugin: %s: %s\n", path, strerror(errno));
		return false;
	}
	s = mmap(NULL, SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	close(fd);
	if (s == MAP_FAILED || s->magic != SHARED_MAGIC || s->bytes != SHARED_BYTES) {
		fprintf(stderr, "faultline-plugin: %s is not the memory of this version's recorder\n", path);
		return false;
	}
	shared = s;
	return true;
}

uint64_t lane_now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec - shared->began_ns;
}

static void futex_wait(uint32_t *word, uint32_t value, long timeout_ms)
{
	struct timespec t = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};

	syscall(SYS_futex, word, FUTEX_WAIT, value, &t, NULL, 0);
}

static void wake_driver(void)
{
	if (__atomic_exchange_n(&shared->asleep, 0, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &shared->asleep, FUTEX_WAKE, 1, NULL, NULL, 0);
}

bool lane_stopped(void)
{
	if (__atomic_load_n(&shared->stop, __ATOMIC_RELAXED))
		return true;
	if (kill((pid_t)shared->driver_pid, 0) == 0 || errno != ESRCH)
		return false;
	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELAXED);
	return true;
}

/* Waits until n words fit. */
static bool wait_for_room(uint64_t n)
{
	struct ring_head *h = lane.head;

	while (h->pos + n > __atomic_load_n(&h->tail, __ATOMIC_ACQUIRE) + RING_WORDS) {
		__atomic_store_n(&h->waits, 1, __ATOMIC_SEQ_CST);
		if (h->pos + n <= __atomic_load_n(&h->tail, __ATOMIC_SEQ_CST) + RING_WORDS)
			break;
		wake_driver();
		futex_wait(&h->waits, 1, 200);
		if (lane_stopped())
			return false;
	}
	h->waits = 0;
	return true;
}

static void claim(uint32_t i)
{
	struct ring_head *h = &shared->ring[i];
	uint32_t n = __atomic_load_n(&shared->nr_rings, __ATOMIC_SEQ_CST);

	while (n < i + 1 && !__atomic_compare_exchange_n(&shared->nr_rings, &n, i + 1, false,
							 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	h->pos = h->tail = 0;
	h->waits = 0;
	h->pid = (uint32_t)getpid();
	h->tid = (uint32_t)syscall(SYS_gettid);
	lane.head = h;
	lane.words = ring_words(shared, i);
	lane.limit = RING_WAKE;
	lane.attached = true;
	lane.seen = lane_clock();
	__atomic_store_n(&h->low, 2 * lane.seen, __ATOMIC_SEQ_CST);
	__atomic_store_n(&h->state, RING_ACTIVE, __ATOMIC_SEQ_CST);
}

/* A free ring, or RINGS_MAX: rings of threads that ended come back when the driver has read them. */
static uint32_t find_ring(void)
{
	const struct timespec moment = {0, 10000000};

	for (unsigned tries = 0; tries < RING_TRIES && !lane_stopped(); tries++) {
		for (uint32_t i = 0; i < RINGS_MAX; i++) {
			uint32_t unclaimed = RING_FREE;

			if (__atomic_compare_exchange_n(&shared->ring[i].state, &unclaimed, RING_CLAIMED,
							false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
				return i;
		}
		wake_driver();
		nanosleep(&moment, NULL);
	}
	return RINGS_MAX;
}

static bool attach(void)
{
	enum start_how how = !told_image ? START_IMAGE : is_child ? START_FORK : START_CLONE;
	uint64_t record[RAW_WORDS_MAX];
	struct raw_start *start = (void *)record;
	uint32_t i = lane.lost ? RINGS_MAX : find_ring();

	if (i == RINGS_MAX) {
		if (!lane.lost)
			__atomic_fetch_add(&shared->lost_threads, 1, __ATOMIC_RELAXED);
		lane.lost = true;
		lane.limit = 0;
		return false;
	}
	claim(i);
	told_image = true;
	is_child = false;
	lane_stamp(lane.seen);
	*start = (struct raw_start){0, how, (uint64_t)getppid(), lane_now_ns()};
	lane_record(RAW_START, record,
		    sizeof *start / 8 +
			    lane_text(record + sizeof *start / 8, how == START_IMAGE ? maps_program() : ""));
	if (how == START_IMAGE)
		maps_tell();
	return true;
}

bool lane_slow(void)
{
	struct ring_head *h;

	if (UNLIKELY(lane_stopped())) {
		lane.limit = 0;
		return false;
	}
	if (!lane.attached && !attach())
		return false;
	h = lane.head;
	if (h->pos < lane.limit)
		return true;
	if (h->pos >= __atomic_load_n(&h->tail, __ATOMIC_ACQUIRE) + RING_WAKE)
		wake_driver();
	if (!wait_for_room(1)) {
		lane.limit = 0;
		return false;
	}
	lane.limit = __atomic_load_n(&h->tail, __ATOMIC_ACQUIRE) + RING_WORDS;
	if (lane.limit > h->pos + RING_WAKE)
		lane.limit = h->pos + RING_WAKE;
	return true;
}

void lane_put_slowly(uint64_t word)
{
	if (lane_slow())
		lane_put(word);
}

void lane_stamp(uint64_t stamp)
{
	lane.seen = stamp;
	lane_put(WORD_STAMP << 62 | stamp);
	if (lane.attached)
		__atomic_store_n(&lane.head->low, 2 * lane.seen + 1, __ATOMIC_SEQ_CST);
}

void lane_record(enum raw_kind kind, uint64_t *record, size_t n)
{
	struct ring_head *h;

	if (UNLIKELY(lane_stopped() || (!lane.attached && !attach())))
		return;
	h = lane.head;
	if (!wait_for_room(n))
		return;
	record[0] = WORD_RAW << 62 | (uint64_t)kind << 16 | n;
	for (size_t i = 0; i < n; i++)
		lane.words[(h->pos + i) & (RING_WORDS - 1)] = record[i];
	__atomic_store_n(&h->pos, h->pos + n, __ATOMIC_RELEASE);
}

size_t lane_text(uint64_t *to, const char *text)
{
	size_t n = strnlen(text, RECORDER_TEXT - 1), words = n / 8 + 1;

	to[words - 1] = 0;
	memcpy(to, text, n);
	return words;
}

void lane_after_fork(void)
{
	lane.head = &dummy;
	lane.limit = 0;
	lane.attached = false;
	is_child = told_image;
}

void lane_close(void)
{
	if (lane.attached)
		__atomic_store_n(&lane.head->state, RING_CLOSED, __ATOMIC_SEQ_CST);
	lane.head = &dummy;
	lane.limit = 0;
	lane.attached = false;
}
