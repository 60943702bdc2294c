# SPDX-License-Identifier: BSD-2-Clause
TEST_SESSION_SRCS := $(addprefix tests/unit/hostd/,test_session.c fake_dp.c) $(addprefix hostd/main/,session.c ts.c) \
    $(addprefix hostd/util/,list.c log.c map.c str.c)
$(eval $(call c_test,test_session,$(TEST_SESSION_SRCS),-lcmocka -lcrypto))

TEST_MIRROR_SRCS := $(addprefix tests/unit/hostd/,test_mirror.c fake_dp.c) $(HOSTD_ROUTE_SRCS) $(HOSTD_IFACE_SRCS) \
    hostd/conf/ifid.c hostd/conf/model.c hostd/conf/algs.c $(addprefix hostd/util/,list.c log.c map.c str.c)
$(eval $(call c_test,test_mirror,$(TEST_MIRROR_SRCS),-lcmocka -luv -lmnl -lcrypto))

TEST_PROFILES_SRCS := tests/unit/hostd/test_profiles.c hostd/main/profiles.c hostd/main/pool.c $(HOSTD_CONF_SRCS) \
    $(HOSTD_UTIL_SRCS) $(IKE_SRCS)
$(eval $(call c_test,test_profiles,$(sort $(TEST_PROFILES_SRCS)),-lcmocka -lcrypto))

TEST_CONTROL_SRCS := tests/unit/hostd/test_control.c hostd/cli/client.c $(HOSTD_SRCS)
$(eval $(call c_test,test_control,$(TEST_CONTROL_SRCS),-lcmocka $(HOSTD_LIBS)))

# The daemon with sanitizers, for the script.
$(eval $(call c_test_program,culvertd,hostd/main/culvertd.c $(HOSTD_SRCS),$(HOSTD_LIBS)))
CHECK_TESTS += $(B)/test/two_daemons
$(B)/test/two_daemons: tests/unit/hostd/two_daemons $(B)/test/culvertd $(B)/bin/culvert
	@ln -sf $(abspath $<) $@
