# SPDX-License-Identifier: BSD-2-Clause
# Every test_NAME.c is a test of its own.
CONF_TESTS := $(basename $(notdir $(wildcard tests/unit/conf/test_*.c)))
CONF_TEST_SRCS := $(sort tests/unit/conf/conf_rig.c $(HOSTD_CONF_SRCS) $(IKE_SRCS) $(addprefix hostd/util/,buf.c ip.c list.c str.c))
$(foreach t,$(CONF_TESTS),$(eval $(call c_test,$(t),tests/unit/conf/$(t).c $(CONF_TEST_SRCS),-lcmocka -lcrypto)))
