# SPDX-License-Identifier: BSD-2-Clause
# Fuzz targets of IKEv2: built by clang with libFuzzer and sanitizers, run for a short while by `make check`.
IKE_F := tests/fuzz/ike
FUZZ_CC := clang-14
FUZZ_FLAGS := -std=c17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -D_GNU_SOURCE -I. -I$(B)/gen
$(eval $(call c_test_program,ike_seeds,$(IKE_F)/seeds.c $(IKE_SRCS) hostd/util/buf.c hostd/util/ip.c,-lcrypto))
IKE_FUZZ_DEPS := $(IKE_SRCS) hostd/util/buf.c hostd/util/ip.c $(wildcard hostd/ike/*.h) hostd/util/buf.h | $$(GENERATED)

# What the exchange tests say to each other, decrypted.
IKE_CAPTURED := $(addprefix $(B)/test/,ike_setup ike_rekey ike_auth ike_cert_url)
$(B)/fuzz/captured/.stamp: $(IKE_CAPTURED)
	@mkdir -p $(@D)/codec $(@D)/engine
	@for t in $^; do LAB_CORPUS=$(@D) $$t > $(@D)/log 2>&1 || { tail -20 $(@D)/log; exit 1; }; done
	@touch $@

$(B)/fuzz/seeds/ike.stamp: $(B)/test/ike_seeds $(B)/fuzz/captured/.stamp
	@mkdir -p $(B)/fuzz/seeds/ike_codec $(B)/fuzz/seeds/ike_engine
	@$(B)/test/ike_seeds $(B)/fuzz/seeds/ike_codec $(B)/fuzz/seeds/ike_engine
	@cp -f $(B)/fuzz/captured/codec/* $(B)/fuzz/seeds/ike_codec
	@cp -f $(B)/fuzz/captured/engine/* $(B)/fuzz/seeds/ike_engine
	@touch $@

# $(1): codec or engine
define ike_fuzz
CHECK_TESTS += $(B)/test/ike_fuzz_$(1)
$(B)/fuzz/ike_$(1): $(IKE_F)/fuzz_$(1).c $(IKE_FUZZ_DEPS)
	@mkdir -p $$(@D)
	@echo "  FUZZ    $$@"
	@$(FUZZ_CC) $(FUZZ_FLAGS) -o $$@ $$(filter %.c,$$^) -lcrypto
$(B)/test/ike_fuzz_$(1): $(IKE_F)/run $(B)/fuzz/ike_$(1) $(B)/fuzz/seeds/ike.stamp
	@printf '#!/bin/sh\nexec $(IKE_F)/run "IKEv2 $(1)" $(B)/fuzz/ike_$(1) $(B)/fuzz/seeds/ike_$(1)\n' > $$@
	@chmod +x $$@
endef
$(eval $(call ike_fuzz,codec))
$(eval $(call ike_fuzz,engine))
