# SPDX-License-Identifier: BSD-2-Clause
# Root port of the simulated card, and what joins it to the vfio-user server.
SIM_RP_SRCS := sim/pcie/rootport.c sim/pcie/rp_bar.c sim/pcie/rp_dma.c sim/pcie/rp_mem.c sim/pcie/rp_tlp.c \
    sim/pcie/pci_config.c
SIM_PCIE_SRCS := $(SIM_RP_SRCS) sim/pcie/attach.c $(wildcard sim/pcie/vfio_user*.c sim/pcie/vus_*.c)
