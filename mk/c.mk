# SPDX-License-Identifier: BSD-2-Clause
# C rules. Two builds of every object: obj/ is the product, san/ is the test build with sanitizers.
#   $(call c_program,NAME,SOURCES,LIBS)       -> $(B)/bin/NAME, product flags, added to PROGRAMS
#   $(call c_test,NAME,SOURCES,LIBS)          -> $(B)/test/NAME, sanitizers, added to CHECK_TESTS
#   $(call c_test_program,NAME,SOURCES,LIBS)  -> $(B)/test/NAME, sanitizers, not run by itself
# Includes are written from the root of the tree: #include "hostd/util/buf.h". Generated headers are in $(B)/gen.
# Extra compile flags of one source:  CFLAGS_path/to/file.c := ...

CC       := gcc
CXX      := g++
WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla
CPPFLAGS += -I. -I$(B)/gen -D_GNU_SOURCE
CFLAGS   ?= -O2 -g
CSTD     := -std=c17
HARDEN   := -fstack-protector-strong -fPIE
SANFLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

$(B)/obj/%.o: %.c | $$(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CSTD) $(CPPFLAGS) $(WARN) $(CFLAGS) $(HARDEN) $(CFLAGS_$<) -MMD -MP -c -o $@ $<
$(B)/san/%.o: %.c | $$(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC san  $<"
	@$(CC) $(CSTD) $(CPPFLAGS) $(WARN) $(SANFLAGS) -DCULVERT_TEST=1 $(CFLAGS_$<) -MMD -MP -c -o $@ $<

# Generated headers and packages: an order-only prerequisite of every object.
GENERATED :=

define c_program
PROGRAMS += $(B)/bin/$(1)
$(B)/bin/$(1): $(patsubst %.c,$(B)/obj/%.o,$(2))
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$(CC) -pie -o $$@ $$(filter %.o %.a,$$^) $(3)
-include $(patsubst %.c,$(B)/obj/%.d,$(2))
endef

define c_test_program
$(B)/test/$(1): $(patsubst %.c,$(B)/san/%.o,$(2))
	@mkdir -p $$(@D)
	@echo "  LD san  $$@"
	@$(CC) -fsanitize=address,undefined -o $$@ $$(filter %.o %.a,$$^) $(3)
-include $(patsubst %.c,$(B)/san/%.d,$(2))
endef

define c_test
CHECK_TESTS += $(B)/test/$(1)
$(call c_test_program,$(1),$(2),$(3))
endef
