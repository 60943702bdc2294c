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
    system_software_refusals system_card_refusals system_lab
SYSTEM_LIB := $(wildcard tests/system/lib/* tests/system/*.sh)
$(B)/test/system_lab: $(SYSTEM_LIB) $(SYSTEM_TOOLS)
	@mkdir -p $(@D)
	@printf '#!/bin/bash\nexec "$(abspath tests/system)/lab_self.sh"\n' > $@ && chmod +x $@
$(B)/test/system_%: $(SYSTEM_LIB) $(SYSTEM_TOOLS)
	@mkdir -p $(@D)
	@printf '#!/bin/bash\nexec "$(abspath tests/system)/gateway.sh" $(subst _, ,$*)\n' > $@ && chmod +x $@
CHECK_SLOW += $(SYSTEM_TESTS:%=$(B)/test/%)
