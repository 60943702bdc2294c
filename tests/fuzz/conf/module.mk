# SPDX-License-Identifier: BSD-2-Clause
# Fuzz target of the configuration reader; its seeds are the configurations of the tests. FUZZ_CC and FUZZ_FLAGS are of
# tests/fuzz/ike.
CONF_F_SRCS := $(sort $(HOSTD_CONF_SRCS) $(IKE_SRCS) $(addprefix hostd/util/,buf.c ip.c list.c str.c))
CONF_SEEDS := tests/unit/conf/big.conf $(wildcard tests/unit/conf/deck/*.conf)
$(B)/fuzz/conf: tests/fuzz/conf/fuzz_conf.c $(CONF_F_SRCS) $(wildcard hostd/conf/*.h) | $$(GENERATED)
	@mkdir -p $(@D)
	@echo "  FUZZ    $@"
	@$(FUZZ_CC) $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) -lcrypto
CHECK_TESTS += $(B)/test/conf_fuzz
$(B)/test/conf_fuzz: tests/fuzz/ike/run $(B)/fuzz/conf $(CONF_SEEDS)
	@mkdir -p $(B)/fuzz/seeds/conf
	@cp $(CONF_SEEDS) $(B)/fuzz/seeds/conf
	@printf '#!/bin/sh\nexec tests/fuzz/ike/run configuration $(B)/fuzz/conf $(B)/fuzz/seeds/conf\n' > $@
	@chmod +x $@
