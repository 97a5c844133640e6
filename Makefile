# Faultline. `make` builds build/faultline; `make help` lists the targets.
BUILD ?= build
PREFIX ?= /usr/local
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
CSTD := -std=c11 -D_GNU_SOURCE
WARN := -Wall -Wextra -Wshadow -Wconversion -Werror
OPT ?= -O3 -g
SAN ?=
CFLAGS_ALL = $(CSTD) $(WARN) $(OPT) $(SAN) -I. $(CFLAGS)
LIBS := -lzstd -lz -llzma -llz4 -lbz2 -lsnappy -lsqlite3 -lyaml -lxxhash -lm
TESTLIBS := -lcheck -lsubunit -lzip -lrt -lpthread $(LIBS)
Q := $(if $(V),,@)

# What is loaded into recorded programs is not part of the program: a shared object a folder, on its own.
RECORDERS := plugin preload
SRC := $(sort $(shell find sim traces models analysis $(foreach r,$(RECORDERS),-path traces/recorder/$(r) -prune -o) \
	-name '*.c' -print))
RECORDERSO := $(foreach r,$(RECORDERS),$(if $(wildcard traces/recorder/$(r)/*.c),$(BUILD)/faultline-$(r).so))
OBJ := $(SRC:%.c=$(BUILD)/obj/%.o)
LIBOBJ := $(filter-out $(BUILD)/obj/sim/main.o,$(OBJ))
TESTSRC := $(sort $(wildcard tests/unit/test_*.c tests/property/test_*.c tests/contract/test_*.c tests/fault/test_*.c))
TESTS := $(TESTSRC:%.c=$(BUILD)/%)

.PHONY: all demo check test bench fidelity ask-kernel fuzz fuzzers install uninstall clean help
all: $(BUILD)/faultline $(RECORDERSO) ## build the program

include analysis/embed.mk

$(BUILD)/faultline: $(BUILD)/obj/sim/main.o $(BUILD)/libfaultline.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libfaultline.a: $(LIBOBJ)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $^

# Never sanitised: the program that loads it is not.
$(BUILD)/faultline-%.so: $(foreach r,$(RECORDERS),$(wildcard traces/recorder/$(r)/*.[ch] traces/recorder/*.h)) traces/record.h
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(CSTD) $(WARN) -O2 -g -fPIC -shared -fvisibility=hidden -I. -o $@ traces/recorder/$*/*.c -ldl -lpthread

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%: tests/%.c $(BUILD)/libfaultline.a
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -MF $@.d -o $@ $< $(BUILD)/libfaultline.a $(LDFLAGS) $(TESTLIBS)

demo: ## install what is missing, build, replay a real trace, sweep, query
	@tests/setup.sh build
	@$(MAKE) --no-print-directory all
	@examples/demo.sh $(BUILD)/faultline $(BUILD)/demo

check: ## install what is missing, build and pass all tests
	@tests/setup.sh test
	@tests/run.sh

# What tests/run.sh builds: unit tests in the checked, sanitised build, the program as users have it.
test: $(TESTS) $(BUILD)/faultline $(RECORDERSO) ## build the tests

bench: ## measure speed: the bundled and some generated traces, in two settings
	@tests/setup.sh test
	@$(MAKE) --no-print-directory all
	@LIBS='$(LIBS)' tests/bench/bench.sh $(BUILD)/faultline $(BUILD)/bench

FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz: ## fuzz every parser for a minute each (FUZZ_SECONDS=60)
	@tests/setup.sh test
	@$(MAKE) --no-print-directory BUILD=build/fuzzing CC=clang OPT='-O1 -g' CFLAGS=-DFAULTLINE_CHECKED \
		SAN='-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all' fuzzers
	@tests/fuzz/run.sh build/fuzzing/fuzz

fuzzers: $(FUZZERS)

$(BUILD)/fuzz/%: tests/fuzz/%.c $(BUILD)/libfaultline.a
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS_ALL) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< $(BUILD)/libfaultline.a $(LDFLAGS) $(TESTLIBS)

fidelity: all ## replay what a real kernel was measured with, compare its counters
	@tests/fidelity/run.sh $(BUILD)/faultline $(BUILD)/fidelity

ask-kernel: ## play random scenarios in a real kernel under QEMU (KIND=exact SEEDS="1 3"), then compare
	@tests/setup.sh kernel
	@$(MAKE) --no-print-directory all
	@python3 tests/fidelity/kernel/play.py -o $(BUILD)/asked --work $(BUILD)/kernel --random $(or $(KIND),exact) $(or $(SEEDS),1 3)
	@CONFIGS=$(BUILD)/asked/configs tests/fidelity/run.sh $(BUILD)/faultline $(BUILD)/asked/stores

install: all ## into PREFIX (/usr/local); DESTDIR for packages
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/faultline
	install $(BUILD)/faultline $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(RECORDERSO) $(DESTDIR)$(PREFIX)/lib/faultline

uninstall: ## what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/faultline
	rm -rf $(DESTDIR)$(PREFIX)/lib/faultline

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 14

-include $(OBJ:.o=.d) $(TESTS:=.d) $(FUZZERS:=.d)
