# SPDX-License-Identifier: BSD-2-Clause
# Tests of the datapath implementations.
DP_T := tests/unit/dp
$(eval $(call c_test,dp_esp,$(DP_T)/test_esp.c $(DP_T)/handmade.c hostd/dp/esp.c,-lcmocka -lcrypto))
$(eval $(call c_test,dp_replay,$(DP_T)/test_replay.c hostd/dp/replay.c hostd/dp/ranges.c,-lcmocka))
$(eval $(call c_test,dp_soft,$(addprefix $(DP_T)/,test_dp_soft.c soft_fixture.c handmade.c own_net.c) $(DP_SOFT_SRCS) hostd/util/map.c,-lcmocka -luv -lcrypto))
$(eval $(call c_test,dp_card,$(addprefix $(DP_T)/,test_dp_card.c fake_culvert.c handmade.c) $(DP_CARD_SRCS) hostd/util/map.c,-lcmocka -luv -lcrypto))
