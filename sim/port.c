// SPDX-License-Identifier: BSD-2-Clause
#include "sim/port.h"

#include "sim/pcap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ETHERNET_MIN 60 // without FCS

enum kind { KIND_NONE, KIND_TAP, KIND_UNIX, KIND_PCAP };

struct sim_port {
    enum kind kind;
    int fd;     // TAP, or the connected peer
    int listen; // unix: the listening socket
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct pcap_reader in;
    bool finished;
    FILE *out;     // pcap: what is sent
    FILE *capture; // both directions
    uint64_t send_errors;
};

static int open_tap(const char *name)
{
    struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return -1;
    strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
    if (ioctl(fd, TUNSETIFF, &ifr) < 0)
        goto fail;
    // Up, so that a user need not do it; where that is not allowed the user does.
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s >= 0) {
        if (ioctl(s, SIOCGIFFLAGS, &ifr) == 0) {
            ifr.ifr_flags |= IFF_UP;
            ioctl(s, SIOCSIFFLAGS, &ifr);
        }
        close(s);
    }
    return fd;
fail:
    close(fd);
    return -1;
}

static int open_unix(struct sim_port *p, const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    memcpy(p->path, path, strlen(path) + 1);
    unlink(path);
    p->listen = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->listen < 0 || bind(p->listen, (struct sockaddr *)&a, sizeof a) < 0)
        return -1;
    return listen(p->listen, 1);
}

static int open_pcap(struct sim_port *p, const char *spec)
{
    char in[512];
    const char *comma = strchr(spec, ',');
    size_t n = comma ? (size_t)(comma - spec) : strlen(spec);
    if (n >= sizeof in) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(in, spec, n);
    in[n] = 0;
    errno = EINVAL;
    p->finished = n == 0;
    if (n && pcap_open(&p->in, in) < 0)
        return -1;
    if (comma && !(p->out = pcap_create(comma + 1)))
        return -1;
    return 0;
}

struct sim_port *port_open(const char *spec, char *err, size_t err_size)
{
    struct sim_port *p = calloc(1, sizeof *p);
    int rc = 0;
    if (!p) {
        snprintf(err, err_size, "out of memory");
        return NULL;
    }
    p->fd = p->listen = -1;
    if (!strcmp(spec, "none")) {
        p->kind = KIND_NONE;
        p->finished = true;
    } else if (!strncmp(spec, "tap:", 4)) {
        p->kind = KIND_TAP;
        rc = p->fd = open_tap(spec + 4);
    } else if (!strncmp(spec, "unix:", 5)) {
        p->kind = KIND_UNIX;
        rc = open_unix(p, spec + 5);
    } else if (!strncmp(spec, "pcap:", 5)) {
        p->kind = KIND_PCAP;
        rc = open_pcap(p, spec + 5);
    } else {
        snprintf(err, err_size, "port \"%s\": expected tap:NAME, unix:PATH, pcap:IN[,OUT] or none", spec);
        port_close(p);
        return NULL;
    }
    if (rc < 0) {
        snprintf(err, err_size, "port \"%s\": %s", spec, strerror(errno));
        port_close(p);
        return NULL;
    }
    return p;
}

void port_close(struct sim_port *p)
{
    if (!p)
        return;
    if (p->fd >= 0)
        close(p->fd);
    if (p->listen >= 0) {
        close(p->listen);
        unlink(p->path);
    }
    pcap_close(&p->in);
    if (p->out)
        fclose(p->out);
    if (p->capture)
        fclose(p->capture);
    free(p);
}

int port_capture(struct sim_port *p, const char *path, char *err, size_t err_size)
{
    p->capture = pcap_create(path);
    if (p->capture)
        return 0;
    snprintf(err, err_size, "%s: %s", path, strerror(errno));
    return -1;
}

int port_fd(const struct sim_port *p)
{
    return p->fd >= 0 ? p->fd : p->listen;
}

bool port_link(const struct sim_port *p)
{
    return p->kind == KIND_TAP || p->kind == KIND_PCAP || (p->kind == KIND_UNIX && p->fd >= 0);
}

static ssize_t receive_socket(struct sim_port *p, uint8_t *frame)
{
    if (p->fd < 0)
        p->fd = accept4(p->listen, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (p->fd < 0)
        return 0;
    ssize_t n = recv(p->fd, frame, SIM_FRAME_MAX, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
        close(p->fd);
        p->fd = -1;
    }
    return n;
}

size_t port_receive(struct sim_port *p, uint8_t frame[SIM_FRAME_MAX], uint64_t now_ns)
{
    ssize_t n = 0;
    if (p->kind == KIND_TAP)
        n = read(p->fd, frame, SIM_FRAME_MAX);
    else if (p->kind == KIND_UNIX)
        n = receive_socket(p, frame);
    else if (p->kind == KIND_PCAP && !p->finished) {
        n = (ssize_t)pcap_read(&p->in, frame, SIM_FRAME_MAX);
        p->finished = n == 0;
    }
    if (n <= 0)
        return 0;
    if (p->capture)
        pcap_write(p->capture, frame, (size_t)n, now_ns);
    if (n < ETHERNET_MIN) {
        memset(frame + n, 0, (size_t)(ETHERNET_MIN - n));
        n = ETHERNET_MIN;
    }
    return (size_t)n;
}

void port_send(struct sim_port *p, const uint8_t *frame, size_t len, uint64_t now_ns)
{
    ssize_t n = (ssize_t)len;
    if (p->capture)
        pcap_write(p->capture, frame, len, now_ns);
    if (p->kind == KIND_TAP)
        n = write(p->fd, frame, len);
    else if (p->kind == KIND_UNIX && p->fd >= 0)
        n = send(p->fd, frame, len, MSG_NOSIGNAL);
    else if (p->kind == KIND_PCAP && p->out)
        pcap_write(p->out, frame, len, now_ns);
    else
        n = -1;
    if (n != (ssize_t)len)
        p->send_errors++;
}

uint64_t port_send_errors(const struct sim_port *p)
{
    return p->send_errors;
}

bool port_finished(const struct sim_port *p)
{
    return p->finished;
}
