/*
 * fidelity_config.h - what a real kernel was measured with, as parameters of a machine.
 */
#ifndef MODELS_FIDELITY_CONFIG_H
#define MODELS_FIDELITY_CONFIG_H

#include "sim/param.h"

/* A "memgt-config 1" file: JSON, kept with the file's text. */
struct fidelity_config {
	char name[128];   /* of the configuration and of its run */
	char trace[4096]; /* path: ../traces/SCENARIO.trace.zst from the file's folder */
};

/*
 * Reads the file and sets what it says in ps (origin "FILE"). Errors: ERR_OPEN, ERR_FORMAT with file, line
 * and column when it is no such file, ERR_CONFIG when a value does not fit.
 */
int fidelity_config_load(struct fidelity_config *c, const char *path, struct param_set *ps, struct err *e);

#endif
