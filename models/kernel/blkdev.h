/*
 * blkdev.h - a block device: servers with latency, a bandwidth shared by all, a queue (disk, SSD, zram).
 *
 * A request starts when a server is free and its data can flow; its completion time is known at submission,
 * and an event calls `done` then.
 */
#ifndef MODELS_KERNEL_BLKDEV_H
#define MODELS_KERNEL_BLKDEV_H

#include "sim/eventq.h"
#include "sim/mem.h"
#include "sim/param.h"
#include "sim/stat.h"

/* The same rows for the swap device and the file device. P: prefix of the path. */
#define BLKDEV_PARAMS(X, S, P)                                                                     \
	X(S, U64, read_us, P ".read_us", "80", 0, 10000000, "us",                                  \
	  "latency of a 4 KiB read at queue depth 1 (NVMe flash: 80, best seen 42; uncalibrated)") \
	X(S, U64, write_us, P ".write_us", "20", 0, 10000000, "us",                                \
	  "latency of a 4 KiB write (NVMe flash: 20; uncalibrated)")                               \
	X(S, U64, bandwidth_mb, P ".bandwidth_mb", "2500", 1, 1000000, "MB/s",                     \
	  "data rate (NVMe flash reads 500 to 6200)")                                              \
	X(S, U64, servers, P ".servers", "64", 1, 4096, "requests",                                \
	  "requests served at once (NVMe: 64, SATA SSD: 32, disk: 1)")
struct blkdev_params {
	uint64_t read_us, write_us, bandwidth_mb, servers;
};

/* The device that holds all files. */
#define DISK_PARAMS(X, S) BLKDEV_PARAMS(X, S, "disk")
PARAM_STRUCT(disk_params, DISK_PARAMS);
extern const struct param_table disk_param_table;
static inline struct blkdev_params disk_blkdev_params(const struct disk_params *p)
{
	return (struct blkdev_params){p->read_us, p->write_us, p->bandwidth_mb, p->servers};
}

#define BLKDEV_STATS(X, S)                                                            \
	X(S, COUNTER, reads, "requests", "read requests")                             \
	X(S, COUNTER, writes, "requests", "write requests")                           \
	X(S, COUNTER, read_bytes, "bytes", "read")                                    \
	X(S, COUNTER, write_bytes, "bytes", "written")                                \
	X(S, GAUGE, in_flight, "requests", "submitted and not completed")             \
	X(S, COUNTER, busy_ps, "ps", "time with at least one request in flight")      \
	X(S, HISTOGRAM, read_latency, "ns", "from submission to completion of reads") \
	X(S, HISTOGRAM, write_latency, "ns", "from submission to completion of writes")
STAT_STRUCT(blkdev_stats, BLKDEV_STATS);
extern const struct stat_table blkdev_stat_table;

struct blkdev_request;
struct blkdev {
	struct eventq *eventq;
	struct blkdev_params params;
	tick_t *server_free; /* min-heap: when each server is free again */
	tick_t pipe_free;    /* when the data path is */
	tick_t busy_since;   /* busy_ps is counted up to here */
	tick_t access_ps[2]; /* latency without the transfer of 4 KiB: read, write */
	struct pool requests;
	struct blkdev_request *in_flight;
	struct blkdev_stats stats;
};

#define BLKDEV_MAX_PAGES 256 /* of a request (BIO_MAX_VECS) */
/* Called by an event at completion. pfns are those given at submission (copied). */
typedef void (*blkdev_done_fn)(void *ctx, const pfn_t *pfns, unsigned n, bool is_write);
void blkdev_init(struct blkdev *d, struct eventq *q, const struct blkdev_params *p);
/* Forgets what is in flight. */
void blkdev_release(struct blkdev *d);
/* Submits n (1 … BLKDEV_MAX_PAGES) pages of 4 KiB as one request at time now (≥ the queue's time). Returns
 * the completion time. */
tick_t blkdev_submit(struct blkdev *d, tick_t now, const pfn_t *pfns, unsigned n, bool is_write,
		     blkdev_done_fn done, void *ctx);

#endif
