// SPDX-License-Identifier: BSD-2-Clause
// What many commands need: named objects with a mode of their own, addresses of either family, keys.
#include "hostd/conf/reader.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *conf_object_name(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    const char *name = args_text(a, "name");
    if (name[0] != '\0' || op == CONF_DEFAULT) {
        return name[0] != '\0' ? name : "default";
    }
    conf_error(r, NULL, "which one? Its name is missing");
    return NULL;
}

bool conf_run_object(struct conf_reader *r, enum conf_op op, const struct args *a, struct list *l,
                     const struct conf_kind *k)
{
    const char *name = conf_object_name(r, op, a);
    if (name == NULL) {
        return false;
    }
    bool has_default = strcmp(name, "default") == 0 && k->restore != NULL && k->disabled != NULL;
    void *object = conf_find(l, name);
    if (op == CONF_SET || (op == CONF_DEFAULT && has_default)) {
        object = conf_get(l, name, k->size);
        if (k->restore != NULL && k->disabled != NULL && (*k->disabled(object) || op == CONF_DEFAULT)) {
            k->restore(object);
            *k->disabled(object) = false;
        }
        if (op == CONF_SET) {
            conf_enter(r, k->mode, object);
        }
        return true;
    }
    if (object != NULL && has_default) {
        k->restore(object);
        *k->disabled(object) = true;
    } else if (object != NULL) {
        conf_drop(r->conf, l, object);
    }
    return true;
}

void conf_print_objects(struct conf_out *o, const struct list *l, const struct conf_kind *k)
{
    for (size_t i = 0; i < l->n; i++) {
        void *object = l->at[i];
        const char *name = object;
        if (k->disabled != NULL && *k->disabled(object)) {
            conf_line(o, "no %s %s", k->header, name);
            continue;
        }
        if (k->restore != NULL && strcmp(name, "default") == 0 && !o->all) {
            void *fresh = must_alloc(k->size);
            memcpy(fresh, object, CONF_NAME);
            k->restore(fresh);
            bool same = conf_same(fresh, object, k->size);
            free(fresh);
            if (same) {
                continue;
            }
        }
        conf_line(o, "%s %s", k->header, name);
        conf_print_mode(o, k->mode, object);
        conf_line(o, "!");
    }
}

struct ip_addr conf_arg_addr(const struct args *a, const char *v4, const char *v6)
{
    const struct arg *four = args_get(a, v4), *six = args_get(a, v6);
    struct ip_addr out = {0};
    if (four != NULL) {
        out.family = 4;
        memcpy(out.b, &four->addr, 4);
    } else if (six != NULL) {
        out.family = 6;
        memcpy(out.b, &six->addr6, 16);
    }
    return out;
}

const char *conf_addr_text(const struct ip_addr *a, char *out)
{
    if (a->family == 0 || inet_ntop(a->family == 6 ? AF_INET6 : AF_INET, a->b, out, CONF_ADDR_TEXT) == NULL) {
        out[0] = '\0';
    }
    return out;
}

const char *conf_net_text(const struct conf_net *n, char *out)
{
    char addr[CONF_ADDR_TEXT], mask[INET_ADDRSTRLEN];
    conf_addr_text(&n->addr, addr);
    if (conf_net_is_host(n)) {
        snprintf(out, CONF_NET_TEXT, "%s", addr);
    } else if (n->addr.family == 6) {
        snprintf(out, CONF_NET_TEXT, "%s/%u", addr, n->length);
    } else {
        struct in_addr m = {n->length == 0 ? 0 : htonl(UINT32_MAX << (32 - n->length))};
        snprintf(out, CONF_NET_TEXT, "%s %s", addr, inet_ntop(AF_INET, &m, mask, sizeof(mask)));
    }
    return out;
}

bool conf_set_key(struct conf_reader *r, struct conf_key *k, const struct arg *key, bool hex)
{
    struct conf_key fresh;
    uint8_t bytes[CONF_TEXT];
    unsigned word = key->word + 1; // the key itself stays out of the message
    memset(&fresh, 0, sizeof(fresh));
    fresh.hex = hex;
    if (!str_copy(fresh.text, sizeof(fresh.text), key->text)) {
        return conf_error(r, NULL, "word %u: the key is too long", word);
    }
    if (strcmp(key->text, CONF_HIDDEN) == 0) {
        return conf_error(r, NULL, "word %u: this is what stands for a key where it is hidden", word);
    }
    int n = conf_key_bytes(&fresh, bytes, sizeof(bytes));
    OPENSSL_cleanse(bytes, sizeof(bytes));
    if (n <= 0) {
        return conf_error(r, NULL, "word %u: the key is not an even number of hexadecimal digits", word);
    }
    *k = fresh;
    return true;
}

struct conf_net conf_arg_net(const struct args *a, const char *v4, const char *mask, const char *v6,
                             const char *prefix6)
{
    struct ip_addr addr = conf_arg_addr(a, v4, v6);
    struct conf_net net = conf_host(&addr);
    const struct arg *m = args_get(a, mask), *p = args_get(a, prefix6);
    if (p != NULL) {
        net.addr.family = 6;
        memcpy(net.addr.b, &p->addr6, 16);
        net.length = (uint8_t)p->length;
    } else if (m != NULL) {
        net.length = (uint8_t)conf_mask_length(m->addr);
    }
    return net;
}

static const struct {
    enum conf_id_kind kind;
    const char *word, *arg;
} id_words[] = {
    {CONF_ID_ADDRESS, "address", ""},
    {CONF_ID_FQDN, "fqdn", "host"},
    {CONF_ID_EMAIL, "email", "mail"},
    {CONF_ID_KEY_ID, "key-id", "key-id"},
    {CONF_ID_DN, "dn", "dn"},
    {CONF_ID_FQDN_DOMAIN, "fqdn domain", "domain-name"},
    {CONF_ID_EMAIL_DOMAIN, "email domain", "mail-domain"},
};

bool conf_arg_id(struct conf_reader *r, const struct args *a, struct conf_id *id)
{
    struct conf_id fresh;
    memset(&fresh, 0, sizeof(fresh));
    fresh.addr = conf_arg_addr(a, "addr", "addr6");
    fresh.kind = fresh.addr.family != 0 ? CONF_ID_ADDRESS : CONF_ID_NONE;
    for (unsigned i = 0; i < sizeof(id_words) / sizeof(id_words[0]); i++) {
        const struct arg *arg = args_get(a, id_words[i].arg);
        if (arg == NULL) {
            continue;
        }
        fresh.kind = id_words[i].kind;
        if (fresh.kind != CONF_ID_DN && !str_copy(fresh.text, sizeof(fresh.text), arg->text)) {
            return conf_error(r, arg, "too long");
        }
    }
    *id = fresh;
    return true;
}

const char *conf_id_text(const struct conf_id *id, char *out)
{
    char addr[CONF_ADDR_TEXT];
    out[0] = '\0';
    for (unsigned i = 0; i < sizeof(id_words) / sizeof(id_words[0]); i++) {
        if (id_words[i].kind == id->kind) {
            const char *text = id->kind == CONF_ID_ADDRESS ? conf_addr_text(&id->addr, addr) : id->text;
            snprintf(out, CONF_ID_TEXT, "%s%s%s", id_words[i].word, text[0] != '\0' ? " " : "", text);
        }
    }
    return out;
}

const char *conf_key_form(const struct conf_out *o, const struct conf_key *k)
{
    // A key that is one of the grammar's own words needs the form before it.
    static const char *const words[] = {"0", "hex", "local", "remote", "key"};
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]) && !k->hex && !o->hide_keys; i++) {
        if (strcmp(k->text, words[i]) == 0) {
            return "0 ";
        }
    }
    return k->hex && !o->hide_keys ? "hex " : "";
}
