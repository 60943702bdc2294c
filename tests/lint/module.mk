# SPDX-License-Identifier: BSD-2-Clause
CHECK_SLOW += $(B)/lint/lint
$(B)/lint/lint: tests/lint/lint $(GENERATED) | $$(GENERATED)
	@mkdir -p $(@D)
	@printf '#!/bin/sh\nexec tests/lint/lint\n' > $@; chmod +x $@
.PHONY: run-lint
run-lint: $(B)/lint/lint
	@B=$(B) tests/lint/lint
LINT_STEPS += run-lint
# What the lint script asks make for.
print-%:
	@echo $($*)
