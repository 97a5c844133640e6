/*
 * blkdev.c - a block device: servers with latency, a bandwidth shared by all, a queue.
 *
 * A request begins when it has been submitted, a server is free and the data path is free:
 *
 *     begin = max(now, earliest free server, data path free)
 *     data path free := begin + transfer          transfer = bytes / bandwidth, rounded up to a picosecond
 *     done = begin + access + transfer            access = latency of 4 KiB - transfer of 4 KiB, at least 0
 *
 * and its server is free at `done`. So a lone 4 KiB request takes its latency, n servers give at most n
 * requests a latency, and the rate never exceeds the bandwidth (the open-loop queue that flash devices with
 * their internal channels are, in steady state: fio at queue depths 1 … 64). First come, first served.
 *
 * O(log servers) a submission. Requests are objects of a pool; the event queue orders completions.
 *
 * Not modelled: seek distance and rotation (the latency is a constant), requests merged or reordered by an
 * I/O scheduler, devices that slow down when full, read and write interference, flushes and barriers.
 */
#include "models/kernel/blkdev.h"

#include <string.h>

#include "sim/check.h"

PARAM_TABLE(disk, disk_params, DISK_PARAMS);
STAT_TABLE(blkdev, blkdev_stats, BLKDEV_STATS);

struct blkdev_request {
	struct event ev;
	struct blkdev *dev;
	struct blkdev_request *next, *prev; /* in flight */
	blkdev_done_fn done;
	void *ctx;
	tick_t submitted;
	unsigned n;
	bool is_write;
	pfn_t pfns[BLKDEV_MAX_PAGES];
};

static tick_t transfer_ps(const struct blkdev *d, unsigned pages)
{
	return mul_div_up_u64((uint64_t)pages << PAGE_SHIFT, PS_PER_S, d->params.bandwidth_mb * 1000000);
}

void blkdev_init(struct blkdev *d, struct eventq *q, const struct blkdev_params *p)
{
	tick_t page;

	memset(d, 0, sizeof *d);
	d->eventq = q;
	d->params = *p;
	d->server_free = mem_alloc(p->servers, sizeof *d->server_free);
	pool_init(&d->requests, sizeof(struct blkdev_request), 64);
	page = transfer_ps(d, 1);
	d->access_ps[0] = p->read_us * PS_PER_US - MIN_OF(page, p->read_us * PS_PER_US);
	d->access_ps[1] = p->write_us * PS_PER_US - MIN_OF(page, p->write_us * PS_PER_US);
}

void blkdev_release(struct blkdev *d)
{
	for (struct blkdev_request *r = d->in_flight; r; r = r->next)
		eventq_cancel(d->eventq, &r->ev);
	mem_free(d->server_free);
	pool_release(&d->requests);
}

/* Gives the root of the heap, the earliest server, a later time. */
static void server_take(struct blkdev *d, tick_t until)
{
	tick_t *h = d->server_free;
	uint64_t n = d->params.servers, i = 0;

	for (;;) {
		uint64_t c = 2 * i + 1;

		if (c >= n)
			break;
		if (c + 1 < n && h[c + 1] < h[c])
			c++;
		if (h[c] >= until)
			break;
		h[i] = h[c];
		i = c;
	}
	h[i] = until;
}

static void request_fire(struct event *ev)
{
	struct blkdev_request *r = CONTAINER_OF(ev, struct blkdev_request, ev);
	struct blkdev *d = r->dev;
	tick_t now = ev->time;
	uint64_t ns = (now - r->submitted) / PS_PER_NS;

	*(r->prev ? &r->prev->next : &d->in_flight) = r->next;
	if (r->next)
		r->next->prev = r->prev;
	d->stats.in_flight--;
	if (now > d->busy_since) {
		d->stats.busy_ps += now - d->busy_since;
		d->busy_since = now;
	}
	hist_add(r->is_write ? &d->stats.write_latency : &d->stats.read_latency, ns);
	if (r->done)
		r->done(r->ctx, r->pfns, r->n, r->is_write);
	pool_put(&d->requests, r);
}

tick_t blkdev_submit(struct blkdev *d, tick_t now, const pfn_t *pfns, unsigned n, bool is_write,
		     blkdev_done_fn done, void *ctx)
{
	struct blkdev_request *r = pool_get(&d->requests);
	tick_t transfer = transfer_ps(d, n);
	tick_t begin = MAX_OF(now, MAX_OF(d->server_free[0], d->pipe_free));
	tick_t end = begin + d->access_ps[is_write] + transfer;

	CHECK(n >= 1 && n <= BLKDEV_MAX_PAGES, "request of %u pages", n);
	d->pipe_free = begin + transfer;
	server_take(d, end);
	r->dev = d;
	r->done = done;
	r->ctx = ctx;
	r->submitted = now;
	r->n = n;
	r->is_write = is_write;
	memcpy(r->pfns, pfns, n * sizeof *pfns);
	if (d->stats.in_flight++ == 0)
		d->busy_since = now;
	if (is_write) {
		d->stats.writes++;
		d->stats.write_bytes += (uint64_t)n << PAGE_SHIFT;
	} else {
		d->stats.reads++;
		d->stats.read_bytes += (uint64_t)n << PAGE_SHIFT;
	}
	r->next = d->in_flight;
	if (r->next)
		r->next->prev = r;
	d->in_flight = r;
	event_init(&r->ev, EVENT_PRIO_DEVICE, request_fire);
	eventq_schedule(d->eventq, &r->ev, end);
	return end;
}
