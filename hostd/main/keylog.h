// SPDX-License-Identifier: BSD-2-Clause
// A test's way to decrypt captures: keys are written to a file as lines for `tshark -o "uat:LINE"`. Never open one
// unless the user has asked for it in so many words.
#ifndef CULVERT_MAIN_KEYLOG_H
#define CULVERT_MAIN_KEYLOG_H

#include "hostd/ike/ike.h"

struct keylog;

// Creates the file (mode 0600). NULL on failure, the reason in err.
struct keylog *keylog_open(const char *path, char *err, size_t err_size);
void keylog_close(struct keylog *k); // NULL is allowed
void keylog_write(struct keylog *k, const struct ike_key_export *e);

#endif
