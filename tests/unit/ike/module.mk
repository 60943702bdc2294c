# SPDX-License-Identifier: BSD-2-Clause
# Tests of IKEv2: codec, cryptography, and exchanges between two engines in one process.
IKE_T := tests/unit/ike
IKE_LAB := $(IKE_T)/lab.c $(IKE_SRCS) hostd/util/buf.c
$(eval $(call c_test,ike_codec,$(IKE_T)/test_codec.c $(IKE_SRCS) hostd/util/buf.c,-lcmocka -lcrypto))
$(eval $(call c_test,ike_crypto,$(IKE_T)/test_crypto.c $(IKE_SRCS) hostd/util/buf.c,-lcmocka -lcrypto))
$(eval $(call c_test,ike_setup,$(IKE_T)/test_setup.c $(IKE_LAB),-lcmocka -lcrypto))
$(eval $(call c_test,ike_rekey,$(IKE_T)/test_rekey.c $(IKE_LAB),-lcmocka -lcrypto))
$(eval $(call c_test_program,ike_driver,$(IKE_T)/driver.c $(IKE_SRCS) hostd/util/buf.c,-lcrypto))

# Against strongSwan, in network namespaces (skips where that cannot be).
CHECK_TESTS += $(B)/test/ike_strongswan
$(B)/test/ike_strongswan: $(IKE_T)/strongswan $(B)/test/ike_driver
	@cp $< $@

# How many SAs a second, both roles in one process.
BENCHES += $(B)/bench/ike_bench
$(B)/bench/ike_bench: $(patsubst %.c,$(B)/obj/%.o,$(IKE_T)/bench.c tests/bench/figure.c $(IKE_SRCS) hostd/util/buf.c)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) -pie -o $@ $^ -lcrypto
