# SPDX-License-Identifier: BSD-2-Clause
# Root port of the simulated card, and what joins it to the vfio-user server.
SIM_RP_SRCS := $(addprefix sim/pcie/,rootport.c rp_bar.c rp_dma.c rp_mem.c rp_tlp.c pci_config.c)
SIM_PCIE_SRCS := $(SIM_RP_SRCS) $(addprefix sim/pcie/,attach.c vfio_user_server.c)
