/*
 * sink.c - the null sink: takes everything, keeps nothing. For runs whose numbers nobody wants (bench, fuzz).
 */
#include "sim/sink.h"

static int null_begin(struct sink *s, const struct run_info *info, const struct param_set *params,
		      struct err *e)
{
	(void)s, (void)info, (void)params, (void)e;
	return 0;
}

static int null_snapshot_begin(struct sink *s, const struct snapshot_info *info, struct err *e)
{
	(void)s, (void)info, (void)e;
	return 0;
}

static int null_value(struct sink *s, const char *full_name, const struct stat_row *row,
		      enum stat_scope scope, const char *instance, int64_t value, struct err *e)
{
	(void)s, (void)full_name, (void)row, (void)scope, (void)instance, (void)value, (void)e;
	return 0;
}

static int null_hist(struct sink *s, const char *full_name, const struct stat_row *row, enum stat_scope scope,
		     const char *instance, const struct hist *h, struct err *e)
{
	(void)s, (void)full_name, (void)row, (void)scope, (void)instance, (void)h, (void)e;
	return 0;
}

static int null_kernel_counter(struct sink *s, const char *scope, const char *counter, int64_t value,
			       struct err *e)
{
	(void)s, (void)scope, (void)counter, (void)value, (void)e;
	return 0;
}

static int null_snapshot_end(struct sink *s, struct err *e)
{
	(void)s, (void)e;
	return 0;
}

static int null_event(struct sink *s, tick_t time, const char *kind, const char *scope, int64_t value,
		      const char *detail, struct err *e)
{
	(void)s, (void)time, (void)kind, (void)scope, (void)value, (void)detail, (void)e;
	return 0;
}

static int null_end(struct sink *s, const struct run_end *end, struct err *e)
{
	(void)s, (void)end, (void)e;
	return 0;
}

const struct sink_ops sink_null_ops = {
	.name = "null",
	.begin = null_begin,
	.snapshot_begin = null_snapshot_begin,
	.value = null_value,
	.hist = null_hist,
	.kernel_counter = null_kernel_counter,
	.snapshot_end = null_snapshot_end,
	.event = null_event,
	.end = null_end,
};

static const struct sink_driver *driver;

void sink_set_driver(const struct sink_driver *d)
{
	driver = d;
}

const struct sink_driver *sink_driver(void)
{
	return driver;
}
