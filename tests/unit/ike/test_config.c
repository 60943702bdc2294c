// SPDX-License-Identifier: BSD-2-Clause
// The configuration payload: its attributes both ways, every length wrong, and the exchanges of both roles with the
// network losing each message in turn.
#include "hostd/ike/ike_codec.h"
#include "tests/unit/ike/lab.h"
#include "tests/unit/ip_of.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

static const char *text_of(const struct ip_addr *a)
{
    static char text[64];
    return ike_addr_format(a, text, sizeof(text));
}

static void add(struct ike_cp_values *v, const char *net, uint8_t prefix)
{
    const struct ip_addr a = ip_of(net);
    ike_cp_add_subnet(v, &a, prefix);
}

static struct ike_cp_values everything(void)
{
    struct ike_cp_values v = {.prefix = 24, .prefix6 = 64};
    v.address = ip_of("10.1.2.3");
    v.address6 = ip_of("2001:db8::3");
    v.dns[v.n_dns++] = ip_of("10.0.0.53");
    v.dns[v.n_dns++] = ip_of("10.0.0.54");
    v.dns[v.n_dns++] = ip_of("2001:db8::53");
    v.nbns[v.n_nbns++] = ip_of("10.0.0.137");
    add(&v, "10.128.0.0", 9);
    add(&v, "192.168.0.0", 16);
    add(&v, "2001:db8:1::", 48);
    v.exclude[v.n_exclude++] = (struct ike_net){ip_of("10.200.0.0"), 16};
    strcpy(v.banner, "Welcome!\nBehave.");
    strcpy(v.domain, "example.com");
    strcpy(v.split_dns, "a.example,b.example");
    strcpy(v.backup, "192.0.2.9,hub2.example.com");
    strcpy(v.version, "Culvert");
    return v;
}

static uint8_t mem[3 * IKE_MAX_CP];

static struct ike_bytes encode(uint8_t type, const struct ike_cp_values *v, uint32_t only)
{
    struct wbuf w;
    wbuf_init(&w, mem, sizeof(mem));
    ike_cp_encode(&w, type, v, only);
    assert_true(wbuf_ok(&w));
    return (struct ike_bytes){mem, w.len};
}

static bool decodes(const void *p, size_t len, struct ike_cp_values *out)
{
    uint8_t *copy = malloc(len ? len : 1); // so that a sanitizer sees the end
    memcpy(copy, p, len);
    const bool ok = ike_cp_decode((struct ike_bytes){copy, len}, out);
    free(copy);
    return ok;
}

// ---------------------------------------------------------------------------------------------- codec

static void all_attributes_round_trip(void **state)
{
    (void)state;
    struct ike_cp_values v = everything(), w;
    const struct ike_bytes b = encode(IKE_CP_REPLY, &v, IKE_ASK_ALL);
    assert_true(decodes(b.p, b.len, &w));
    assert_int_equal(w.asked, IKE_ASK_ALL);
    v.asked = w.asked;
    assert_memory_equal(&v, &w, sizeof(v));
}

static void a_reply_has_what_was_asked_for_and_nothing_else(void **state)
{
    (void)state;
    const struct ike_cp_values v = everything();
    struct ike_cp_values w;
    for (unsigned i = 0; i < 17; i++) {
        const struct ike_bytes b = encode(IKE_CP_REPLY, &v, 1u << i);
        assert_true(b.len > 4);
        assert_true(decodes(b.p, b.len, &w));
        assert_int_equal(w.asked, 1u << i);
    }
    // A host address needs no mask.
    struct ike_cp_values host = v;
    host.prefix = 32;
    assert_int_equal(encode(IKE_CP_REPLY, &host, IKE_ASK_NETMASK).len, 0);
}

static void requests_and_acknowledgements_are_empty_attributes(void **state)
{
    (void)state;
    struct ike_cp_values w, wish = {.address = ip_of("10.1.2.3")};
    struct ike_bytes b = encode(IKE_CP_REQUEST, NULL, IKE_ASK_ALL);
    assert_int_equal(b.len, 17 * 4);
    assert_true(decodes(b.p, b.len, &w));
    assert_int_equal(w.asked, IKE_ASK_ALL);
    assert_int_equal(w.address.family, 0);
    b = encode(IKE_CP_REQUEST, &wish, IKE_ASK_IP4 | IKE_ASK_DNS4);
    assert_true(decodes(b.p, b.len, &w));
    assert_string_equal(text_of(&w.address), "10.1.2.3");
    assert_int_equal(w.n_dns, 0);
    b = encode(IKE_CP_ACK, NULL, IKE_ASK_ROUTES);
    assert_int_equal(b.len, 8);
}

// One attribute of `len` bytes.
static bool attribute(uint16_t type, size_t len, struct ike_cp_values *out)
{
    uint8_t p[4 + 256] = {(uint8_t)(type >> 8), (uint8_t)type, (uint8_t)(len >> 8), (uint8_t)len};
    memset(p + 4, 1, len);
    return decodes(p, 4 + len, out);
}

static void every_wrong_length_is_refused(void **state)
{
    (void)state;
    struct ike_cp_values v;
    static const struct {
        uint16_t type;
        size_t a, b;
    } rows[] = {{IKE_CA_IP4_ADDRESS, 4, 4}, {IKE_CA_IP4_NETMASK, 4, 4}, {IKE_CA_IP4_DNS, 4, 4},
                {IKE_CA_IP4_NBNS, 4, 4},    {IKE_CA_IP4_DHCP, 4, 4},    {IKE_CA_IP6_ADDRESS, 17, 16},
                {IKE_CA_IP6_DNS, 16, 16},   {IKE_CA_IP6_DHCP, 16, 16},  {IKE_CA_IP4_SUBNET, 8, 8},
                {IKE_CA_IP6_SUBNET, 17, 17}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (size_t len = 0; len <= 40; len++) {
            const bool right = len == 0 || len == rows[i].a || len == rows[i].b;
            if (attribute(rows[i].type, len, &v) != right)
                fail_msg("attribute %u of %zu bytes", rows[i].type, len);
        }
    }
    // Entries of the private ones: 14 bytes each, the last may be 8. Supported attributes: pairs.
    for (size_t len = 1; len <= 60; len++) {
        const bool right = len % 14 == 0 || len % 14 == 8;
        assert_int_equal(attribute(IKE_CA_UNITY_SPLIT_INCLUDE, len, &v), right);
        assert_int_equal(attribute(IKE_CA_UNITY_LOCAL_LAN, len, &v), right);
        assert_int_equal(attribute(IKE_CA_SUPPORTED, len, &v), len % 2 == 0);
    }
    // Texts, and what nobody knows, may be of any length.
    for (size_t len = 0; len <= 200; len += 50) {
        assert_true(attribute(IKE_CA_UNITY_BANNER, len, &v));
        assert_true(attribute(IKE_CA_APP_VERSION, len, &v));
        assert_true(attribute(0x7abc, len, &v));
    }
}

static void every_cut_of_the_attributes_is_refused(void **state)
{
    (void)state;
    const struct ike_cp_values v = everything();
    struct ike_cp_values w;
    const struct ike_bytes b = encode(IKE_CP_REPLY, &v, IKE_ASK_ALL);
    size_t whole = 0, next = 0;
    for (size_t len = 0; len < b.len; len++) {
        const bool at_end = len == next;
        assert_int_equal(decodes(b.p, len, &w), at_end);
        if (at_end) {
            next = len + 4 + (size_t)(b.p[len + 2] << 8) + b.p[len + 3];
            whole++;
        }
    }
    assert_int_equal(whole, 20); // attributes, some of them several times
}

static void lists_that_are_too_long_keep_their_first(void **state)
{
    (void)state;
    struct ike_cp_values v = {0}, w;
    struct wbuf out;
    wbuf_init(&out, mem, sizeof(mem));
    for (unsigned i = 0; i < 200; i++) {
        const uint8_t dns[] = {0, IKE_CA_IP4_DNS, 0, 4, 10, 0, 0, (uint8_t)i};
        const uint8_t net[] = {0, IKE_CA_IP4_SUBNET, 0, 8, 10, 0, (uint8_t)i, 0, 255, 255, 255, 0};
        const uint8_t domain[] = {0, IKE_CA_DNS_DOMAIN, 0, 4, 'd', 'a' + i % 26, 'a' + (uint8_t)(i / 26), 'z'};
        wbuf_bytes(&out, dns, sizeof(dns));
        wbuf_bytes(&out, net, sizeof(net));
        wbuf_bytes(&out, domain, sizeof(domain));
    }
    assert_true(wbuf_ok(&out));
    assert_true(decodes(mem, out.len, &v));
    assert_int_equal(v.n_dns, IKE_MAX_CP_LIST);
    assert_int_equal(v.n_subnet, IKE_MAX_CP_NETS);
    assert_true(strlen(v.split_dns) < sizeof(v.split_dns) && strlen(v.split_dns) > 500);
    // And all that is kept fits what we keep it in.
    const struct ike_bytes b = encode(IKE_CP_REPLY, &v, IKE_ASK_ALL);
    assert_true(b.len <= IKE_MAX_CP);
    assert_true(decodes(b.p, b.len, &w));
    assert_int_equal(w.n_subnet, IKE_MAX_CP_NETS);
}

static void hostile_values_do_no_harm(void **state)
{
    (void)state;
    struct ike_cp_values v;
    static const uint8_t mask[] = {0, IKE_CA_IP4_SUBNET, 0, 8, 10, 0, 0, 0, 255, 0, 255, 0};
    static const uint8_t prefix[] = {0,  IKE_CA_IP6_SUBNET, 0, 17, 32, 1, 13, 184, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                     129};
    static const uint8_t banner[] = {0x70, 0x00, 0, 8, 'a', 27, '[', '2', 'J', 0, 'b', 0};
    static const uint8_t domain[] = {0x70, 0x02, 0, 9, 'a', '$', '(', 'r', 'e', 'b', 'o', 'o', 't'};
    static const uint8_t bits[] = {0, IKE_CA_IP4_SUBNET, 0, 8, 10, 9, 8, 7, 255, 0, 0, 0,
                                   0, IKE_CA_IP4_SUBNET, 0, 8, 10, 1, 1, 1, 255, 0, 0, 0};
    assert_true(decodes(mask, sizeof(mask), &v));
    assert_int_equal(v.n_subnet, 0); // a mask with holes is no prefix
    assert_true(decodes(prefix, sizeof(prefix), &v));
    assert_int_equal(v.n_subnet, 0);
    assert_true(decodes(banner, sizeof(banner), &v));
    assert_string_equal(v.banner, "a?[2J?b");
    assert_true(decodes(domain, sizeof(domain), &v));
    assert_string_equal(v.domain, "");
    static const uint8_t servers[] = {0x70, 0x09, 0, 8, 192, 0, 2, 77, 192, 0, 2, 78};
    assert_true(decodes(servers, sizeof(servers), &v)); // as bytes instead of text
    assert_string_equal(v.backup, "192.0.2.77,192.0.2.78");
    assert_true(decodes(bits, sizeof(bits), &v)); // bits outside of the mask go, and then it is twice the same
    assert_int_equal(v.n_subnet, 1);
    assert_string_equal(text_of(&v.subnet[0].net), "10.0.0.0");
}

// ---------------------------------------------------------------------------------------------- exchanges

// Node 0 asks for addresses of both families, node 1 gives; each has a network to tell.
static struct lab *exchange_lab(void)
{
    struct lab *lab = lab_new();
    struct ike_profile *spoke = lab->node[0].profile, *hub = lab->node[1].profile;
    memset(&spoke->ts_local[0], 0, sizeof(struct ike_ts));
    spoke->ts_local[0].port_hi = UINT16_MAX; // dynamic
    hub->ts_remote[0] = spoke->ts_local[0];
    const struct ip_addr any4 = {.family = 4}, any6 = {.family = 6};
    spoke->ts_remote[0] = hub->ts_local[0] = ike_ts_prefix(&any4, 0);
    spoke->ts_remote[1] = hub->ts_local[1] = ike_ts_prefix(&any6, 0);
    spoke->n_ts_remote = hub->n_ts_local = 2;
    spoke->cp_request = spoke->cp_request6 = spoke->cp_set_send = true;
    hub->cp_assign = hub->cp_config = hub->cp_set_accept = true;
    return lab;
}

// HDR, SK{.. CP(REQUEST)} -->  <-- HDR, SK{.. CP(REPLY)}, then HDR, SK{CP(SET)} -->  <-- HDR, SK{CP(ACK)}
static void assert_exchanged(struct lab *lab)
{
    const struct ike_cp_values *got = &lab->node[0].cp, *told = &lab->node[1].cp;
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    assert_string_equal(text_of(&got->address), "10.99.0.7");
    assert_int_equal(got->prefix, 24);
    assert_string_equal(text_of(&got->address6), "2001:db8:99::7");
    assert_int_equal(got->prefix6, 64);
    assert_int_equal(got->n_dns, 1);
    assert_int_equal(got->n_subnet, 1);
    assert_string_equal(text_of(&got->subnet[0].net), "10.1.0.0");
    assert_int_equal(lab->node[1].taken, 1);
    assert_int_equal(told->n_subnet, 1);
    assert_string_equal(text_of(&told->subnet[0].net), "10.0.0.0");
    assert_int_equal(told->address.family, 0);
}

static void an_initiator_gets_both_families_and_tells_its_networks(void **state)
{
    (void)state;
    char ts[64];
    struct lab *lab = exchange_lab();
    lab_connect(lab);
    assert_exchanged(lab);
    const struct lab_child *c = lab_first(&lab->node[0]);
    assert_int_equal(c->n_local, 2); // one selector for each address
    assert_string_equal(ike_ts_format(&c->ts_local, ts, sizeof(ts)), "10.99.0.7/32");
    assert_int_equal(lab->node[1].pool_used, 2);
    // It stays over rekeys of both kinds, without being told again.
    ike_rekey_ike(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, 5 * (uint64_t)LAB_SECOND);
    ike_rekey_ike(lab->node[1].e, lab->node[1].session, lab->now);
    lab_run(lab, 5 * (uint64_t)LAB_SECOND);
    ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now);
    lab_run(lab, 5 * (uint64_t)LAB_SECOND);
    assert_int_equal(lab->node[0].rekeys, 2);
    assert_exchanged(lab);
    assert_int_equal(lab->node[1].pool_used, 2);
    // Told again, it replaces what was told.
    memset(&lab->node[0].tell, 0, sizeof(lab->node[0].tell));
    add(&lab->node[0].tell, "172.16.0.0", 12);
    add(&lab->node[0].tell, "2001:db8:7::", 48);
    assert_int_equal(ike_tell_config(lab->node[0].e, lab->node[0].session, lab->now), 0);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[1].taken, 2);
    assert_int_equal(lab->node[1].cp.n_subnet, 2);
    assert_string_equal(text_of(&lab->node[1].cp.subnet[1].net), "2001:db8:7::");
    // And nothing, too.
    memset(&lab->node[0].tell, 0, sizeof(lab->node[0].tell));
    assert_int_equal(ike_tell_config(lab->node[0].e, lab->node[0].session, lab->now), 0);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[1].taken, 3);
    assert_int_equal(lab->node[1].cp.n_subnet, 0);
    ike_delete(lab->node[1].e, lab->node[1].session, lab->now);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[1].pool_used, 0);
    lab_end(lab);
}

static struct lab_fate lose_one(struct lab *lab, const struct lab_packet *p)
{
    return (struct lab_fate){.drop = p->number == lab->arg};
}

static struct lab_fate repeat_one(struct lab *lab, const struct lab_packet *p)
{
    return (struct lab_fate){.copies = p->number == lab->arg ? 2 : 0};
}

static void losing_or_repeating_any_message_changes_nothing(void **state)
{
    (void)state;
    for (unsigned what = 0; what < 2; what++) {
        for (uint64_t n = 1; n <= 6; n++) {
            struct lab *lab = exchange_lab();
            lab->fate = what == 0 ? lose_one : repeat_one;
            lab->arg = n;
            lab_start(lab);
            lab_initiate(lab, 0);
            lab_run(lab, 20 * (uint64_t)LAB_SECOND);
            assert_true(lab->sent >= 6);
            assert_exchanged(lab);
            assert_int_equal(ike_stats(lab->node[0].e)->retransmits > 0, what == 0);
            lab_end(lab);
        }
    }
}

// The datapath answers later: the networks are told only when the child is there.
static void networks_are_told_once_the_child_is_installed(void **state)
{
    (void)state;
    struct lab *lab = exchange_lab();
    lab->node[0].install_later = true;
    lab_connect(lab);
    assert_int_equal(lab->node[1].taken, 0);
    lab_finish_installs(&lab->node[0], 0);
    lab_run(lab, LAB_SECOND);
    assert_exchanged(lab);
    lab_end(lab);
}

static void without_a_first_child_networks_wait_for_a_later_one(void **state)
{
    (void)state;
    for (int side = 0; side < 2; side++) {
        struct lab *lab = exchange_lab();
        lab->node[0].profile->childless = IKE_CHILDLESS_ONLY;
        lab_connect(lab);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 0);
        assert_string_equal(text_of(&lab->node[0].cp.address), "10.99.0.7");
        assert_int_equal(lab->node[1].taken, 0);
        ike_new_child(lab->node[side].e, lab->node[side].session, NULL, 0, NULL, 0, lab->now); // either side may
        lab_run(lab, LAB_SECOND);
        assert_exchanged(lab);
        ike_new_child(lab->node[0].e, lab->node[0].session, NULL, 0, NULL, 0, lab->now);
        lab_run(lab, LAB_SECOND);
        assert_int_equal(lab->node[1].taken, 1); // once is enough
        lab_end(lab);
    }
}

static void authenticating_again_keeps_addresses_and_tells_again(void **state)
{
    (void)state;
    struct lab *lab = exchange_lab();
    lab_connect(lab);
    assert_exchanged(lab);
    memset(&lab->node[0].tell, 0, sizeof(lab->node[0].tell));
    add(&lab->node[0].tell, "172.16.0.0", 12);
    assert_int_equal(ike_reauth(lab->node[0].e, lab->node[0].session, lab->now), 0);
    lab_run(lab, 30 * (uint64_t)LAB_SECOND);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 1);
    assert_int_equal(ike_stats(lab->node[0].e)->reauths, 1);
    assert_int_equal(lab->node[1].pool_used, 2);
    assert_string_equal(text_of(&lab->node[0].cp.address), "10.99.0.7");
    assert_int_equal(lab->node[1].taken, 2);
    assert_string_equal(text_of(&lab->node[1].cp.subnet[0].net), "172.16.0.0");
    ike_delete(lab->node[0].e, lab->node[0].session, lab->now);
    lab_run(lab, LAB_SECOND);
    assert_int_equal(lab->node[1].pool_used, 0);
    lab_end(lab);
}

static void what_is_not_accepted_is_not_taken(void **state)
{
    (void)state;
    struct lab *lab = exchange_lab();
    lab->node[1].profile->cp_set_accept = false;
    lab_connect(lab);
    lab_assert_children(lab, 1);
    assert_int_equal(lab->node[1].taken, 0);
    assert_int_equal(lab->sent, 6); // it was told, and answered
    lab_end(lab);
}

static void without_pool_or_policy_a_request_is_passed_over(void **state)
{
    (void)state;
    for (unsigned config = 0; config < 2; config++) {
        struct lab *lab = exchange_lab();
        lab->node[1].profile->cp_assign = false;
        lab->node[1].profile->cp_config = config;
        lab_connect(lab);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        assert_int_equal(lab->node[1].pool_used, 0);
        assert_int_equal(lab->node[0].cp.address.family, 0);
        assert_int_equal(lab->node[0].cp.n_subnet, config);
        lab_end(lab);
    }
}

static void routes_are_exchanged_without_addresses(void **state)
{
    (void)state;
    struct lab *lab = exchange_lab();
    lab->node[0].profile->cp_request = lab->node[0].profile->cp_request6 = false;
    lab->node[0].profile->cp_config = true;
    lab_connect(lab);
    lab_assert_children(lab, 1);
    assert_int_equal(lab->node[0].cp.n_subnet, 1);
    assert_int_equal(lab->node[0].cp.n_dns, 0); // not asked for without an address
    assert_int_equal(lab->node[0].cp.address.family, 0);
    assert_int_equal(lab->node[1].taken, 1);
    assert_int_equal(lab->node[1].pool_used, 0);
    lab_end(lab);
}

static void an_empty_pool_leaves_the_ike_sa_and_counts(void **state)
{
    (void)state;
    struct lab *lab = exchange_lab();
    lab->node[1].pool_size = 1; // two are wanted
    lab_connect(lab);
    lab_assert_sas(lab, 1);
    lab_assert_children(lab, 0);
    assert_int_equal(lab->node[0].fail_why, IKE_R_ADDRESS);
    assert_int_equal(ike_stats(lab->node[1].e)->address_failures, 1);
    assert_int_equal(lab->node[1].pool_used, 0);
    lab_end(lab);
}

static void who_must_ask_for_its_configuration_and_does_not_has_no_child(void **state)
{
    (void)state;
    const uint64_t wait = 5 * (uint64_t)LAB_SECOND;
    for (unsigned childless = 0; childless < 2; childless++) {
        struct lab *lab = exchange_lab();
        struct lab_node *spoke = &lab->node[0], *hub = &lab->node[1];
        spoke->profile->cp_request = spoke->profile->cp_request6 = false;
        spoke->profile->childless = childless ? IKE_CHILDLESS_ONLY : IKE_CHILDLESS_NEVER;
        hub->profile->cp_required = true;
        lab_start(lab);
        const struct ike_stats *stats = ike_stats(hub->e);
        lab_initiate(lab, 0);
        lab_run(lab, LAB_SECOND);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 0);
        assert_int_equal(stats->cp_required, !childless);
        assert_int_equal(spoke->fail_why, childless ? IKE_R_NONE : IKE_R_ADDRESS);
        // Nor later, by an exchange of its own, nor after a rekey of the IKE SA.
        assert_int_equal(ike_rekey_ike(spoke->e, spoke->session, lab->now), 0);
        lab_run(lab, wait);
        assert_int_equal(ike_new_child(spoke->e, spoke->session, NULL, 0, NULL, 0, lab->now), 0);
        lab_run(lab, wait);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 0);
        assert_int_equal(stats->cp_required, childless ? 1 : 2);
        // The hub, which has this policy, may make one.
        assert_int_equal(ike_new_child(hub->e, hub->session, NULL, 0, NULL, 0, lab->now), 0);
        lab_run(lab, wait);
        lab_assert_children(lab, 1);
        lab_end(lab);
    }
    struct lab *lab = exchange_lab();
    lab->node[1].profile->cp_required = true;
    lab_start(lab);
    lab_initiate(lab, 0);
    lab_run(lab, LAB_SECOND);
    assert_exchanged(lab); // one that asks has all as ever
    assert_int_equal(ike_rekey_ike(lab->node[0].e, lab->node[0].session, lab->now), 0);
    lab_run(lab, wait);
    assert_int_equal(ike_rekey_child(lab->node[0].e, lab_first(&lab->node[0])->spi_in, lab->now), 0);
    lab_run(lab, wait);
    lab_assert_children(lab, 1);
    assert_int_equal(ike_new_child(lab->node[0].e, lab->node[0].session, NULL, 0, NULL, 0, lab->now), 0);
    lab_run(lab, wait);
    lab_assert_children(lab, 2);
    assert_int_equal(ike_stats(lab->node[1].e)->cp_required, 0);
    lab_end(lab);
}

static void no_failed_allocation_loses_an_address(void **state)
{
    (void)state;
    unsigned n = 0, failed;
    do {
        struct lab *lab = exchange_lab();
        lab->node[1].fail_alloc = ++n;
        lab_start(lab);
        lab_initiate(lab, 0);
        lab_run(lab, 100 * (uint64_t)LAB_SECOND);
        failed = lab->node[1].n_alloc >= n;
        if (lab_sas(&lab->node[1]) == 0)
            assert_int_equal(lab->node[1].pool_used, 0);
        lab_end(lab);
    } while (failed && n < 400);
    assert_true(n > 5 && n < 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_attributes_round_trip),
        cmocka_unit_test(a_reply_has_what_was_asked_for_and_nothing_else),
        cmocka_unit_test(requests_and_acknowledgements_are_empty_attributes),
        cmocka_unit_test(every_wrong_length_is_refused),
        cmocka_unit_test(every_cut_of_the_attributes_is_refused),
        cmocka_unit_test(lists_that_are_too_long_keep_their_first),
        cmocka_unit_test(hostile_values_do_no_harm),
        cmocka_unit_test(an_initiator_gets_both_families_and_tells_its_networks),
        cmocka_unit_test(losing_or_repeating_any_message_changes_nothing),
        cmocka_unit_test(networks_are_told_once_the_child_is_installed),
        cmocka_unit_test(without_a_first_child_networks_wait_for_a_later_one),
        cmocka_unit_test(authenticating_again_keeps_addresses_and_tells_again),
        cmocka_unit_test(what_is_not_accepted_is_not_taken),
        cmocka_unit_test(without_pool_or_policy_a_request_is_passed_over),
        cmocka_unit_test(routes_are_exchanged_without_addresses),
        cmocka_unit_test(an_empty_pool_leaves_the_ike_sa_and_counts),
        cmocka_unit_test(who_must_ask_for_its_configuration_and_does_not_has_no_child),
        cmocka_unit_test(no_failed_allocation_loses_an_address),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("ike_config", tests, NULL, NULL);
}
