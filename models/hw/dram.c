/*
 * dram.c - timing of one node's DRAM.
 *
 * Modelled after JEDEC DDR4/DDR5 as Ramulator 2 and DRAMsim3 name the timings: a bank has at most one open
 * row; a hit costs tCL, a closed bank tRCD + tCL, another open row tRP + tRCD + tCL, and a row stays open at
 * least tRAS. A line's data holds the channel's wires for a burst. Rows that are not used for a while are
 * closed, as the adaptive page policy of server controllers does. Each rank is refreshed all banks at a time,
 * ranks and channels staggered; a refresh closes the rows and holds accesses off. Addresses spread row : rank
 * : bank : column : channel, so neighbouring lines lie on neighbouring channels and a stream uses up an open
 * row.
 *
 * Requests are served per bank in the order of the calls. One that comes late in call order but early in time
 * (its CPU is behind another one) gets the time that the bank was idle before its last request, if a row
 * cycle fits, and the wires' free slots (server.h). Complexity: O(1) an access. Invariant: a channel never
 * carries more than one burst a burst time. Not modelled: reordering for row hits (FR-FCFS), write queues and
 * the wires' turnaround (a write costs its writer nothing and takes bank and wires like a read), bank groups
 * (tCCD is a burst), tFAW, tRRD, tRTP and tWR, hashed bank numbers, refresh that is put off, power-down
 * states, ECC, row hammer.
 */
#include "models/hw/dram.h"

#include "sim/mem.h"

PARAM_TABLE(dram, dram_params, DRAM_PARAMS);
STAT_TABLE(dram, dram_stats, DRAM_STATS);

static int check_list(const struct u64_list *l, const char *path, unsigned nr_nodes, struct err *e)
{
	if (l->n == 1 || l->n == nr_nodes)
		return 0;
	return err_set(e, ERR_CONFIG, "%s: %zu entries, expected one or one for each of %u nodes", path, l->n,
		       nr_nodes);
}

static uint64_t of_node(const struct u64_list *l, unsigned nid)
{
	return l->v[l->n == 1 ? 0 : nid];
}

static void set_timings(struct dram *d, const struct dram_params *p, uint64_t line_bytes)
{
	d->tcl_ps = p->tcl * p->tck_ps;
	d->trcd_ps = p->trcd * p->tck_ps;
	d->trp_ps = p->trp * p->tck_ps;
	d->tras_ps = p->tras * p->tck_ps;
	d->trfc_ps = p->trfc * p->tck_ps;
	d->row_timeout_ps = p->row_timeout * p->tck_ps;
	d->burst_ps = mul_div_up_u64(p->burst * p->tck_ps, line_bytes, 64);
	d->by_trefi = divisor_of(p->trefi ? p->trefi * p->tck_ps : 1);
}

int dram_init(struct dram *d, const struct dram_params *p, uint64_t line_bytes, unsigned nid,
	      unsigned nr_nodes, struct err *e)
{
	size_t nr_banks;
	int rc;

	*d = (struct dram){0};
	rc = check_list(&p->channels, "dram.channels", nr_nodes, e);
	if (!rc)
		rc = check_list(&p->controller_ps, "dram.controller_ps", nr_nodes, e);
	if (!rc && p->row_bytes % line_bytes)
		rc = err_set(e, ERR_CONFIG,
			     "dram.row_bytes: %" PRIu64 ", expected a multiple of the cache line of %" PRIu64
			     " bytes",
			     p->row_bytes, line_bytes);
	if (!rc && p->trefi && p->trfc >= p->trefi)
		rc = err_set(e, ERR_CONFIG,
			     "dram.trfc: %" PRIu64 " clocks, expected less than dram.trefi, %" PRIu64,
			     p->trfc, p->trefi);
	if (rc)
		return rc;
	d->nr_channels = (unsigned)of_node(&p->channels, nid);
	d->controller_ps = of_node(&p->controller_ps, nid);
	d->by_channel = divisor_of(d->nr_channels);
	d->by_column = divisor_of(p->row_bytes / line_bytes);
	d->by_bank = divisor_of(p->banks);
	d->by_rank = divisor_of(p->ranks);
	set_timings(d, p, line_bytes);
	if (!p->trefi)
		d->trfc_ps = 0;
	nr_banks = (size_t)d->nr_channels * p->ranks * p->banks;
	d->banks = mem_alloc(nr_banks, sizeof *d->banks);
	for (size_t i = 0; i < nr_banks; i++)
		d->banks[i].row = DRAM_NO_ROW;
	d->channels = mem_alloc(d->nr_channels, sizeof *d->channels);
	for (unsigned i = 0; i < d->nr_channels; i++)
		server_init(&d->channels[i], d->burst_ps);
	return 0;
}

void dram_release(struct dram *d)
{
	mem_free(d->banks);
	mem_free(d->channels);
	*d = (struct dram){0};
}

uint64_t dram_peak_bytes_per_s(const struct dram *d, uint64_t line_bytes)
{
	return mul_div_u64(line_bytes * d->nr_channels, PS_PER_S, d->burst_ps);
}

/* Where a line lies. */
struct place {
	uint64_t channel, rank, bank, row;
};

static struct place place_of(const struct dram *d, uint64_t line)
{
	struct place p;
	uint64_t column;

	line = divisor_split(&d->by_channel, line, &p.channel);
	line = divisor_split(&d->by_column, line, &column);
	line = divisor_split(&d->by_bank, line, &p.bank);
	p.row = divisor_split(&d->by_rank, line, &p.rank);
	return p;
}

/* Waits out a refresh of the rank that runs at `at`, and forgets the row when one ran since it was opened. */
static tick_t pass_refresh(struct dram *d, struct dram_bank *b, const struct place *p, tick_t at)
{
	/* the first refresh of each rank is over when time begins; ranks and channels take turns after it */
	uint64_t turn = p->rank * d->nr_channels + p->channel;
	uint64_t turns = d->by_rank.n * d->nr_channels;
	tick_t shift = d->trfc_ps + (d->by_trefi.n - d->trfc_ps) / turns * turn, phase;
	uint64_t epoch = divisor_split(&d->by_trefi, at + shift, &phase);

	if (b->epoch != epoch) {
		b->row = DRAM_NO_ROW;
		b->epoch = epoch;
	}
	if (phase >= d->trfc_ps)
		return at;
	d->stats.refresh_waits++;
	return at + d->trfc_ps - phase;
}

/* Closes a row that was idle too long; returns when the bank can open another one. */
static tick_t pass_timeout(const struct dram *d, struct dram_bank *b, tick_t at)
{
	tick_t closing = MAX_OF(b->used + d->row_timeout_ps, b->opened + d->tras_ps);

	if (b->row == DRAM_NO_ROW || at < closing)
		return at;
	b->row = DRAM_NO_ROW;
	return MAX_OF(at, closing + d->trp_ps);
}

/* The time of the column command when the bank gets the request at `at`. */
static tick_t open_row(struct dram *d, struct dram_bank *b, uint64_t row, tick_t at)
{
	if (b->row == row) {
		d->stats.row_hits++;
		return at;
	}
	if (b->row == DRAM_NO_ROW) {
		d->stats.row_misses++;
	} else {
		d->stats.row_conflicts++;
		at = MAX_OF(at, b->opened + d->tras_ps) + d->trp_ps;
	}
	b->row = row;
	b->opened = at;
	return at + d->trcd_ps;
}

/*
 * A request from before the bank's last one: opens and closes its row in the idle time before that. Returns
 * the time of the column command, 0 when it does not fit. What the bank does later stays as it is.
 */
static tick_t fit_before(struct dram *d, struct dram_bank *b, tick_t arrived)
{
	tick_t start = MAX_OF(arrived, b->idle), over = start + d->tras_ps + d->trp_ps;

	if (over > b->begun)
		return 0;
	b->idle = over;
	d->stats.row_misses++;
	d->stats.wait_ps += start - arrived;
	return start + d->trcd_ps;
}

/* The next request in the bank's own order; returns the time of the column command. */
static tick_t serve_next(struct dram *d, struct dram_bank *b, const struct place *p, tick_t arrived)
{
	tick_t start = MAX_OF(arrived, b->ready);

	if (start - b->ready >= d->tras_ps + d->trp_ps) {
		b->idle = b->ready;
		b->begun = start;
	}
	if (d->trfc_ps)
		start = pass_refresh(d, b, p, start);
	if (d->row_timeout_ps)
		start = pass_timeout(d, b, start);
	d->stats.wait_ps += start - arrived;
	return open_row(d, b, p->row, start);
}

tick_t dram_access(struct dram *d, uint64_t line, bool write, tick_t at)
{
	struct place p = place_of(d, line);
	struct dram_bank *b = &d->banks[(p.channel * d->by_rank.n + p.rank) * d->by_bank.n + p.bank];
	tick_t column = fit_before(d, b, at + d->controller_ps), end;
	bool is_next = column == 0;

	if (is_next)
		column = serve_next(d, b, &p, at + d->controller_ps);
	end = server_reserve(&d->channels[p.channel], column + d->tcl_ps, 1);
	if (is_next)
		b->ready = b->used = end - d->tcl_ps; /* the column command waits for the wires, too */
	*(write ? &d->stats.writes : &d->stats.reads) += 1;
	d->stats.busy_ps += d->burst_ps;
	d->stats.wait_ps += end - column - d->tcl_ps - d->burst_ps;
	return end;
}
