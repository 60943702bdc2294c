# SPDX-License-Identifier: BSD-2-Clause
# Fuzz targets of firmware's mailbox and of the driver's device tree reader, run for a short while by `make check`.
CARD_F := tests/fuzz/card
CARD_FUZZ_CC := clang-14
CARD_FUZZ_FLAGS := -std=c17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -D_GNU_SOURCE -I. -I$(B)/gen
CARD_FUZZ_fw := $(CARD_F)/fuzz_fw.c tests/unit/firmware/model.c tests/unit/firmware/hal_model.c $(FW_SRCS)
CARD_FUZZ_caps := $(CARD_F)/fuzz_caps.c driver/caps.c
$(eval $(call c_test_program,card_seeds,$(CARD_F)/seeds.c,))

# $(1): fw or caps   $(2): its name   $(3): command that makes seeds in a folder
define card_fuzz
CHECK_TESTS += $(B)/test/card_fuzz_$(1)
$(B)/fuzz/card_$(1): $(CARD_FUZZ_$(1)) $(wildcard firmware/*/*.h driver/*.h tests/unit/firmware/*.h) | $$$$(GENERATED)
	@mkdir -p $$(@D)
	@echo "  FUZZ    $$@"
	@$(CARD_FUZZ_CC) $(CARD_FUZZ_FLAGS) -o $$@ $$(filter %.c,$$^) -lfdt
$(B)/test/card_fuzz_$(1): tests/fuzz/ike/run $(B)/fuzz/card_$(1) $(B)/test/card_seeds $(B)/gen/board.dtb
	@mkdir -p $(B)/fuzz/seeds/card_$(1)
	@$(3) $(B)/fuzz/seeds/card_$(1)
	@printf '#!/bin/sh\nexec tests/fuzz/ike/run "$(2)" $(B)/fuzz/card_$(1) $(B)/fuzz/seeds/card_$(1)\n' > $$@
	@chmod +x $$@
endef
$(eval $(call card_fuzz,fw,firmware mailbox,$(B)/test/card_seeds))
$(eval $(call card_fuzz,caps,device tree reader,cp $(B)/gen/board.dtb))
