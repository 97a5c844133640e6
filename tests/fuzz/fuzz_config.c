/*
 * fuzz_config.c - configurations: YAML of `run` and `sweep`, and the JSON of `fidelity`.
 */
#include "tests/fuzz/fuzz.h"

#include "models/fidelity_config.h"
#include "models/machine.h"
#include "sim/config.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char yaml[] =
		"topology:\n  node_mem: [256 MiB, 1G]\n  distance: [[10, 20], [20, 10]]\nvm.swappiness: 10\n"
		"tlb: {l1d: {entries: 64}}\n";
	static const char json[] =
		"{\"format\": \"memgt-config 1\", \"name\": \"a\", \"scenario\": \"b\", \"machine\": "
		"{\"nodes\": [256], \"swap\": 512, "
		"\"cpus_per_node\": null, \"dist\": null}, \"kernel_params\": {\"vm.swappiness\": 60}, "
		"\"before\": {\"zones\": "
		"{\"0/DMA32\": {\"free\": 3, \"managed\": 9, \"present\": 9, \"protection\": [0, 1]}}}}";

	(void)argc, (void)argv;
	if (!getenv("SEEDS"))
		return 0;
	fuzz_seed("yaml", yaml, sizeof yaml - 1);
	fuzz_seed("json", json, sizeof json - 1);
	exit(0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine_config *config;
	struct fidelity_config fidelity;
	struct param_set ps;
	struct err e = {0};
	char path[32];
	int fd, rc;

	param_set_init(&ps);
	config = machine_config_new(&ps);
	if (size && data[0] == '{') {
		fd = fuzz_file(data, size, path);
		rc = fidelity_config_load(&fidelity, path, &ps, &e);
		close(fd);
	} else {
		rc = config_load_text(&ps, "input", (const char *)data, size, &e);
	}
	fuzz_error(rc, &e);
	machine_config_free(config);
	param_set_release(&ps);
	return 0;
}
