# SPDX-License-Identifier: BSD-2-Clause
# System tests: real peers in a lab of namespaces and guests. The scripts print TAP and take B from the environment.
SYSTEM_TOOLS := $(B)/test/labtool $(B)/test/uml_xstate.so

$(B)/test/labtool: tests/system/tools/labtool.c
	@mkdir -p $(@D)
	@$(CC) $(CSTD) $(CPPFLAGS) $(WARN) -O2 -g -o $@ $< -ljansson
$(B)/test/uml_xstate.so: tests/system/tools/uml_xstate.c
	@mkdir -p $(@D)
	@$(CC) $(CSTD) $(CPPFLAGS) $(WARN) -O2 -shared -fPIC -o $@ $< -ldl
PROGRAMS += $(SYSTEM_TOOLS)

# Each part of gateway.sh as an executable of its own: system_DATAPATH_PART.
SYSTEM_TESTS := system_card_spoke2 system_card_spoke1 system_software_spoke2 system_software_spoke1 \
    system_software_refusals system_software_suites1 system_software_suites2 system_software_certificates system_card_refusals system_lab \
    system_eap system_identities system_renew system_software_children system_card_children
SYSTEM_LIB := $(wildcard tests/system/lib/* tests/system/*.sh)
$(B)/test/system_lab: $(SYSTEM_LIB) $(SYSTEM_TOOLS)
	@mkdir -p $(@D)
	@printf '#!/bin/bash\nexec "$(abspath tests/system)/lab_self.sh"\n' > $@ && chmod +x $@
$(B)/test/system_eap: $(SYSTEM_LIB) $(SYSTEM_TOOLS)
	@mkdir -p $(@D)
	@printf '#!/bin/bash\nexec "$(abspath tests/system)/eap.sh"\n' > $@ && chmod +x $@
$(B)/test/system_renew: $(SYSTEM_LIB) $(SYSTEM_TOOLS)
	@mkdir -p $(@D)
	@printf '#!/bin/bash\nexec "$(abspath tests/system)/renew.sh"\n' > $@ && chmod +x $@
$(B)/test/system_identities: $(SYSTEM_LIB) $(SYSTEM_TOOLS)
	@mkdir -p $(@D)
	@printf '#!/bin/bash\nexec "$(abspath tests/system)/identities.sh"\n' > $@ && chmod +x $@
$(B)/test/system_%: $(SYSTEM_LIB) $(SYSTEM_TOOLS)
	@mkdir -p $(@D)
	@printf '#!/bin/bash\nexec "$(abspath tests/system)/gateway.sh" $(subst _, ,$*)\n' > $@ && chmod +x $@
# The configuration payload with strongSwan in either role.
SYSTEM_CONFIG := $(addprefix $(B)/test/system_config_,client server client6 server6 default contact)
$(SYSTEM_CONFIG): $(B)/test/system_config_%: $(SYSTEM_LIB) $(SYSTEM_TOOLS) $(B)/test/culvertd $(B)/bin/culvert
	@mkdir -p $(@D)
	@printf '#!/bin/bash\nexec "$(abspath tests/system)/config.sh" $*\n' > $@ && chmod +x $@
# IPv6, GRE, transport mode, selectors with ports.
SYSTEM_DUAL := $(addprefix $(B)/test/system_dual_,gre auto plain ipv6 selectors card moves suites)
$(SYSTEM_DUAL): $(B)/test/system_dual_%: $(SYSTEM_LIB) $(SYSTEM_TOOLS)
	@mkdir -p $(@D)
	@printf '#!/bin/bash\nexec "$(abspath tests/system)/dual.sh" $*\n' > $@ && chmod +x $@
CHECK_SLOW += $(SYSTEM_CONFIG) $(SYSTEM_DUAL)
CHECK_SLOW += $(SYSTEM_TESTS:%=$(B)/test/%)
# How SAs live: cookies, redirect, NAT.
SYSTEM_PEERS := $(addprefix $(B)/test/system_peers_,cookies redirect nat natgre gre6 mobike4 mobike6 fragments alive tunnels)
$(SYSTEM_PEERS): $(B)/test/system_peers_%: $(SYSTEM_LIB) $(SYSTEM_TOOLS) $(B)/test/culvertd $(B)/bin/culvert
	@mkdir -p $(@D)
	@printf '#!/bin/bash\nexec "$(abspath tests/system)/peers.sh" $*\n' > $@ && chmod +x $@
CHECK_SLOW += $(SYSTEM_PEERS)
# The daemon's commands with strongSwan in both roles.
SYSTEM_SWAN := $(addprefix $(B)/test/system_swan_,children collisions moves commands limits window timed ipcomp)
$(SYSTEM_SWAN): $(B)/test/system_swan_%: $(SYSTEM_LIB) $(SYSTEM_TOOLS) $(B)/test/culvertd $(B)/bin/culvert
	@mkdir -p $(@D)
	@printf '#!/bin/bash\nexec "$(abspath tests/system)/swan.sh" $*\n' > $@ && chmod +x $@
CHECK_SLOW += $(SYSTEM_SWAN)
