/*
 * cmd_session.h - one trace through one machine into the store.
 */
#ifndef MODELS_CMD_SESSION_H
#define MODELS_CMD_SESSION_H

#include "models/machine.h"

struct session {
	const char *trace;          /* path */
	const char *format;         /* NULL: found out */
	const char *import_options; /* of the importer, NULL: none */
	const char *name;           /* of the run, NULL: the trace's */
	const char *output;         /* the store, NULL: nothing is stored */
	bool print_key; /* prints the key of parameters, trace and program version; does nothing else */
	bool quiet;     /* no summary line */
	struct param_set *params; /* all parameters of config */
	struct machine_config *config;
};

/* Replays the whole trace. Errors: of the trace, the parameters, the store; ERR_INTERRUPTED, ERR_TRUNCATED
 * after what there was has been replayed and stored. */
int session_run(const struct session *s, struct err *e);

#endif
