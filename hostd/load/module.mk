# SPDX-License-Identifier: BSD-2-Clause
# culvert-load. IKE_SRCS and EAP_SRCS come from fragments that are read first.
LOAD_SRCS := $(addprefix hostd/load/,chance.c creds.c eap.c load.c options.c report.c samples.c spokes.c traffic.c wire.c) \
    hostd/main/ts.c $(addprefix hostd/dp/,esp.c packet.c replay.c selectors.c suite.c) $(addprefix hostd/util/,buf.c ip.c map.c) $(IKE_SRCS) \
    $(filter-out %/eap_hub.c %/eap_guard.c %/eap_local.c,$(EAP_SRCS))
$(eval $(call c_program,culvert-load,hostd/load/culvert_load.c $(LOAD_SRCS),$(EAP_LIBS) -ljansson))
