// SPDX-License-Identifier: BSD-2-Clause
// show crypto ikev2 sa and stats; clear crypto ikev2 stats.
#include "hostd/cli/exec.h"
#include "hostd/pki/cert.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

enum { MICROSECONDS = 1000000 };

// ------------------------------------------------------------------------------------------------ sa

struct walk {
    struct culvertd *d;
    json_t *list;
    struct ip_addr local, remote; // family 0: any
};

static long long seconds_since(const struct culvertd *d, uint64_t when)
{
    return when == 0 ? 0 : (long long)((daemon_now(d) - when) / MICROSECONDS);
}

static long long seconds_to(const struct culvertd *d, uint64_t when)
{
    uint64_t now = daemon_now(d);
    return when == 0 ? -1 : when <= now ? 0 : (long long)((when - now) / MICROSECONDS);
}

// Names of certificates as people write them.
json_t *show_id(const struct ike_id *id)
{
    struct str dn = {0};
    char text[IKE_MAX_ID + 1] = "";
    bool name = id != NULL && id->type == IKE_ID_DN && cert_dn_text(id->data, id->len, &dn);
    json_t *o = json_string(name ? str_text(&dn) : id == NULL ? "" : ike_id_format(id, text, sizeof(text)));
    str_free(&dn);
    return o;
}

// What an AUTH payload was made with, in the words of the configuration where there is one.
static const char *auth_text(uint8_t method)
{
    return method == 0 ? "" : method == IKE_AUTH_PSK ? "PSK" : ike_name(IKE_NAMES_AUTH, method);
}

static json_t *end_json(const struct ip_addr *a, uint16_t port)
{
    char text[64];
    return json_sprintf("%s/%u", ike_addr_format(a, text, sizeof(text)), port);
}

json_t *show_ike_sa(const struct culvertd *d, const struct ike_sa_info *sa)
{
    char text[64];
    json_t *o = json_object();
    json_object_set_new(o, "session", json_integer(sa->session));
    json_object_set_new(o, "local", end_json(&sa->path.local, sa->path.local_port));
    json_object_set_new(o, "remote", end_json(&sa->path.remote, sa->path.remote_port));
    json_object_set_new(o, "state", json_string(sa->state));
    json_object_set_new(o, "established", json_boolean(sa->established));
    json_object_set_new(o, "initiator", json_boolean(sa->initiator));
    json_object_set_new(o, "spi_initiator", json_sprintf("%016" PRIX64, sa->spi_i));
    json_object_set_new(o, "spi_responder", json_sprintf("%016" PRIX64, sa->spi_r));
    json_object_set_new(o, "profile", json_string(sa->profile == NULL ? "" : sa->profile->name));
    const struct conf_profile *c = profiles_conf(&d->profiles, sa->profile);
    json_object_set_new(o, "ikev2_profile", json_string(c == NULL ? "" : c->name));
    json_object_set_new(o, "local_id", show_id(sa->local_id));
    json_object_set_new(o, "remote_id", show_id(sa->remote_id));
    json_object_set_new(o, "encryption", json_string(ike_name(IKE_NAMES_ENCR, sa->suite.encr)));
    json_object_set_new(o, "key_bits", json_integer(sa->suite.encr_bits));
    json_object_set_new(o, "prf", json_string(ike_name(IKE_NAMES_PRF, sa->suite.prf)));
    json_object_set_new(
        o, "integrity",
        json_string(sa->suite.integ == IKE_INTEG_NONE ? "none" : ike_name(IKE_NAMES_INTEG, sa->suite.integ)));
    json_object_set_new(o, "group", json_integer(sa->suite.group));
    json_object_set_new(o, "auth_local", json_string(auth_text(sa->auth_local)));
    json_object_set_new(o, "auth_remote", json_string(auth_text(sa->auth_remote)));
    json_object_set_new(o, "eap_id", show_id(sa->eap_id));
    json_object_set_new(o, "certificate", show_id(sa->cert_id));
    json_object_set_new(o, "active_seconds", json_integer(seconds_since(d, sa->born)));
    json_object_set_new(o, "rekey_seconds", json_integer(seconds_to(d, sa->rekey_at)));
    json_object_set_new(o, "expire_seconds", json_integer(seconds_to(d, sa->expire_at)));
    json_object_set_new(o, "lifetime", json_integer(sa->profile == NULL ? 0 : sa->profile->ike_lifetime));
    json_object_set_new(o, "dpd_interval", json_integer(sa->profile == NULL ? 0 : sa->profile->dpd_interval));
    json_object_set_new(o, "nat_local", json_boolean(sa->nat_local));
    json_object_set_new(o, "nat_remote", json_boolean(sa->nat_remote));
    json_object_set_new(o, "fragmentation", json_boolean(sa->fragmentation));
    json_object_set_new(o, "cookie", json_boolean(sa->cookie));
    json_object_set_new(o, "next_out", json_integer(sa->next_out));
    json_object_set_new(o, "next_in", json_integer(sa->next_in));
    json_object_set_new(o, "requests_queued", json_integer(sa->requests_queued));
    json_object_set_new(o, "requests_out", json_integer(sa->requests_out));
    json_object_set_new(o, "window", json_integer(sa->window));
    json_object_set_new(o, "peer_window", json_integer(sa->peer_window));
    json_object_set_new(o, "mobike", json_boolean(sa->mobike));
    json_object_set_new(o, "redirectable", json_boolean(sa->peer_redirect));
    json_object_set_new(o, "ppk", json_boolean(sa->ppk));
    json_object_set_new(o, "resumed", json_boolean(sa->resumed));
    json_object_set_new(o, "reauthenticate_seconds", json_integer(seconds_to(d, sa->reauth_at)));
    json_object_set_new(o, "authenticated_seconds", json_integer(seconds_to(d, sa->auth_until)));
    json_object_set_new(o, "rekeys", json_integer((json_int_t)sa->rekeys));
    json_object_set_new(o, "messages_in", json_integer((json_int_t)sa->msgs_in));
    json_object_set_new(o, "messages_out", json_integer((json_int_t)sa->msgs_out));
    json_object_set_new(o, "retransmits", json_integer((json_int_t)sa->retransmits));
    json_object_set_new(o, "dpd_sent", json_integer((json_int_t)sa->dpd_sent));
    const struct ike_cp_values *cp = sa->initiator ? sa->taken : sa->given;
    json_object_set_new(
        o, "address",
        json_string(cp != NULL && cp->address.family != 0 ? ike_addr_format(&cp->address, text, sizeof(text)) : ""));
    json_object_set_new(o, "given", show_config_json(sa->given));
    json_object_set_new(o, "taken", show_config_json(sa->taken));
    json_object_set_new(o, "routes", show_told_json(d, sa->session));
    json_object_set_new(o, "children", json_integer(sa->n_child));
    return o;
}

const char *show_status(const struct ike_sa_info *sa)
{
    return !sa->established ? "DOWN-NEGOTIATING" : sa->n_child == 0 ? "UP-IDLE" : "UP-ACTIVE";
}

static bool is_of(const struct ip_addr *wanted, const struct ip_addr *a)
{
    return wanted->family == 0 || ip_equal(wanted, a);
}

static bool add_sa(void *arg, const struct ike_sa_info *sa)
{
    struct walk *w = arg;
    if (is_of(&w->local, &sa->path.local) && is_of(&w->remote, &sa->path.remote)) {
        json_array_append_new(w->list, show_ike_sa(w->d, sa));
    }
    return true;
}

static void run_sa(struct exec *x, const struct args *a)
{
    struct walk w = {.d = exec_daemon(x), .list = json_array()};
    struct ip_addr addr = conf_arg_addr(a, "addr", "addr6");
    *(strcmp(args_text(a, "side"), "local") == 0 ? &w.local : &w.remote) = addr;
    ike_show(w.d->ike, add_sa, &w);
    exec_done(x, json_pack("{s:b, s:o}", "detailed", args_get(a, "how") != NULL, "sas", w.list));
}

void show_render_ike_sa(struct str *out, const json_t *sa, bool detailed)
{
    bool up = show_true(sa, "established");
    str_addf(out, "%-9lld %-21s %-21s none/none    %s\n", show_number(sa, "session"), show_text(sa, "local"),
             show_text(sa, "remote"), up ? "READY" : show_text(sa, "state"));
    str_addf(out, "      Encr: %s, keysize: %lld, PRF: %s, Hash: %s, DH Grp:%lld, Auth sign: %s, Auth verify: %s\n",
             show_text(sa, "encryption"), show_number(sa, "key_bits"), show_text(sa, "prf"), show_text(sa, "integrity"),
             show_number(sa, "group"), show_text(sa, "auth_local"), show_text(sa, "auth_remote"));
    if (show_text(sa, "eap_id")[0] != '\0') {
        str_addf(out, "      EAP id: %s\n", show_text(sa, "eap_id"));
    }
    str_addf(out, "      Life/Active Time: %lld/%lld sec\n", show_number(sa, "lifetime"),
             show_number(sa, "active_seconds"));
    if (!detailed) {
        return;
    }
    bool initiator = show_true(sa, "initiator");
    str_addf(out, "      Session-id: %lld, Profile: %s, State: %s\n", show_number(sa, "session"),
             show_text(sa, "ikev2_profile"), show_text(sa, "state"));
    str_addf(out, "      Local spi: %s       Remote spi: %s\n",
             show_text(sa, initiator ? "spi_initiator" : "spi_responder"),
             show_text(sa, initiator ? "spi_responder" : "spi_initiator"));
    str_addf(out, "      Local id: %s\n      Remote id: %s\n", show_text(sa, "local_id"), show_text(sa, "remote_id"));
    if (show_text(sa, "certificate")[0] != '\0') {
        str_addf(out, "      Remote certificate: %s\n", show_text(sa, "certificate"));
    }
    str_addf(out, "      Local next msg id:  %-10lld Remote next msg id:  %lld\n", show_number(sa, "next_out"),
             show_number(sa, "next_in"));
    str_addf(out, "      Local req queued:   %-10lld Window: %lld\n", show_number(sa, "requests_queued"),
             show_number(sa, "window"));
    str_addf(out, "      MOBIKE %s, redirect %s, peer's window %lld%s%s\n", show_true(sa, "mobike") ? "on" : "off",
             show_true(sa, "redirectable") ? "followed by the peer" : "not followed by the peer",
             show_number(sa, "peer_window"), show_true(sa, "ppk") ? ", post-quantum key in use" : "",
             show_true(sa, "resumed") ? ", resumed" : "");
    if (show_number(sa, "reauthenticate_seconds") >= 0) {
        str_addf(out, "      Reauthentication in: %lld sec\n", show_number(sa, "reauthenticate_seconds"));
    }
    if (show_number(sa, "authenticated_seconds") >= 0) {
        str_addf(out, "      The peer has to authenticate again within: %lld sec\n",
                 show_number(sa, "authenticated_seconds"));
    }
    str_addf(out, "      Rekey in: %lld sec, rekeyed %lld times\n", show_number(sa, "rekey_seconds"),
             show_number(sa, "rekeys"));
    str_addf(out, "      DPD configured for %lld seconds, sent %lld\n", show_number(sa, "dpd_interval"),
             show_number(sa, "dpd_sent"));
    str_addf(out, "      NAT-T is%s detected%s%s\n",
             show_true(sa, "nat_local") || show_true(sa, "nat_remote") ? "" : " not",
             show_true(sa, "nat_local") ? ", inside" : "", show_true(sa, "nat_remote") ? ", outside" : "");
    str_addf(out, "      Fragmentation %s, cookie %s\n", show_true(sa, "fragmentation") ? "on" : "off",
             show_true(sa, "cookie") ? "was asked for" : "was not asked for");
    show_config_render(out, sa);
    str_addf(out, "      Messages in %lld, out %lld, retransmitted %lld\n", show_number(sa, "messages_in"),
             show_number(sa, "messages_out"), show_number(sa, "retransmits"));
    str_addf(out, "      Initiator of SA : %s\n", initiator ? "Yes" : "No");
}

static void render_sa(struct str *out, const json_t *data)
{
    const json_t *list = json_object_get(data, "sas");
    size_t i;
    json_t *sa;
    if (json_array_size(list) == 0) {
        str_add(out, "There are no SAs\n");
        return;
    }
    str_add(out, " Crypto IKEv2 SA\n\nTunnel-id Local                 Remote                fvrf/ivrf    Status\n");
    json_array_foreach(list, i, sa)
    {
        show_render_ike_sa(out, sa, show_true(data, "detailed"));
        str_add(out, "\n");
    }
}

// ------------------------------------------------------------------------------------------------ stats

// The counters are all of one type, so that two sets of them can be walked side by side.
enum { STATS = sizeof(struct ike_stats) / sizeof(uint64_t) };

static struct ike_stats stats_since(const struct culvertd *d)
{
    uint64_t now[STATS], base[STATS];
    struct ike_stats out;
    memcpy(now, ike_stats(d->ike), sizeof(now));
    memcpy(base, &d->stats_base, sizeof(base));
    for (unsigned i = 0; i < STATS; i++) {
        now[i] -= base[i];
    }
    memcpy(&out, now, sizeof(out));
    return out;
}

static void run_clear_stats(struct exec *x, const struct args *a)
{
    (void)a;
    struct culvertd *d = exec_daemon(x);
    d->stats_base = *ike_stats(d->ike);
    d->exchanges = (struct exchanges){0};
    exec_done(x, NULL);
}

static void run_stats(struct exec *x, const struct args *a)
{
    (void)a;
    const struct culvertd *d = exec_daemon(x);
    const struct ike_stats since = stats_since(d), *s = &since;
    const struct sockets_counters n = d->sockets == NULL ? (struct sockets_counters){0} : sockets_counters(d->sockets);
    uint32_t sas, half, children;
    uint64_t held, bound;
    ike_counts(d->ike, &sas, &half, &children);
    ike_unauth_bytes(d->ike, &held, &bound);
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"sas", sas},
                {"half_open", half},
                {"children", children},
                {"sas_up", s->sas_up},
                {"sas_down", s->sas_down},
                {"children_up", s->children_up},
                {"children_down", s->children_down},
                {"ike_rekeys", s->ike_rekeys},
                {"child_rekeys", s->child_rekeys},
                {"collisions", s->collisions},
                {"messages_in", s->in_messages},
                {"messages_out", s->out_messages},
                {"retransmits", s->retransmits},
                {"init_requests", s->init_requests},
                {"init_dropped_limit", s->init_dropped_limit},
                {"cookies_sent", s->cookies_sent},
                {"cookies_bad", s->cookies_bad},
                {"invalid_ke_sent", s->invalid_ke_sent},
                {"auth_failures", s->auth_failures},
                {"no_proposal", s->no_proposal},
                {"ts_unacceptable", s->ts_unacceptable},
                {"additional_ts_possible", s->ts_cut},
                {"temporary_failures", s->temporary_failures},
                {"bad_length", s->bad_length},
                {"bad_version", s->bad_version},
                {"bad_payload", s->bad_payload},
                {"bad_critical", s->bad_critical},
                {"bad_spi", s->bad_spi},
                {"bad_message_id", s->bad_message_id},
                {"bad_exchange", s->bad_exchange},
                {"bad_integrity", s->bad_integrity},
                {"bad_fragment", s->bad_fragment},
                {"fragments_in", s->fragments_in},
                {"fragments_out", s->fragments_out},
                {"reassembled", s->reassembled},
                {"duplicate_requests", s->duplicate_requests},
                {"unexpected_responses", s->unexpected_responses},
                {"dead_peers", s->dead_peers},
                {"out_of_memory", s->out_of_memory},
                {"install_failures", s->install_failures},
                {"peer_moves", s->peer_moves},
                {"mobike_updates", s->mobike_updates},
                {"early_requests", s->early_requests},
                {"requests_passed", s->requests_passed},
                {"invalid_spi_sent", s->invalid_spi_sent},
                {"invalid_selectors_sent", s->invalid_selectors_sent},
                {"bare_notices", s->bare_notices},
                {"error_notices", s->error_notices},
                {"reauthentications", s->reauths},
                {"redirects_sent", s->redirects_sent},
                {"redirects_followed", s->redirects_followed},
                {"redirects_refused", s->redirects_refused},
                {"redirects_unresolved", s->redirects_unresolved},
                {"ppk_used", s->ppk_used},
                {"ppk_missing", s->ppk_missing},
                {"tickets_sent", s->tickets_sent},
                {"tickets_taken", s->tickets_taken},
                {"tickets_refused", s->tickets_refused},
                {"resumed", s->resumed},
                {"unauthenticated_bytes", held},
                {"unauthenticated_bytes_bound", bound},
                {"unauthenticated_refused", s->unauth_refused},
                {"certificates_looked_up", s->certs_looked_up},
                {"certificate_lookups_failed", s->cert_lookups_failed},
                {"address_failures", s->address_failures},
                {"cp_required", s->cp_required},
                {"udp_ike_in", n.ike_in},
                {"udp_ike_out", n.ike_out},
                {"udp_esp_in", n.esp_in},
                {"udp_keepalives_in", n.keepalives_in},
                {"udp_too_short", n.short_in},
                {"udp_send_errors", n.send_errors}};
    json_t *o = json_object();
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        json_object_set_new(o, rows[i].name, json_integer((json_int_t)rows[i].value));
    }
    exec_done(x, o);
}

static void render_stats(struct str *out, const json_t *data)
{
    const char *key;
    json_t *value;
    str_add(out, "Crypto IKEv2 statistics\n");
    json_object_foreach((json_t *)(uintptr_t)data, key, value)
    {
        str_addf(out, "  %-24s %lld\n", key, (long long)json_integer_value(value));
    }
}

static void run_exchanges(struct exec *x, const struct args *a)
{
    (void)a;
    const struct exchanges *e = &exec_daemon(x)->exchanges;
    json_t *list = json_array();
    for (unsigned i = 0; i < EXCHANGE_KINDS; i++) {
        json_array_append_new(list,
                              json_pack("{s:s, s:I, s:I, s:I, s:I}", "exchange", exchanges_name(i), "requests_out",
                                        (json_int_t)e->out[i].requests, "responses_out",
                                        (json_int_t)e->out[i].responses, "requests_in", (json_int_t)e->in[i].requests,
                                        "responses_in", (json_int_t)e->in[i].responses));
    }
    exec_done(x, json_pack("{s:o, s:I}", "exchanges", list, "other_in", (json_int_t)e->other_in));
}

static void render_exchanges(struct str *out, const json_t *data)
{
    size_t i;
    json_t *e;
    str_addf(out, "%-20s %10s %10s %10s %10s\n", "EXCHANGE", "TX(REQ)", "TX(RES)", "RX(REQ)", "RX(RES)");
    json_array_foreach(json_object_get(data, "exchanges"), i, e)
    {
        str_addf(out, "%-20s %10lld %10lld %10lld %10lld\n", show_text(e, "exchange"), show_number(e, "requests_out"),
                 show_number(e, "responses_out"), show_number(e, "requests_in"), show_number(e, "responses_in"));
    }
    str_addf(out, "%-20s %10s %10s %10lld\n", "other", "", "", show_number(data, "other_in"));
}

const struct exec_command exec_ike_commands[] = {
    {"show crypto ikev2 sa [<how:detailed|>] [<side:local|remote> { <addr:addr> | <addr6:addr6> }] [<how:detailed|>]",
     "sa|IKE security associations\ndetailed|With all that is known of them\nlocal|Of one of our addresses\n"
     "remote|Of one peer\n",
     run_sa, render_sa},
    {"show crypto ikev2 stats", "stats|Counters of the IKEv2 machine\n", run_stats, render_stats},
    {"show crypto ikev2 stats exchange",
     "stats|Counters of the IKEv2 machine\nexchange|Datagrams of each exchange, retransmissions and fragments "
     "included\n",
     run_exchanges, render_exchanges},
    {"clear crypto ikev2 stats", "stats|Count from zero again\n", run_clear_stats, NULL},
    {.grammar = NULL},
};
