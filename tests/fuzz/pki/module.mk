# SPDX-License-Identifier: BSD-2-Clause
# Fuzz target of certificates, CRLs and OCSP answers. FUZZ_CC and FUZZ_FLAGS are of tests/fuzz/ike.
PKI_F := tests/fuzz/pki
PKI_F_SRCS := $(addprefix hostd/pki/,cert.c certmap.c fetch.c revoke.c verify.c) hostd/ike/ike_id.c hostd/util/buf.c \
    hostd/util/ip.c hostd/util/str.c
$(eval $(call c_test_program,pki_seeds,$(PKI_F)/seeds.c tests/unit/pki/ca.c,-lcrypto))
$(B)/fuzz/pki: $(PKI_F)/fuzz_pki.c $(PKI_F_SRCS) $(wildcard hostd/pki/*.h) | $$(GENERATED)
	@mkdir -p $(@D)
	@echo "  FUZZ    $@"
	@$(FUZZ_CC) $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) $(PKI_LIBS)
CHECK_TESTS += $(B)/test/pki_fuzz
$(B)/test/pki_fuzz: tests/fuzz/ike/run $(B)/fuzz/pki $(B)/test/pki_seeds
	@mkdir -p $(B)/fuzz/seeds/pki
	@$(B)/test/pki_seeds $(B)/fuzz/seeds/pki
	@printf '#!/bin/sh\nexec tests/fuzz/ike/run certificates $(B)/fuzz/pki $(B)/fuzz/seeds/pki\n' > $@
	@chmod +x $@
