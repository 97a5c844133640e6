/*
 * lane.c - rings: taking one, waiting for room, fork.
 *
 * Nothing here allocates memory or takes a lock: these functions run inside malloc.
 *
 * A thread keeps its ring until it ends, or the reader sees that it is gone. A child of fork() has its ring
 * before it exists, so that the reader waits for it; one of a bare clone() or vfork() that allocates takes a
 * ring when it first does (vfork's child shares its parent's memory and ring).
 */
#include "traces/recorder/preload/lane.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WAIT_NS        2000000
#define WAITS_TO_PROBE 50   /* for the reader's life */
#define SKIPS_TO_RETRY 4096 /* calls of a thread without a ring until it looks for one again */

__thread struct lane lane __attribute__((tls_model("initial-exec")));
struct malloc_shared *lane_shared;
static uint64_t no_generation[2];
uint64_t *lane_generation = no_generation;

static pthread_key_t leave_key;
static bool leave_key_made;
static void leave(void *unused);

static void register_barrier(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0);
}

bool lane_init(void)
{
	const char *path = getenv(MALLOC_RING_ENV);
	struct malloc_shared *s;
	void *page;
	int fd;

	if (!path)
		return false;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	s = mmap(NULL, MALLOC_SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	close(fd);
	if (s == MAP_FAILED)
		return false;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->magic != MALLOC_RING_MAGIC || s->bytes != MALLOC_SHARED_BYTES || page == MAP_FAILED ||
	    madvise(page, 4096, MADV_WIPEONFORK) != 0) {
		munmap(s, MALLOC_SHARED_BYTES);
		return false;
	}
	madvise(s, MALLOC_SHARED_BYTES, MADV_DONTDUMP);
	lane_shared = s;
	lane_generation = page;
	*lane_generation = (uint64_t)getpid();
	register_barrier();
	leave_key_made = pthread_key_create(&leave_key, leave) == 0;
	return true;
}

/* A free ring, marked with the state; -1 when all are taken. */
static int claim(uint32_t state)
{
	struct malloc_shared *s = lane_shared;

	for (uint32_t i = 0; i < MALLOC_RINGS; i++) {
		struct malloc_ring_head *h = &s->ring[i];
		uint32_t is_free = MALLOC_RING_FREE, n;

		if (__atomic_load_n(&h->state, __ATOMIC_RELAXED) != MALLOC_RING_FREE ||
		    !__atomic_compare_exchange_n(&h->state, &is_free, MALLOC_RING_CLAIMED, false,
						 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			continue;
		h->child = h->pid = 0;
		h->base = lane_clock();
		/* Odd: the reader waits for the first event. */
		__atomic_store_n(&h->seq, 2 * __atomic_load_n(&h->tail, __ATOMIC_ACQUIRE) + 1,
				 __ATOMIC_RELEASE);
		n = __atomic_load_n(&s->nr_rings, __ATOMIC_RELAXED);
		while (n < i + 1 && !__atomic_compare_exchange_n(&s->nr_rings, &n, i + 1, false,
								 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
			;
		h->pid = (uint32_t)getpid();
		h->tid = (uint32_t)syscall(SYS_gettid);
		__atomic_store_n(&h->state, state, __ATOMIC_SEQ_CST);
		return (int)i;
	}
	return -1;
}

/* The same, waiting a little for one that the reader gives back. */
static int claim_soon(uint32_t state)
{
	const struct timespec t = {0, WAIT_NS};
	int ring;

	for (unsigned n = 0; (ring = claim(state)) < 0 && n < WAITS_TO_PROBE; n++)
		nanosleep(&t, NULL);
	if (ring < 0)
		__atomic_fetch_add(&lane_shared->lost_threads, 1, __ATOMIC_RELAXED);
	return ring;
}

/* A thread that ends leaves its ring to others; what later destructors allocate takes another one. */
static void leave(void *unused)
{
	(void)unused;
	if (!lane.head || lane.generation != *lane_generation)
		return;
	__atomic_store_n(&lane.head->state, MALLOC_RING_LEFT, __ATOMIC_SEQ_CST);
	lane.head = NULL;
	lane.generation = 0;
}

static void take(int ring)
{
	lane.head = &lane_shared->ring[ring];
	lane.events = malloc_ring_events(lane_shared, (uint32_t)ring);
	lane.pos = lane.head->seq / 2;
	lane.room_until = lane.pos; /* lane_prepare reads it */
	lane.generation = *lane_generation;
	lane.time = lane.head->base;
	__atomic_fetch_add(&lane_generation[LANE_THREADS], 1, __ATOMIC_SEQ_CST);
	if (leave_key_made)
		pthread_setspecific(leave_key, &lane);
}

/* The first event of this process, when its fork was not seen. */
static bool take_new(void)
{
	bool unseen_child = !*lane_generation;
	int ring;

	if (unseen_child)
		*lane_generation = (uint64_t)getpid() | UINT64_C(1) << 40;
	ring = claim_soon(MALLOC_RING_ACTIVE);
	if (ring < 0) {
		lane.generation = *lane_generation;
		lane.head = NULL;
		lane.room_until = lane.pos;
		return false;
	}
	take(ring);
	if (unseen_child) {
		register_barrier();
		lane.room_until = lane.pos + 1;
		lane_write(MALLOC_EVENT_FORK, (uint64_t)getppid(), (uint64_t)getppid(), 0);
	}
	return true;
}

static void wait_for_room(void)
{
	const struct timespec t = {0, WAIT_NS};

	for (unsigned n = 1;; n++) {
		uint64_t tail = __atomic_load_n(&lane.head->tail, __ATOMIC_ACQUIRE);

		if (lane.pos - tail < RING_EVENTS) {
			/* Looks up early, so that a sleeping reader is woken in time. */
			lane.room_until = lane.pos + RING_EVENTS - (lane.pos - tail);
			if (lane.room_until > lane.pos + RING_EVENTS_WAKE)
				lane.room_until = lane.pos + RING_EVENTS_WAKE;
			return;
		}
		if (__atomic_load_n(&lane_shared->stop, __ATOMIC_RELAXED))
			return;
		__atomic_store_n(&lane.head->waits, 1, __ATOMIC_SEQ_CST);
		if (lane.pos - __atomic_load_n(&lane.head->tail, __ATOMIC_SEQ_CST) == RING_EVENTS)
			syscall(SYS_futex, &lane.head->waits, FUTEX_WAIT, 1, &t, NULL, 0);
		if (n % WAITS_TO_PROBE == 0 && kill((pid_t)lane_shared->driver_pid, 0) != 0 && errno == ESRCH)
			__atomic_store_n(&lane_shared->stop, 1, __ATOMIC_SEQ_CST);
	}
}

static void wake_reader(void)
{
	if (!__atomic_load_n(&lane_shared->asleep, __ATOMIC_RELAXED))
		return;
	__atomic_store_n(&lane_shared->asleep, 0, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &lane_shared->asleep, FUTEX_WAKE, 1, NULL, NULL, 0);
}

bool lane_prepare(void)
{
	int kept = errno;
	bool ok = true;

	if (lane.inside || __atomic_load_n(&lane_shared->stop, __ATOMIC_RELAXED))
		return false;
	if (lane.generation != *lane_generation) {
		lane.head = NULL;
		ok = take_new();
	} else if (!lane.head) { /* all rings were taken; tries again now and then */
		ok = ++lane.skips % SKIPS_TO_RETRY == 0 && take_new();
	} else {
		wake_reader();
	}
	if (ok && lane.pos >= lane.room_until) {
		wait_for_room();
		ok = lane.pos < lane.room_until;
	}
	errno = kept;
	return ok;
}

void lane_write_text(unsigned op, uint64_t addr, uint64_t what, const char *text)
{
	size_t n = strnlen(text, MALLOC_TEXT_MAX - 1) + 1;
	struct malloc_event *e;
	uint64_t slots = (n + sizeof(struct malloc_event) - 1) / sizeof(struct malloc_event);

	while (lane.generation != *lane_generation || lane.room_until - lane.pos < slots + 1) {
		if (lane.generation == *lane_generation)
			lane.room_until = lane.pos; /* reads the reader's position again */
		if (!lane_prepare())
			return;
		if (lane.room_until - lane.pos < slots + 1)
			sched_yield();
	}
	for (uint64_t i = 0; i < slots; i++) {
		size_t at = i * sizeof *e, left = n - at;

		e = &lane.events[(lane.pos + 1 + i) % RING_EVENTS];
		memset(e, 0, sizeof *e);
		memcpy(e, text + at, left < sizeof *e ? left : sizeof *e);
	}
	lane_begin();
	e = &lane.events[lane.pos % RING_EVENTS];
	lane.head->base = e->time = lane.time = lane_clock();
	e->addr = addr;
	e->size = n;
	e->what = (uint64_t)op << 56 | what;
	lane_end(1 + slots);
}

int lane_fork_prepare(void)
{
	if (__atomic_load_n(&lane_shared->stop, __ATOMIC_RELAXED))
		return -1;
	return claim_soon(MALLOC_RING_FORKING);
}

void lane_fork_parent(int ring, int pid)
{
	struct malloc_ring_head *h = ring < 0 ? NULL : &lane_shared->ring[ring];

	if (!h)
		return;
	lane.time = lane_clock(); /* what follows is later than the child's beginning */
	if (pid > 0)
		__atomic_store_n(&h->child, (uint32_t)pid, __ATOMIC_SEQ_CST);
	else
		__atomic_store_n(&h->state, MALLOC_RING_FREE, __ATOMIC_SEQ_CST);
}

void lane_fork_child(int ring)
{
	struct malloc_ring_head *h;
	uint32_t ppid, ptid;

	if (ring < 0)
		return;
	h = &lane_shared->ring[ring];
	ppid = h->pid;
	ptid = h->tid;
	*lane_generation = (uint64_t)getpid();
	register_barrier();
	take(ring);
	h->pid = (uint32_t)getpid();
	h->tid = (uint32_t)syscall(SYS_gettid);
	__atomic_store_n(&h->state, MALLOC_RING_ACTIVE, __ATOMIC_SEQ_CST);
	lane.inside = false;
	lane.room_until = lane.pos + 1;
	lane_write(MALLOC_EVENT_FORK, ppid, ptid, 0);
}
