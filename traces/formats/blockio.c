/*
 * blockio.c - requests to disks as comma-separated values: the MSR Cambridge and Alibaba traces.
 *
 *   msr      TIMESTAMP,HOST,DISK,Read|Write,OFFSET,SIZE,RESPONSETIME: 100 ns since 1601, bytes
 *   alibaba  DEVICE,R|W,OFFSET,LENGTH,TIMESTAMP: microseconds, bytes
 * (the README files of both collections). A first line that names the columns is skipped.
 *
 * What a block trace becomes. There are no memory accesses in it, so it replays as file I/O: each disk is a
 * file ("HOST.DISK", "DEVICE") of 16 TiB that existed before, each request a READ or WRITE of it by one
 * thread (pid 1), with its time. The page cache, readahead, write-back and reclaim see that stream, and the
 * simulated disk gets what they let through. The trace was recorded below a page cache: its reads are the
 * misses of that cache, so a replay answers "what would one more cache of this much memory have saved", which
 * is what these traces are used for; it is not the program's own I/O.
 *
 * Options:
 *   pace=sleep|none   sleep: in front of a request the thread sleeps for the time that lies between it and
 * the request before it, so that dirty pages grow old as they did; none: one after the other
 *
 * Not modelled: requests under way at once (each waits for the one before, and the sleep comes on top of the
 * time the simulated disk took); the recorded response time; requests that pass the page cache by (O_DIRECT).
 * A time before that of the line before (both collections have some) counts as the same time.
 */
#include "traces/formats/formats.h"

#include <string.h>
#include <strings.h>

#include "sim/mem.h"
#include "traces/formats/textfile.h"

#define DISKS_MAX    4096
#define SLOTS        (4 * DISKS_MAX)
#define DISK_BYTES   (UINT64_C(16) << 40)
#define REQUEST_MAX  (UINT64_C(1) << 31)
#define DISK_NAME    64
#define FIELDS_MAX   7
#define UNIT_MSR     100  /* ns */
#define UNIT_ALIBABA 1000 /* ns */

enum { OPT_PACE };
enum { PACE_SLEEP, PACE_NONE };

struct request {
	struct text_word disk; /* host and number with the comma between them, or device */
	bool write;
	uint64_t off, len, time;
};

struct blockio_form {
	struct text_format format; /* first: a textfile knows only this one */
	bool (*take)(const char *p, const char *end, struct request *r);
	uint64_t unit_ns; /* of the times */
	const char *expected;
};

struct blockio {
	char (*disks)[DISK_NAME];
	uint32_t nr_disks, last_disk;
	char last_name[DISK_NAME]; /* of last_disk, as the line has it */
	size_t last_len;           /* 0: none */
	uint16_t *slots;           /* by the hash of the name: number + 1, 0: none */
	bool begun;
	uint64_t first, last; /* times, in the file's unit */
};

/* Cuts at commas; blanks around a field are not part of it. Returns how many fields there are. */
static size_t fields(const char *p, const char *end, struct text_word *w)
{
	size_t n = 0;

	for (;; p++) {
		const char *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma ? comma : end;

		if (n == FIELDS_MAX)
			return n + 1;
		while (p < stop && *p == ' ')
			p++;
		w[n].p = p;
		w[n].n = (size_t)(stop - p);
		while (w[n].n && p[w[n].n - 1] == ' ')
			w[n].n--;
		n++;
		if (!comma)
			return n;
		p = comma;
	}
}

static bool decimal(struct text_word w, uint64_t *v)
{
	return text_dec(w.p, w.p + w.n, v) == w.p + w.n;
}

static bool is_word(struct text_word w, const char *s)
{
	return strlen(s) == w.n && !strncasecmp(w.p, s, w.n);
}

/* "DIGITS," at p; what is behind, or NULL. */
static inline const char *number_field(const char *p, const char *end, uint64_t *v)
{
	p = text_dec(p, end, v);
	return p && p < end && *p == ',' ? p + 1 : NULL;
}

/* A word at p that a comma ends; what is behind, or NULL. */
static inline const char *word_field(const char *p, const char *end, struct text_word *w)
{
	const char *s = p;

	while (s<end && * s> ' ' && *s != ',')
		s++;
	*w = (struct text_word){p, (size_t)(s - p)};
	return s < end && s > p && *s == ',' ? s + 1 : NULL;
}

/* Lines without blanks and surprises, which nearly all are; others are left to `fields`. */
static bool take_plain_msr(const char *p, const char *end, struct request *r)
{
	struct text_word host, op;
	uint64_t disk, unused;
	const char *behind;

	p = number_field(p, end, &r->time);
	behind = p ? word_field(p, end, &host) : NULL;
	behind = behind ? number_field(behind, end, &disk) : NULL;
	if (!behind)
		return false;
	r->disk = (struct text_word){p, (size_t)(behind - 1 - p)};
	p = word_field(behind, end, &op);
	r->write = text_word_is(op, "Write");
	if (!p || (!r->write && !text_word_is(op, "Read")))
		return false;
	p = number_field(p, end, &r->off);
	p = p ? number_field(p, end, &r->len) : NULL;
	return p && text_dec(p, end, &unused) == end;
}

static bool take_plain_alibaba(const char *p, const char *end, struct request *r)
{
	uint64_t device;
	const char *s = number_field(p, end, &device);

	if (!s || end - s < 2 || (*s != 'R' && *s != 'W') || s[1] != ',')
		return false;
	r->disk = (struct text_word){p, (size_t)(s - 1 - p)};
	r->write = *s == 'W';
	s = number_field(s + 2, end, &r->off);
	s = s ? number_field(s, end, &r->len) : NULL;
	return s && text_dec(s, end, &r->time) == end;
}

static bool take_msr(const char *p, const char *end, struct request *r)
{
	struct text_word w[FIELDS_MAX];
	uint64_t unused;

	if (take_plain_msr(p, end, r))
		return true;
	if (fields(p, end, w) != 7 || !decimal(w[0], &r->time) || !w[1].n || !decimal(w[2], &unused) ||
	    !decimal(w[4], &r->off) || !decimal(w[5], &r->len) || !decimal(w[6], &unused))
		return false;
	r->disk = (struct text_word){w[1].p, (size_t)(w[2].p + w[2].n - w[1].p)};
	r->write = is_word(w[3], "write");
	return r->write || is_word(w[3], "read");
}

static bool take_alibaba(const char *p, const char *end, struct request *r)
{
	struct text_word w[FIELDS_MAX];

	if (take_plain_alibaba(p, end, r))
		return true;
	if (fields(p, end, w) != 5 || !decimal(w[0], &r->time) || !decimal(w[2], &r->off) ||
	    !decimal(w[3], &r->len) || !decimal(w[4], &r->time))
		return false;
	r->disk = w[0];
	r->write = is_word(w[1], "w");
	return r->write || is_word(w[1], "r");
}

static uint32_t hash_text(const char *s)
{
	uint32_t h = 2166136261;

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619;
	return h ^ h >> 15;
}

/* The file of a disk; declares it when it is new. DISKS_MAX: too many. */
static uint32_t find_disk(struct textfile *t, struct blockio *x, const char *name, size_t n)
{
	char text[DISK_NAME];
	uint32_t at;
	struct control c = {.op = REC_FILE, .pid = 1, .tid = 1, .cpu = -1, .text = text};

	for (size_t i = 0; i < n; i++)
		text[i] = name[i] == ',' ? '.' : name[i];
	text[n] = '\0';
	for (at = hash_text(text) % SLOTS; x->slots[at]; at = (at + 1) % SLOTS)
		if (!strcmp(x->disks[x->slots[at] - 1], text))
			return x->slots[at] - 1u;
	if (x->nr_disks == DISKS_MAX)
		return DISKS_MAX;
	x->slots[at] = (uint16_t)(x->nr_disks + 1);
	memcpy(x->disks[x->nr_disks], text, n + 1);
	c.arg[0] = x->nr_disks;
	c.arg[1] = DISK_BYTES;
	textfile_control(t, &c);
	return x->nr_disks++;
}

/* The same, where mostly it is the disk of the line before. */
static uint32_t disk_number(struct textfile *t, struct blockio *x, struct text_word name)
{
	size_t n = MIN_OF(name.n, (size_t)DISK_NAME - 1);

	if (n != x->last_len || memcmp(x->last_name, name.p, n) != 0) {
		memcpy(x->last_name, name.p, n);
		x->last_len = n;
		x->last_disk = find_disk(t, x, name.p, n);
	}
	return x->last_disk;
}

/* Lets the time pass up to the request's; returns the time since the beginning. */
static uint64_t pass_time(struct textfile *t, struct blockio *x, uint64_t time, uint64_t unit_ns)
{
	struct control c = {.op = REC_SLEEP, .pid = 1, .tid = 1, .cpu = -1};

	if (!x->begun)
		x->first = x->last = time;
	x->begun = true;
	time = MAX_OF(time, x->last);
	c.arg[0] = (time - x->last) * unit_ns;
	c.time_ns = (x->last - x->first) * unit_ns;
	x->last = time;
	if (c.arg[0] && t->option[OPT_PACE] == PACE_SLEEP)
		textfile_control(t, &c);
	return (time - x->first) * unit_ns;
}

static int put_request(struct textfile *t, const char *p, const char *end, const struct request *r,
		       uint64_t unit_ns, struct err *e)
{
	struct control c = {.op = r->write ? REC_WRITE : REC_READ, .pid = 1, .tid = 1, .cpu = -1};
	struct blockio *x = t->state;
	uint32_t disk;

	if (r->len - 1 >= REQUEST_MAX || r->off > DISK_BYTES - r->len)
		return textfile_bad(t, p, end, "1 to 2147483648 bytes below 16 TiB", e);
	if (x->begun && r->time > x->first && r->time - x->first > UINT64_MAX / 2000 / unit_ns)
		return textfile_bad(t, p, end, "a time within 100 days of the first line's", e);
	disk = disk_number(t, x, r->disk);
	if (disk == DISKS_MAX)
		return textfile_bad(t, p, end, "at most 4096 disks", e);
	c.time_ns = pass_time(t, x, r->time, unit_ns);
	c.arg[0] = disk;
	c.arg[1] = r->off;
	c.arg[2] = r->len;
	c.result = (int64_t)r->len;
	textfile_control(t, &c);
	return 0;
}

static bool is_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return p == end;
}

/* The names of the columns, in front of all else. */
static bool is_head(const char *p, const char *end)
{
	static const char *const heads[] = {"timestamp,", "device_id,", "device,"};

	for (size_t i = 0; i < ARRAY_LEN(heads); i++)
		if ((size_t)(end - p) > strlen(heads[i]) && !strncasecmp(p, heads[i], strlen(heads[i])))
			return true;
	return false;
}

static int blockio_line(struct textfile *t, const char *p, const char *end, struct err *e)
{
	const struct blockio_form *form = (const struct blockio_form *)t->format;
	struct request r;

	if (form->take(p, end, &r))
		return put_request(t, p, end, &r, form->unit_ns, e);
	if (is_blank(p, end) || (t->line_no == 1 && is_head(p, end)))
		return 0;
	return textfile_bad(t, p, end, form->expected, e);
}

static int blockio_start(struct textfile *t, struct err *e)
{
	struct blockio *x = t->state;

	(void)e;
	x->disks = mem_alloc_late(DISKS_MAX, sizeof *x->disks);
	x->slots = mem_alloc_late(SLOTS, sizeof *x->slots);
	t->provenance.recorder = t->im.ops->name;
	t->provenance.no_threads = true;
	t->provenance.no_fetches = true;
	t->provenance.notes =
		"block I/O: each disk is a file, each request a read or write through the page cache";
	return 0;
}

static void blockio_release(struct textfile *t)
{
	struct blockio *x = t->state;

	mem_free(x->disks);
	mem_free(x->slots);
}

static int probe_line(const void *ctx, const char *p, const char *end)
{
	const struct blockio_form *form = ctx;
	struct request r;

	return is_blank(p, end) || is_head(p, end) ? 0 : form->take(p, end, &r) ? 1 : -1;
}

#define BLOCKIO(name_, unit_ns_, sentence_, columns_)                                 \
	static const struct blockio_form name_##_form = {                             \
		.format = {.options = {{"pace", "sleep none"}},                       \
			   .state_bytes = sizeof(struct blockio),                     \
			   .start = blockio_start,                                    \
			   .line = blockio_line,                                      \
			   .release = blockio_release},                               \
		.take = take_##name_,                                                 \
		.unit_ns = unit_ns_,                                                  \
		.expected = "\"" columns_ "\"",                                       \
	};                                                                            \
	static int name_##_probe(const uint8_t *head, size_t n)                       \
	{                                                                             \
		return text_probe_share(head, n, probe_line, &name_##_form) * 9 / 10; \
	}                                                                             \
	const struct importer_ops name_##_importer = {                                \
		.name = #name_,                                                       \
		.sentence = sentence_ columns_,                                       \
		.probe = name_##_probe,                                               \
		TEXTFILE_HOOKS(&name_##_form.format),                                 \
	};

BLOCKIO(msr, UNIT_MSR, "block I/O of MSR Cambridge: ", "TIMESTAMP,HOST,DISK,Read|Write,OFFSET,SIZE,TIME")
BLOCKIO(alibaba, UNIT_ALIBABA, "block I/O of Alibaba: ", "DEVICE,R|W,OFFSET,LENGTH,TIMESTAMP")
