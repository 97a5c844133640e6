/*
 * control.c - pieces and control records as bytes.
 *
 * Everything is a varint; orders, times and `after` are differences to the piece before (FORMAT.md, "Control
 * section"). Arguments are written with their number, so a later version may add one to an operation.
 */
#include "traces/control.h"

static inline uint8_t *put_varint(uint8_t *p, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		*p++ = (uint8_t)(v | 0x80);
	*p++ = (uint8_t)v;
	return p;
}

/* The control record of a piece; there is room for all but the text. */
static uint8_t *put_control(uint8_t *p, struct control_base *base, const struct piece *piece,
			    const struct record_op_info *info, size_t text_size)
{
	const struct control *c = &piece->control;
	unsigned nr = record_op_written(info, c);

	p = put_varint(p, zigzag((uint64_t)(int64_t)c->cpu));
	p = put_varint(p, zigzag(c->time_ns - base->time_ns));
	base->time_ns = c->time_ns;
	if (info->ordered)
		p = put_varint(p, zigzag(c->seq - piece->after));
	p = put_varint(p, zigzag((uint64_t)c->result));
	*p++ = (uint8_t)nr;
	for (unsigned i = 0; i < nr; i++)
		p = put_varint(p, c->arg[i]);
	return put_varint(p, text_size);
}

void piece_write(struct buf *out, struct control_base *base, const struct piece *p)
{
	const struct record_op_info *info = record_op_info(p->control.op);
	size_t text_size = info && p->control.text ? strlen(p->control.text) + 1 : 0;
	uint8_t *to = buf_room(out, PIECE_NUMBERS_MAX);

	to = put_varint(to, p->order - base->order);
	to = put_varint(to, zigzag(p->after - base->after));
	to = put_varint(to, p->accesses);
	*to++ = (uint8_t)p->control.op;
	base->order = p->order;
	base->after = p->after;
	if (info)
		to = put_control(to, base, p, info, text_size);
	out->len = (size_t)(to - out->p);
	buf_bytes(out, p->control.text, text_size);
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
