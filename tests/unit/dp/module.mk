# SPDX-License-Identifier: BSD-2-Clause
# Tests of the datapath implementations.
DP_T := tests/unit/dp
DP_T_UTIL := $(addprefix hostd/util/,buf.c ip.c ipmap.c map.c)
$(eval $(call c_test,dp_esp,$(DP_T)/test_esp.c $(DP_T)/handmade.c hostd/dp/esp.c hostd/dp/suite.c,-lcmocka -lcrypto))
$(eval $(call c_test,dp_replay,$(DP_T)/test_replay.c hostd/dp/replay.c,-lcmocka))
$(eval $(call c_test,dp_soft,$(addprefix $(DP_T)/,test_dp_soft.c soft_fixture.c handmade.c own_net.c) $(DP_SOFT_SRCS) $(DP_T_UTIL),-lcmocka -luv -lcrypto))
$(eval $(call c_test,dp_card,$(addprefix $(DP_T)/,test_dp_card.c fake_culvert.c handmade.c) $(DP_CARD_SRCS) $(DP_T_UTIL),-lcmocka -luv -lcrypto))
$(eval $(call c_test,dp_packet,$(DP_T)/test_packet.c $(addprefix hostd/dp/,packet.c gre.c selectors.c) $(DP_T_UTIL),-lcmocka))
$(eval $(call c_test,dp_both,$(addprefix $(DP_T)/,test_dp_both.c both_rig.c fake_culvert.c handmade.c own_net.c) $(DP_BOTH_SRCS) $(DP_T_UTIL),-lcmocka -luv -lcrypto))
