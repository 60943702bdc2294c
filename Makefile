# SPDX-License-Identifier: BSD-2-Clause
# One entry for everything. `make help` lists the targets.
# Fragments: every folder describes itself in a module.mk; rules shared by all are in mk/.

B      ?= build
DEPS   ?= yes
JOBS   ?= $(shell nproc)
MAKEFLAGS += --no-builtin-rules
SHELL  := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := all

# Filled by the fragments.
PROGRAMS    :=# what `make all` builds
CHECK_TESTS :=# executables that print TAP; `make check` runs each
CHECK_SLOW  :=# the same, started first because they take longest
LINT_STEPS  :=# phony targets of `make lint`
BENCHES     :=# executables that print figures, see tests/bench

# Prerequisites such as $$(GENERATED) are read when all fragments have been.
.SECONDEXPANSION:
include mk/c.mk mk/verilate.mk tools/module.mk
include $(sort $(wildcard hw/module.mk firmware/module.mk driver/module.mk \
    hostd/module.mk hostd/*/module.mk sim/module.mk boards/*/module.mk \
    tests/module.mk tests/*/module.mk tests/*/*/module.mk))

.PHONY: all help deps demo check check-build bench lint synth clean
help: ## this list
	@echo "Culvert: an FPGA network card that does ESP, and the daemon that runs its control plane."
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@echo "  B=DIR           build into DIR instead of build/"
	@echo "  DEPS=no         do not look for or install missing packages"

deps: ## install the missing Debian and npm packages (DEPS=no skips)
ifneq ($(DEPS),no)
	@tools/deps
endif

all: $$(PROGRAMS) ## build everything that is installed or run

# A run that succeeds leaves its seconds for `make bench` to report.
demo: deps ## show the whole path with real traffic, then clean up
	@$(MAKE) --no-print-directory -j$(JOBS) B=$(B) DEPS=no all
	@mkdir -p $(B)/bench; start=$$(date +%s); B=$(B) tests/system/demo; echo $$(($$(date +%s) - start)) > $(B)/bench/demo.seconds

# They talk with peers in real time: tests/run says what that means.
CHECK_PEERS = $(filter $(addprefix $(B)/test/,system_% ike_strongswan% culvert_load two_daemons route_exchange gateway_names roaming), \
    $(CHECK_SLOW) $(CHECK_TESTS))
check: deps ## build and run every test; the last line counts them
	@$(MAKE) --no-print-directory -j$(JOBS) B=$(B) DEPS=no check-build
	@mkdir -p $(B)/bench; start=$$(date +%s); B=$(B) TEST_PEERS="$(CHECK_PEERS)" tests/run $(CHECK_SLOW) $(CHECK_TESTS); echo $$(($$(date +%s) - start)) > $(B)/bench/check.seconds
check-build: $$(PROGRAMS) $$(CHECK_SLOW) $$(CHECK_TESTS)

lint: $$(LINT_STEPS) ## Verilator, slang, clang-format, clang-tidy, cppcheck

bench: deps ## measure; writes $(B)/bench/figures.jsonl and a table (ONLY=gcm,ike runs a part)
	@$(MAKE) --no-print-directory -j$(JOBS) B=$(B) DEPS=no all $(BENCHES)
	@B=$(B) ONLY="$(ONLY)" tests/bench/run $(BENCHES)

clean: ## remove the build folder
	rm -rf $(B)
