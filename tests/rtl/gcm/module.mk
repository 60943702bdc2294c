# SPDX-License-Identifier: BSD-2-Clause
# AES-GCM engine: both directions and the key preparation against OpenSSL and NIST's vectors; gcm_bench counts cycles.
GCM_RTL := $(addprefix hw/rtl/crypto/,gcm_pkg.sv gcm_aes_round.sv gcm_aes.sv gcm_kmul.sv gcm_mul.sv gcm_ghash.sv \
    gcm_front.sv gcm_out.sv gcm_engine.sv gcm_keyprep.sv)
GCM_TB  := $(addprefix tests/rtl/gcm/,gcm_model.c gcm_run.c gcm_batch.c)

$(eval $(call rtl_test,test_gcm,gcm_tb,$(GCM_RTL) tests/rtl/gcm/gcm_tb.sv,tests/rtl/gcm/gcm_shim.cpp,$(GCM_TB) $(addprefix \
    tests/rtl/gcm/,test_gcm.c gcm_random.c gcm_errors.c gcm_keys.c gcm_vectors.c),-lcrypto))

$(eval $(call rtl_program,gcm_bench,gcm_tb,$(GCM_RTL) tests/rtl/gcm/gcm_tb.sv,tests/rtl/gcm/gcm_shim.cpp,$(GCM_TB) \
    tests/rtl/gcm/gcm_bench.c,-lcrypto))
BENCHES += $(B)/rtl/gcm_bench/gcm_bench
