# SPDX-License-Identifier: BSD-2-Clause
TEST_CONF_SRCS := tests/unit/conf/test_conf.c hostd/util/list.c hostd/util/str.c $(HOSTD_CONF_SRCS)
$(eval $(call c_test,test_conf,$(TEST_CONF_SRCS),-lcmocka -lcrypto))
