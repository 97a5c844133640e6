/*
 * plugin.c - what runs inside the emulator: one callback a block of code, one a load or store.
 *
 * All that a word says of a block or an instruction is known when it is translated, so it is the callback's
 * argument and there is no table: a callback stores one word.
 *
 * The filter for loads or stores of QEMU 7.2's mem callbacks is off by one: both are asked for and told apart
 * in the callback. Which bits of qemu_plugin_meminfo_t say size and kind is not part of the interface: they
 * are checked against its functions at the start, which are slower.
 */
#include "traces/recorder/plugin/qemu_api.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "traces/recorder/plugin/calls.h"
#include "traces/recorder/plugin/lane.h"
#include "traces/recorder/plugin/maps.h"

#define INFO_SIZE_SHIFT  4
#define INFO_STORE_SHIFT 17

PLUGIN_EXPORT int qemu_plugin_version = 1;

static __attribute__((noinline)) void on_block_after(uint64_t clock, uint64_t word)
{
	lane_stamp(clock);
	lane_put(word);
}

static void on_block(unsigned vcpu, void *userdata)
{
	uint64_t clock = __atomic_load_n(&shared->clock, __ATOMIC_RELAXED);

	(void)vcpu;
	if (UNLIKELY(clock != lane.seen))
		on_block_after(clock, (uintptr_t)userdata);
	else
		lane_put((uintptr_t)userdata);
}

static void on_access(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *userdata)
{
	uint64_t size = (uint64_t)info << (SIZE_SHIFT - INFO_SIZE_SHIFT) & UINT64_C(7) << SIZE_SHIFT;
	uint64_t store = (uint64_t)info << (STORE_SHIFT - INFO_STORE_SHIFT) & UINT64_C(1) << STORE_SHIFT;

	(void)vcpu;
	lane_put(WORD_ADDR(vaddr) | size | store | (uintptr_t)userdata);
}

static void on_access_slowly(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *userdata)
{
	uint64_t size = qemu_plugin_mem_size_shift(info), store = qemu_plugin_mem_is_store(info);

	(void)vcpu;
	lane_put(WORD_ADDR(vaddr) | size << SIZE_SHIFT | store << STORE_SHIFT | (uintptr_t)userdata);
}

static plugin_mem_cb access_cb = on_access;

static void choose_access_cb(void)
{
	for (qemu_plugin_meminfo_t size = 0; size < 5; size++)
		for (qemu_plugin_meminfo_t rw = PLUGIN_READ; rw <= PLUGIN_WRITE; rw++) {
			qemu_plugin_meminfo_t info = size << INFO_SIZE_SHIFT | rw << 16;

			if (qemu_plugin_mem_size_shift(info) != size ||
			    qemu_plugin_mem_is_store(info) != (rw == PLUGIN_WRITE))
				access_cb = on_access_slowly;
		}
}

/*
 * Pieces of at most BLOCK_INSNS instructions: their numbers fit into a word. A jump to the vsyscall page is a
 * block without bytes above user space: the emulator makes the call as the kernel does, and nothing is
 * executed.
 */
static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	(void)id;
	if (n && qemu_plugin_insn_vaddr(qemu_plugin_tb_get_insn(tb, 0)) > WORD_ADDR(UINT64_MAX))
		return;
	for (size_t first = 0; first < n; first += BLOCK_INSNS) {
		size_t count = n - first < BLOCK_INSNS ? n - first : BLOCK_INSNS;
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, first);
		uint64_t pc = qemu_plugin_insn_vaddr(insn), bytes = 0;

		for (size_t i = 0; i < count; i++) {
			struct qemu_plugin_insn *in = qemu_plugin_tb_get_insn(tb, first + i);

			bytes += qemu_plugin_insn_size(in);
			qemu_plugin_register_vcpu_mem_cb(in, access_cb, PLUGIN_NO_REGS, PLUGIN_READ_WRITE,
							 (void *)(uintptr_t)((uint64_t)i << INSN_SHIFT));
		}
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_block, PLUGIN_NO_REGS,
						       (void *)(uintptr_t)(WORD_BLOCK << 62 | WORD_ADDR(pc) |
									   (uint64_t)count << INSN_SHIFT |
									   bytes << BYTES_SHIFT));
	}
}

PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
				      char **argv)
{
	static const char key[] = "memory=";

	if (info->system_emulation || strcmp(info->target_name, "x86_64")) {
		fputs("faultline-plugin: only programs for x86_64 can be recorded\n", stderr);
		return -1;
	}
	if (argc != 1 || strncmp(argv[0], key, sizeof key - 1)) {
		fputs("faultline-plugin: is started by `faultline record`\n", stderr);
		return -1;
	}
	if (!maps_init() || !lane_open_shared(argv[0] + sizeof key - 1))
		return -1;
	choose_access_cb();
	pthread_atfork(NULL, NULL, lane_after_fork);
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
	qemu_plugin_register_vcpu_syscall_cb(id, calls_on_entry);
	qemu_plugin_register_vcpu_syscall_ret_cb(id, calls_on_return);
	return 0;
}
