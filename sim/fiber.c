/*
 * fiber.c - stacks of their own for simulated kernel code.
 *
 * A fiber has a mapping of FIBER_STACK bytes with an inaccessible page below it: running over the end of the
 * stack is a SIGSEGV, never silent damage. A switch stores the registers a called function must preserve
 * (System V AMD64 ABI 1.0, figure 3.4; AAPCS64, 6.1.1) on the old stack and takes them from the new one;
 * nothing else is alive across a call. Signal masks are not switched, which is what makes swapcontext slow.
 *
 * The event loop is not a fiber: its stack is the thread's own, and fibers always yield back to it, so a
 * fiber never resumes another.
 *
 * AddressSanitizer is told about every switch, else it would take the fiber's frames for damage;
 * LeakSanitizer is told to look for pointers on the stacks.
 *
 * Not supported: shadow stacks (Intel CET) in force, C++ exceptions or longjmp out of a fiber. Each fiber is
 * two mappings, so vm.max_map_count (65530) bounds them to about 32 000.
 */
#include "sim/fiber.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/check.h"
#include "sim/mem.h"

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif

#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#define FIBER_STACK ((size_t)512 << 10) /* instrumented frames are several times as large */
#else
#define FIBER_STACK ((size_t)128 << 10)
#endif

#if !defined(FIBER_UCONTEXT) && !defined(__x86_64__) && !defined(__aarch64__)
#define FIBER_UCONTEXT
#endif

#ifdef FIBER_UCONTEXT
#include <ucontext.h>
typedef ucontext_t fiber_context;
#else
typedef void *fiber_context; /* the stack pointer; the registers lie at it */
#endif

struct fiber {
	fiber_context context; /* where it goes on */
	void (*fn)(void *arg);
	void *arg;
	char *map;   /* guard page and stack */
	char *stack; /* lowest usable byte */
	size_t map_size;
	bool started, done;
	void *fake_stack; /* AddressSanitizer's */
};

static _Thread_local struct fiber *running;
static _Thread_local fiber_context loop_context;
#ifdef FIBER_ASAN
static _Thread_local const void *loop_stack;
static _Thread_local size_t loop_stack_size;
#endif

static _Noreturn void fiber_entry(void);

#ifdef FIBER_UCONTEXT

static void context_switch(fiber_context *from, fiber_context *to)
{
	int rc = swapcontext(from, to);

	CHECK(rc == 0, "swapcontext");
}

static void context_prepare(struct fiber *f)
{
	int rc = getcontext(&f->context);

	CHECK(rc == 0, "getcontext");
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = FIBER_STACK;
	f->context.uc_link = NULL;
	makecontext(&f->context, fiber_entry, 0);
}

#else

/* Saves the caller's registers on its stack, its stack pointer in *from, and goes on where `to` was saved. */
void fiber_switch_stack(void **from, void *to);

#if defined(__x86_64__)

__asm__(".text\n"
	".p2align 4\n"
	".globl fiber_switch_stack\n"
	".hidden fiber_switch_stack\n"
	".type fiber_switch_stack, @function\n"
	"fiber_switch_stack:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	subq $8, %rsp\n"
	"	stmxcsr (%rsp)\n"
	"	fnstcw 4(%rsp)\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	ldmxcsr (%rsp)\n"
	"	fldcw 4(%rsp)\n"
	"	addq $8, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	popq %rcx\n"
	"	jmp *%rcx\n" /* not ret: the return predictor knows the other stack's calls */
	".size fiber_switch_stack, . - fiber_switch_stack\n");

static void context_prepare(struct fiber *f)
{
	/* from the top down: a return address of 0 (where debuggers stop), the entry, six registers, the
	 * control words; the stack pointer is then as after a call */
	uint64_t *sp = (uint64_t *)(void *)(f->stack + FIBER_STACK) - 9;
	uint32_t mxcsr;
	uint16_t x87cw;

	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(x87cw));
	memset(sp, 0, 9 * sizeof *sp);
	sp[0] = mxcsr | (uint64_t)x87cw << 32;
	sp[7] = (uint64_t)(uintptr_t)fiber_entry;
	f->context = sp;
}

#else /* __aarch64__ */

__asm__(".text\n"
	".p2align 4\n"
	".globl fiber_switch_stack\n"
	".hidden fiber_switch_stack\n"
	".type fiber_switch_stack, %function\n"
	"fiber_switch_stack:\n"
	"	sub sp, sp, #160\n"
	"	stp x19, x20, [sp, #0]\n"
	"	stp x21, x22, [sp, #16]\n"
	"	stp x23, x24, [sp, #32]\n"
	"	stp x25, x26, [sp, #48]\n"
	"	stp x27, x28, [sp, #64]\n"
	"	stp x29, x30, [sp, #80]\n"
	"	stp d8, d9, [sp, #96]\n"
	"	stp d10, d11, [sp, #112]\n"
	"	stp d12, d13, [sp, #128]\n"
	"	stp d14, d15, [sp, #144]\n"
	"	mov x9, sp\n"
	"	str x9, [x0]\n"
	"	mov sp, x1\n"
	"	ldp x19, x20, [sp, #0]\n"
	"	ldp x21, x22, [sp, #16]\n"
	"	ldp x23, x24, [sp, #32]\n"
	"	ldp x25, x26, [sp, #48]\n"
	"	ldp x27, x28, [sp, #64]\n"
	"	ldp x29, x30, [sp, #80]\n"
	"	ldp d8, d9, [sp, #96]\n"
	"	ldp d10, d11, [sp, #112]\n"
	"	ldp d12, d13, [sp, #128]\n"
	"	ldp d14, d15, [sp, #144]\n"
	"	add sp, sp, #160\n"
	"	ret\n"
	".size fiber_switch_stack, . - fiber_switch_stack\n");

static void context_prepare(struct fiber *f)
{
	uint64_t *sp = (uint64_t *)(void *)(f->stack + FIBER_STACK) - 20;

	memset(sp, 0, 20 * sizeof *sp);
	sp[11] = (uint64_t)(uintptr_t)fiber_entry; /* x30, where ret goes */
	f->context = sp;
}

#endif

static inline void context_switch(fiber_context *from, fiber_context *to)
{
	fiber_switch_stack(from, *to);
}

#endif

static void switch_to_fiber(struct fiber *f)
{
#ifdef FIBER_ASAN
	void *fake;

	__sanitizer_start_switch_fiber(&fake, f->stack, FIBER_STACK);
	context_switch(&loop_context, &f->context);
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#else
	context_switch(&loop_context, &f->context);
#endif
}

static void switch_to_loop(struct fiber *f)
{
#ifdef FIBER_ASAN
	/* NULL: the fiber will not come back here, its fake frames go */
	__sanitizer_start_switch_fiber(f->done ? NULL : &f->fake_stack, loop_stack, loop_stack_size);
	context_switch(&f->context, &loop_context);
	__sanitizer_finish_switch_fiber(f->fake_stack, &loop_stack, &loop_stack_size);
#else
	context_switch(&f->context, &loop_context);
#endif
}

static _Noreturn void fiber_entry(void)
{
	struct fiber *f = running;

#ifdef FIBER_ASAN
	__sanitizer_finish_switch_fiber(NULL, &loop_stack, &loop_stack_size);
#endif
	f->fn(f->arg);
	f->done = true;
	switch_to_loop(f);
	check_failed(__FILE__, __LINE__, "false", "a fiber that is done was resumed");
}

static void prepare(struct fiber *f, void (*fn)(void *arg), void *arg)
{
#ifdef FIBER_ASAN
	__asan_unpoison_memory_region(f->stack, FIBER_STACK);
#endif
	f->fn = fn;
	f->arg = arg;
	f->started = f->done = false;
	f->fake_stack = NULL;
	context_prepare(f);
}

struct fiber *fiber_new(void (*fn)(void *arg), void *arg)
{
	struct fiber *f = mem_alloc_late(1, sizeof *f);
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);
	int rc;

	f->map_size = guard + FIBER_STACK;
	f->map = mem_map(f->map_size);
	f->stack = f->map + guard;
	rc = mprotect(f->map, guard, PROT_NONE);
	CHECK(rc == 0, "the guard page of a fiber's stack cannot be made (vm.max_map_count?)");
#ifdef FIBER_ASAN
	__lsan_register_root_region(f->stack, FIBER_STACK);
#endif
	prepare(f, fn, arg);
	return f;
}

void fiber_free(struct fiber *f)
{
	if (!f)
		return;
	CHECK(f != running, "the running fiber cannot be freed");
#ifdef FIBER_ASAN
	__asan_unpoison_memory_region(f->stack, FIBER_STACK);
	__lsan_unregister_root_region(f->stack, FIBER_STACK);
#endif
	mem_unmap(f->map, f->map_size);
	mem_free(f);
}

void fiber_reset(struct fiber *f, void (*fn)(void *arg), void *arg)
{
	CHECK(f->done || !f->started, "only a fiber that is done can start over");
	prepare(f, fn, arg);
}

void fiber_resume(struct fiber *f)
{
	CHECK(!running, "a fiber cannot resume another: only the event loop can");
	CHECK(!f->done, "a fiber that is done was resumed");
	f->started = true;
	running = f;
	switch_to_fiber(f);
	running = NULL;
}

void fiber_yield(void)
{
	CHECK(running, "the event loop cannot yield");
	switch_to_loop(running);
}

bool fiber_is_done(const struct fiber *f)
{
	return f->done;
}

struct fiber *fiber_current(void)
{
	return running;
}
