# SPDX-License-Identifier: BSD-2-Clause
# The firmware image that ships, on an interpreter of the core; and the tool that makes the image.
$(eval $(call c_test,test_fw_elf,tests/firmware/test_fw_elf.c tests/rtl/core/rv_interp.c tests/unit/firmware/model.c \
    tests/unit/firmware/hal_model.c firmware/tools/flash_image.c $(FW_SRCS),-lcmocka))
$(B)/test/test_fw_elf: $(FW_ELF:.elf=.flash)
$(eval $(call c_test,test_flash_image,tests/firmware/test_flash_image.c firmware/tools/flash_image.c,-lcmocka))
