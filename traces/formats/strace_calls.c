/*
 * strace_calls.c - tasks and mappings of an strace log.
 *
 * Calls of the memory manager become their records. A child's record (CLONE, FORK) is written when its clone
 * returns, or in front of the child's first line, when that comes earlier. execve becomes EXEC.
 *
 * What the kernel maps at execve has no call. Where mprotect, madvise, mlock, msync, mremap or mbind name
 * pages that no call has mapped, an anonymous private mapping of these pages is written in front (MAPPING),
 * so that the call finds them.
 *
 * A process in its parent's memory (vfork, CLONE_VM without CLONE_THREAD) is a FORK with vm.
 *
 * Not modelled: what a shared descriptor table of two processes (CLONE_FILES without CLONE_THREAD) shares.
 */
#include "traces/formats/strace_calls.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/mem.h"

#define GAPS_MAX 16 /* of unknown pages in the range of one call */

struct control strace_control(const struct strace *s, const struct strace_task *k, enum record_op op,
			      int64_t result)
{
	return (struct control){
		.op = op, .pid = k->pid, .tid = k->tid, .cpu = -1, .time_ns = s->now_ns, .result = result};
}

/* ---- tasks ---- */

struct strace_task *strace_task_find(struct strace *s, uint32_t tid)
{
	uint64_t v;

	return map_get(&s->tasks, tid, &v) ? (struct strace_task *)(uintptr_t)v : NULL;
}

static struct strace_mm *mm_copy(const struct strace_mm *from)
{
	struct strace_mm *mm = mem_alloc_late(1, sizeof *mm);

	mm->refs = 1;
	if (!from)
		return mm;
	mm->brk_start = from->brk_start;
	mm->brk_end = from->brk_end;
	for (size_t i = 0; i < from->mapped.n; i++)
		page_ranges_add(&mm->mapped, from->mapped.range[i].first, from->mapped.range[i].end);
	return mm;
}

static void mm_put(struct strace_mm *mm)
{
	if (!mm || --mm->refs)
		return;
	page_ranges_release(&mm->mapped);
	mem_free(mm);
}

static void task_free(struct strace *s, struct strace_task *k)
{
	map_del(&s->tasks, k->tid);
	mm_put(k->mm);
	strace_fds_put(s, k->fds);
	mem_free(k->pending);
	mem_free(k);
}

static struct strace_task *task_add(struct strace *s, uint32_t pid, uint32_t tid)
{
	struct strace_task *k = strace_task_find(s, tid);

	if (k) /* the number is used again */
		task_free(s, k);
	k = mem_alloc_late(1, sizeof *k);
	k->pid = pid;
	k->tid = tid;
	map_put(&s->tasks, tid, (uint64_t)(uintptr_t)k);
	return k;
}

struct strace_task *strace_task_new(struct strace *s, uint32_t pid, uint32_t tid)
{
	struct strace_task *k = task_add(s, pid, tid);

	k->mm = mm_copy(NULL);
	k->fds = strace_fds_copy(s, NULL);
	return k;
}

struct strace_task *strace_task_child(struct strace *s, struct textfile *t, struct strace_task *parent,
				      uint32_t tid, bool vfork, struct text_word args)
{
	bool thread = memmem(args.p, args.n, "CLONE_THREAD", 12) != NULL;
	bool vm = thread || vfork || memmem(args.p, args.n, "CLONE_VM", 8) != NULL;
	struct control c = strace_control(s, parent, thread ? REC_CLONE : REC_FORK, tid);
	struct strace_task *k;

	if (tid == parent->tid)
		return parent;
	k = task_add(s, thread ? parent->pid : tid, tid);
	k->mm = vm ? parent->mm : mm_copy(parent->mm);
	k->fds = thread ? parent->fds : strace_fds_copy(s, parent->fds);
	k->mm->refs += vm;
	k->fds->refs += thread;
	c.arg[0] = tid;
	if (!thread) {
		c.arg[1] = tid;
		c.arg[2] = vm;
	}
	textfile_control(t, &c);
	return k;
}

/* All tasks of the process are over; those that are left are freed with the log. */
static void process_over(struct strace *s, uint32_t pid)
{
	uint64_t tid, v;
	size_t it = 0;

	while (map_next(&s->tasks, &it, &tid, &v)) {
		struct strace_task *k = (struct strace_task *)(uintptr_t)v;

		k->over = k->over || k->pid == pid;
	}
}

void strace_task_end(struct strace *s, struct textfile *t, struct strace_task *k, enum record_op op,
		     uint64_t status)
{
	struct control c = strace_control(s, k, op, 0);

	if (k->over)
		return;
	c.arg[0] = status;
	textfile_control(t, &c);
	if (op == REC_EXIT_GROUP)
		process_over(s, k->pid);
	k->over = true;
}

void strace_release(struct strace *s)
{
	uint64_t tid, v;
	size_t it = 0;

	while (map_next(&s->tasks, &it, &tid, &v)) {
		struct strace_task *k = (struct strace_task *)(uintptr_t)v;

		mm_put(k->mm);
		strace_fds_put(s, k->fds);
		mem_free(k->pending);
		mem_free(k);
	}
	map_release(&s->tasks);
	strace_files_release(&s->files);
}

/* ---- mappings ---- */

static uint64_t page_of(uint64_t addr)
{
	return addr >> PAGE_SHIFT;
}

/* End of the pages that len bytes from addr on touch; no wrap for the largest lengths. */
static uint64_t page_end(uint64_t addr, uint64_t len)
{
	return len ? page_of(addr + MIN_OF(len - 1, UINT64_MAX - addr)) + 1 : page_of(addr);
}

/* Pages the call names that no call has mapped. */
static void infer(struct strace *s, struct textfile *t, struct strace_task *k, uint64_t addr, uint64_t len)
{
	uint64_t page = page_of(addr), end = page_end(addr, len), gap_end;
	struct control c = strace_control(s, k, REC_MAPPING, 0);

	c.arg[2] = PROT_READ | PROT_WRITE | PROT_EXEC;
	c.arg[3] = MAP_PRIVATE | MAP_ANONYMOUS;
	c.arg[4] = FID_NONE;
	for (unsigned i = 0; i < GAPS_MAX && page_ranges_gap(&k->mm->mapped, &page, end, &gap_end); i++) {
		c.arg[0] = page << PAGE_SHIFT;
		c.arg[1] = (gap_end - page) << PAGE_SHIFT;
		textfile_control(t, &c);
		page_ranges_add(&k->mm->mapped, page, gap_end);
	}
}

static void note_brk(struct strace_mm *mm, uint64_t end)
{
	if (!mm->brk_start)
		mm->brk_start = mm->brk_end = end;
	if (end > mm->brk_end)
		page_ranges_add(&mm->mapped, page_of(mm->brk_end + PAGE_SIZE - 1),
				page_of(end + PAGE_SIZE - 1));
	else if (end >= mm->brk_start)
		page_ranges_remove(&mm->mapped, page_of(end + PAGE_SIZE - 1),
				   page_of(mm->brk_end + PAGE_SIZE - 1));
	mm->brk_end = end;
}

/* What a successful call does to the set of mappings. */
static void note_mapping(struct strace_mm *mm, const struct control *c)
{
	uint64_t result = (uint64_t)c->result;

	if (c->op == REC_MMAP)
		page_ranges_add(&mm->mapped, page_of(result), page_end(result, c->arg[1]));
	if (c->op == REC_MUNMAP || (c->op == REC_MREMAP && c->arg[1]))
		page_ranges_remove(&mm->mapped, page_of(c->arg[0]), page_end(c->arg[0], c->arg[1]));
	if (c->op == REC_MREMAP)
		page_ranges_add(&mm->mapped, page_of(result), page_end(result, c->arg[2]));
	if (c->op == REC_BRK)
		note_brk(mm, result);
}

/* Calls whose arguments are the record's; inferred: the pages at arguments 0 and 1 are there. */
static const struct {
	const char *name;
	uint8_t op, nr_args;
	bool inferred;
} memory_calls[] = {
	{"mprotect", REC_MPROTECT, 3, true},
	{"pkey_mprotect", REC_MPROTECT, 3, true},
	{"munmap", REC_MUNMAP, 2, false},
	{"brk", REC_BRK, 1, false},
	{"mremap", REC_MREMAP, 5, true},
	{"madvise", REC_MADVISE, 3, true},
	{"mlock", REC_MLOCK, 2, true},
	{"mlock2", REC_MLOCK, 3, true},
	{"munlock", REC_MUNLOCK, 2, true},
	{"mlockall", REC_MLOCKALL, 1, false},
	{"munlockall", REC_MUNLOCKALL, 0, false},
	{"msync", REC_MSYNC, 3, true},
};

/* Arguments that are left out at the end, as the fifth of mremap, are 0. */
static bool numbers(const struct strace_call *c, size_t from, size_t n, uint64_t *v)
{
	for (size_t i = from; i < from + n; i++) {
		v[i] = 0;
		if (i < c->nr_args && !strace_number(c->arg[i], &v[i]))
			return false;
	}
	return true;
}

static const char *mmap_call(struct strace *s, struct textfile *t, struct strace_task *k,
			     const struct strace_call *c)
{
	struct control m = strace_control(s, k, REC_MMAP, c->result);
	uint64_t off;

	if (c->nr_args != 6 || !numbers(c, 0, 4, m.arg) || !strace_number(c->arg[5], &off))
		return "mmap(ADDR, LENGTH, PROT_…, MAP_…, FD, OFFSET) = ADDR";
	m.arg[4] = FID_NONE;
	if (!(m.arg[3] & MAP_ANONYMOUS) && c->result >= 0)
		m.arg[4] = strace_file_mapped(s, t, k, c->arg[4], off + m.arg[1]);
	m.arg[5] = m.arg[4] == FID_NONE ? 0 : off;
	/* A mapping of what is no file that is followed (a device, a memfd) is one without a file. */
	if (m.arg[4] == FID_NONE)
		m.arg[3] |= MAP_ANONYMOUS;
	textfile_control(t, &m);
	if (c->result >= 0)
		note_mapping(k->mm, &m);
	return NULL;
}

/* The bits of "[0 1 2]", "[0x3]", "[{…" as a mask; false when it is no such list. */
static bool mask_of(struct text_word w, bool of_words, uint64_t *mask)
{
	const char *p = w.p + 1, *end = w.p + w.n;
	uint64_t v;

	*mask = 0;
	if (w.n < 2 || *w.p != '[')
		return w.n == 4 && !memcmp(w.p, "NULL", 4);
	while (p < end && *p != ']') {
		p = text_number(p, end, &v);
		if (!p)
			return false;
		*mask |= of_words ? v : v < 64 ? UINT64_C(1) << v : 0;
		while (p < end && (*p == ' ' || *p == ','))
			p++;
		if (of_words)
			break; /* one word of 64 nodes */
	}
	return true;
}

static const char *policy_call(struct strace *s, struct textfile *t, struct strace_task *k,
			       const struct strace_call *c)
{
	bool bind = text_word_is(c->name, "mbind");
	size_t mode = bind ? 2 : 0;
	struct control m = strace_control(s, k, bind ? REC_MBIND : REC_SET_MEMPOLICY, c->result);

	if (c->nr_args < mode + 3 || !numbers(c, 0, mode + 1, m.arg) ||
	    !mask_of(c->arg[mode + 1], true, &m.arg[mode + 1]) ||
	    !strace_number(c->arg[mode + 2], &m.arg[mode + 2]) || (bind && !numbers(c, 5, 1, m.arg)))
		return "mbind(ADDR, LENGTH, MPOL_…, [MASK], MAXNODE, MPOL_MF_…) or set_mempolicy(MPOL_…, "
		       "[MASK], "
		       "MAXNODE)";
	if (bind)
		infer(s, t, k, m.arg[0], m.arg[1]);
	textfile_control(t, &m);
	return NULL;
}

static const char *memory_call(struct strace *s, struct textfile *t, struct strace_task *k,
			       const struct strace_call *c, size_t i)
{
	struct control m = strace_control(s, k, (enum record_op)memory_calls[i].op, c->result);

	if (c->nr_args + (m.op == REC_MREMAP) < memory_calls[i].nr_args ||
	    !numbers(c, 0, memory_calls[i].nr_args, m.arg))
		return "addresses, lengths and known flags as arguments";
	if (c->result < 0) {
		textfile_control(t, &m);
		return NULL;
	}
	if (memory_calls[i].inferred)
		infer(s, t, k, m.arg[0], m.arg[1]);
	textfile_control(t, &m);
	note_mapping(k->mm, &m);
	return NULL;
}

/* ---- tasks' calls ---- */

/* "{tv_sec=0, tv_nsec=1000000}" in argument i, slept to its end. */
static void sleep_call(struct strace *s, struct textfile *t, struct strace_task *k,
		       const struct strace_call *c, size_t i)
{
	struct control m = strace_control(s, k, REC_SLEEP, 0);
	uint64_t sec, ns;

	if (c->result || c->nr_args <= i || !strace_member(c->arg[i], "tv_sec", &sec) ||
	    !strace_member(c->arg[i], "tv_nsec", &ns) || sec > 1000000000)
		return;
	if (i == 2 && !text_word_is(c->arg[1], "0")) /* until a time */
		return;
	m.arg[0] = sec * 1000000000 + ns;
	textfile_control(t, &m);
}

static void exec_call(struct strace *s, struct textfile *t, struct strace_task *k,
		      const struct strace_call *c)
{
	size_t path_arg = text_word_is(c->name, "execveat") ? 1 : 0;
	struct control m = strace_control(s, k, REC_EXEC, 0);
	char path[CONTROL_TEXT_MAX];
	struct strace_fds *own;

	if (!c->returned || c->result || c->nr_args <= path_arg)
		return;
	if (strace_string(c->arg[path_arg], path, sizeof path))
		m.text = path;
	mm_put(k->mm);
	k->mm = mm_copy(NULL);
	own = k->fds->refs == 1 ? NULL : strace_fds_copy(s, k->fds);
	if (own) {
		strace_fds_put(s, k->fds);
		k->fds = own;
	}
	strace_fds_exec(s, t, k);
	textfile_control(t, &m);
}

static void affinity_call(struct strace *s, struct textfile *t, struct strace_task *k,
			  const struct strace_call *c)
{
	struct control m = strace_control(s, k, REC_AFFINITY, c->result);
	uint64_t who;

	if (c->nr_args < 3 || c->result || !strace_number(c->arg[0], &who) || (who && who != k->tid) ||
	    !mask_of(c->arg[2], false, &m.arg[0]) || !m.arg[0])
		return;
	textfile_control(t, &m);
}

/* true when it is one of them. */
static bool task_call(struct strace *s, struct textfile *t, struct strace_task *k,
		      const struct strace_call *c)
{
	static const char *const clones[] = {"clone", "clone3", "fork", "vfork"};
	uint64_t status = 0;

	for (size_t i = 0; i < ARRAY_LEN(clones); i++)
		if (text_word_is(c->name, clones[i])) {
			if (c->result > 0 && c->result <= INT32_MAX && !k->child_seen)
				strace_task_child(s, t, k, (uint32_t)c->result,
						  text_word_is(c->name, "vfork"), c->args);
			k->child_seen = false;
			return true;
		}
	if (text_word_is(c->name, "exit") || text_word_is(c->name, "exit_group")) {
		if (c->nr_args)
			strace_number(c->arg[0], &status);
		strace_task_end(s, t, k, c->name.n == 4 ? REC_EXIT : REC_EXIT_GROUP, status);
	} else if (text_word_is(c->name, "execve") || text_word_is(c->name, "execveat")) {
		exec_call(s, t, k, c);
	} else if (text_word_is(c->name, "nanosleep")) {
		sleep_call(s, t, k, c, 0);
	} else if (text_word_is(c->name, "clock_nanosleep")) {
		sleep_call(s, t, k, c, 2);
	} else if (text_word_is(c->name, "sched_setaffinity")) {
		affinity_call(s, t, k, c);
	} else {
		return false;
	}
	return true;
}

const char *strace_call(struct strace *s, struct textfile *t, struct strace_task *k,
			const struct strace_call *c)
{
	if (k->over)
		return NULL;
	if (text_word_is(c->name, "mmap"))
		return c->returned ? mmap_call(s, t, k, c) : NULL;
	for (size_t i = 0; i < ARRAY_LEN(memory_calls) && c->returned; i++)
		if (text_word_is(c->name, memory_calls[i].name))
			return memory_call(s, t, k, c, i);
	if (c->returned && (text_word_is(c->name, "mbind") || text_word_is(c->name, "set_mempolicy")))
		return policy_call(s, t, k, c);
	if (!task_call(s, t, k, c) && c->returned)
		strace_file_call(s, t, k, c);
	return NULL;
}
