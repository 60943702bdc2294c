# SPDX-License-Identifier: BSD-2-Clause
TEST_SESSION_SRCS := $(addprefix tests/unit/hostd/,test_session.c fake_dp.c) $(addprefix hostd/main/,session.c ts.c) $(addprefix hostd/dp/,suite.c selectors.c) \
    $(addprefix hostd/util/,ip.c list.c log.c map.c str.c)
$(eval $(call c_test,test_session,$(TEST_SESSION_SRCS),-lcmocka -lcrypto))

TEST_MIRROR_SRCS := $(addprefix tests/unit/hostd/,test_mirror.c fake_dp.c) $(HOSTD_ROUTE_SRCS) $(HOSTD_IFACE_SRCS) \
    hostd/conf/ifid.c hostd/conf/model.c hostd/conf/algs.c $(addprefix hostd/dp/,gre.c packet.c selectors.c suite.c) \
    $(HOSTD_UTIL_SRCS)
$(eval $(call c_test,test_mirror,$(TEST_MIRROR_SRCS),-lcmocka -luv -lmnl -lcrypto))

TEST_PROFILES_SRCS := tests/unit/hostd/test_profiles.c hostd/main/profiles.c hostd/main/keys.c hostd/main/match.c hostd/main/traffic.c $(HOSTD_CONF_SRCS) \
    $(HOSTD_UTIL_SRCS) $(IKE_SRCS) $(PKI_SRCS)
$(eval $(call c_test,test_profiles,$(sort $(TEST_PROFILES_SRCS)),-lcmocka $(PKI_LIBS)))

TEST_KEYS_SRCS := tests/unit/hostd/test_keys.c hostd/main/keys.c hostd/main/match.c $(HOSTD_CONF_SRCS) $(HOSTD_UTIL_SRCS) $(IKE_SRCS) $(PKI_SRCS)
$(eval $(call c_test,test_keys,$(sort $(TEST_KEYS_SRCS)),-lcmocka $(PKI_LIBS)))

TEST_POOL_SRCS := tests/unit/hostd/test_pool.c hostd/main/pool.c $(addprefix hostd/util/,buf.c ip.c list.c map.c) $(IKE_SRCS)
$(eval $(call c_test,test_pool,$(TEST_POOL_SRCS),-lcmocka -lcrypto))

TEST_TOLD_SRCS := tests/unit/hostd/test_told.c hostd/main/routes_ike.c $(HOSTD_CONF_SRCS) $(HOSTD_UTIL_SRCS) $(IKE_SRCS)
$(eval $(call c_test,test_told,$(sort $(TEST_TOLD_SRCS)),-lcmocka -lcrypto))

TEST_CONTROL_SRCS := tests/unit/hostd/test_control.c hostd/cli/client.c $(HOSTD_SRCS)
$(eval $(call c_test,test_control,$(TEST_CONTROL_SRCS),-lcmocka $(HOSTD_LIBS)))

# The daemon with sanitizers, for the script.
$(eval $(call c_test_program,culvertd,hostd/main/culvertd.c $(HOSTD_SRCS),$(HOSTD_LIBS)))
CHECK_TESTS += $(B)/test/two_daemons
$(B)/test/two_daemons: tests/unit/hostd/two_daemons $(B)/test/culvertd $(B)/bin/culvert
	@ln -sf $(abspath $<) $@

TEST_SHOW_SRCS := $(addprefix tests/unit/hostd/,test_show.c exec_rig.c) $(addprefix tests/unit/ike/,lab.c capture.c insider.c) $(HOSTD_SRCS)
$(eval $(call c_test,test_show,$(sort $(TEST_SHOW_SRCS)),-lcmocka $(HOSTD_LIBS)))

CHECK_TESTS += $(B)/test/route_exchange
$(B)/test/route_exchange: tests/unit/hostd/route_exchange $(B)/test/culvertd $(B)/bin/culvert
	@ln -sf $(abspath $<) $@

CHECK_TESTS += $(B)/test/gateway_names
$(B)/test/gateway_names: tests/unit/hostd/gateway_names $(B)/test/culvertd $(B)/bin/culvert
	@ln -sf $(abspath $<) $@

CHECK_TESTS += $(B)/test/roaming
$(B)/test/roaming: tests/unit/hostd/roaming $(B)/test/culvertd $(B)/bin/culvert
	@ln -sf $(abspath $<) $@

$(eval $(call c_test,test_lpm,tests/unit/hostd/test_lpm.c $(addprefix hostd/util/,ip.c ipmap.c lpm.c),-lcmocka))
TEST_TUNNELS_SRCS := tests/unit/hostd/test_tunnels.c hostd/main/tunnels.c hostd/iface/mtu.c hostd/dp/suite.c $(HOSTD_CONF_SRCS) \
    $(HOSTD_UTIL_SRCS) $(IKE_SRCS)
$(eval $(call c_test,test_tunnels,$(sort $(TEST_TUNNELS_SRCS)),-lcmocka -lcrypto))

TEST_ENGINE_SRCS := $(addprefix tests/unit/hostd/,test_engine.c exec_rig.c fake_dp.c) $(HOSTD_SRCS)
$(eval $(call c_test,test_engine,$(sort $(TEST_ENGINE_SRCS)),-lcmocka $(HOSTD_LIBS)))

$(eval $(call c_test,test_nl,tests/unit/hostd/test_nl.c tests/unit/dp/own_net.c hostd/iface/nl.c hostd/util/ip.c,-lcmocka -lmnl -lpthread))
