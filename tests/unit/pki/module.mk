# SPDX-License-Identifier: BSD-2-Clause
# Certificates. ca.c is a CA that also signs what no CA should.
PKI_T := tests/unit/pki
PKI_TEST_SRCS := $(PKI_T)/ca.c $(PKI_SRCS) $(HOSTD_CONF_SRCS) $(HOSTD_UTIL_SRCS) hostd/ike/ike_id.c
$(eval $(call c_test,pki_cert,$(sort $(PKI_T)/test_cert.c $(PKI_TEST_SRCS)),-lcmocka $(PKI_LIBS)))
$(eval $(call c_test,pki_trustpoint,$(sort $(PKI_T)/test_trustpoint.c $(PKI_TEST_SRCS)),-lcmocka $(PKI_LIBS)))
$(eval $(call c_test,pki_verify,$(sort $(PKI_T)/test_verify.c $(PKI_TEST_SRCS)),-lcmocka $(PKI_LIBS)))
$(eval $(call c_test,pki_revoke,$(sort $(PKI_T)/test_revoke.c $(PKI_T)/web.c $(PKI_TEST_SRCS)),-lcmocka $(PKI_LIBS)))
$(eval $(call c_test,pki_commands,$(sort $(PKI_T)/test_commands.c $(PKI_T)/web.c $(PKI_T)/ca.c tests/unit/hostd/exec_rig.c $(HOSTD_SRCS)),-lcmocka $(HOSTD_LIBS)))
