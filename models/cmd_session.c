/*
 * cmd_session.c - one trace through one machine into the store: what `run` and `fidelity` share.
 */
#include "models/cmd_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <xxhash.h>

#include "sim/cli.h"
#include "sim/mem.h"
#include "sim/version.h"

static int compare_paths(const void *a, const void *b)
{
	const struct param_value *const *x = a, *const *y = b;

	return strcmp((*x)->row->path, (*y)->row->path);
}

/* Over all resolved parameters in path order, so the order in which they were set does not matter. */
static void config_fingerprint(const struct param_set *ps, char hex[33])
{
	const struct param_value **sorted = mem_alloc_late(ps->n, sizeof *sorted);
	XXH3_state_t *st = XXH3_createState();
	XXH128_hash_t h;

	XXH3_128bits_reset(st);
	for (size_t i = 0; i < ps->n; i++)
		sorted[i] = &ps->values[i];
	qsort(sorted, ps->n, sizeof *sorted, compare_paths);
	for (size_t i = 0; i < ps->n; i++) {
		XXH3_128bits_update(st, sorted[i]->row->path, strlen(sorted[i]->row->path) + 1);
		XXH3_128bits_update(st, sorted[i]->text, strlen(sorted[i]->text) + 1);
	}
	h = XXH3_128bits_digest(st);
	XXH3_freeState(st);
	mem_free(sorted);
	snprintf(hex, 33, "%016" PRIx64 "%016" PRIx64, (uint64_t)h.high64, (uint64_t)h.low64);
}

static void print_key(const char *config, const char *trace)
{
	char text[256];
	XXH128_hash_t h;

	snprintf(text, sizeof text, "%s %s %s", config, trace, FAULTLINE_VERSION);
	h = XXH3_128bits(text, strlen(text));
	printf("%016" PRIx64 "%016" PRIx64 "\n", (uint64_t)h.high64, (uint64_t)h.low64);
}

/* ---- the run ---- */

struct run {
	const struct session *o;
	struct trace *trace;
	struct sink *sink, null_sink;
	struct machine *machine;
	struct progress *progress;
	double started;
};

static bool on_tick(void *ctx, const struct machine_progress *p)
{
	struct run *r = ctx;
	char detail[40];

	if (r->progress) {
		snprintf(detail, sizeof detail, "simulated %.3f s", (double)p->time / (double)PS_PER_S);
		progress_update(r->progress, p->accesses, detail);
	}
	return !cli_interrupted();
}

static void default_name(const char *path, char *buf, size_t n)
{
	const char *base = strrchr(path, '/');
	char *dot;

	snprintf(buf, n, "%s", base ? base + 1 : path);
	dot = strrchr(buf, '.');
	if (dot && dot != buf)
		*dot = '\0';
}

static int begin(struct run *r, const char *fingerprint, struct err *e)
{
	const struct session *o = r->o;
	char name[200], config[33];
	struct run_info info = {
		.name = o->name,
		.trace_path = o->trace,
		.trace_fingerprint = fingerprint,
		.trace_provenance = trace_provenance_json(r->trace),
		.config_fingerprint = config,
		.program_version = FAULTLINE_VERSION,
		.mapping = machine_maps_on_demand(o->config, r->trace) ? "on-demand" : "recorded",
		.schedule = machine_schedule_name(o->config),
		.seed = machine_seed(o->config),
	};

	if (!o->name) {
		default_name(o->trace, name, sizeof name);
		info.name = name;
	}
	config_fingerprint(o->params, config);
	return r->sink->ops->begin(r->sink, &info, o->params, e);
}

static const char *status_of(int rc)
{
	switch (-rc) {
	case 0:
		return "complete";
	case ERR_INTERRUPTED:
		return "incomplete";
	case ERR_TRUNCATED:
		return "truncated";
	default:
		return "failed";
	}
}

/* The line on the terminal. */
static void say(const struct run *r, const struct machine_progress *p, const struct run_end *re)
{
	char a[24], b[24], kills[64] = "", pending[64] = "";

	if (p->oom_kills)
		snprintf(kills, sizeof kills, ", %" PRIu64 " killed for want of memory", p->oom_kills);
	if (p->changes_pending)
		snprintf(pending, sizeof pending, ", %u of cpuset.changes did not come", p->changes_pending);
	printf("%s: %s accesses in %.2f s (%s/s), simulated %.4f s, %s%s%s\n", r->o->trace,
	       cli_si(a, sizeof a, (double)p->accesses), re->wall_seconds,
	       cli_si(b, sizeof b, (double)p->accesses / (re->wall_seconds > 0 ? re->wall_seconds : 1)),
	       (double)p->time / (double)PS_PER_S, re->status, kills, pending);
}

/* Ends the run's row; an error of its own does not hide an earlier one. */
static int end(struct run *r, int rc, struct err *e)
{
	struct machine_progress p = machine_progress(r->machine);
	struct rusage ru;
	struct run_end re = {
		.status = status_of(rc),
		.message = rc < 0 ? e->text : NULL,
		.time = p.time,
		.accesses = p.accesses,
		.wall_seconds = cli_wall_seconds() - r->started,
	};
	int rc2;

	getrusage(RUSAGE_SELF, &ru);
	re.peak_rss_kb = (uint64_t)ru.ru_maxrss;
	rc2 = r->sink->ops->end(r->sink, &re, e);
	if (!r->o->quiet && rc != -ERR_STORE && rc != -ERR_IO)
		say(r, &p, &re);
	return rc < 0 ? rc : rc2;
}

/* The machine first, so that a configuration that is none leaves no store behind. */
static int build(struct run *r, struct err *e)
{
	int rc;

	r->null_sink.ops = &sink_null_ops;
	r->sink = &r->null_sink;
	rc = machine_new(&r->machine, r->o->config, r->trace, r->sink, e);
	if (rc < 0 || !r->o->output)
		return rc;
	rc = sink_driver()->open(&r->sink, r->o->output, e);
	if (rc >= 0)
		machine_set_sink(r->machine, r->sink);
	return rc;
}

static int replay_all(struct run *r, struct err *e)
{
	struct trace_counts counts = {0};
	const char *fingerprint = trace_fingerprint(r->trace, e);
	int rc;

	if (!fingerprint)
		return -(int)e->code;
	if (r->o->print_key) {
		char config[33];

		config_fingerprint(r->o->params, config);
		print_key(config, fingerprint);
		return 0;
	}
	rc = build(r, e);
	if (rc < 0)
		return rc;
	rc = begin(r, fingerprint, e);
	if (rc < 0)
		return rc;
	if (!trace_is_truncated(r->trace))
		trace_counts(r->trace, &counts, NULL);
	r->progress = progress_new("replaying", counts.accesses);
	r->started = cli_wall_seconds();
	rc = machine_run(r->machine, on_tick, r, e);
	progress_free(r->progress);
	return end(r, rc, e);
}

int session_run(const struct session *o, struct err *e)
{
	struct run r = {.o = o};
	int rc;

	rc = trace_open_any(&r.trace, o->trace, o->format, o->import_options ? o->import_options : "", e);
	if (rc < 0)
		return rc;
	cli_catch_interrupts();
	rc = replay_all(&r, e);
	if (r.machine)
		machine_free(r.machine);
	if (r.sink && r.sink != &r.null_sink)
		sink_driver()->close(r.sink);
	trace_close(r.trace);
	return rc;
}
