// SPDX-License-Identifier: BSD-2-Clause
// The software datapath, outbound: from the daemon's TUN devices to the sockets.
#include "hostd/dp/ranges.h"
#include "hostd/dp/soft.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

// From the SA's own address, which need not be the one that the kernel would choose.
static int send_datagram(struct soft *s, const struct soft_sa *sa, uint8_t *data, size_t len)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr = sa->p.remote};
    union {
        char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {data, len};
    struct msghdr message = {.msg_name = &to, .msg_namelen = sizeof(to), .msg_iov = &iov, .msg_iovlen = 1};
    if (sa->p.encap)
        to.sin_port = htons(sa->p.remote_port);
    if (sa->p.local.s_addr) {
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)), .cmsg_level = IPPROTO_IP};
        c->cmsg_type = IP_PKTINFO;
        struct in_pktinfo info = {.ipi_spec_dst = sa->p.local};
        memcpy(CMSG_DATA(c), &info, sizeof(info));
    }
    ssize_t n = sendmsg(sa->p.encap ? s->udp : s->raw, &message, MSG_DONTWAIT);
    if (n == (ssize_t)len)
        return 0;
    s->counter[SOFT_out_send]++;
    if (n < 0 && (errno == EAGAIN || errno == ENOBUFS))
        return -ENOBUFS;
    return n < 0 ? -errno : -EIO;
}

static bool whole_ipv4(const uint8_t *packet, size_t len)
{
    return len >= 20 && packet[0] >> 4 == 4 && (packet[0] & 15) >= 5 && ((size_t)packet[2] << 8 | packet[3]) == len &&
           len <= ESP_PACKET_MAX - ESP_OVERHEAD;
}

// The next sequence number; false: used up (RFC 4303 3.3.3).
static bool next_seq(struct soft *s, struct soft_sa *sa)
{
    uint64_t last = sa->p.esn ? UINT64_MAX : UINT32_MAX;
    if (sa->seq >= last) {
        s->counter[SOFT_esp_lifetime]++;
        return false;
    }
    sa->seq++;
    return true;
}

int soft_send_packet(struct dp *d, uint32_t tunnel, const uint8_t *packet, size_t len)
{
    struct soft *s = (struct soft *)d;
    struct soft_sa *sa = tunnel < s->tunnels ? s->tunnel[tunnel].out : NULL;
    if (!sa) {
        s->counter[SOFT_out_no_sa]++;
        return -ENOENT;
    }
    if (!whole_ipv4(packet, len)) {
        s->counter[SOFT_out_not_ipv4]++;
        return -EINVAL;
    }
    if (!ranges_pass(&sa->p, packet)) {
        s->counter[SOFT_esp_policy]++;
        sa->n.policy++;
        return -EACCES;
    }
    if (!soft_alive(s, sa) || !next_seq(s, sa))
        return -ENOENT;
    size_t n = esp_seal(sa->esp, sa->p.spi, sa->seq, packet, len, s->sealed);
    if (n == 0) {
        s->counter[SOFT_esp_crypto]++;
        return -EIO;
    }
    int rc = send_datagram(s, sa, s->sealed, n);
    if (rc == 0)
        soft_passed(s, sa, len);
    if (sa->seq == (sa->p.esn ? UINT64_MAX : UINT32_MAX))
        soft_event(s, sa, &sa->told_seq, DP_EV_SEQ_EXHAUSTED);
    return rc;
}
