/*
 * preload.c - the object that `faultline record --malloc` loads into a program (LD_PRELOAD): the allocator's
 * functions, each the next one of its name (dlsym RTLD_NEXT: glibc's, or that of an allocator the program is
 * linked with) with an event written to the thread's ring.
 *
 * malloc, calloc, realloc, reallocarray, free, aligned_alloc, posix_memalign, memalign, valloc, pvalloc; what
 * strdup, getline, operator new and others allocate comes through these. fork, to follow the child. execve
 * needs nothing: the environment loads the object again.
 *
 * Looking up the next function may allocate; until all are known, blocks come from a small static area and
 * are never freed.
 *
 * Not modelled: allocators that programs call by names of their own (mmap, operator new within jemalloc or
 * tcmalloc); the caller behind operator new, strdup and the like (it is the library that calls malloc);
 * static programs, set-user-id programs, programs for 32 bits, and programs started with an environment that
 * lacks LD_PRELOAD or FAULTLINE_MALLOC; programs that enter a PID namespace. What an interrupt's handler
 * allocates while its thread writes an event is not recorded.
 */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "traces/recorder/preload/lane.h"

#define EXPORT      __attribute__((visibility("default")))
#define CALLER      ((uint64_t)(uintptr_t)__builtin_return_address(0) & UINT64_C(0xffffffffffff))
#define EARLY_BYTES 65536

void *malloc(size_t size);
void free(void *p);
void *memalign(size_t align, size_t size);
void *pvalloc(size_t size);

static struct {
	void *(*malloc)(size_t);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void (*free)(void *);
	void *(*aligned_alloc)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*memalign)(size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	pid_t (*fork)(void);
} next;

static enum { UNKNOWN, LOOKING, QUIET, RECORDING } state;
static _Alignas(64) char early[EARLY_BYTES];
static size_t early_used;

/* ---- before the next functions are known ---- */

static void *early_alloc(size_t size, size_t align)
{
	size_t at = (early_used + align - 1) / align * align;

	if (align > 4096 || size > EARLY_BYTES || at > EARLY_BYTES - size) {
		errno = ENOMEM;
		return NULL;
	}
	early_used = at + size;
	return early + at;
}

static bool is_early(const void *p)
{
	return (uintptr_t)p - (uintptr_t)early < EARLY_BYTES;
}

/* A function pointer out of dlsym's object pointer. */
static void look_up(void *function, const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	memcpy(function, &p, sizeof p);
}

static int write_module(struct dl_phdr_info *info, size_t size, void *ctx)
{
	uint64_t end = 0;
	char exe[4096];
	const char *name = info->dlpi_name;
	ssize_t n;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type == PT_LOAD && ph->p_vaddr + ph->p_memsz > end)
			end = ph->p_vaddr + ph->p_memsz;
	}
	if (!*name) {
		if (*(int *)ctx)
			return 0;
		n = readlink("/proc/self/exe", exe, sizeof exe - 1);
		exe[n > 0 ? n : 0] = 0;
		name = exe;
	}
	++*(int *)ctx;
	if (end)
		lane_write_text(MALLOC_EVENT_MODULE, info->dlpi_addr, end, name);
	return 0;
}

static void tell_program(void)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	int modules = 0;

	exe[n > 0 ? n : 0] = 0;
	lane_write_text(MALLOC_EVENT_START, (uint64_t)getppid(), 0, exe);
	dl_iterate_phdr(write_module, &modules);
}

static void init(void)
{
	state = LOOKING;
	look_up(&next.malloc, "malloc");
	look_up(&next.calloc, "calloc");
	look_up(&next.realloc, "realloc");
	look_up(&next.free, "free");
	look_up(&next.aligned_alloc, "aligned_alloc");
	look_up(&next.posix_memalign, "posix_memalign");
	look_up(&next.memalign, "memalign");
	look_up(&next.valloc, "valloc");
	look_up(&next.pvalloc, "pvalloc");
	look_up(&next.fork, "fork");
	if (!next.malloc || !next.calloc || !next.realloc || !next.free)
		_exit(127);
	if (lane_init()) {
		tell_program();
		state = RECORDING;
	} else {
		state = QUIET;
	}
}

__attribute__((constructor)) static void preload_begin(void)
{
	if (state == UNKNOWN)
		init();
}

/* false while the next functions are being looked up. */
static inline bool ready(void)
{
	if (UNLIKELY(state == UNKNOWN))
		init();
	return state != LOOKING;
}

static inline void *allocated(unsigned op, void *p, size_t size, uint64_t caller_align)
{
	if (__builtin_expect(state == RECORDING, 1))
		lane_write(p ? op : MALLOC_EVENT_FAILED, (uint64_t)(uintptr_t)p, size, caller_align);
	return p;
}

static uint64_t log2_of(size_t align)
{
	return align ? (uint64_t)(63 - __builtin_clzll(align)) << 48 : 0;
}

/* ---- the functions ---- */

EXPORT void *malloc(size_t size)
{
	if (UNLIKELY(!ready()))
		return early_alloc(size, 16);
	return allocated(MALLOC_EVENT_MALLOC, next.malloc(size), size, CALLER);
}

EXPORT void *calloc(size_t n, size_t size)
{
	size_t all;

	if (UNLIKELY(__builtin_mul_overflow(n, size, &all)))
		all = SIZE_MAX;
	if (UNLIKELY(!ready())) /* the area is zeroed: nothing in it is used twice */
		return early_alloc(all, 16);
	return allocated(MALLOC_EVENT_CALLOC, next.calloc(n, size), all, CALLER);
}

EXPORT void free(void *p)
{
	if (!p || UNLIKELY(is_early(p) || !ready()))
		return;
	if (__builtin_expect(state == RECORDING, 1))
		lane_write(MALLOC_EVENT_FREE, (uint64_t)(uintptr_t)p, 0, CALLER);
	next.free(p);
}

static void *reallocate(void *p, size_t size, uint64_t caller)
{
	void *q;

	if (!p)
		return allocated(MALLOC_EVENT_MALLOC, next.realloc(NULL, size), size, caller);
	if (UNLIKELY(is_early(p))) {
		q = allocated(MALLOC_EVENT_MALLOC, next.malloc(size), size, caller);
		/* More than the block had may be copied, from the area's rest: nobody looks at it. */
		if (q)
			memcpy(q, p,
			       size < (size_t)(early + EARLY_BYTES - (char *)p)
				       ? size
				       : (size_t)(early + EARLY_BYTES - (char *)p));
		return q;
	}
	if (!size) { /* frees, and with some allocators gives an empty block */
		if (state == RECORDING)
			lane_write(MALLOC_EVENT_FREE, (uint64_t)(uintptr_t)p, 0, caller);
		q = next.realloc(p, 0);
		return q ? allocated(MALLOC_EVENT_MALLOC, q, 0, caller) : q;
	}
	if (state == RECORDING)
		lane_write(MALLOC_EVENT_MOVE, (uint64_t)(uintptr_t)p, 0, caller);
	return allocated(MALLOC_EVENT_MOVED, next.realloc(p, size), size, caller);
}

EXPORT void *realloc(void *p, size_t size)
{
	if (UNLIKELY(!ready()))
		return p ? NULL : early_alloc(size, 16);
	return reallocate(p, size, CALLER);
}

EXPORT void *reallocarray(void *p, size_t n, size_t size)
{
	size_t all;

	if (UNLIKELY(__builtin_mul_overflow(n, size, &all))) {
		errno = ENOMEM;
		return NULL;
	}
	if (UNLIKELY(!ready()))
		return p ? NULL : early_alloc(all, 16);
	return reallocate(p, all, CALLER);
}

EXPORT void *aligned_alloc(size_t align, size_t size)
{
	if (UNLIKELY(!ready()))
		return early_alloc(size, align);
	return allocated(MALLOC_EVENT_ALIGNED, next.aligned_alloc(align, size), size,
			 CALLER | log2_of(align));
}

EXPORT int posix_memalign(void **out, size_t align, size_t size)
{
	int r;

	if (UNLIKELY(!ready()))
		return (*out = early_alloc(size, align)) ? 0 : ENOMEM;
	r = next.posix_memalign(out, align, size);
	allocated(MALLOC_EVENT_ALIGNED, r ? NULL : *out, size, CALLER | log2_of(align));
	return r;
}

EXPORT void *memalign(size_t align, size_t size)
{
	if (UNLIKELY(!ready()))
		return early_alloc(size, align);
	return allocated(MALLOC_EVENT_ALIGNED, next.memalign(align, size), size, CALLER | log2_of(align));
}

EXPORT void *valloc(size_t size)
{
	if (UNLIKELY(!ready()))
		return early_alloc(size, 4096);
	return allocated(MALLOC_EVENT_ALIGNED, next.valloc(size), size, CALLER | log2_of(4096));
}

EXPORT void *pvalloc(size_t size)
{
	if (UNLIKELY(!ready()))
		return early_alloc(size, 4096);
	return allocated(MALLOC_EVENT_ALIGNED, next.pvalloc(size), size, CALLER | log2_of(4096));
}

EXPORT pid_t fork(void)
{
	int ring, kept;
	pid_t pid;

	if (!ready() || state != RECORDING)
		return next.fork();
	ring = lane_fork_prepare();
	pid = next.fork();
	kept = errno;
	if (pid == 0)
		lane_fork_child(ring);
	else
		lane_fork_parent(ring, pid);
	errno = kept;
	return pid;
}
