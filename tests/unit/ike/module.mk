# SPDX-License-Identifier: BSD-2-Clause
# Tests of IKEv2: codec, cryptography, and exchanges between two engines in one process.
IKE_T := tests/unit/ike
IKE_LAB := $(addprefix $(IKE_T)/,lab.c capture.c insider.c) $(IKE_SRCS) hostd/util/buf.c hostd/util/ip.c
# Every test_NAME.c is a test of its own, ike_NAME.
IKE_TESTS := $(patsubst $(IKE_T)/test_%.c,%,$(wildcard $(IKE_T)/test_*.c))
$(foreach t,$(IKE_TESTS),$(eval $(call c_test,ike_$(t),$(IKE_T)/test_$(t).c $(IKE_LAB),-lcmocka -lcrypto)))
$(eval $(call c_test_program,ike_driver,$(IKE_T)/driver.c $(IKE_SRCS) hostd/util/buf.c hostd/util/ip.c,-lcrypto))

# Against strongSwan, in network namespaces (skips where that cannot be).
CHECK_TESTS += $(B)/test/ike_strongswan_ops
$(B)/test/ike_strongswan_ops: $(IKE_T)/strongswan_ops $(B)/test/ike_driver
	@cp $< $@

CHECK_TESTS += $(B)/test/ike_strongswan
$(B)/test/ike_strongswan: $(IKE_T)/strongswan $(B)/test/ike_driver
	@cp $< $@

# How many SAs a second, both roles in one process.
BENCHES += $(B)/bench/ike_bench
$(B)/bench/ike_bench: $(patsubst %.c,$(B)/obj/%.o,$(IKE_T)/bench.c tests/bench/figure.c $(IKE_SRCS) hostd/util/buf.c hostd/util/ip.c)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) -pie -o $@ $^ -lcrypto
-include $(B)/obj/$(IKE_T)/bench.d
