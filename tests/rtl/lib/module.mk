# SPDX-License-Identifier: BSD-2-Clause
# The stream library.
$(eval $(call rtl_test,lib,lib_tb,$(RTL_BASE) tests/rtl/lib/lib_tb.sv,tests/rtl/lib/lib_shim.cpp,tests/rtl/lib/lib_test.c))
