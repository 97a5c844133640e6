/*
 * qemu_api.h - the part of QEMU's plugin interface, version 1 (QEMU 4.2 to 8.x), that the recorder uses.
 *
 * Declared here because distributions do not ship the header. After the interface's documentation
 * (docs/devel/tcg-plugins.rst of QEMU 7.2).
 */
#ifndef TRACES_RECORDER_PLUGIN_QEMU_API_H
#define TRACES_RECORDER_PLUGIN_QEMU_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLUGIN_EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
typedef uint32_t qemu_plugin_meminfo_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

struct qemu_info {
	const char *target_name;
	struct {
		int min, cur;
	} version;
	bool system_emulation;
};

enum plugin_registers { PLUGIN_NO_REGS };
enum plugin_access { PLUGIN_READ = 1, PLUGIN_WRITE, PLUGIN_READ_WRITE };

typedef void (*plugin_tb_cb)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*plugin_exec_cb)(unsigned vcpu, void *userdata);
typedef void (*plugin_mem_cb)(unsigned vcpu, qemu_plugin_meminfo_t, uint64_t vaddr, void *userdata);
typedef void (*plugin_call_cb)(qemu_plugin_id_t, unsigned vcpu, int64_t number, uint64_t, uint64_t, uint64_t,
			       uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
typedef void (*plugin_call_ret_cb)(qemu_plugin_id_t, unsigned vcpu, int64_t number, int64_t result);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, plugin_tb_cb);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *, plugin_exec_cb, enum plugin_registers,
					    void *userdata);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *, plugin_mem_cb, enum plugin_registers,
				      enum plugin_access, void *userdata);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t, plugin_call_cb);
void qemu_plugin_register_vcpu_syscall_ret_cb(qemu_plugin_id_t, plugin_call_ret_cb);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
unsigned qemu_plugin_mem_size_shift(qemu_plugin_meminfo_t);
bool qemu_plugin_mem_is_store(qemu_plugin_meminfo_t);
const char *qemu_plugin_path_to_binary(void);

#endif
