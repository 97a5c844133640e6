/*
 * order.c - whose turn it is: as recorded, or by what must have taken effect before (traces/source.h).
 * O(threads) a piece as recorded, O(threads) an ordered record when re-scheduled.
 */
#include "models/replay/parts.h"

void order_wait(struct thread *th)
{
	th->waits = true;
	th->r->nr_waits++;
	sched_block_user(th->task, order_key(th));
}

void order_wake_thread(struct thread *th, tick_t now)
{
	if (th->waits) {
		th->waits = false;
		th->r->nr_waits--;
		sched_wake(th->r->k, order_key(th), now);
	}
}

static void mark_done(struct replay *r, uint64_t seq)
{
	map_put(&r->done_later, seq, 1);
	while (map_del(&r->done_later, r->done_seq))
		r->done_seq++;
}

/*
 * A piece of a thread behind its exit, when no record began another one of its number: it has no effect but
 * on the order and on marks.
 */
static void skip_gone(struct thread *th, tick_t now)
{
	struct replay *r = th->r;
	const struct control *c = th->b.control;

	r->stats.skipped_accesses += th->b.n;
	th->process->stats.skipped_accesses += th->b.n;
	if (c && c->op == REC_MARK)
		r->hooks.mark(r->hooks.ctx, NULL, c->text ? c->text : "");
	if (c && record_op_info(c->op)->ordered)
		mark_done(r, c->seq);
	if (!replay_next_batch(th)) {
		th->ended = true;
		replay_thread_done(th, now);
	}
}

/* Nobody's child: of the process of its number, or of a new one. */
static void start_orphan(struct thread *th, tick_t now)
{
	struct process *p = replay_process_find(th->r, th->pid);

	if (!p || p->exited)
		p = replay_process_new(th->r, th->pid, NULL);
	replay_thread_start(th, p, NULL, NULL, now);
}

static struct thread *first_in_order(struct replay *r)
{
	struct thread *best = NULL;

	for (size_t i = 0; i < r->nr_threads; i++)
		if (!r->threads[i].ended && !r->threads[i].idle &&
		    (!best || r->threads[i].order < best->order))
			best = &r->threads[i];
	return best;
}

/* As recorded: the thread with the smallest order has the turn. One that nobody started starts when its turn
 * comes. */
void order_wake_turn(struct replay *r, tick_t now)
{
	struct thread *best;

	if (r->params.schedule != REPLAY_AS_RECORDED)
		return;
	while ((best = first_in_order(r)) && best->gone)
		skip_gone(best, now);
	if (!best)
		return;
	if (!best->started)
		start_orphan(best, now);
	order_wake_thread(best, now);
}

bool order_has_turn(const struct thread *th)
{
	const struct replay *r = th->r;

	if (th->forced)
		return true;
	if (r->params.schedule != REPLAY_AS_RECORDED)
		return th->after <= r->done_seq;
	for (size_t i = 0; i < r->nr_threads; i++)
		if (!r->threads[i].ended && r->threads[i].order < th->order)
			return false;
	return true;
}

/* Threads that nobody will start, because the record that would is missing, start when all before them is
 * done. */
void order_start_orphans(struct replay *r, tick_t now)
{
	for (size_t i = 0; i < r->nr_threads; i++) {
		struct thread *th = &r->threads[i];
		uint64_t before = r->done_seq;

		while (th->gone && !th->started && !th->ended && th->after <= r->done_seq)
			skip_gone(th, now);
		if (!th->started && !th->ended && !th->gone && th->after <= r->done_seq)
			start_orphan(th, now);
		if (r->done_seq != before)
			i = SIZE_MAX; /* what was skipped may let earlier ones go on */
	}
}

/* An ordered record took effect: whoever waited for it goes on. */
void order_done(struct replay *r, uint64_t seq, tick_t now)
{
	mark_done(r, seq);
	if (r->params.schedule == REPLAY_AS_RECORDED)
		return;
	order_start_orphans(r, now);
	for (size_t i = 0; i < r->nr_threads; i++) {
		struct thread *th = &r->threads[i];

		if (!th->idle && th->after <= r->done_seq)
			order_wake_thread(th, now);
	}
}

/*
 * A trace whose order contradicts itself (two threads that each come behind the other, records of a thread
 * behind its process's end): when all that is left waits, the earliest goes ahead.
 */
bool replay_unstall(struct replay *r, tick_t now)
{
	struct thread *th;

	if (r->over || r->nr_waits != sched_nr_user(r->k->sched))
		return false;
	th = first_in_order(r);
	if (!th)
		return false;
	r->stats.order_breaks++;
	th->forced = true;
	if (th->gone)
		skip_gone(th, now);
	else if (!th->started)
		start_orphan(th, now);
	else
		order_wake_thread(th, now);
	order_wake_turn(r, now);
	return true;
}
