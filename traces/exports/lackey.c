/*
 * lackey.c - writes what `valgrind --tool=lackey --trace-mem=yes` prints (lackey/lk_main.c).
 *
 * A load and a store of the same bytes by one instruction are a modification, " M", as in lackey. Lines begin
 * with the first access: lackey's own remarks are not made up.
 *
 * Not modelled: threads; blocks of instructions, which become one line of their whole length.
 */
#include "traces/exports/exports.h"

#define LINE_MAX_BYTES 64

struct lackey {
	bool pending; /* a load that the next store may make a modification */
	struct export_access load;
};

static int put_line(struct export *x, const char kind[3], const struct export_access *a, struct err *e)
{
	char *p = pack_room(x->out, LINE_MAX_BYTES, e), *end = p;

	if (!p)
		return -(int)e->code;
	for (unsigned i = 0; i < 3; i++)
		*end++ = kind[i];
	end = export_hex(end, a->addr, 8);
	*end++ = ',';
	end = export_dec(end, a->size);
	*end++ = '\n';
	pack_commit(x->out, (size_t)(end - p));
	return 0;
}

static int put_pending(struct export *x, struct err *e)
{
	struct lackey *l = x->state;
	bool pending = l->pending;

	l->pending = false;
	return pending ? put_line(x, " L ", &l->load, e) : 0;
}

static int lackey_access(struct export *x, const struct export_access *a, struct err *e)
{
	struct lackey *l = x->state;
	const struct export_access *load = &l->load;
	int r;

	if (l->pending && a->kind == ACCESS_STORE && a->icount == 0 && a->addr == load->addr &&
	    a->size == load->size && a->tid == load->tid && a->pid == load->pid) {
		l->pending = false;
		return put_line(x, " M ", a, e);
	}
	r = put_pending(x, e);
	if (r)
		return r;
	if (a->kind != ACCESS_LOAD)
		return put_line(x, a->kind == ACCESS_FETCH ? "I  " : " S ", a, e);
	l->pending = true;
	l->load = *a;
	return 0;
}

const struct exporter_ops lackey_exporter = {
	.name = "lackey",
	.sentence = "what valgrind --tool=lackey --trace-mem=yes prints",
	.keeps = KEEPS_FETCHES | KEEPS_STORES | KEEPS_SIZES,
	.state_bytes = sizeof(struct lackey),
	.access = lackey_access,
	.finish = put_pending,
};
