# SPDX-License-Identifier: BSD-2-Clause
# Fuzz target of the HTTP client; its seeds are in the folder. FUZZ_CC and FUZZ_FLAGS are of tests/fuzz/ike.
$(B)/fuzz/http: tests/fuzz/http/fuzz_http.c hostd/pki/fetch.c hostd/util/str.c hostd/pki/fetch.h
	@mkdir -p $(@D)
	@echo "  FUZZ    $@"
	@$(FUZZ_CC) $(FUZZ_FLAGS) -o $@ $(filter %.c,$^) -lhttp_parser -luv
CHECK_TESTS += $(B)/test/http_fuzz
$(B)/test/http_fuzz: tests/fuzz/ike/run $(B)/fuzz/http tests/fuzz/http/seeds.sh
	@mkdir -p $(B)/fuzz/seeds/http
	@tests/fuzz/http/seeds.sh $(B)/fuzz/seeds/http
	@printf '#!/bin/sh\nexec tests/fuzz/ike/run "HTTP client" $(B)/fuzz/http $(B)/fuzz/seeds/http\n' > $@
	@chmod +x $@
