# SPDX-License-Identifier: BSD-2-Clause
# The daemon and its command. IKE_SRCS, DP_SRCS, DP_LIBS come from hostd/ike and hostd/dp, whose fragments are read first.
HOSTD_UTIL_SRCS  := $(addprefix hostd/util/,buf.c clock.c list.c log.c map.c str.c)
HOSTD_CONF_SRCS  := $(addprefix hostd/conf/,algs.c check.c cmd_global.c cmd_ikev2.c cmd_interface.c cmd_ipsec.c \
    cmd_profile.c grammar_compile.c grammar_match.c ifid.c model.c reader.c words.c)
HOSTD_IFACE_SRCS := $(addprefix hostd/iface/,links.c netdev.c nl.c)
HOSTD_ROUTE_SRCS := $(addprefix hostd/route/,fib.c mirror.c mirror_nl.c)
HOSTD_CLI_SRCS   := $(addprefix hostd/cli/,actions.c control.c exec.c show_ike.c show_ipsec.c show_system.c)
HOSTD_MAIN_SRCS  := $(addprefix hostd/main/,daemon.c glue.c keylog.c pool.c profiles.c session.c sockets.c statics.c \
    tunnels.c ts.c)
HOSTD_SRCS := $(sort $(HOSTD_UTIL_SRCS) $(HOSTD_CONF_SRCS) $(HOSTD_IFACE_SRCS) $(HOSTD_ROUTE_SRCS) $(HOSTD_CLI_SRCS) \
    $(HOSTD_MAIN_SRCS) $(IKE_SRCS) $(DP_SRCS))
HOSTD_LIBS := $(sort $(DP_LIBS) -luv -lcrypto -lmnl -ljansson)

$(eval $(call c_program,culvertd,hostd/main/culvertd.c $(HOSTD_SRCS),$(HOSTD_LIBS)))
CULVERT_SRCS := $(addprefix hostd/cli/,culvert.c client.c shell.c) hostd/util/str.c $(DRIVER_SRCS) $(DRIVER_CLI_SRCS)
$(eval $(call c_program,culvert,$(CULVERT_SRCS),$(sort -ledit -ljansson $(DRIVER_LIBS))))
