# SPDX-License-Identifier: BSD-2-Clause
# Fuzz target of EAP: its codecs, and both machines fed with sequences of packets. FUZZ_CC and FUZZ_FLAGS, and the script
# that runs it, are those of tests/fuzz/ike, which is read after this.
EAP_F := tests/fuzz/eap
EAP_FUZZ_SRCS := $(EAP_F)/fuzz_eap.c tests/unit/eap/certs.c $(EAP_SRCS) hostd/util/buf.c hostd/util/map.c
$(eval $(call c_test_program,eap_seeds,$(EAP_F)/seeds.c tests/unit/eap/lab.c tests/unit/eap/certs.c $(EAP_SRCS) hostd/util/buf.c hostd/util/map.c,$(EAP_LIBS)))

CHECK_TESTS += $(B)/test/eap_fuzz
$(B)/fuzz/eap: $(EAP_FUZZ_SRCS) $(wildcard hostd/eap/*.h) hostd/util/buf.h
	@mkdir -p $(@D)
	@echo "  FUZZ    $@"
	@$(FUZZ_CC) $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) $(EAP_LIBS)
$(B)/test/eap_fuzz: tests/fuzz/ike/run $(B)/fuzz/eap $(B)/test/eap_seeds
	@mkdir -p $(B)/fuzz/seeds/eap
	@$(B)/test/eap_seeds $(B)/fuzz/seeds/eap
	@printf '#!/bin/sh\nexec tests/fuzz/ike/run EAP $(B)/fuzz/eap $(B)/fuzz/seeds/eap\n' > $@
	@chmod +x $@
