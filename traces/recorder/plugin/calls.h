/*
 * calls.h - system calls of the program, as they enter and return.
 */
#ifndef TRACES_RECORDER_PLUGIN_CALLS_H
#define TRACES_RECORDER_PLUGIN_CALLS_H

#include "traces/recorder/plugin/qemu_api.h"

void calls_on_entry(qemu_plugin_id_t id, unsigned vcpu, int64_t number, uint64_t a0, uint64_t a1, uint64_t a2,
		    uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7);
void calls_on_return(qemu_plugin_id_t id, unsigned vcpu, int64_t number, int64_t result);

#endif
