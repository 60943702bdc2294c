# SPDX-License-Identifier: BSD-2-Clause
# Fuzz target of the software datapath's codecs: ESP with every suite, what is inside, GRE. FUZZ_CC and FUZZ_FLAGS, and the
# script that runs it, are those of tests/fuzz/ike, which is read after this.
DP_F := tests/fuzz/dp
DP_FUZZ_SRCS := $(DP_F)/fuzz_esp.c tests/unit/dp/handmade.c $(addprefix hostd/dp/,esp.c suite.c packet.c gre.c) \
    $(addprefix hostd/util/,buf.c ip.c)
$(eval $(call c_test_program,dp_seeds,$(DP_F)/seeds.c tests/unit/dp/handmade.c,-lcrypto))

CHECK_TESTS += $(B)/test/dp_fuzz
$(B)/fuzz/dp_esp: $(DP_FUZZ_SRCS) $(wildcard hostd/dp/*.h) hostd/util/buf.h tests/unit/dp/handmade.h
	@mkdir -p $(@D)
	@echo "  FUZZ    $@"
	@$(FUZZ_CC) $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) -lcrypto
$(B)/test/dp_fuzz: tests/fuzz/ike/run $(B)/fuzz/dp_esp $(B)/test/dp_seeds
	@mkdir -p $(B)/fuzz/seeds/dp_esp
	@$(B)/test/dp_seeds $(B)/fuzz/seeds/dp_esp
	@printf '#!/bin/sh\nexec tests/fuzz/ike/run "ESP and what is in it" $(B)/fuzz/dp_esp $(B)/fuzz/seeds/dp_esp\n' > $@
	@chmod +x $@
