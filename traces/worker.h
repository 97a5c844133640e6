/*
 * worker.h - threads of the host that work beside the main one.
 */
#ifndef TRACES_WORKER_H
#define TRACES_WORKER_H

#include <pthread.h>
#include <stdbool.h>

/* Processors that this process may use. */
unsigned worker_processors(void);
/* Starts work(arg) with all signals blocked: Ctrl-C must find the main thread. False when there is no thread.
 */
bool worker_start(pthread_t *thread, void *(*work)(void *arg), void *arg);

#endif
