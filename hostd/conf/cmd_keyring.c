// SPDX-License-Identifier: BSD-2-Clause
// crypto ikev2 keyring: pre-shared keys, and whose they are.
#include "hostd/conf/reader.h"

#include <string.h>

static const struct conf_kind kind_keyring = {
    .header = "crypto ikev2 keyring", .mode = CONF_KEYRING, .size = sizeof(struct conf_keyring)};
static const struct conf_kind kind_peer = {.header = "peer", .mode = CONF_PEER, .size = sizeof(struct conf_peer)};

static bool run_keyring(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    return conf_run_object(r, op, a, &r->conf->keyrings, &kind_keyring);
}

static void print_keyring(struct conf_out *o, const void *object)
{
    const struct conf *c = object;
    conf_print_objects(o, &c->keyrings, &kind_keyring);
}

static bool run_peer(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_keyring *k = conf_object(r);
    return conf_run_object(r, op, a, &k->peers, &kind_peer);
}

static void print_peer(struct conf_out *o, const void *object)
{
    const struct conf_keyring *k = object;
    conf_print_objects(o, &k->peers, &kind_peer);
}

static bool run_address(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_peer *p = conf_object(r);
    struct conf_net net;
    memset(&net, 0, sizeof(net));
    if (op == CONF_SET) {
        net = conf_arg_net(a, "addr", "mask", "addr6", "prefix6");
        if (!conf_net_is_clean(&net)) {
            return conf_error(r, &a->at[0], "has bits outside its mask");
        }
    }
    p->net = net;
    return true;
}

static void print_address(struct conf_out *o, const void *object)
{
    const struct conf_peer *p = object;
    char text[CONF_NET_TEXT];
    if (p->net.addr.family != 0) {
        conf_line(o, "address %s", conf_net_text(&p->net, text));
    }
}

static bool run_hostname(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_peer *p = conf_object(r);
    memset(p->hostname, 0, sizeof(p->hostname));
    if (!str_copy(p->hostname, sizeof(p->hostname), op == CONF_SET ? args_text(a, "host") : "")) {
        return conf_error(r, args_get(a, "host"), "too long");
    }
    return true;
}

static void print_hostname(struct conf_out *o, const void *object)
{
    const struct conf_peer *p = object;
    if (p->hostname[0] != '\0') {
        conf_line(o, "hostname %s", p->hostname);
    }
}

static bool run_identity(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_peer *p = conf_object(r);
    if (op == CONF_SET) {
        return conf_arg_id(r, a, &p->id);
    }
    memset(&p->id, 0, sizeof(p->id));
    return true;
}

static void print_identity(struct conf_out *o, const void *object)
{
    const struct conf_peer *p = object;
    char text[CONF_ID_TEXT];
    if (p->id.kind != CONF_ID_NONE) {
        conf_line(o, "identity %s", conf_id_text(&p->id, text));
    }
}

static bool run_key(struct conf_reader *r, enum conf_op op, const struct args *a)
{
    struct conf_peer *p = conf_object(r);
    const char *side = args_text(a, "side");
    struct conf_key key;
    memset(&key, 0, sizeof(key));
    bool hex = strcmp(args_text(a, "form"), "hex") == 0;
    if (op == CONF_SET && !conf_set_key(r, &key, args_get(a, "key"), hex)) {
        return false;
    }
    if (strcmp(side, "remote") != 0) {
        p->key_local = key;
    }
    if (strcmp(side, "local") != 0) {
        p->key_remote = key;
    }
    return true;
}

static void print_one_key(struct conf_out *o, const char *side, const struct conf_key *k)
{
    if (k->text[0] != '\0') {
        conf_line(o, "pre-shared-key %s%s%s", side, conf_key_form(o, k), conf_key(o, k->text));
    }
}

static void print_key(struct conf_out *o, const void *object)
{
    const struct conf_peer *p = object;
    if (conf_key_equal(&p->key_local, &p->key_remote)) {
        print_one_key(o, "", &p->key_local);
    } else {
        print_one_key(o, "local ", &p->key_local);
        print_one_key(o, "remote ", &p->key_remote);
    }
}

#define IDENTITY                                                                                                       \
    "{ address { <addr:addr> | <addr6:addr6> } | fqdn { domain <domain-name:word> | <host:word> } | "                  \
    "email { domain <mail-domain:word> | <mail:word> } | key-id <key-id:word> }"

const struct conf_command conf_commands_keyring[] = {
    {CONF_GLOBAL, "crypto ikev2 keyring <name:name>", NULL, "keyring|Pre-shared keys\nname|Name of the keyring\n",
     run_keyring, print_keyring},
    {CONF_KEYRING, "peer <name:name>", NULL, "peer|A peer or a group of peers\nname|Name of the entry\n", run_peer,
     print_peer},
    {CONF_PEER, "address { <addr:addr> [<mask:mask>] | <addr6:addr6> | <prefix6:prefix6> }",
     "address [ { <addr:addr> [<mask:mask>] | <addr6:addr6> | <prefix6:prefix6> } ]",
     "address|Where the peer's messages come from\n", run_address, print_address},
    {CONF_PEER, "hostname <host:word>", "hostname [<host:word>]", "hostname|The peer's name\nhost|The name\n",
     run_hostname, print_hostname},
    {CONF_PEER, "identity " IDENTITY, "identity [ " IDENTITY " ]",
     "identity|The peer's IKE identity\nhost|The name\nmail|The address\ndomain|All of a domain\n"
     "domain-name|The domain\nmail-domain|The domain\n",
     run_identity, print_identity},
    {CONF_PEER, "pre-shared-key [<side:local|remote>] [<form:0|hex>] <key:word>",
     "pre-shared-key [<side:local|remote>] [ [<form:0|hex>] <key:word> ]",
     "pre-shared-key|The shared secret\nlocal|The key that proves us\nremote|The key that proves the peer\n"
     "0|The key follows as it is\nhex|The key follows in hexadecimal\nkey|The secret\n",
     run_key, print_key},
    {.grammar = NULL},
};
