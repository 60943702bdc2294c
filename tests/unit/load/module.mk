# SPDX-License-Identifier: BSD-2-Clause
# culvert-load against culvertd and strongSwan, in namespaces (skips where they cannot be).
CHECK_TESTS += $(B)/test/culvert_load
$(B)/test/culvert_load: tests/unit/load/load $(B)/bin/culvert-load $(B)/bin/culvertd $(B)/bin/culvert $(B)/test/labtool
	@mkdir -p $(@D)
	@ln -sf $(abspath $<) $@

$(eval $(call c_test,load_chance,tests/unit/load/test_chance.c hostd/load/chance.c,-lcmocka))
