# SPDX-License-Identifier: BSD-2-Clause
# The driver against the whole simulated card with the shipped firmware.
$(eval $(call c_test,driver_card,$(addprefix tests/system/driver/,driver_card.c sim_card.c) $(DRIVER_SRCS),$(DRIVER_LIBS) -lcmocka))
$(B)/test/driver_card: | $(B)/bin/culvert-sim $(B)/firmware/culvert.elf

# The shipped firmware with a main that fails on purpose.
$(B)/firmware/obj/fail_trap.o: FW_FAIL := -DFAIL_TRAP
$(B)/firmware/obj/fail_hang.o: FW_FAIL := -DFAIL_HANG
$(B)/firmware/obj/fail_%.o: tests/system/driver/fail_main.c | $$(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC rv   $@"
	@$(FW_CC) $(FW_FLAGS) $(FW_FAIL) -MMD -MP -c -o $@ $<
$(B)/firmware/fail_%.elf: $(B)/firmware/obj/fail_%.o $(filter-out %/main.c.o,$(FW_OBJS)) firmware/link.ld $(B)/gen/board.h
	@echo "  LD rv   $@"
	@$(FW_LINK)
-include $(B)/firmware/obj/fail_trap.d $(B)/firmware/obj/fail_hang.d

$(eval $(call c_test,driver_failure,$(addprefix tests/system/driver/,driver_failure.c sim_card.c) $(DRIVER_SRCS),$(DRIVER_LIBS) -lcmocka))
$(B)/test/driver_failure: | $(B)/bin/culvert-sim $(B)/firmware/fail_trap.elf $(B)/firmware/fail_hang.elf
