# SPDX-License-Identifier: BSD-2-Clause
# Firmware of the management core: the ELF (simulator, tests), the flash image (boards), and the tool that makes it.
FW_CC    := riscv64-unknown-elf-gcc
FW_SIZE  := riscv64-unknown-elf-size
# Without _zicsr: with it the linker silently takes 64-bit libraries. The few CSR instructions name the extension themselves.
FW_FLAGS := -march=rv32imc -mabi=ilp32 -Os -g -std=c17 -ffunction-sections -fdata-sections -fno-common \
    --specs=picolibc.specs $(WARN) -Wconversion -Wno-sign-conversion -I. -I$(B)/gen
# What also builds natively: everything but start-up and main.
FW_SRCS  := $(addprefix firmware/,core/text.c core/panic.c core/irq.c drivers/uart.c drivers/timer.c drivers/wdt.c \
    drivers/mbox.c drivers/dp.c drivers/dp_sa.c drivers/dp_route.c services/flow.c services/fib.c services/sa.c \
    services/events.c services/ports.c services/commands.c services/fw.c)
FW_MAIN  := firmware/core/crt0.S firmware/main.c
FW_OBJS  := $(patsubst %,$(B)/firmware/obj/%.o,$(FW_MAIN) $(FW_SRCS))
FW_ELF   := $(B)/firmware/culvert.elf

$(B)/firmware/obj/%.o: % | $$(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC rv   $<"
	@$(FW_CC) $(FW_FLAGS) -MMD -MP -c -o $@ $<
-include $(FW_OBJS:.o=.d)

# The link fails when firmware does not fit the RAM that the board's device tree gives the core.
FW_LINK = $(FW_CC) $(FW_FLAGS) -nostartfiles -Wl,--gc-sections -Wl,--no-warn-rwx-segments -Wl,-Map=$(@:.elf=.map) \
    -Wl,--defsym=__ram_size=$$(awk '$$2 == "BOARD_RAM_BYTES" { sub("u", "", $$3); print $$3 }' $(B)/gen/board.h) \
    -Tfirmware/link.ld -o $@ $(filter %.o,$^)
$(FW_ELF): $(FW_OBJS) firmware/link.ld $(B)/gen/board.h
	@mkdir -p $(@D)
	@echo "  LD rv   $@"
	@$(FW_LINK)
	@$(FW_SIZE) $@ | awk 'NR == 2 { printf "  SIZE    code and constants %d, data %d, zeroed %d: %d bytes of RAM, and 4096 of stack\n", \
	    $$1, $$2, $$3, $$4 }'

$(B)/firmware/%.flash: $(B)/firmware/%.elf $(B)/tools/mkflash
	@echo "  FLASH   $@"
	@$(B)/tools/mkflash $< $@

MKFLASH_SRCS := firmware/tools/mkflash.c firmware/tools/flash_image.c
$(B)/tools/mkflash: $(MKFLASH_SRCS) firmware/tools/flash_image.h | $$(GENERATED)
	@mkdir -p $(@D)
	@$(CC) $(CSTD) $(CPPFLAGS) $(WARN) -O1 -g -o $@ $(MKFLASH_SRCS)

PROGRAMS += $(FW_ELF) $(FW_ELF:.elf=.flash)
