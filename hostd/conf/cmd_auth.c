// SPDX-License-Identifier: BSD-2-Clause
// In a crypto ikev2 profile: how both sides prove who they are, with what, and what the peer is then allowed.
#include "hostd/conf/reader.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

static const struct {
    enum conf_auth way;
    const char *word;
} way_words[] = {
    {CONF_AUTH_PSK, "pre-share"},   {CONF_AUTH_RSA, "rsa-sig"}, {CONF_AUTH_ECDSA, "ecdsa-sig"},
    {CONF_AUTH_EDDSA, "eddsa-sig"}, {CONF_AUTH_EAP, "eap"},
};
enum { WAY_WORDS = sizeof(way_words) / sizeof(way_words[0]) };

static const char *const eap_words[] = {
    [CONF_EAP_MSCHAPV2] = "ms-chapv2", [CONF_EAP_MD5] = "md5", [CONF_EAP_GTC] = "gtc", [CONF_EAP_TLS] = "tls"};
enum { EAP_WORDS = sizeof(eap_words) / sizeof(eap_words[0]) };

const char *conf_eap_word(unsigned method)
{
    return eap_words[method];
}

enum conf_eap_method conf_eap_method(const char *word)
{
    for (unsigned i = 1; i < EAP_WORDS; i++) {
        if (strcmp(eap_words[i], word) == 0) {
            return i;
        }
    }
    return CONF_EAP_ANY;
}

static enum conf_auth way_of(const char *word)
{
    for (unsigned i = 0; i < WAY_WORDS; i++) {
        if (strcmp(way_words[i].word, word) == 0) {
            return way_words[i].way;
        }
    }
    return 0;
}

const char *conf_auth_words(unsigned ways, char *out, size_t cap)
{
    size_t len = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < WAY_WORDS && len < cap; i++) {
        if (ways & way_words[i].way) {
            len += (size_t)snprintf(out + len, cap - len, "%s%s", len == 0 ? "" : ", ", way_words[i].word);
        }
    }
    return out;
}

// The key of a pre-share line; none given takes away what there was.
static bool take_key(struct conf_reader *r, const struct args *a, struct conf_key *k)
{
    const struct arg *key = args_get(a, "key");
    if (key != NULL) {
        return conf_set_key(r, k, key, strcmp(args_text(a, "form"), "hex") == 0);
    }
    OPENSSL_cleanse(k, sizeof(*k));
    return true;
}

static bool take_eap(struct conf_reader *r, const struct args *a, struct conf_eap_local *eap)
{
    struct conf_key password; // the same rules as for a key
    const struct arg *user = args_get(a, "user"), *secret = args_get(a, "password");
    memset(&password, 0, sizeof(password));
    if (secret != NULL && !conf_set_key(r, &password, secret, false)) {
        return false;
    }
    if (user != NULL && strlen(user->text) >= sizeof(eap->user)) {
        return conf_error(r, user, "too long");
    }
    OPENSSL_cleanse(eap, sizeof(*eap));
    eap->method = conf_eap_method(args_text(a, "method"));
    str_copy(eap->user, sizeof(eap->user), args_text(a, "user"));
    str_copy(eap->password, sizeof(eap->password), password.text);
    OPENSSL_cleanse(&password, sizeof(password));
    return true;
}

static bool run_local(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    enum conf_auth way = way_of(args_text(a, "way"));
    if (op != CONF_SET) {
        if (way == 0 || way == p->auth_local) {
            p->auth_local = conf_profile_smart(p) ? CONF_AUTH_PSK : 0; // its default is back
            p->local_unsaid = conf_profile_smart(p);
            OPENSSL_cleanse(&p->key_local, sizeof(p->key_local));
            OPENSSL_cleanse(&p->eap, sizeof(p->eap));
        }
        return true;
    }
    struct conf_key key = p->key_local;
    struct conf_eap_local eap = p->eap;
    bool ok = take_key(r, a, &key) && take_eap(r, a, &eap);
    if (ok) {
        p->auth_local = (uint8_t)way;
        p->local_unsaid = false;
        p->key_local = key;
        p->eap = eap;
    }
    OPENSSL_cleanse(&key, sizeof(key));
    OPENSSL_cleanse(&eap, sizeof(eap));
    return ok;
}

static void print_local(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    char word[32];
    conf_auth_words(p->auth_local, word, sizeof(word));
    if (p->auth_local == CONF_AUTH_PSK && p->key_local.text[0] != '\0') {
        conf_line(o, "authentication local %s key %s%s", word, conf_key_form(o, &p->key_local),
                  conf_key(o, p->key_local.text));
    } else if (p->auth_local == CONF_AUTH_EAP) {
        const struct conf_eap_local *e = &p->eap;
        conf_line(o, "authentication local eap%s%s%s%s%s%s", e->method != CONF_EAP_ANY ? " " : "",
                  e->method != CONF_EAP_ANY ? eap_words[e->method] : "", e->user[0] != '\0' ? " username " : "",
                  e->user, e->password[0] != '\0' ? " password 0 " : "", conf_key(o, e->password));
    } else if (p->auth_local != 0 && (o->all || !p->local_unsaid)) {
        conf_line(o, "authentication local %s", word);
    }
}

static bool run_remote(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    enum conf_auth way = way_of(args_text(a, "way"));
    if (op == CONF_SET) {
        if (way == CONF_AUTH_PSK && !take_key(r, a, &p->key_remote)) {
            return false;
        }
        if (way == CONF_AUTH_EAP) {
            p->eap_query_identity = args_get(a, "query") != NULL;
        }
        p->auth_remote = (uint8_t)(p->remote_unsaid ? way : p->auth_remote | way); // in place of the default
        p->remote_unsaid = false;
        return true;
    }
    p->auth_remote &= way == 0 ? 0 : (uint8_t)~way;
    if (!(p->auth_remote & CONF_AUTH_PSK)) {
        OPENSSL_cleanse(&p->key_remote, sizeof(p->key_remote));
    }
    p->eap_query_identity &= (p->auth_remote & CONF_AUTH_EAP) != 0;
    if (p->auth_remote == 0 && conf_profile_smart(p)) {
        p->auth_remote = CONF_AUTH_PSK;
        p->remote_unsaid = true;
    }
    return true;
}

static void print_remote(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    for (unsigned i = 0; i < WAY_WORDS; i++) {
        if (!(p->auth_remote & way_words[i].way) || (p->remote_unsaid && !o->all)) {
            continue;
        }
        if (way_words[i].way == CONF_AUTH_PSK && p->key_remote.text[0] != '\0') {
            conf_line(o, "authentication remote pre-share key %s%s", conf_key_form(o, &p->key_remote),
                      conf_key(o, p->key_remote.text));
        } else {
            conf_line(o, "authentication remote %s%s", way_words[i].word,
                      way_words[i].way == CONF_AUTH_EAP && p->eap_query_identity ? " query-identity" : "");
        }
    }
}

static bool run_keyring(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    memset(&p->keyring, 0, sizeof(p->keyring));
    if (op == CONF_SET) {
        conf_set_ref(r, &p->keyring, args_get(a, "name"));
    }
    return true;
}

static void print_keyring(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    if (p->keyring.name[0] != '\0') {
        conf_line(o, "keyring local %s", p->keyring.name);
    }
}

static bool run_trustpoint(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    const struct arg *name = args_get(a, "name");
    const char *use = args_text(a, "use");
    unsigned i = 0;
    while (i < p->n_trustpoint && strcmp(p->trustpoint[i].ref.name, name->text) != 0) {
        i++;
    }
    if (op != CONF_SET) {
        if (i < p->n_trustpoint) {
            p->n_trustpoint--;
            memmove(&p->trustpoint[i], &p->trustpoint[i + 1], (p->n_trustpoint - i) * sizeof(p->trustpoint[0]));
            memset(&p->trustpoint[p->n_trustpoint], 0, sizeof(p->trustpoint[0]));
        }
        return true;
    }
    if (i == CONF_TRUSTPOINTS) {
        return conf_error(r, name, "at most %d trustpoints in a profile", CONF_TRUSTPOINTS);
    }
    conf_set_ref(r, &p->trustpoint[i].ref, name);
    p->trustpoint[i].sign = strcmp(use, "verify") != 0;
    p->trustpoint[i].verify = strcmp(use, "sign") != 0;
    p->n_trustpoint += i == p->n_trustpoint;
    return true;
}

static void print_trustpoint(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    for (unsigned i = 0; i < p->n_trustpoint; i++) {
        const struct conf_trust *t = &p->trustpoint[i];
        conf_line(o, "pki trustpoint %s%s", t->ref.name, !t->sign ? " verify" : !t->verify ? " sign" : "");
    }
}

static const char *const conf_ways[CONF_WAYS] = {"psk", "cert", "eap"};

static bool run_aaa(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_profile *p = conf_object(r);
    const char *way = args_text(a, "way");
    unsigned i = 0;
    while (i < CONF_WAYS - 1 && strcmp(way, conf_ways[i]) != 0) {
        i++;
    }
    if (args_get(a, "mangler") != NULL) {
        return conf_error(r, args_get(a, "mangler"), "there are no name manglers: name an authorization policy");
    }
    memset(&p->author[i], 0, sizeof(p->author[i]));
    memset(&p->author_list[i], 0, sizeof(p->author_list[i]));
    if (op == CONF_SET) {
        conf_set_ref(r, &p->author_list[i], args_get(a, "list"));
        conf_set_ref(r, &p->author[i], args_get(a, "policy"));
    }
    return true;
}

static void print_aaa(struct conf_out *o, const void *object)
{
    const struct conf_profile *p = object;
    for (unsigned i = 0; i < CONF_WAYS; i++) {
        if (p->author[i].name[0] != '\0') {
            conf_line(o, "aaa authorization group %s list %s %s", conf_ways[i], p->author_list[i].name,
                      p->author[i].name);
        }
    }
}

const struct conf_command conf_commands_auth[] = {
    {CONF_PROFILE,
     "authentication local { <way:pre-share|> [key [<form:0|hex>] <key:word>] | <way:rsa-sig|ecdsa-sig|eddsa-sig> | "
     "<way:eap|> [<method:ms-chapv2|md5|gtc|tls>] [username <user:word>] [password [0] <password:word>] }",
     "authentication local [<way:pre-share|rsa-sig|ecdsa-sig|eddsa-sig|eap> [<rest:line>]]",
     "authentication|How an end proves its identity\npre-share|By a pre-shared key\nrsa-sig|By an RSA certificate\n"
     "ecdsa-sig|By an ECDSA certificate\neddsa-sig|By an Ed25519 or Ed448 certificate\n"
     "eap|By EAP, as its supplicant\nkey|The secret; without it the keyring's\n0|The secret follows as it is\n"
     "hex|The secret follows in hexadecimal\nms-chapv2|Only MSCHAPv2\nmd5|Only MD5-Challenge\n"
     "gtc|Only Generic Token Card\ntls|Only EAP-TLS, with our certificate\nusername|Our EAP identity\n"
     "user|The identity; without it that of IKE\npassword|The password\nrest|What follows does not matter\n",
     run_local, print_local},
    {CONF_PROFILE,
     "authentication remote { <way:pre-share|> [key [<form:0|hex>] <key:word>] | <way:rsa-sig|ecdsa-sig|eddsa-sig> | "
     "<way:eap|> [<query:query-identity|>] }",
     "authentication remote [<way:pre-share|rsa-sig|ecdsa-sig|eddsa-sig|eap> [<rest:line>]]",
     "authentication|How an end proves its identity\npre-share|By a pre-shared key\nrsa-sig|By an RSA certificate\n"
     "ecdsa-sig|By an ECDSA certificate\neddsa-sig|By an Ed25519 or Ed448 certificate\n"
     "eap|By EAP, with us as its authenticator\nkey|The secret; without it the keyring's\n"
     "0|The secret follows as it is\nhex|The secret follows in hexadecimal\n"
     "query-identity|Ask for an EAP identity\nrest|What follows does not matter\n",
     run_remote, print_remote},
    {CONF_PROFILE, "keyring [local] <name:name>", "keyring [ [local] [<name:name>] ]",
     "keyring|Where the keys are\nlocal|In this configuration\nname|Name of the keyring\n", run_keyring, print_keyring},
    {CONF_PROFILE, "pki trustpoint <name:name> [<use:sign|verify>]", NULL,
     "pki|Certificates\ntrustpoint|A certification authority, and our certificate of it\n"
     "name|Name of the trustpoint\nsign|Only to prove ourselves\nverify|Only to verify peers\n",
     run_trustpoint, print_trustpoint},
    {CONF_PROFILE,
     "aaa authorization [group] <way:psk|cert|eap> list <list:name> { <policy:name> | name-mangler <mangler:name> }",
     "aaa authorization [group] <way:psk|cert|eap> [list <list:name> [<policy:name>]]",
     "aaa|Authorization\nauthorization|What the peer is given\ngroup|By a group of peers\n"
     "psk|For peers with a pre-shared key\ncert|For peers with a certificate\neap|For peers that used EAP\n"
     "list|Where it is looked up\npolicy|Name of an authorization policy\n"
     "name-mangler|A name made of the identity: not there\nmangler|Not there\n",
     run_aaa, print_aaa},
    {.grammar = NULL},
};
