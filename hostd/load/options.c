// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/eap/eap_const.h"
#include "hostd/load/load.h"

#include <getopt.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage_text[] =
    "usage: culvert-load --target ADDRESS --local ADDRESS [options]\n"
    "Simulated IKEv2 initiators: sets up SAs with a responder as fast as told, proves that they pass traffic, rekeys\n"
    "them, loses them all at once, and says how fast that went and what was lost.\n"
    "whom:\n"
    "  -t, --target A         the responder; IPv4 or IPv6\n"
    "  -l, --local A          outer address of the first initiator; all must be addresses of this machine\n"
    "      --addresses N      outer addresses, from --local on, that the initiators share (default: one each)\n"
    "  -n, --count N          initiators (default 1)\n"
    "      --id PATTERN       their identities, %u is the number (default c%u.lab)\n"
    "      --remote-id ID     the responder's (default hub.lab)\n"
    "      --psk KEY          pre-shared key (default lab-pre-shared-key)\n"
    "      --cert FILE        certificate of the initiators (PEM; the name may have %u), instead of the key\n"
    "      --key FILE         its private key\n"
    "      --ca FILE          what the responder's certificate must lead to; goes with --cert or --eap\n"
    "      --eap METHOD       EAP instead: mschapv2, md5, gtc (with --password and --ca) or tls (with --cert, --key "
    "and\n"
    "                         --ca); the responder proves itself by its certificate\n"
    "      --eap-only         or by EAP-TLS as well (RFC 5998)\n"
    "      --user PATTERN     name for EAP, %u is the number (default: the identity)\n"
    "      --password PATTERN its password; %u here too\n"
    "what:\n"
    "      --encryption E     aes-gcm-N (default aes-gcm-256), aes-ctr-N, aes-cbc-N with N 128, 192 or 256;\n"
    "                         chacha20-poly1305, 3des\n"
    "      --prf P            sha512, sha384 (default), sha256, sha1, md5\n"
    "      --integrity I      with CTR, CBC and 3DES: the same words (default sha384)\n"
    "      --group G          Diffie-Hellman group by number: 31 (default, Curve25519), 2, 5, 14 to 16, 19 to 21\n"
    "      --esp E            cipher of the CHILD_SA (default aes-gcm-256): those of --encryption, and null\n"
    "      --esp-integrity I  with CTR, CBC, 3DES and null: the words of --integrity (default sha256)\n"
    "      --esn              extended sequence numbers\n"
    "      --pfs G            key exchange with each rekey of a CHILD_SA (default: none)\n"
    "      --childless        IKE SAs without a CHILD_SA (RFC 6023)\n"
    "      --encap            ask for ESP in UDP\n"
    "      --inner A          selector of the first initiator, one address; the next has the next (default "
    "10.64.0.0);\n"
    "                         once for each family that is to be inside\n"
    "      --remote-ts P      selector of the far end, for each family (default 0.0.0.0/0, ::/0)\n"
    "      --ask-address      ask for an inner IPv4 address by the configuration payload instead\n"
    "      --ask-address6     ask for an inner IPv6 address; both options: for both\n"
    "      --ping A           send an echo through each new CHILD_SA at once, and expect the answer; for each family\n"
    "how:\n"
    "  -c, --concurrency N    at most so many set-ups under way (default 64; 0: all at once)\n"
    "  -r, --rate N           start at most so many a second (default: no limit)\n"
    "  -d, --duration S       for S seconds set up, delete and set up again (default: once each)\n"
    "      --rekey KIND       then rekey: child or ike\n"
    "      --rekeys N         so many in all (default 100)\n"
    "      --rekey-rate N     so many a second (default 20)\n"
    "      --pps N            echoes a second meanwhile, of all initiators together (default 1000)\n"
    "      --hold S           then keep all for S seconds\n"
    "      --storms N         then, N times, wait for SIGUSR1, forget everything without telling, set up all at once\n"
    "      --leave            end without deleting the SAs\n"
    "      --retransmit MS    first retransmission (default 1000)\n"
    "      --tries N          transmissions in all (default 7)\n"
    "      --timeout S        give up a round after this (default 120)\n"
    "      --wait S           so long the answer to an echo may take (default 5); then it is lost\n"
    "what is random:\n"
    "      --shuffle          initiators start, rekey and send in a random order\n"
    "      --spread MS        the initiators of a storm come back at random moments of so long a time (default: at "
    "once)\n"
    "      --loss P           lose P percent of the IKE messages, out and in (default none; ESP is not touched)\n"
    "      --seed N           repeats all that (default: a random number, which the report names). The same for the "
    "same\n"
    "                         options: the order; each initiator's moment in a storm, the pauses of its "
    "retransmissions\n"
    "                         and repetitions, and, by its outer address, which of its messages are lost, the first, "
    "the\n"
    "                         second and so on of each way. Not: keys, nonces, SPIs and IVs, which are never "
    "repeated,\n"
    "                         and what depends on time, such as how the messages of several fall between each other\n"
    "output:\n"
    "      --json             one JSON object on stdout instead of text\n"
    "  -q, --quiet            no progress on stderr\n"
    "  -v, --verbose          what the machine says goes to stderr\n"
    "  -h, --help             this text\n"
    "Exit codes: 0 all came up, no SA was lost, every packet was answered and every rekey done; 1 not so; 2 wrong "
    "usage;\n"
    "3 cannot start, or the report cannot be written; 130 interrupted.\n"
    "Interrupted once it deletes what is up and reports; twice it ends at once.\n";

enum option_id {
    O_TARGET = 't',
    O_LOCAL = 'l',
    O_COUNT = 'n',
    O_CONCURRENCY = 'c',
    O_RATE = 'r',
    O_DURATION = 'd',
    O_QUIET = 'q',
    O_VERBOSE = 'v',
    O_HELP = 'h',
    O_ADDRESSES = 256,
    O_ID,
    O_REMOTE_ID,
    O_PSK,
    O_CERT,
    O_KEY,
    O_CA,
    O_EAP,
    O_EAP_ONLY,
    O_USER,
    O_PASSWORD,
    O_ENCRYPTION,
    O_PRF,
    O_INTEGRITY,
    O_GROUP,
    O_ESP,
    O_ESP_INTEGRITY,
    O_ESN,
    O_PFS,
    O_CHILDLESS,
    O_ENCAP,
    O_INNER,
    O_REMOTE_TS,
    O_ASK,
    O_ASK6,
    O_PING,
    O_REKEY,
    O_REKEYS,
    O_REKEY_RATE,
    O_PPS,
    O_HOLD,
    O_STORMS,
    O_LEAVE,
    O_RETRANSMIT,
    O_TRIES,
    O_TIMEOUT,
    O_WAIT,
    O_SEED,
    O_SHUFFLE,
    O_SPREAD,
    O_LOSS,
    O_JSON,
};

static const struct option long_options[] = {
    {"target", required_argument, NULL, O_TARGET},
    {"local", required_argument, NULL, O_LOCAL},
    {"addresses", required_argument, NULL, O_ADDRESSES},
    {"count", required_argument, NULL, O_COUNT},
    {"id", required_argument, NULL, O_ID},
    {"remote-id", required_argument, NULL, O_REMOTE_ID},
    {"psk", required_argument, NULL, O_PSK},
    {"cert", required_argument, NULL, O_CERT},
    {"key", required_argument, NULL, O_KEY},
    {"ca", required_argument, NULL, O_CA},
    {"eap", required_argument, NULL, O_EAP},
    {"eap-only", no_argument, NULL, O_EAP_ONLY},
    {"user", required_argument, NULL, O_USER},
    {"password", required_argument, NULL, O_PASSWORD},
    {"encryption", required_argument, NULL, O_ENCRYPTION},
    {"prf", required_argument, NULL, O_PRF},
    {"integrity", required_argument, NULL, O_INTEGRITY},
    {"group", required_argument, NULL, O_GROUP},
    {"esp", required_argument, NULL, O_ESP},
    {"esp-integrity", required_argument, NULL, O_ESP_INTEGRITY},
    {"esn", no_argument, NULL, O_ESN},
    {"pfs", required_argument, NULL, O_PFS},
    {"childless", no_argument, NULL, O_CHILDLESS},
    {"encap", no_argument, NULL, O_ENCAP},
    {"inner", required_argument, NULL, O_INNER},
    {"remote-ts", required_argument, NULL, O_REMOTE_TS},
    {"ask-address", no_argument, NULL, O_ASK},
    {"ask-address6", no_argument, NULL, O_ASK6},
    {"ping", required_argument, NULL, O_PING},
    {"concurrency", required_argument, NULL, O_CONCURRENCY},
    {"rate", required_argument, NULL, O_RATE},
    {"duration", required_argument, NULL, O_DURATION},
    {"rekey", required_argument, NULL, O_REKEY},
    {"rekeys", required_argument, NULL, O_REKEYS},
    {"rekey-rate", required_argument, NULL, O_REKEY_RATE},
    {"pps", required_argument, NULL, O_PPS},
    {"hold", required_argument, NULL, O_HOLD},
    {"storms", required_argument, NULL, O_STORMS},
    {"leave", no_argument, NULL, O_LEAVE},
    {"retransmit", required_argument, NULL, O_RETRANSMIT},
    {"tries", required_argument, NULL, O_TRIES},
    {"timeout", required_argument, NULL, O_TIMEOUT},
    {"wait", required_argument, NULL, O_WAIT},
    {"seed", required_argument, NULL, O_SEED},
    {"shuffle", no_argument, NULL, O_SHUFFLE},
    {"spread", required_argument, NULL, O_SPREAD},
    {"loss", required_argument, NULL, O_LOSS},
    {"json", no_argument, NULL, O_JSON},
    {"quiet", no_argument, NULL, O_QUIET},
    {"verbose", no_argument, NULL, O_VERBOSE},
    {"help", no_argument, NULL, O_HELP},
    {NULL, 0, NULL, 0},
};

static bool get_number(const char *text, uint32_t low, uint32_t high, uint32_t *out)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    *out = (uint32_t)v;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && v >= low && v <= high;
}

static bool get_address(const char *text, struct ip_addr *out)
{
    return ip_parse(text, out) && !ip_is_any(out);
}

// For its family; a second one of the same replaces the first.
static bool get_inside(const char *text, struct ip_addr out[LOAD_FAMILIES])
{
    struct ip_addr a;
    bool ok = get_address(text, &a);
    if (ok) {
        out[load_family(&a)] = a;
    }
    return ok;
}

static bool get_text(const char *text, char *out)
{
    return snprintf(out, LOAD_TEXT, "%s", text) < LOAD_TEXT && text[0] != '\0';
}

static bool get_cipher(const char *word, struct ike_cipher *out)
{
    const struct ike_name *n = ike_name_find(IKE_NAMES_ENCR, word);
    if (n != NULL) {
        *out = (struct ike_cipher){n->number, n->bits};
    }
    return n != NULL;
}

static bool get_word(enum ike_name_kind kind, const char *word, uint16_t *out)
{
    const struct ike_name *n = ike_name_find(kind, word);
    if (n != NULL) {
        *out = n->number;
    }
    return n != NULL;
}

static const struct {
    const char *word;
    uint8_t type;
} eap_words[] = {{"mschapv2", EAP_T_MSCHAPV2}, {"md5", EAP_T_MD5}, {"gtc", EAP_T_GTC}, {"tls", EAP_T_TLS}};
enum { EAP_WORDS = sizeof(eap_words) / sizeof(eap_words[0]) };

static bool get_eap(const char *word, uint8_t *out)
{
    *out = 0;
    for (unsigned i = 0; i < EAP_WORDS; i++) {
        if (strcmp(word, eap_words[i].word) == 0) {
            *out = eap_words[i].type;
        }
    }
    return *out != 0;
}

static bool get_prefix(const char *text, struct ike_ts out[LOAD_FAMILIES])
{
    char address[IP_TEXT];
    const char *slash = strchr(text, '/');
    size_t len = slash == NULL ? strlen(text) : (size_t)(slash - text);
    struct ip_addr a;
    uint32_t bits;
    if (len >= sizeof(address)) {
        return false;
    }
    memcpy(address, text, len);
    address[len] = '\0';
    if (!ip_parse(address, &a)) {
        return false;
    }
    bits = ip_bits(&a);
    if (slash != NULL && !get_number(slash + 1, 0, ip_bits(&a), &bits)) {
        return false;
    }
    out[load_family(&a)] = ike_ts_prefix(&a, (uint8_t)bits);
    return true;
}

static bool get_rekey(const char *word, enum load_rekey *out)
{
    *out = strcmp(word, "ike") == 0 ? LOAD_REKEY_IKE : LOAD_REKEY_CHILD;
    return strcmp(word, "ike") == 0 || strcmp(word, "child") == 0;
}

// One option; false: its value makes no sense.
static bool take(struct load_options *o, int id, const char *v)
{
    switch (id) {
    case O_TARGET:
        return get_address(v, &o->target);
    case O_LOCAL:
        return get_address(v, &o->local);
    case O_ADDRESSES:
        return get_number(v, 1, 1U << 24, &o->addresses);
    case O_COUNT:
        return get_number(v, 1, 1U << 20, &o->count);
    case O_ID:
        return get_text(v, o->id);
    case O_REMOTE_ID:
        return get_text(v, o->remote_id);
    case O_PSK:
        return get_text(v, o->psk);
    case O_ENCRYPTION:
        return get_cipher(v, &o->encr);
    case O_PRF:
        return get_word(IKE_NAMES_PRF, v, &o->prf);
    case O_INTEGRITY:
        return get_word(IKE_NAMES_INTEG, v, &o->integ);
    case O_GROUP:
        return get_word(IKE_NAMES_GROUP, v, &o->group);
    case O_ESP:
        if (strcmp(v, "null") == 0) { // which has no word where it could be chosen for IKE
            o->esp_encr = (struct ike_cipher){IKE_ENCR_NULL, 0};
            return true;
        }
        return get_cipher(v, &o->esp_encr);
    case O_ESP_INTEGRITY:
        return get_word(IKE_NAMES_INTEG, v, &o->esp_integ);
    case O_PFS:
        return get_word(IKE_NAMES_GROUP, v, &o->pfs);
    case O_EAP:
        return get_eap(v, &o->eap);
    case O_USER:
        return get_text(v, o->user);
    case O_PASSWORD:
        return get_text(v, o->password);
    case O_INNER:
        return get_inside(v, o->inner);
    case O_REMOTE_TS:
        return get_prefix(v, o->remote_ts);
    case O_PING:
        return get_inside(v, o->ping);
    case O_CONCURRENCY:
        return get_number(v, 0, UINT32_MAX, &o->concurrency);
    case O_RATE:
        return get_number(v, 1, LOAD_SECOND, &o->rate);
    case O_DURATION:
        return get_number(v, 1, 86400, &o->duration);
    case O_REKEY:
        return get_rekey(v, &o->rekey);
    case O_REKEYS:
        return get_number(v, 1, UINT32_MAX, &o->rekeys);
    case O_REKEY_RATE:
        return get_number(v, 1, 100000, &o->rekey_rate);
    case O_PPS:
        return get_number(v, 0, LOAD_SECOND, &o->pps);
    case O_HOLD:
        return get_number(v, 1, 86400, &o->hold);
    case O_STORMS:
        return get_number(v, 1, 1000, &o->storms);
    case O_RETRANSMIT:
        return get_number(v, 1, 600000, &o->retrans_ms);
    case O_TRIES:
        return get_number(v, 1, 100, &o->tries);
    case O_TIMEOUT:
        return get_number(v, 1, 86400, &o->timeout);
    case O_WAIT:
        return get_number(v, 1, 600, &o->wait);
    case O_SEED:
        return get_number(v, 0, UINT32_MAX, &o->seed);
    case O_SPREAD:
        return get_number(v, 1, 600000, &o->spread);
    case O_LOSS:
        return get_number(v, 1, 90, &o->loss);
    case O_CERT:
        o->cert = v;
        return true;
    case O_KEY:
        o->key = v;
        return true;
    case O_CA:
        o->ca = v;
        return true;
    default:
        break;
    }
    o->childless |= id == O_CHILDLESS;
    o->encap |= id == O_ENCAP;
    o->esn |= id == O_ESN;
    o->shuffle |= id == O_SHUFFLE;
    o->eap_only |= id == O_EAP_ONLY;
    o->ask[LOAD_IPV4] |= id == O_ASK;
    o->ask[LOAD_IPV6] |= id == O_ASK6;
    o->leave |= id == O_LEAVE;
    o->json |= id == O_JSON;
    o->quiet |= id == O_QUIET;
    o->verbose |= id == O_VERBOSE;
    return true;
}

static const char *name_of(int id)
{
    const struct option *p = long_options;
    while (p->name != NULL && p->val != id) {
        p++;
    }
    return p->name;
}

// What is wrong with an option's value: for words, which there are.
static void say_fault(int id, const char *value)
{
    static const struct {
        int id;
        enum ike_name_kind kind;
    } words[] = {{O_ENCRYPTION, IKE_NAMES_ENCR}, {O_ESP, IKE_NAMES_ENCR},    {O_PRF, IKE_NAMES_PRF},
                 {O_INTEGRITY, IKE_NAMES_INTEG}, {O_GROUP, IKE_NAMES_GROUP}, {O_ESP_INTEGRITY, IKE_NAMES_INTEG},
                 {O_PFS, IKE_NAMES_GROUP}};
    unsigned i = 0;
    while (i < sizeof(words) / sizeof(words[0]) && words[i].id != id) {
        i++;
    }
    fprintf(stderr, "culvert-load: --%s: \"%s\" ", name_of(id), value);
    if (i < sizeof(words) / sizeof(words[0])) {
        fputs("is none of", stderr);
        for (const struct ike_name *n = ike_names(words[i].kind); n->name != NULL; n++) {
            if (n->word != NULL) {
                fprintf(stderr, " %s", n->word);
            }
        }
        fputs(id == O_ESP ? " null\n" : "\n", stderr);
    } else if (id == O_EAP) {
        fputs("is none of mschapv2 md5 gtc tls\n", stderr);
    } else if (id == O_REKEY) {
        fputs("is neither child nor ike\n", stderr);
    } else {
        fputs("makes no sense\n", stderr);
    }
}

// What the options say together; NULL: that makes sense.
static const char *contradiction(const struct load_options *o)
{
    const bool tls = o->eap == EAP_T_TLS;
    if (!ip_is_set(&o->target) || !ip_is_set(&o->local)) {
        return "--target and --local are needed; see --help";
    }
    if (o->target.family != o->local.family) {
        return "--target and --local are of one family";
    }
    if ((o->ask[LOAD_IPV4] || o->ask[LOAD_IPV6]) &&
        (ip_is_set(&o->inner[LOAD_IPV4]) || ip_is_set(&o->inner[LOAD_IPV6]))) {
        return "who asks for an inner address has no --inner";
    }
    for (unsigned f = 0; f < LOAD_FAMILIES; f++) {
        if (ip_is_set(&o->ping[f]) && !o->ask[f] && !ip_is_set(&o->inner[f])) {
            return "--ping is of a family that the initiators have no inner address of";
        }
    }
    if (o->eap == 0 && (o->user[0] != '\0' || o->password[0] != '\0')) {
        return "--user and --password are for --eap";
    }
    if (o->eap_only && !tls) {
        return "--eap-only needs --eap tls: nothing else proves the responder";
    }
    if (o->eap != 0 && !tls && (o->ca == NULL || o->cert != NULL || o->key != NULL || o->password[0] == '\0')) {
        return "--eap needs --ca, for the responder's certificate, and --password; --cert and --key only with tls";
    }
    if ((o->eap == 0 || tls) && ((o->cert == NULL) != (o->key == NULL) || (o->cert == NULL) != (o->ca == NULL))) {
        return "--cert, --key and --ca go together";
    }
    if (tls && o->cert == NULL) {
        return "--eap tls needs --cert, --key and --ca";
    }
    if (tls && o->password[0] != '\0') {
        return "--eap tls takes no --password";
    }
    if (o->rekey != LOAD_REKEY_NONE && o->pps > 0 && !ip_is_set(&o->ping[LOAD_IPV4]) &&
        !ip_is_set(&o->ping[LOAD_IPV6])) {
        return "--rekey under traffic needs --ping ADDRESS, or --pps 0";
    }
    return NULL;
}

static uint32_t any_seed(void)
{
    uint32_t n = 0;
    (void)RAND_bytes((uint8_t *)&n, sizeof(n)); // if it fails, 0 is as good
    return n;
}

bool options_parse(struct load_options *o, int argc, char **argv, int *code)
{
    const struct ip_addr any = {.family = 4}, any6 = {.family = 6}, inner = {.family = 4, .b = {10, 64}};
    *o = (struct load_options){.count = 1,
                               .concurrency = 64,
                               .id = "c%u.lab",
                               .remote_id = "hub.lab",
                               .psk = "lab-pre-shared-key",
                               .encr = {IKE_ENCR_AES_GCM_16, 256},
                               .esp_encr = {IKE_ENCR_AES_GCM_16, 256},
                               .prf = IKE_PRF_HMAC_SHA2_384,
                               .integ = IKE_INTEG_HMAC_SHA2_384_192,
                               .esp_integ = IKE_INTEG_HMAC_SHA2_256_128,
                               .group = IKE_DH_X25519,
                               .remote_ts = {ike_ts_prefix(&any, 0), ike_ts_prefix(&any6, 0)},
                               .rekeys = 100,
                               .rekey_rate = 20,
                               .pps = 1000,
                               .retrans_ms = 1000,
                               .tries = 7,
                               .timeout = 120,
                               .wait = 5};
    int id;
    o->seed = any_seed();
    *code = LOAD_USAGE;
    while ((id = getopt_long(argc, argv, "t:l:n:c:r:d:qvh", long_options, NULL)) != -1) {
        if (id == O_HELP) {
            fputs(usage_text, stdout);
            *code = LOAD_FINE;
            return false;
        }
        if (id == '?') {
            return false;
        }
        if (!take(o, id, optarg)) {
            say_fault(id, optarg);
            return false;
        }
    }
    if (!o->ask[LOAD_IPV4] && !o->ask[LOAD_IPV6] && !ip_is_set(&o->inner[LOAD_IPV4]) &&
        !ip_is_set(&o->inner[LOAD_IPV6])) {
        o->inner[LOAD_IPV4] = inner;
    }
    const char *why = optind != argc ? "it takes options only; see --help" : contradiction(o);
    if (why != NULL) {
        fprintf(stderr, "culvert-load: %s\n", why);
        return false;
    }
    o->addresses = o->addresses == 0 ? o->count : o->addresses;
    o->concurrency = o->concurrency == 0 ? UINT32_MAX : o->concurrency;
    return true;
}
