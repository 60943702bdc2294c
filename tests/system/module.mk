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
