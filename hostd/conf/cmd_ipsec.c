// SPDX-License-Identifier: BSD-2-Clause
// crypto ipsec: transform sets and profiles.
#include "hostd/conf/algs.h"
#include "hostd/conf/crypto.h"
#include "hostd/conf/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool run_tset(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct list *l = &r->conf->tsets;
    const char *name = conf_object_name(r, op, a);
    if (name == NULL) {
        return false;
    }
    bool is_default = strcmp(name, "default") == 0;
    if (op != CONF_SET && !is_default) {
        struct conf_tset *t = conf_find(l, name);
        if (t != NULL) {
            conf_drop(r->conf, l, t);
        }
        return true;
    }
    const struct arg *bits = args_get(a, "bits"), *integ = args_get(a, "integ");
    const struct alg *encr = op == CONF_SET ? &alg_esp_encr[alg_find(alg_esp_encr, args_text(a, "encr"))] : NULL;
    if (encr != NULL && bits != NULL && encr->bits == 0) {
        return conf_error(r, bits, "%s has keys of one length only", encr->word);
    }
    struct conf_tset *t = conf_get(l, name, sizeof(*t));
    conf_default_tset(t);
    t->disabled = op == CONF_NO;
    if (encr != NULL) {
        t->encr = encr->id;
        t->bits = bits != NULL ? (uint16_t)atoi(bits->text) : encr->bits;
        t->integ = integ != NULL ? alg_esp_integ[alg_find(alg_esp_integ, integ->text)].id : 0;
        conf_enter(r, CONF_TSET, t);
    }
    return true;
}

static void print_tset(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->tsets.n; i++) {
        const struct conf_tset *t = c->tsets.at[i];
        if (t->disabled) {
            conf_line(o, "no crypto ipsec transform-set %s", t->name);
            continue;
        }
        struct conf_tset fresh;
        memset(&fresh, 0, sizeof(fresh));
        str_copy(fresh.name, sizeof(fresh.name), "default");
        conf_default_tset(&fresh);
        if (!o->all && conf_same(t, &fresh, sizeof(fresh))) {
            continue;
        }
        char text[CONF_TSET_TEXT];
        conf_line(o, "crypto ipsec transform-set %s %s", t->name, conf_tset_text(t, text));
        conf_print_mode(o, CONF_TSET, t);
        conf_line(o, "!");
    }
}

static bool run_mode(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    ((struct conf_tset *)conf_object(r))->transport = op == CONF_SET && strcmp(args_text(a, "mode"), "transport") == 0;
    return true;
}

static void print_mode(struct conf_out *o, const void *object)
{
    const struct conf_tset *t = object;
    if (o->all || t->transport) {
        conf_line(o, "mode %s", t->transport ? "transport" : "tunnel");
    }
}

static bool run_ipsec(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct list *l = &r->conf->ipsecs;
    const char *name = conf_object_name(r, op, a);
    if (name == NULL) {
        return false;
    }
    struct conf_ipsec *p = conf_find(l, name);
    bool is_default = strcmp(name, "default") == 0, fresh = p == NULL || p->disabled;
    if (op != CONF_SET && !is_default) {
        if (p != NULL) {
            conf_drop(r->conf, l, p);
        }
        return true;
    }
    p = conf_get(l, name, sizeof(*p));
    if (fresh || op != CONF_SET) {
        conf_default_ipsec(p);
    }
    p->disabled = op == CONF_NO;
    if (op == CONF_SET) {
        conf_enter(r, CONF_IPSEC, p);
    }
    return true;
}

static void print_ipsec(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    for (size_t i = 0; i < c->ipsecs.n; i++) {
        const struct conf_ipsec *p = c->ipsecs.at[i];
        struct conf_ipsec fresh;
        memset(&fresh, 0, sizeof(fresh));
        str_copy(fresh.name, sizeof(fresh.name), "default");
        conf_default_ipsec(&fresh);
        if (p->disabled) {
            conf_line(o, "no crypto ipsec profile %s", p->name);
        } else if (o->all || !conf_same(p, &fresh, sizeof(fresh))) {
            conf_line(o, "crypto ipsec profile %s", p->name);
            conf_print_mode(o, CONF_IPSEC, p);
            conf_line(o, "!");
        }
    }
}

static bool run_set_tset(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_ipsec *p = conf_object(r);
    memset(p->tset, 0, sizeof(p->tset));
    p->n_tset = 0;
    if (op != CONF_SET) {
        str_copy(p->tset[p->n_tset++].name, CONF_NAME, "default");
        return true;
    }
    for (unsigned i = 0; args_nth(a, "name", i) != NULL; i++) {
        if (i == CONF_TRANSFORM_SETS) {
            return conf_error(r, args_nth(a, "name", i), "at most %d transform sets", CONF_TRANSFORM_SETS);
        }
        conf_set_ref(r, &p->tset[p->n_tset++], args_nth(a, "name", i));
    }
    return true;
}

static void print_set_tset(struct conf_out *o, const void *object)
{
    const struct conf_ipsec *p = object;
    struct str s = {0};
    for (unsigned i = 0; i < p->n_tset; i++) {
        str_addf(&s, " %s", p->tset[i].name);
    }
    if (o->all || p->n_tset != 1 || p->tset[0].line != 0) {
        conf_line(o, "set transform-set%s", str_text(&s));
    }
    str_free(&s);
}

static bool run_set_profile(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_ipsec *p = conf_object(r);
    memset(&p->profile, 0, sizeof(p->profile));
    if (op == CONF_SET) {
        conf_set_ref(r, &p->profile, args_get(a, "name"));
    } else {
        str_copy(p->profile.name, CONF_NAME, "default");
    }
    return true;
}

static void print_set_profile(struct conf_out *o, const void *object)
{
    const struct conf_ipsec *p = object;
    const struct conf_profile *f = conf_find(&o->conf->profiles, p->profile.name);
    if (p->profile.line != 0 || (o->all && f != NULL && !f->disabled)) {
        conf_line(o, "set ikev2-profile %s", p->profile.name);
    }
}

static bool run_pfs(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_ipsec *p = conf_object(r);
    // The word is "group" and the number of the group.
    p->pfs = op == CONF_SET ? (uint8_t)(alg_find(alg_group, args_text(a, "group") + strlen("group")) + 1) : 0;
    return true;
}

static void print_pfs(struct conf_out *o, const void *object)
{
    const struct conf_ipsec *p = object;
    if (p->pfs != 0) {
        conf_line(o, "set pfs group%s", alg_group[p->pfs - 1].word);
    } else if (o->all) {
        conf_line(o, "no set pfs");
    }
}

static bool run_seconds(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_ipsec *p = conf_object(r);
    p->seconds = op == CONF_SET ? args_number(a, "seconds", 0) : CONF_IPSEC_SECONDS;
    return true;
}

static void print_seconds(struct conf_out *o, const void *object)
{
    const struct conf_ipsec *p = object;
    if (o->all || p->seconds != CONF_IPSEC_SECONDS) {
        conf_line(o, "set security-association lifetime seconds %u", p->seconds);
    }
}

static bool run_kilobytes(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_ipsec *p = conf_object(r);
    p->kilobytes = op == CONF_DEFAULT ? CONF_IPSEC_KILOBYTES
                   : op == CONF_NO    ? 0
                                      : args_number(a, "kilobytes", 0); // 0: disable
    return true;
}

static void print_kilobytes(struct conf_out *o, const void *object)
{
    const struct conf_ipsec *p = object;
    if (p->kilobytes == 0) {
        conf_line(o, "set security-association lifetime kilobytes disable");
    } else if (o->all || p->kilobytes != CONF_IPSEC_KILOBYTES) {
        conf_line(o, "set security-association lifetime kilobytes %" PRIu64, p->kilobytes);
    }
}

static bool run_window(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_ipsec *p = conf_object(r);
    p->window = op == CONF_SET ? (unsigned)atoi(args_text(a, "packets")) : CONF_REPLAY_WINDOW;
    return true;
}

static void print_window(struct conf_out *o, const void *object)
{
    const struct conf_ipsec *p = object;
    if (o->all || p->window != CONF_REPLAY_WINDOW) {
        conf_line(o, "set security-association replay window-size %u", p->window);
    }
}

static bool run_esn(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    (void)a;
    ((struct conf_ipsec *)conf_object(r))->no_esn = op == CONF_NO;
    return true;
}

static void print_esn(struct conf_out *o, const void *object)
{
    const struct conf_ipsec *p = object;
    if (p->no_esn) {
        conf_line(o, "no set security-association esn");
    } else if (o->all) {
        conf_line(o, "set security-association esn");
    }
}

const struct conf_command conf_commands_ipsec[] = {
    {CONF_GLOBAL, "crypto ipsec transform-set <name:name> " ALG_TRANSFORMS, "crypto ipsec transform-set [<name:name>]",
     "transform-set|Algorithms of IPsec SAs\nname|Name of the transform set\nesp-gcm|AES-GCM with a 16-byte tag\n"
     "esp-chacha20-poly1305|ChaCha20-Poly1305\nesp-aes|AES-CBC\nesp-ctr|AES-CTR\n"
     "esp-3des|Triple DES, for old peers only\nesp-null|No encryption\nencr|The cipher\nbits|Key length, bits\n"
     "integ|The integrity algorithm\nesp-sha-hmac|HMAC-SHA1-96\nesp-sha256-hmac|HMAC-SHA2-256-128\n"
     "esp-sha384-hmac|HMAC-SHA2-384-192\nesp-sha512-hmac|HMAC-SHA2-512-256\n"
     "esp-md5-hmac|HMAC-MD5-96, for old peers only\n",
     run_tset, print_tset},
    {CONF_TSET, "mode <mode:tunnel|transport>", "mode [<mode:tunnel|transport>]",
     "mode|Encapsulation\ntunnel|Whole IP packets are carried\n"
     "transport|Only their payload, where they go between the ends themselves (GRE) and the peer agrees\n",
     run_mode, print_mode},
    {CONF_GLOBAL, "crypto ipsec profile <name:name>", "crypto ipsec profile [<name:name>]",
     "profile|How tunnels are protected\nname|Name of the profile\n", run_ipsec, print_ipsec},
    {CONF_IPSEC, "set transform-set <name:name> ...", "set transform-set [<name:name> ...]",
     "transform-set|Transform sets to offer, the preferred first\nname|Name of a transform set\n", run_set_tset,
     print_set_tset},
    {CONF_IPSEC, "set { ikev2-profile | crypto ikev2 profile } <name:name>",
     "set { ikev2-profile | crypto ikev2 profile } [<name:name>]",
     "ikev2-profile|The IKEv2 profile to use\nname|Its name\n", run_set_profile, print_set_profile},
    {CONF_IPSEC, "set pfs <group:" ALG_PFS_WORDS ">", "set pfs [<group:" ALG_PFS_WORDS ">]",
     "pfs|A new key exchange at each rekey\ngroup|Group of the key exchange\n", run_pfs, print_pfs},
    {CONF_IPSEC, "set security-association lifetime seconds <seconds:120-2592000>",
     "set security-association lifetime seconds [<seconds:120-2592000>]",
     "security-association|Security association\nlifetime|How long an SA lasts\nseconds|In seconds\n", run_seconds,
     print_seconds},
    {CONF_IPSEC, "set security-association lifetime kilobytes { <kilobytes:2560-4294967295> | disable }",
     "set security-association lifetime kilobytes [<kilobytes:2560-4294967295>]",
     "security-association|Security association\nlifetime|How long an SA lasts\nkilobytes|In kilobytes of traffic\n"
     "disable|No limit by traffic\n",
     run_kilobytes, print_kilobytes},
    {CONF_IPSEC, "set security-association replay window-size <packets:64|128|256|512|1024>",
     "set security-association replay window-size [<packets:64|128|256|512|1024>]",
     "security-association|Security association\nreplay|Protection against replayed packets\n"
     "window-size|How far packets may be out of order\npackets|Packets\n",
     run_window, print_window},
    {CONF_IPSEC, "set security-association esn", NULL,
     "security-association|Security association\nesn|Offer extended sequence numbers before ordinary ones\n", run_esn,
     print_esn},
    {.grammar = NULL},
};
