# Faultline. `make` builds build/faultline; `make help` lists the targets.
BUILD ?= build
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
CSTD := -std=c11 -D_GNU_SOURCE
WARN := -Wall -Wextra -Wshadow -Wconversion -Werror
OPT ?= -O3 -g
SAN ?=
CFLAGS_ALL = $(CSTD) $(WARN) $(OPT) $(SAN) -I. $(CFLAGS)
LIBS := -lzstd -lsqlite3 -lyaml -lxxhash -lm
Q := $(if $(V),,@)

SRC := $(sort $(shell find sim traces models analysis -name '*.c'))
OBJ := $(SRC:%.c=$(BUILD)/obj/%.o)
LIBOBJ := $(filter-out $(BUILD)/obj/sim/main.o,$(OBJ))
TESTSRC := $(sort $(wildcard tests/unit/test_*.c tests/property/test_*.c tests/contract/test_*.c tests/fault/test_*.c))
TESTS := $(TESTSRC:%.c=$(BUILD)/%)

.PHONY: all demo check test unit clients style bench fidelity clean help
all: $(BUILD)/faultline ## build the program

include analysis/embed.mk

$(BUILD)/faultline: $(BUILD)/obj/sim/main.o $(BUILD)/libfaultline.a
	@echo "  LINK  $@"
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libfaultline.a: $(LIBOBJ)
	@echo "  AR    $@"
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%: tests/%.c $(BUILD)/libfaultline.a
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -MF $@.d -o $@ $< $(BUILD)/libfaultline.a $(LDFLAGS) -lcheck -lsubunit -lrt -lpthread $(LIBS)

demo: ## install what is missing, build, replay a real trace, sweep, query
	@tests/setup.sh build
	@$(MAKE) --no-print-directory all
	@examples/demo.sh $(BUILD)/faultline $(BUILD)/demo

check: ## install what is missing, build and pass all tests
	@tests/setup.sh test
	@tests/run.sh

# What tests/run.sh builds: unit tests in the checked, sanitised build, the program as users have it.
test: $(TESTS) $(BUILD)/faultline ## build the tests

bench: ## measure speed: the bundled and some generated traces, in two settings
	@tests/setup.sh test
	@$(MAKE) --no-print-directory all
	@tests/bench/bench.sh $(BUILD)/faultline $(BUILD)/bench

fidelity: all ## replay what a real kernel was measured with, compare its counters
	@tests/fidelity/run.sh $(BUILD)/faultline $(BUILD)/fidelity

clean: ## remove what was built
	rm -rf $(BUILD)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/' | expand -t 14

-include $(OBJ:.o=.d) $(TESTS:=.d)
