# SPDX-License-Identifier: BSD-2-Clause
# The datapath: card, software, both as one. Uses hostd/util's map.c, ip.c, ipmap.c and buf.c and, for the card, the driver's sources.
DP_SOFT_SRCS := $(addprefix hostd/dp/,dp_soft.c soft_in.c soft_out.c esp.c suite.c replay.c selectors.c packet.c gre.c \
    later.c)
DP_CARD_SRCS := $(addprefix hostd/dp/,dp_card.c card_ops.c card_sa.c card_fwd.c card_rx.c selectors.c packet.c suite.c \
    later.c)
DP_BOTH_SRCS := $(sort $(DP_SOFT_SRCS) $(DP_CARD_SRCS) $(addprefix hostd/dp/,dp_both.c both_sa.c both_route.c))
DP_SRCS := $(sort $(DP_BOTH_SRCS) $(DRIVER_SRCS))
DP_LIBS := -luv -lcrypto $(DRIVER_LIBS)
