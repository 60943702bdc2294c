// SPDX-License-Identifier: BSD-2-Clause
// Names of interfaces as the configuration writes them: Ethernet0/0, Tunnel0, Virtual-Template1.
#ifndef CULVERT_CONF_IFID_H
#define CULVERT_CONF_IFID_H

#include <stdbool.h>
#include <stddef.h>

enum if_kind { IF_NONE, IF_ETHERNET, IF_LOOPBACK, IF_TUNNEL, IF_VTEMPLATE, IF_VACCESS, IF_NULL };

struct ifid {
    enum if_kind kind;
    unsigned number; // Ethernet: the port, as slot * 256 + port
};

// "Ethernet", "Tunnel" ...
const char *ifid_kind_name(enum if_kind kind);
// The kind that `text` (len bytes, any case, may be abbreviated) names; IF_NONE if none, or more than one.
enum if_kind ifid_kind_parse(const char *text, size_t len);
// Number part: "0/1" for Ethernet, "0" for the others.
bool ifid_number_parse(enum if_kind kind, const char *text, unsigned *number);
// A whole name, "Tunnel0", "tu0", "e0/1".
bool ifid_parse(const char *text, struct ifid *out);
// Printable. Returns `out`.
const char *ifid_format(struct ifid id, char *out, size_t cap);
static inline bool ifid_equal(struct ifid a, struct ifid b)
{
    return a.kind == b.kind && a.number == b.number;
}

#endif
