# SPDX-License-Identifier: BSD-2-Clause
# Tests of EAP: codec, arithmetic, both roles of every method against each other, backends that misbehave.
EAP_T := tests/unit/eap
EAP_LAB := $(EAP_T)/lab.c $(EAP_T)/certs.c $(EAP_SRCS) hostd/util/buf.c hostd/util/map.c
$(eval $(call c_test,eap_codec,$(EAP_T)/test_codec.c $(EAP_SRCS) hostd/util/buf.c hostd/util/map.c,-lcmocka $(EAP_LIBS)))
$(eval $(call c_test,eap_methods,$(EAP_T)/test_methods.c $(EAP_LAB),-lcmocka $(EAP_LIBS)))
$(eval $(call c_test,eap_tls,$(EAP_T)/test_tls.c $(EAP_LAB),-lcmocka $(EAP_LIBS)))
$(eval $(call c_test,eap_backends,$(EAP_T)/test_backends.c $(EAP_LAB),-lcmocka $(EAP_LIBS)))
