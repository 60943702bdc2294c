# SPDX-License-Identifier: BSD-2-Clause
$(eval $(call rtl_test,pcie,pcie_tb,$(RTL_LIB) $(RTL_PCIE) tests/rtl/pcie/pcie_tb.sv,tests/rtl/pcie/pcie_shim.cpp,\
    $(addprefix tests/rtl/pcie/,main.c bench.c bar_tests.c ring_tests.c fault_tests.c attach_test.c figures.c) \
    tests/unit/vfio_user/client.c $(SIM_PCIE_SRCS),-ljansson,\
    -GDTB_MEM='"$(abspath $(B))/gen/board_dtb.mem"'))
