// SPDX-License-Identifier: BSD-2-Clause
// Which of a keyring's peers is a peer's: the same as going through all of them would find, in a few steps.
#include "hostd/main/keys.h"
#include "hostd/main/match.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// What it means, peer by peer.
static unsigned score_of(const struct conf_peer *p, const struct ike_id *id, const struct ip_addr *from)
{
    static const enum conf_match_kind kinds[] = {[CONF_ID_ADDRESS] = CONF_MATCH_ADDRESS,
                                                 [CONF_ID_FQDN] = CONF_MATCH_FQDN,
                                                 [CONF_ID_EMAIL] = CONF_MATCH_EMAIL,
                                                 [CONF_ID_KEY_ID] = CONF_MATCH_KEY_ID,
                                                 [CONF_ID_FQDN_DOMAIN] = CONF_MATCH_FQDN_DOMAIN,
                                                 [CONF_ID_EMAIL_DOMAIN] = CONF_MATCH_EMAIL_DOMAIN};
    struct conf_match m = {.net = conf_host(&p->id.addr)};
    const bool domain = p->id.kind == CONF_ID_FQDN_DOMAIN || p->id.kind == CONF_ID_EMAIL_DOMAIN;
    unsigned score = 0;
    if (id != NULL && p->id.kind != CONF_ID_NONE) {
        m.kind = kinds[p->id.kind];
        strcpy(m.text, p->id.text);
        score = match_identity(&m, id) == 0 ? 0 : domain ? 300 + (unsigned)strlen(p->id.text) : 1000;
    }
    m.kind = CONF_MATCH_FQDN;
    strcpy(m.text, p->hostname);
    if (id != NULL && p->hostname[0] != '\0' && score < 900 && match_identity(&m, id) > 0) {
        score = 900;
    }
    return score == 0 && conf_net_has(&p->net, from) ? 1U + p->net.length : score;
}

static const struct conf_peer *by_hand(const struct conf_keyring *ring, bool ppk, const struct ike_id *id,
                                       const struct ip_addr *from, unsigned *best)
{
    const struct conf_peer *found = NULL;
    *best = 0;
    for (size_t i = 0; i < ring->peers.n; i++) {
        const struct conf_peer *p = ring->peers.at[i];
        unsigned score = ppk && p->ppk.id[0] == '\0' ? 0 : score_of(p, id, from);
        if (score > *best) {
            *best = score;
            found = p;
        }
    }
    return found;
}

static unsigned dice(unsigned n)
{
    static uint32_t x = 7;
    x = x * 1664525U + 1013904223U;
    return (x >> 8) % n;
}

static void some_name(char *out, bool mail)
{
    static const char *const parts[] = {"a", "b", "Ab", "org", "x.org", "a.x.org", "ORG"};
    char first[32];
    strcpy(first, parts[dice(7)]);
    sprintf(out, "%s%s%s", first, mail ? "@" : dice(2) == 0 ? "." : "", parts[dice(7)]);
}

static struct ip_addr some_addr(void)
{
    struct ip_addr a = {.family = dice(3) == 0 ? 6 : 4};
    for (unsigned i = 0; i < (a.family == 6 ? 16U : 4U); i++) {
        a.b[i] = (uint8_t)dice(3);
    }
    return a;
}

static struct conf_peer *new_peer(struct conf_keyring *ring)
{
    struct conf_peer *p = must_alloc(sizeof(*p));
    assert_true(list_add(&ring->peers, p));
    return p;
}

static void some_peer(struct conf_keyring *ring)
{
    static const enum conf_id_kind kinds[] = {CONF_ID_NONE,   CONF_ID_ADDRESS,     CONF_ID_FQDN,        CONF_ID_EMAIL,
                                              CONF_ID_KEY_ID, CONF_ID_FQDN_DOMAIN, CONF_ID_EMAIL_DOMAIN};
    struct conf_peer *p = new_peer(ring);
    p->id.kind = kinds[dice(7)];
    if (p->id.kind == CONF_ID_ADDRESS) {
        p->id.addr = some_addr();
    } else if (p->id.kind != CONF_ID_NONE) {
        some_name(p->id.text, p->id.kind == CONF_ID_EMAIL);
    }
    if (dice(3) == 0) {
        some_name(p->hostname, false);
    }
    if (dice(2) == 0) {
        const struct ip_addr a = some_addr();
        p->net.length = (uint8_t)dice(ip_bits(&a) + 1);
        p->net.addr = ip_network(&a, p->net.length);
    }
    if (dice(3) == 0) {
        some_name(p->ppk.id, false);
    }
}

static struct ike_id *some_id(void)
{
    char text[80];
    static const uint8_t types[] = {IKE_ID_FQDN, IKE_ID_FQDN, IKE_ID_EMAIL, IKE_ID_KEY_ID};
    if (dice(6) == 0) {
        const struct ip_addr a = some_addr();
        return ike_id_new(a.family == 4 ? IKE_ID_IPV4 : IKE_ID_IPV6, a.b, a.family == 4 ? 4 : 16);
    }
    const uint8_t type = types[dice(4)];
    some_name(text, type == IKE_ID_EMAIL);
    return ike_id_new(type, text, strlen(text));
}

static void the_same_as_by_hand(void **state)
{
    (void)state;
    unsigned hits = 0;
    for (unsigned round = 0; round < 30; round++) {
        struct conf *c = conf_new();
        struct conf_keyring *ring = conf_get(&c->keyrings, "ring", sizeof(*ring));
        for (unsigned i = 0; i < 3 * round; i++) {
            some_peer(ring);
        }
        struct keys *k = keys_new(c);
        for (unsigned i = 0; i < 400; i++) {
            struct ike_id *id = dice(8) == 0 ? NULL : some_id();
            const struct ip_addr from = some_addr();
            const bool ppk = dice(2) == 0;
            unsigned got = 7, wanted;
            const struct conf_peer *want = by_hand(ring, ppk, id, &from, &wanted);
            assert_ptr_equal(keys_find(k, ring, ppk, id, &from, &got), want);
            assert_int_equal(got, wanted);
            hits += want != NULL;
            free(id);
        }
        for (unsigned i = 0; i < 100; i++) {
            char name[80];
            size_t n = 0;
            some_name(name, false);
            while (n < ring->peers.n && strcmp(((struct conf_peer *)ring->peers.at[n])->ppk.id, name) != 0) {
                n++;
            }
            assert_ptr_equal(keys_ppk_named(k, ring, name, strlen(name)), n < ring->peers.n ? ring->peers.at[n] : NULL);
        }
        keys_free(k);
        conf_free(c);
    }
    assert_true(hits > 3000); // the dice are no riddle
}

static void another_keyring_has_its_own(void **state)
{
    (void)state;
    struct conf *c = conf_new();
    struct conf_keyring *one = conf_get(&c->keyrings, "one", sizeof(*one));
    struct conf_keyring *two = conf_get(&c->keyrings, "two", sizeof(*two));
    struct conf_peer *p = new_peer(one);
    const struct ip_addr from = {.family = 4};
    unsigned score;
    strcpy(p->hostname, "a.org");
    strcpy(p->ppk.id, "k");
    struct keys *k = keys_new(c);
    struct ike_id *id = ike_id_new(IKE_ID_FQDN, "A.ORG", 5);
    assert_ptr_equal(keys_find(k, one, false, id, &from, &score), p);
    assert_null(keys_find(k, two, false, id, &from, &score));
    assert_int_equal(score, 0);
    assert_ptr_equal(keys_ppk_anywhere(k, one), p);
    assert_null(keys_ppk_anywhere(k, two));
    assert_null(keys_ppk_named(k, two, "k", 1));
    free(id);
    keys_free(k);
    conf_free(c);
}

static void steps_do_not_grow_with_the_peers(void **state)
{
    enum { MANY = 20000 };
    (void)state;
    struct conf *c = conf_new();
    struct conf_keyring *ring = conf_get(&c->keyrings, "ring", sizeof(*ring));
    for (unsigned i = 0; i < MANY; i++) {
        struct conf_peer *p = new_peer(ring);
        p->id.kind = CONF_ID_FQDN;
        sprintf(p->id.text, "spoke%u.example.com", i);
        p->net = (struct conf_net){{.family = 4, .b = {10, 1, (uint8_t)(i >> 8), (uint8_t)i}}, 32};
    }
    struct keys *k = keys_new(c);
    const struct ip_addr from = {.family = 4, .b = {10, 1, 3, 4}};
    unsigned score;
    for (unsigned i = 0; i < MANY; i++) {
        char name[64];
        sprintf(name, "spoke%u.example.com", i);
        struct ike_id *id = ike_id_new(IKE_ID_FQDN, name, strlen(name));
        assert_ptr_equal(keys_find(k, ring, false, id, &from, &score), ring->peers.at[i]);
        free(id);
    }
    assert_int_equal(keys_visits(k), MANY);
    struct ike_id *id = ike_id_new(IKE_ID_FQDN, "x.example.com", 13); // by identity, hostname, three domains, address
    assert_ptr_equal(keys_find(k, ring, false, id, &from, &score), ring->peers.at[0x304]);
    assert_int_equal(keys_visits(k), MANY + 6);
    free(id);
    keys_free(k);
    conf_free(c);
}

static void users_have_the_very_name(void **state)
{
    (void)state;
    struct conf *c = conf_new();
    const struct conf_user *u = conf_get(&c->users, "joe", sizeof(*u));
    (void)conf_get(&c->users, "jim", sizeof(*u));
    struct keys *k = keys_new(c);
    assert_ptr_equal(keys_user(k, "joe", 3), u);
    assert_null(keys_user(k, "Joe", 3));
    assert_null(keys_user(k, "joe", 2));
    assert_null(keys_user(k, "joe\0x", 5));
    assert_null(keys_user(k, "", 0));
    keys_free(k);
    conf_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_as_by_hand),
        cmocka_unit_test(another_keyring_has_its_own),
        cmocka_unit_test(users_have_the_very_name),
        cmocka_unit_test(steps_do_not_grow_with_the_peers),
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
