# SPDX-License-Identifier: BSD-2-Clause
# Firmware's sources natively: register traffic, and managers and commands over a model of the registers.
FW_UNIT := tests/unit/firmware
FW_NATIVE = $(FW_SRCS)
$(eval $(call c_test,test_fw_registers,$(FW_UNIT)/test_fw_registers.c $(FW_UNIT)/hal_expect.c $(FW_NATIVE),-lcmocka))
$(eval $(call c_test,test_fw_flow,$(FW_UNIT)/test_fw_flow.c $(FW_UNIT)/model.c $(FW_UNIT)/hal_model.c $(FW_NATIVE),-lcmocka))
$(eval $(call c_test,test_fw_commands,$(FW_UNIT)/test_fw_commands.c $(FW_UNIT)/model.c $(FW_UNIT)/hal_model.c $(FW_NATIVE),-lcmocka))
