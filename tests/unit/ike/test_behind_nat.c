// SPDX-License-Identifier: BSD-2-Clause
// Two initiators behind one NAT: the same outer address, a port each. Node 0 plays both; the NAT tells their messages
// apart by the SA's SPI and knows no other ports than those that it gave.
#include "hostd/ike/ike_int.h"
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

static uint32_t session[2];
static uint16_t extra[2]; // added to the ports of each on the outside, besides the lab's own

// The SA of node 0 that a message belongs to.
static const struct ike_sa *sa_of(struct lab *lab, const struct lab_packet *p)
{
    struct ike_header h;
    assert_true(ike_header_decode(p->bytes, p->len, &h));
    const struct ike_sa *sa = ike_sa_by_spi(lab->node[0].e, h.spi_i);
    return sa ? sa : ike_sa_by_spi(lab->node[0].e, h.spi_r);
}

static struct lab_fate translate(struct lab *lab, const struct lab_packet *packet)
{
    struct lab_packet *p = (struct lab_packet *)(uintptr_t)packet;
    const struct ike_sa *sa = sa_of(lab, p);
    if (sa == NULL)
        return (struct lab_fate){.drop = true};
    const uint16_t more = extra[session[1] && sa->session == session[1]];
    if (p->from == 0) {
        p->path.remote_port = (uint16_t)(p->path.remote_port + more);
        return (struct lab_fate){0};
    }
    p->path.local_port = (uint16_t)(p->path.local_port - more);
    return (struct lab_fate){.drop = p->path.local_port != IKE_PORT && p->path.local_port != IKE_PORT_NATT};
}

static unsigned rekeyed[2]; // of each node

// (The lab's own knows one session only.)
static void on_rekeyed(void *ctx, const struct ike_sa_info *sa)
{
    const struct lab_node *n = ctx;
    assert_true(sa->session != 0);
    rekeyed[n->index]++;
}

static uint16_t port_of(struct lab *lab, uint32_t of)
{
    const struct ike_sa *own = ike_sa_by_session(lab->node[0].e, of);
    assert_non_null(own);
    for (const struct ike_sa *sa = lab->node[1].e->sas; own && sa; sa = sa->next) {
        if (sa->state == IKE_S_ESTABLISHED && sa->spi_i == own->spi_i) {
            // Each child goes the way of its IKE SA.
            for (const struct ike_child *c = sa->children; c; c = c->next)
                assert_int_equal(c->pub.path.remote_port, sa->path.remote_port);
            return sa->path.remote_port;
        }
    }
    fail_msg("node 1 has not that SA");
    return 0;
}

static void assert_both(struct lab *lab)
{
    lab_assert_sas(lab, 2);
    lab_assert_children(lab, 2);
    assert_int_equal(lab->node[0].downs + lab->node[1].downs, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(port_of(lab, session[i]), (uint16_t)(IKE_PORT_NATT + lab->nat_port + extra[i]));
}

static void each_is_up_rekeys_and_moves_for_itself(void **state)
{
    (void)state;
    for (int mobike = 0; mobike < 2; mobike++) {
        struct lab *lab = lab_new();
        struct lab_node *a = &lab->node[0], *b = &lab->node[1];
        session[0] = session[1] = 0;
        extra[0] = 0;
        extra[1] = 1111;
        lab->nat = true;
        a->addr = ip_of("10.0.0.5");
        a->profile->mobike = mobike;
        lab->fate = translate;
        a->ops.sa_rekeyed = b->ops.sa_rekeyed = on_rekeyed;
        rekeyed[0] = rekeyed[1] = 0;
        lab_start(lab);
        session[0] = lab_initiate(lab, 0);
        lab_run(lab, LAB_SECOND);
        struct ike_profile *other = ike_profile_new("left 2"); // another identity: INITIAL_CONTACT is for each
        assert_non_null(other);
        other->ts_local[0] = a->profile->ts_local[0];
        other->ts_remote[0] = a->profile->ts_remote[0];
        other->local_id = ike_id_parse("two@example.com");
        assert_non_null(other->local_id);
        other->mobike = mobike;
        const struct ike_path path = lab_path(lab, 0);
        // The first answer comes before we know the session: until then the NAT tells by the SPI that there is none
        // yet.
        session[1] = session[0] + 1;
        assert_int_equal(ike_initiate(a->e, other, &path, lab->now), session[1]);
        lab_run(lab, LAB_SECOND);
        assert_both(lab);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(ike_rekey_ike(a->e, session[i], lab->now), 0);
            lab_run(lab, 10 * (uint64_t)LAB_SECOND);
            const struct ike_sa *sa = ike_sa_by_session(a->e, session[i]);
            assert_int_equal(ike_rekey_child(a->e, sa->children->pub.spi_in, lab->now), 0);
            lab_run(lab, 60 * (uint64_t)LAB_SECOND);
            assert_both(lab);
        }
        assert_int_equal(rekeyed[0], 2);
        assert_int_equal(rekeyed[1], 2);
        // The NAT forgets the second one and gives it another port.
        extra[1] = 2222;
        assert_int_equal(ike_probe(a->e, session[1], lab->now), 0);
        lab_run(lab, 60 * (uint64_t)LAB_SECOND);
        assert_both(lab);
        // And the responder reaches both of them.
        const uint64_t before = b->e->stats.retransmits;
        for (const struct ike_sa *sa = b->e->sas; sa; sa = sa->next)
            (void)ike_probe(b->e, sa->session, lab->now);
        lab_run(lab, 5 * (uint64_t)LAB_SECOND);
        assert_int_equal(b->e->stats.retransmits, before);
        assert_both(lab);
        ike_delete(a->e, session[1], lab->now); // one ends, the other one stays
        lab_run(lab, 60 * (uint64_t)LAB_SECOND);
        lab_assert_sas(lab, 1);
        lab_assert_children(lab, 1);
        assert_int_equal(port_of(lab, session[0]), IKE_PORT_NATT + lab->nat_port);
        ike_profile_unref(other);
        lab_end(lab);
    }
}

int main(void)
{
    cmocka_set_message_output(CM_OUTPUT_TAP);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_up_rekeys_and_moves_for_itself),
    };
    return cmocka_run_group_tests_name("ike_behind_nat", tests, NULL, NULL);
}
