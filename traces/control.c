/*
 * control.c - pieces and control records as bytes.
 *
 * Everything is a varint; orders, times and `after` are differences to the piece before (FORMAT.md, "Control
 * section"). Arguments are written with their number, so a later version may add one to an operation.
 */
#include "traces/control.h"

void piece_write(struct buf *out, struct control_base *base, const struct piece *p)
{
	const struct control *c = &p->control;
	const struct record_op_info *info = record_op_info(c->op);

	buf_varint(out, p->order - base->order);
	buf_varint(out, zigzag(p->after - base->after));
	buf_varint(out, p->accesses);
	buf_u8(out, c->op);
	base->order = p->order;
	base->after = p->after;
	if (!info)
		return;
	buf_varint(out, zigzag((uint64_t)(int64_t)c->cpu));
	buf_varint(out, zigzag(c->time_ns - base->time_ns));
	base->time_ns = c->time_ns;
	if (info->ordered)
		buf_varint(out, zigzag(c->seq - p->after));
	buf_varint(out, zigzag((uint64_t)c->result));
	buf_u8(out, info->nr_args);
	for (unsigned i = 0; i < info->nr_args; i++)
		buf_varint(out, c->arg[i]);
	buf_varint(out, c->text ? strlen(c->text) + 1 : 0);
	if (c->text)
		buf_bytes(out, c->text, strlen(c->text) + 1);
}

static bool text_read(struct cursor *c, struct control *out)
{
	uint64_t n = cursor_varint(c);
	const uint8_t *text;

	out->text = NULL;
	if (n == 0)
		return true;
	if (n > CONTROL_TEXT_MAX + 1)
		return false;
	text = cursor_take(c, (size_t)n);
	out->text = (const char *)text;
	return text && memchr(text, '\0', (size_t)n) == text + n - 1;
}

static bool control_read(struct cursor *c, struct control_base *base, struct piece *p,
			 const struct record_op_info *info)
{
	struct control *out = &p->control;
	unsigned nr;

	out->cpu = (int32_t)unzigzag(cursor_varint(c));
	out->time_ns = base->time_ns += unzigzag(cursor_varint(c));
	out->order = p->order;
	out->seq = info->ordered ? p->after + unzigzag(cursor_varint(c)) : 0;
	out->result = (int64_t)unzigzag(cursor_varint(c));
	nr = cursor_u8(c);
	if (nr > CONTROL_ARGS)
		return false;
	for (unsigned i = 0; i < CONTROL_ARGS; i++)
		out->arg[i] = i < nr ? cursor_varint(c) : 0;
	return text_read(c, out);
}

bool piece_read(struct cursor *c, struct control_base *base, struct piece *p)
{
	const struct record_op_info *info;
	uint64_t accesses;

	p->order = base->order += cursor_varint(c);
	p->after = base->after += unzigzag(cursor_varint(c));
	accesses = cursor_varint(c);
	p->control.op = (enum record_op)cursor_u8(c);
	p->accesses = (uint32_t)accesses;
	if (c->bad || accesses > UINT32_MAX)
		return false;
	if (p->control.op == REC_NONE)
		return true;
	info = record_op_info(p->control.op);
	return info && p->control.op != REC_SYNC && control_read(c, base, p, info) && !c->bad;
}
