# SPDX-License-Identifier: BSD-2-Clause
# The datapath, both of it. Uses hostd/util/map.c of the daemon and, for the card, the driver's sources.
DP_SOFT_SRCS := $(addprefix hostd/dp/,dp_soft.c soft_in.c soft_out.c esp.c replay.c ranges.c later.c)
DP_CARD_SRCS := $(addprefix hostd/dp/,dp_card.c card_ops.c card_sa.c card_fwd.c card_rx.c ranges.c esp.c later.c)
DP_SRCS := $(sort $(DP_SOFT_SRCS) $(DP_CARD_SRCS) $(DRIVER_SRCS))
DP_LIBS := -luv -lcrypto $(DRIVER_LIBS)
