# SPDX-License-Identifier: BSD-2-Clause
# The daemon and its command. IKE_SRCS, DP_SRCS, DP_LIBS come from hostd/ike and hostd/dp, whose fragments are read first;
# that of hostd/pki would come later.
include hostd/pki/module.mk
HOSTD_UTIL_SRCS  := $(addprefix hostd/util/,buf.c clock.c ip.c ipmap.c lpm.c list.c log.c map.c str.c)
HOSTD_CONF_SRCS  := $(sort $(wildcard hostd/conf/*.c))
HOSTD_IFACE_SRCS := $(addprefix hostd/iface/,gre_link.c links.c links_addr.c carrier.c mtu.c netdev.c nl.c)
HOSTD_ROUTE_SRCS := $(addprefix hostd/route/,fib.c mirror.c mirror_nl.c)
HOSTD_CLI_SRCS   := $(filter-out %/culvert.c %/client.c %/shell.c,$(wildcard hostd/cli/*.c))
HOSTD_MAIN_SRCS  := $(filter-out %/culvertd.c,$(wildcard hostd/main/*.c))
HOSTD_SRCS := $(sort $(HOSTD_UTIL_SRCS) $(HOSTD_CONF_SRCS) $(HOSTD_IFACE_SRCS) $(HOSTD_ROUTE_SRCS) $(HOSTD_CLI_SRCS) \
    $(HOSTD_MAIN_SRCS) $(IKE_SRCS) $(DP_SRCS) $(PKI_SRCS) $(EAP_SRCS))
HOSTD_LIBS := $(sort $(DP_LIBS) $(PKI_LIBS) $(EAP_LIBS) -luv -lcrypto -lmnl -ljansson)

$(eval $(call c_program,culvertd,hostd/main/culvertd.c $(HOSTD_SRCS),$(HOSTD_LIBS)))
CULVERT_SRCS := $(addprefix hostd/cli/,culvert.c client.c shell.c) hostd/util/str.c $(DRIVER_SRCS) $(DRIVER_CLI_SRCS)
$(eval $(call c_program,culvert,$(CULVERT_SRCS),$(sort -ledit -ljansson $(DRIVER_LIBS))))
