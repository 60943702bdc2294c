// SPDX-License-Identifier: BSD-2-Clause
#include "driver/transport.h"

#include <stdio.h>
#include <string.h>

#define REQUEST_TIMEOUT_MS 10000 // of a vfio-user server; a simulated card may share its core with much else

static const char vfio_user_prefix[] = "vfio-user:";

static bool pci_address(const char *s)
{
    unsigned domain, bus, device, function;
    char rest;
    return sscanf(s, "%4x:%2x:%2x.%1x%c", &domain, &bus, &device, &function, &rest) == 4 && strlen(s) == 12;
}

struct culvert_transport *culvert_transport_open(const char *where, char *err, size_t err_size)
{
    const size_t n = sizeof(vfio_user_prefix) - 1;
    if (strncmp(where, vfio_user_prefix, n) == 0 && where[n])
        return culvert_vfio_user_open(where + n, REQUEST_TIMEOUT_MS, err, err_size);
    if (pci_address(where))
        return culvert_vfio_open(where, NULL, NULL, err, err_size);
    snprintf(err, err_size, "\"%s\" is neither vfio-user:PATH nor a PCI address such as 0000:01:00.0", where);
    return NULL;
}
