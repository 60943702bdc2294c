# SPDX-License-Identifier: BSD-2-Clause
CHECK_SLOW += $(B)/test/sim
$(B)/test/sim: tests/unit/sim/sim_test.sh $(B)/bin/culvert-sim $(B)/bin/culvert-sim-debug $(B)/firmware/culvert.elf $(B)/firmware/culvert.flash
	@mkdir -p $(@D)
	@ln -sf $(abspath $<) $@
