# SPDX-License-Identifier: BSD-2-Clause
# The driver against the whole simulated card with the shipped firmware.
$(eval $(call c_test,driver_card,tests/system/driver/driver_card.c $(DRIVER_SRCS),$(DRIVER_LIBS) -lcmocka))
$(B)/test/driver_card: | $(B)/bin/culvert-sim $(B)/firmware/culvert.elf
