# SPDX-License-Identifier: BSD-2-Clause
# ESP at its edges, on the model of tests/rtl/datapath.
$(eval $(call dp_program,esp_test,tests/rtl/esp/esp_test.c))
CHECK_TESTS += $(B)/rtl/datapath/esp_test
