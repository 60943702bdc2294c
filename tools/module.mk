# SPDX-License-Identifier: BSD-2-Clause
# Build-time tools: the board and register generators, and what they generate.

BOARD ?= sim
REGS  := $(wildcard hw/regs/*.regs)
REGS_NAMES := $(notdir $(basename $(REGS)))

$(B)/tools/boardgen: tools/boardgen.c
	@mkdir -p $(@D)
	@$(CC) $(CSTD) $(CPPFLAGS) $(WARN) -O1 -g -o $@ $< -lfdt
$(B)/tools/regmap: tools/regmap.c
	@mkdir -p $(@D)
	@$(CC) $(CSTD) $(CPPFLAGS) $(WARN) -O1 -g -o $@ $<

$(B)/gen/board.dtb: boards/$(BOARD)/board.dts
	@mkdir -p $(@D)
	@dtc -q -I dts -O dtb -o $@ $<
$(B)/gen/board_pkg.sv: $(B)/gen/board.dtb $(B)/tools/boardgen
	@mkdir -p $(@D)
	@$(B)/tools/boardgen sv $< > $@
$(B)/gen/board.h: $(B)/gen/board.dtb $(B)/tools/boardgen
	@mkdir -p $(@D)
	@$(B)/tools/boardgen c $< > $@
$(B)/gen/board_dtb.mem: $(B)/gen/board.dtb $(B)/tools/boardgen
	@mkdir -p $(@D)
	@$(B)/tools/boardgen mem $< > $@

$(B)/gen/%_regs_pkg.sv: hw/regs/%.regs $(B)/tools/regmap
	@mkdir -p $(@D)
	@$(B)/tools/regmap sv $< > $@
$(B)/gen/%_regs.h: hw/regs/%.regs $(B)/tools/regmap
	@mkdir -p $(@D)
	@$(B)/tools/regmap c $< > $@
$(B)/gen/%_regs.md: hw/regs/%.regs $(B)/tools/regmap
	@mkdir -p $(@D)
	@$(B)/tools/regmap md $< > $@

GENERATED += $(B)/gen/board.h $(B)/gen/board_pkg.sv $(B)/gen/board_dtb.mem \
    $(REGS_NAMES:%=$(B)/gen/%_regs_pkg.sv) $(REGS_NAMES:%=$(B)/gen/%_regs.h)

# Size and depth of a synthesised netlist.
$(B)/tools/levels: tools/levels.c
	@mkdir -p $(@D)
	@$(CC) $(CSTD) $(CPPFLAGS) $(WARN) -O1 -g -o $@ $< -ljansson

.PHONY: regs-doc
regs-doc: $(REGS_NAMES:%=$(B)/gen/%_regs.md) ## render the register documentation again after a change
	@for n in $(REGS_NAMES); do cp $(B)/gen/$${n}_regs.md hw/regs/$$n.md; done
