// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/conf/ifid.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const kind_names[] = {
    [IF_ETHERNET] = "Ethernet",          [IF_LOOPBACK] = "Loopback",      [IF_TUNNEL] = "Tunnel",
    [IF_VTEMPLATE] = "Virtual-Template", [IF_VACCESS] = "Virtual-Access", [IF_NULL] = "Null",
};
enum { KINDS = sizeof(kind_names) / sizeof(kind_names[0]), MAX_NUMBER = 65535 };

const char *ifid_kind_name(enum if_kind kind)
{
    return kind == IF_NONE ? "none" : kind_names[kind];
}

enum if_kind ifid_kind_parse(const char *text, size_t len)
{
    enum if_kind found = IF_NONE;
    for (int k = IF_NONE + 1; k < KINDS && len > 0; k++) {
        if (strncasecmp(text, kind_names[k], len) != 0 || len > strlen(kind_names[k])) {
            continue;
        }
        if (found != IF_NONE) {
            return IF_NONE;
        }
        found = (enum if_kind)k;
    }
    return found;
}

static const char *number_part(const char *text, unsigned long max, unsigned *out)
{
    if (!isdigit((unsigned char)*text)) {
        return NULL;
    }
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    if (v > max) {
        return NULL;
    }
    *out = (unsigned)v;
    return end;
}

bool ifid_number_parse(enum if_kind kind, const char *text, unsigned *number)
{
    if (kind != IF_ETHERNET) {
        const char *end = number_part(text, MAX_NUMBER, number);
        return end != NULL && *end == '\0' && (kind != IF_NULL || *number == 0);
    }
    unsigned slot, port;
    const char *end = number_part(text, 255, &slot);
    if (end == NULL || *end != '/' || (end = number_part(end + 1, 255, &port)) == NULL || *end != '\0') {
        return false;
    }
    *number = slot * 256 + port;
    return true;
}

bool ifid_parse(const char *text, struct ifid *out)
{
    size_t len = 0;
    while (isalpha((unsigned char)text[len]) || text[len] == '-') {
        len++;
    }
    out->kind = ifid_kind_parse(text, len);
    return out->kind != IF_NONE && ifid_number_parse(out->kind, text + len, &out->number);
}

const char *ifid_format(struct ifid id, char *out, size_t cap)
{
    if (id.kind == IF_ETHERNET) {
        snprintf(out, cap, "Ethernet%u/%u", id.number / 256, id.number % 256);
    } else if (id.kind == IF_NONE) {
        snprintf(out, cap, "none");
    } else {
        snprintf(out, cap, "%s%u", kind_names[id.kind], id.number);
    }
    return out;
}
