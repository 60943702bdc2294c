# SPDX-License-Identifier: BSD-2-Clause
# libculvert. Programs link $(B)/lib/libculvert.a (or list DRIVER_SRCS among their own) with DRIVER_LIBS.
DRIVER_SRCS := $(addprefix driver/,card.c attach.c caps.c memory.c cmdq.c rings.c commands.c list.c transport.c \
    transport_vfio.c transport_vfio_user.c vfio_user_msg.c)
DRIVER_CLI_SRCS := driver/card_cli.c
DRIVER_LIBS := -lpci -lfdt -ljansson

$(B)/lib/libculvert.a: $(patsubst %.c,$(B)/obj/%.o,$(DRIVER_SRCS) $(DRIVER_CLI_SRCS))
	@mkdir -p $(@D)
	@echo "  AR      $@"
	@rm -f $@; ar rcs $@ $^
-include $(patsubst %.c,$(B)/obj/%.d,$(DRIVER_SRCS) $(DRIVER_CLI_SRCS))

PROGRAMS += $(B)/lib/libculvert.a
