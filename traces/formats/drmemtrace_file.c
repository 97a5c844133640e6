/*
 * drmemtrace_file.c - the records of one file of a drmemtrace trace.
 */
#include "traces/formats/drmemtrace_file.h"

#include "sim/mem.h"
#include "traces/bytes.h"

#define SYSCALL_BASE   (UINT64_C(1) << 32) /* a function's id is this and the system call's number */
#define CPU_MASK       0xfff
#define BUNDLE_MAX     8
#define THREAD_NONE    UINT64_MAX /* of an idle core */
#define NR_DATA_PIECES (UINT16_MAX / PAGE_SIZE + 2)

_Static_assert(NR_DATA_PIECES <= DR_BATCH_SLACK && BUNDLE_MAX <= DR_BATCH_SLACK, "a record fits");

enum dr_type {
	DR_READ = 0,
	DR_WRITE = 1,
	DR_PREFETCH_FIRST = 2,
	DR_PREFETCH_LAST = 9,
	DR_INSTR_FIRST = 10,
	DR_INSTR_LAST = 16,
	DR_BUNDLE = 17,
	DR_FLUSH_FIRST = 18,
	DR_FLUSH_LAST = 21,
	DR_THREAD = 22,
	DR_THREAD_EXIT = 23,
	DR_PID = 24,
	DR_HEADER = 25,
	DR_FOOTER = 26,
	DR_HARDWARE_PREFETCH = 27,
	DR_MARKER = 28,
	DR_INSTR_NO_FETCH = 29,
	DR_INSTR_MAYBE_FETCH = 30,
	DR_INSTR_SYSENTER = 31,
	DR_PREFETCH2_FIRST = 32,
	DR_PREFETCH2_LAST = 46,
	DR_ENCODING = 47,
	DR_INSTR_TAKEN = 48,
	DR_INSTR_UNTAKEN = 49,
	DR_TYPES = 50,
};

enum dr_marker {
	DR_TIMESTAMP = 2,
	DR_CPU = 3,
	DR_FUNC_ID = 4,
	DR_FUNC_ARG = 6,
	DR_FUNC_RESULT = 7,
	DR_FILE_TYPE = 9,
	DR_VERSION = 12,
	DR_SYSCALL = 25,
	DR_KERNEL_BEGIN = 27,
	DR_KERNEL_END = 28,
	DR_SYSCALL_FAILED = 30,
	DR_SWITCH_BEGIN = 34,
	DR_SWITCH_END = 35,
};

/* What taking a record did. */
enum taken {
	TAKEN,        /* go on */
	TAKEN_LAST,   /* the batch ends behind it */
	NOT_TAKEN,    /* the batch ends in front of it */
	TAKEN_FAILED, /* f->bad says why */
};

bool dr_file_probe(const uint8_t *head, size_t n)
{
	if (n < 2 * DR_RECORD_BYTES)
		return false;
	return get_u16(head) == DR_HEADER && get_u16(head + 2) == 0 &&
	       get_u64(head + 4) - 1 < DR_VERSION_MAX && get_u16(head + DR_RECORD_BYTES) < DR_TYPES;
}

static enum taken failed(struct dr_file *f, const char *expected, const struct dr_record *r)
{
	err_set(&f->bad, ERR_FORMAT,
		"%s: record %" PRIu64 " at byte %" PRIu64
		": expected %s, found type %u, size %u, value %#" PRIx64,
		input_name(f->in), f->record_no + 1, f->record_no * DR_RECORD_BYTES, expected, r->type,
		r->size, r->addr);
	return TAKEN_FAILED;
}

/* ---- reading ---- */

static void fill(struct dr_file *f)
{
	size_t got = 1;

	memmove(f->buf, f->buf + f->pos, f->len - f->pos);
	f->len -= f->pos;
	f->pos = 0;
	while (f->len < DR_RECORD_BYTES && got && !f->bad.code) {
		if (input_read(f->in, f->buf + f->len, DR_BUFFER_BYTES - f->len, &got, &f->bad) == 0)
			f->len += got;
	}
}

/* The record at the cursor, which stays; false at the end or on error. */
static bool peek(struct dr_file *f, struct dr_record *r)
{
	const uint8_t *p;

	if (f->len - f->pos < DR_RECORD_BYTES && !f->bad.code)
		fill(f);
	if (f->len - f->pos < DR_RECORD_BYTES) {
		if (!f->bad.code && (f->len > f->pos || !f->ended))
			err_set(&f->bad, ERR_TRUNCATED,
				"%s: cut off behind record %" PRIu64 ", at byte %" PRIu64 ": no footer",
				input_name(f->in), f->record_no, f->record_no * DR_RECORD_BYTES);
		return false;
	}
	p = f->buf + f->pos;
	*r = (struct dr_record){.type = get_u16(p), .size = get_u16(p + 2), .addr = get_u64(p + 4)};
	return true;
}

static void consume(struct dr_file *f)
{
	f->pos += DR_RECORD_BYTES;
	f->record_no++;
}

/* ---- accesses ---- */

static void add(struct dr_file *f, uint64_t addr, enum access_kind kind, uint32_t size, uint32_t icount)
{
	f->addr[f->n] = addr;
	f->meta[f->n++] = meta_make(addr, kind, size, icount);
}

static enum taken data(struct dr_file *f, const struct dr_record *r)
{
	enum access_kind kind = r->type == DR_WRITE ? ACCESS_STORE : ACCESS_LOAD;
	uint64_t addr = r->addr;
	uint32_t size = MAX_OF((uint32_t)r->size, 1u);

	if (addr > UINT64_MAX - size)
		return failed(f, "an access below 2^64", r);
	while (size > META_SIZE_MAX) {
		uint32_t piece = (uint32_t)(PAGE_SIZE - (addr & (PAGE_SIZE - 1)));

		add(f, addr, kind, piece, 0);
		addr += piece;
		size -= piece;
	}
	add(f, addr, kind, size, 0);
	return TAKEN;
}

static enum taken fetch(struct dr_file *f, const struct dr_record *r)
{
	if (r->size > META_SIZE_MAX)
		return failed(f, "an instruction of at most 4096 bytes", r);
	/* A size of 0 only names the instruction of the data that follow; one that is repeated is not fetched
	 * again. */
	if (r->size && !(r->type == DR_INSTR_MAYBE_FETCH && r->addr + r->size == f->next_pc))
		add(f, r->addr, ACCESS_FETCH, r->size, 1);
	f->next_pc = r->addr + r->size;
	return TAKEN;
}

/* Up to eight instructions that follow each other; the value's bytes are their lengths. */
static enum taken bundle(struct dr_file *f, const struct dr_record *r)
{
	if (r->size > BUNDLE_MAX)
		return failed(f, "at most 8 instructions in a bundle", r);
	for (unsigned i = 0; i < r->size; i++) {
		uint32_t size = r->addr >> 8 * i & 0xff;

		if (size)
			add(f, f->next_pc, ACCESS_FETCH, size, 1);
		f->next_pc += size;
	}
	return TAKEN;
}

/* ---- threads and system calls ---- */

static void control(struct dr_file *f, enum record_op op)
{
	f->control =
		(struct control){.op = op,
				 .pid = f->pid,
				 .tid = f->tid,
				 .cpu = (int32_t)f->cpu,
				 .time_ns = f->time_us > f->epoch_us ? (f->time_us - f->epoch_us) * 1000 : 0};
	f->has_control = true;
}

static void end_call(struct dr_file *f)
{
	control(f, REC_OTHER);
	f->control.arg[0] = f->call.number;
	memcpy(f->control.arg + 1, f->call.arg, sizeof f->call.arg);
	f->control.result = f->call.result;
	f->call = (struct dr_call){0};
}

/* Accesses of a thread that is not this one do not belong into its batch. */
static enum taken thread(struct dr_file *f, const struct dr_record *r)
{
	uint64_t pid = 0;

	if (r->addr > UINT32_MAX && r->addr != THREAD_NONE)
		return failed(f, "a thread's or process's number below 2^32", r);
	if (f->n)
		return NOT_TAKEN;
	if (r->type == DR_PID) {
		f->pid = (uint32_t)r->addr;
		map_put(&f->pids, f->tid, f->pid);
		if (f->pids.len > DR_THREADS_MAX)
			return failed(f, "at most 65536 threads in a file", r);
	} else {
		f->tid = (uint32_t)r->addr;
		f->pid = map_get(&f->pids, f->tid, &pid) ? (uint32_t)pid : 0;
		f->has_thread = true;
	}
	return TAKEN;
}

static enum taken thread_exit(struct dr_file *f, const struct dr_record *r)
{
	enum taken t = thread(f, r);

	if (t == TAKEN) {
		control(f, REC_EXIT);
		map_del(&f->pids, f->tid);
		return TAKEN_LAST;
	}
	return t;
}

static void function(struct dr_file *f, const struct dr_record *r)
{
	struct dr_call *c = &f->call;

	if (r->size == DR_FUNC_ID)
		f->function = r->addr;
	else if (!c->pending || f->function != SYSCALL_BASE + c->number)
		return;
	else if (r->size == DR_FUNC_ARG && c->nr_args < ARRAY_LEN(c->arg))
		c->arg[c->nr_args++] = r->addr;
	else if (r->size == DR_FUNC_RESULT)
		c->result = (int64_t)r->addr;
	else if (r->size == DR_SYSCALL_FAILED)
		c->result = -(int64_t)(r->addr & 0xffff);
}

static enum taken marker(struct dr_file *f, const struct dr_record *r)
{
	switch (r->size) {
	case DR_TIMESTAMP:
		if (r->addr == f->time_us)
			break; /* repeated at the beginning of a chunk */
		f->time_us = r->addr;
		return TAKEN_LAST;
	case DR_CPU:
		f->cpu = r->addr & CPU_MASK;
		break;
	case DR_FUNC_ID:
	case DR_FUNC_ARG:
	case DR_FUNC_RESULT:
	case DR_SYSCALL_FAILED:
		function(f, r);
		break;
	case DR_FILE_TYPE:
		f->file_type = r->addr;
		break;
	case DR_VERSION:
		f->version = r->addr;
		break;
	case DR_SYSCALL:
		f->call = (struct dr_call){.pending = true, .number = r->addr};
		break;
	case DR_KERNEL_BEGIN:
	case DR_SWITCH_BEGIN:
		f->in_kernel = true;
		break;
	case DR_KERNEL_END:
	case DR_SWITCH_END:
		f->in_kernel = false;
		break;
	default:
		break;
	}
	return TAKEN;
}

/* ---- records ---- */

static bool is_fetch(unsigned type)
{
	return (type >= DR_INSTR_FIRST && type <= DR_INSTR_LAST) || type == DR_INSTR_SYSENTER ||
	       type == DR_INSTR_MAYBE_FETCH || type == DR_INSTR_TAKEN || type == DR_INSTR_UNTAKEN;
}

static bool is_access(unsigned type)
{
	return type == DR_READ || type == DR_WRITE || type == DR_BUNDLE || is_fetch(type);
}

/* Whether a system call's end is known by this record: user mode goes on, or another call begins. */
static bool ends_call(const struct dr_file *f, const struct dr_record *r)
{
	return (is_access(r->type) && !f->in_kernel) || r->type == DR_THREAD || r->type == DR_THREAD_EXIT ||
	       r->type == DR_FOOTER || (r->type == DR_MARKER && r->size == DR_SYSCALL);
}

static enum taken access_record(struct dr_file *f, const struct dr_record *r)
{
	if (f->in_kernel)
		return TAKEN;
	if (!f->has_thread)
		return failed(f, "a thread's number in front of the first access", r);
	if (r->type == DR_BUNDLE)
		return bundle(f, r);
	return is_fetch(r->type) ? fetch(f, r) : data(f, r);
}

static enum taken take(struct dr_file *f, const struct dr_record *r)
{
	if (f->call.pending && ends_call(f, r)) {
		end_call(f);
		return NOT_TAKEN;
	}
	f->ended = r->type == DR_FOOTER;
	if (is_access(r->type))
		return access_record(f, r);
	switch (r->type) {
	case DR_THREAD:
	case DR_PID:
		return thread(f, r);
	case DR_THREAD_EXIT:
		return thread_exit(f, r);
	case DR_MARKER:
		return marker(f, r);
	case DR_HEADER:
		if (r->addr - 1 >= DR_VERSION_MAX)
			return failed(f, "a header with a version of 1 to 7", r);
		f->version = r->addr;
		return TAKEN;
	default:
		return r->type < DR_TYPES ? TAKEN : failed(f, "a record type below 50", r);
	}
}

int dr_file_open(struct dr_file *f, const char *path, struct err *e)
{
	struct dr_record r;
	int rc;

	map_init(&f->pids);
	rc = input_open(&f->in, path, e);
	if (rc)
		return rc;
	if (peek(f, &r) && r.type != DR_HEADER)
		failed(f, "a drmemtrace header", &r);
	/* All in front of the first time belongs to no time. */
	while (!f->bad.code && !f->time_us && peek(f, &r)) {
		enum taken t;

		if (is_access(r.type) || r.type == DR_FOOTER || r.type == DR_THREAD_EXIT)
			break;
		t = take(f, &r);
		if (t != TAKEN && t != TAKEN_LAST)
			break;
		consume(f);
	}
	if (f->record_no || !f->bad.code)
		return 0;
	*e = f->bad;
	return -(int)f->bad.code;
}

int dr_file_next(struct dr_file *f, struct batch *b, struct err *e)
{
	enum taken t = TAKEN;
	struct dr_record r;

	f->n = 0;
	f->has_control = false;
	while (t == TAKEN && f->n < DR_BATCH && !f->done) {
		*b = (struct batch){.pid = f->pid, .tid = f->tid};
		f->done = f->bad.code || !peek(f, &r);
		if (f->done)
			break;
		t = take(f, &r);
		if (t == TAKEN || t == TAKEN_LAST)
			consume(f);
		f->done = t == TAKEN_FAILED;
	}
	if (f->done && !f->n) {
		if (f->bad.code && e && e->code == ERR_OK)
			*e = f->bad;
		return -(int)f->bad.code;
	}
	if (f->has_control) {
		b->pid = f->control.pid;
		b->tid = f->control.tid;
		b->control = &f->control;
	}
	b->n = f->n;
	b->addr = f->addr;
	b->meta = f->meta;
	return 1;
}

void dr_file_close(struct dr_file *f)
{
	input_close(f->in);
	map_release(&f->pids);
}
