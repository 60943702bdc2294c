// SPDX-License-Identifier: BSD-2-Clause
// All commands at once, over big.conf: each of them is tried, prints what reads back the same, offers help at each
// word, and names line and word when something is wrong. And the deck's configurations (deck/), each with what the
// model must have after it.
#include "tests/unit/conf/conf_rig.h"

#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "tests/unit/conf/"

static struct conf *load(const char *path)
{
    struct conf *c = conf_load(lang, path, err, sizeof(err));
    if (c == NULL) {
        fail_msg("%s: %s", path, err);
    }
    return c;
}

// Print, read, print again: the same, and the same defaults behind it.
static void round_trip(const struct conf *c)
{
    for (int all = 0; all < 2; all++) {
        char *said = printed(c, all), *everything = printed(c, true);
        struct conf *again = conf_parse(lang, said, err, sizeof(err));
        if (again == NULL) {
            fail_msg("what was printed is refused: %s\n%s", err, said);
        }
        char *said_again = printed(again, all), *everything_again = printed(again, true);
        assert_string_equal(said, said_again);
        assert_string_equal(everything, everything_again);
        conf_free(again);
        free(said);
        free(everything);
        free(said_again);
        free(everything_again);
    }
}

static char instead[LINE_MAX_LEN]; // "!= TEXT" before a line of big.conf: that is printed for it

// Read big.conf. For each line, before it is read, and after (with the reader as it was before), call these; NULL:
// nothing.
static void read_big(void (*fn)(const struct conf_reader *r, const char *line),
                     void (*after)(struct conf_reader *r, const char *line, struct conf_reader before))
{
    FILE *f = fopen(FOLDER "big.conf", "re");
    char line[LINE_MAX_LEN];
    struct conf *c = conf_new();
    struct conf_reader r;
    conf_reader_init(&r, lang, c);
    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        struct conf_reader before = r;
        if (line[0] != '!' && fn != NULL) {
            fn(&r, line);
            instead[0] = '\0';
        } else if (line[1] == '=') {
            snprintf(instead, sizeof(instead), "%s", line + 3);
        }
        if (!conf_read_line(&r, line)) {
            fail_msg("%s", r.err);
        }
        if (after != NULL) {
            after(&r, line, before);
        }
    }
    fclose(f);
    conf_free(c);
}

// Call fn for each line of big.conf with the reader standing before it.
static void each_line(void (*fn)(const struct conf_reader *r, const char *line))
{
    read_big(fn, NULL);
}

// ------------------------------------------------------------------------------------------------ every command

static char *said_all;
static unsigned not_printed;

// Is the line, as it is written, one of those that are printed?
static void is_printed(const struct conf_reader *r, const char *line)
{
    (void)r;
    char wanted[LINE_MAX_LEN + 2];
    line = instead[0] != '\0' ? instead : line + strspn(line, " ");
    snprintf(wanted, sizeof(wanted), "%s\n", line);
    for (const char *at = said_all; (at = strstr(at, wanted)) != NULL; at++) {
        if (at == said_all || at[-1] == '\n' || at[-1] == ' ') {
            return;
        }
    }
    print_error("\"%s\" is not printed\n", line);
    not_printed++;
}

static void test_printed(void **state)
{
    (void)state;
    struct conf *c = load(FOLDER "big.conf");
    said_all = printed(c, true);
    each_line(is_printed);
    assert_int_equal(not_printed, 0);
    free(said_all);
    conf_free(c);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct conf *c = load(FOLDER "big.conf");
    round_trip(c);
    struct conf *copy = conf_clone(c);
    char *a = printed(c, true);
    conf_free(c);
    char *b = printed(copy, true);
    assert_string_equal(a, b); // and a copy does not share anything
    free(a);
    free(b);
    conf_free(copy);
}

enum { COMMANDS_MAX = 512 };
static struct grammar *alone[COMMANDS_MAX]; // each command by itself
static bool tried[COMMANDS_MAX];

static void try_line(const struct conf_reader *r, const char *line)
{
    struct words w;
    struct match *m = calloc(1, sizeof(*m));
    const struct conf_command *c;
    assert_true(words_split(&w, line));
    bool no = strcmp(words_at(&w, 0), "no") == 0;
    for (size_t i = 0; (c = conf_lang_command(lang, i)) != NULL; i++) {
        for (unsigned depth = 0; depth <= r->depth && !tried[i]; depth++) {
            if (r->at[depth].mode == c->mode) {
                grammar_match(alone[i], &w, no, m);
                tried[i] = m->kind == MATCH_OK;
            }
        }
    }
    free(m);
}

static void test_all_tried(void **state)
{
    (void)state;
    const struct conf_command *c;
    unsigned missing = 0;
    for (size_t i = 0; (c = conf_lang_command(lang, i)) != NULL; i++) {
        assert_true(i < COMMANDS_MAX);
        alone[i] = grammar_new();
        assert_true(grammar_add(alone[i], c->grammar, c->help, c, err, sizeof(err)));
    }
    each_line(try_line);
    for (size_t i = 0; (c = conf_lang_command(lang, i)) != NULL; i++) {
        grammar_free(alone[i]);
        if (!tried[i]) {
            print_error("no line of " FOLDER "big.conf is of the command \"%s\"\n", c->grammar);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}

struct offer {
    const char *word; // that should be offered
    bool any, keyword;
};

static void on_token(void *arg, const char *token, bool keyword, const char *help)
{
    struct offer *o = arg;
    o->any = true;
    o->keyword |= keyword && strcmp(token, o->word) == 0;
    if (strcmp(token, "<cr>") != 0 && (help == NULL || help[0] == '\0')) {
        fail_msg("no help for %s", token);
    }
}

// At each word: something is offered with help, and a keyword's first half completes to it.
static void help_line(const struct conf_reader *r, const char *line)
{
    struct words w;
    char part[LINE_MAX_LEN];
    words_split(&w, line);
    bool end = w.n == 1 && strcmp(words_at(&w, 0), "end") == 0;
    for (unsigned i = 0; i < w.n && !end; i++) {
        struct offer o = {.word = words_at(&w, i)};
        snprintf(part, sizeof(part), "%.*s", (int)w.start[i], w.raw);
        bool known = conf_expect(r, part, on_token, &o);
        bool no = i == 0 && strcmp(o.word, "no") == 0;
        if (!no && (!known || !o.any)) {
            fail_msg("nothing is offered after \"%s\" of \"%s\"", part, line);
        }
        if (o.keyword && !isdigit((unsigned char)o.word[0])) { // a number is no beginning of another
            snprintf(part, sizeof(part), "%.*s", (int)(w.start[i] + (strlen(o.word) + 1) / 2), w.raw);
            struct offer half = {.word = o.word};
            conf_expect(r, part, on_token, &half);
            if (!half.keyword) {
                fail_msg("\"%s\" does not complete to %s", part, o.word);
            }
        }
    }
}

static void test_help(void **state)
{
    (void)state;
    each_line(help_line);
}

static struct grammar *by_mode[2][CONF_MODES]; // as they are, after `no`

static void make_grammars(void)
{
    for (int m = 0; m < 2 * CONF_MODES; m++) {
        by_mode[m / CONF_MODES][m % CONF_MODES] = grammar_new();
    }
    const struct conf_command *c;
    for (size_t i = 0; (c = conf_lang_command(lang, i)) != NULL; i++) {
        const char *no = c->no == NULL ? c->grammar : c->no;
        assert_true(grammar_add(by_mode[0][c->mode], c->grammar, c->help, c, err, sizeof(err)));
        assert_true(*no == '\0' || grammar_add(by_mode[1][c->mode], no, c->help, c, err, sizeof(err)));
    }
}

// Could this be a whole line, or the beginning of one?
static bool could_be(const struct conf_reader *r, const char *line)
{
    struct words w;
    struct match *m = calloc(1, sizeof(*m));
    bool could = false;
    words_split(&w, line);
    bool no = strcmp(words_at(&w, 0), "no") == 0;
    for (unsigned depth = 0; depth <= r->depth; depth++) {
        grammar_match(by_mode[no][r->at[depth].mode], &w, no, m);
        could |= m->kind == MATCH_OK || m->kind == MATCH_INCOMPLETE;
    }
    free(m);
    return could;
}

// A wrong word in place of each, and one too many: refused, with line and word, but where any text may stand.
static void break_line(const struct conf_reader *r, const char *line)
{
    struct words w;
    words_split(&w, line);
    bool end = w.n == 1 && strcmp(words_at(&w, 0), "end") == 0;
    for (unsigned i = 0; i <= w.n && !end; i++) {
        char wrong[2 * LINE_MAX_LEN], place[64];
        size_t before = i < w.n ? w.start[i] : strlen(w.raw);
        snprintf(wrong, sizeof(wrong), "%.*s forb~x", (int)before, w.raw);
        if (could_be(r, wrong)) {
            continue;
        }
        struct conf_reader trial = *r; // what fails changes nothing
        if (conf_read_line(&trial, wrong)) {
            fail_msg("taken: \"%s\"", wrong);
        }
        snprintf(place, sizeof(place), "line %u: word %u \"forb~x\"", r->line + 1, i + 1);
        if (strstr(trial.err, place) == NULL) {
            fail_msg("\"%s\" says \"%s\", not %s", wrong, trial.err, place);
        }
    }
}

static void test_errors(void **state)
{
    (void)state;
    make_grammars();
    each_line(break_line);
    for (int m = 0; m < 2 * CONF_MODES; m++) {
        grammar_free(by_mode[m / CONF_MODES][m % CONF_MODES]);
    }
}

// ------------------------------------------------------------------------------------------------ no

// A line that has just been read: with `no` before it, it is gone; said again, all is as it was.
static void take_back(struct conf_reader *r, const char *line, struct conf_reader before)
{
    // What says nothing that could be taken back.
    static const char *const idle[] = {"mode tunnel", "tunnel mode gre ip", "enrollment terminal pem", "end", "exit"};
    char no[LINE_MAX_LEN + 8];
    line += strspn(line, " ");
    for (unsigned i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
        if (strcmp(line, idle[i]) == 0) {
            return;
        }
    }
    snprintf(no, sizeof(no), "no %s", line);
    // `no access-list 99 ...` takes the whole list, as everybody who has typed it knows.
    if (line[0] == '!' || strncmp(line, "access-list", 11) == 0 || strncmp(line, "no ", 3) == 0) {
        return;
    }
    struct conf_reader undo = before; // from where the line was read
    undo.conf = r->conf;
    char *with = printed(r->conf, true);
    if (!conf_read_line(&undo, no)) {
        if (strstr(undo.err, "\": expected") == NULL && strstr(undo.err, "expected end of line") == NULL) {
            fail_msg("%s: %s", no, undo.err);
        }
        free(with);
        return; // its `no` form is another
    }
    char *without = printed(r->conf, true);
    if (strcmp(with, without) == 0) {
        fail_msg("\"%s\" changes nothing", no);
    }
    *r = before;
    if (!conf_read_line(r, line)) {
        fail_msg("again: %s", r->err);
    }
    char *again = printed(r->conf, true);
    if (strcmp(with, again) != 0) {
        fail_msg("\"%s\", and then without no, has not brought back what was there", no);
    }
    free(with);
    free(without);
    free(again);
}

static void test_no(void **state)
{
    (void)state;
    read_big(NULL, take_back);
}

// ------------------------------------------------------------------------------------------------ the deck

static const struct conf_profile *profile(const struct conf *c, const char *name)
{
    const struct conf_profile *p = conf_find(&c->profiles, name);
    assert_non_null(p);
    return p;
}

// Is this one of the lines that the object prints?
static void has_line(const struct conf *c, enum conf_mode mode, const void *object, const char *line)
{
    struct str s = {0};
    struct conf_out o = {.to = &s, .lang = lang, .conf = c, .all = true};
    assert_non_null(object);
    conf_print_mode(&o, mode, object);
    const char *at = strstr(str_text(&s), line);
    if (at == NULL || at[strlen(line)] != '\n') {
        fail_msg("no line \"%s\" in:\n%s", line, str_text(&s));
    }
    str_free(&s);
}

// The profile of most slides: certificates both ways, by domain, policy `default`, template 1.
static void by_domain(const struct conf *c, const char *name, const char *domain, unsigned template)
{
    const struct conf_profile *p = profile(c, name);
    assert_int_equal(p->n_match, 1);
    assert_int_equal(p->match[0].kind, CONF_MATCH_FQDN_DOMAIN);
    assert_string_equal(p->match[0].text, domain);
    assert_int_equal(p->auth_local, CONF_AUTH_RSA);
    assert_int_equal(p->auth_remote, CONF_AUTH_RSA);
    assert_int_equal(p->n_trustpoint, 1);
    assert_string_equal(p->author[CONF_WAY_CERT].name, "default");
    assert_string_equal(p->author_list[CONF_WAY_CERT].name, "default");
    assert_true(p->has_vtemplate);
    assert_int_equal(p->vtemplate, template);
}

static void on_demand(const struct conf *c, const char *name, unsigned interval)
{
    const struct conf_profile *p = profile(c, name);
    assert_int_equal(p->dpd.interval, interval);
    assert_int_equal(p->dpd.retry, 2);
    assert_true(p->dpd.on_demand);
}

static void own_name(const struct conf *c, const char *fqdn)
{
    const struct conf_profile *p = profile(c, "default");
    assert_int_equal(p->local_id.kind, CONF_ID_FQDN);
    assert_string_equal(p->local_id.text, fqdn);
}

static const struct conf_if *tunnel(const struct conf *c, enum if_kind kind, unsigned number)
{
    const struct conf_if *f = conf_find_if(c, (struct ifid){kind, number});
    assert_non_null(f);
    return f;
}

static void check_statements(const struct conf *c)
{
    const struct conf_profile *p = profile(c, "default");
    static const enum conf_match_kind kinds[] = {CONF_MATCH_ADDRESS, CONF_MATCH_FQDN, CONF_MATCH_FQDN_DOMAIN,
                                                 CONF_MATCH_EMAIL, CONF_MATCH_EMAIL_DOMAIN};
    assert_int_equal(p->n_match, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(p->match[i].kind, kinds[i]);
    }
    assert_int_equal(p->n_match_cert, 1);
    assert_true(p->fvrf_any);
    assert_int_equal(p->n_match_local, 1);
    assert_int_equal(p->local_id.kind, CONF_ID_DN);
    assert_int_equal(p->auth_local, CONF_AUTH_RSA);
    assert_int_equal(p->auth_remote, CONF_AUTH_PSK | CONF_AUTH_RSA | CONF_AUTH_EAP);
    assert_string_equal(p->keyring.name, "IOSkeyring");
}

static void check_ipsec(const struct conf *c)
{
    const struct conf_ipsec *s = conf_find(&c->ipsecs, "default");
    assert_string_equal(s->profile.name, "default");
    assert_string_equal(s->tset[0].name, "default");
    assert_string_equal(tunnel(c, IF_TUNNEL, 0)->protection.name, "default");
    assert_string_equal(tunnel(c, IF_VTEMPLATE, 1)->protection.name, "default");
    assert_int_equal(((struct conf_tset *)conf_find(&c->tsets, "default"))->bits, 128);
}

static void check_server(const struct conf *c)
{
    const struct conf_profile *p = profile(c, "default");
    assert_true(p->has_vtemplate);
    assert_int_equal(tunnel(c, IF_VTEMPLATE, 1)->address_kind, CONF_ADDRESS_UNNUMBERED);
}

static void check_client(const struct conf *c)
{
    assert_int_equal(tunnel(c, IF_TUNNEL, 0)->address_kind, CONF_ADDRESS_NEGOTIATED);
    assert_true(tunnel(c, IF_TUNNEL, 0)->has_destination);
}

static void check_authorisation(const struct conf *c)
{
    const struct conf_profile *p = profile(c, "default");
    assert_int_equal(p->n_match, 0);
    assert_string_equal(p->match_cert[0].name, "cisco");
    assert_string_equal(p->author_list[CONF_WAY_CERT].name, "AUTHOR");
    assert_string_equal(p->author[CONF_WAY_CERT].name, "Eng");
    const struct conf_author *a = conf_find(&c->authors, "Eng");
    assert_string_equal(a->pool.name, "pool-Eng");
    const struct conf_certmap *m = conf_find(&c->certmaps, "cisco");
    assert_int_equal(m->cond[0].op, CONF_CERT_CO);
}

static void check_mycompany(const struct conf *c)
{
    by_domain(c, "default", "mycompany.com", 1);
}

static void check_eap(const struct conf *c)
{
    const struct conf_profile *p = profile(c, "default");
    assert_int_equal(p->match[0].kind, CONF_MATCH_ANY);
    assert_int_equal(p->auth_local, CONF_AUTH_RSA);
    assert_int_equal(p->auth_remote, CONF_AUTH_EAP);
    assert_true(p->eap_query_identity);
    assert_string_equal(p->eap_list.name, "ISE");
}

static void check_cli(const struct conf *c)
{
    const struct conf_proposal *p = conf_find(&c->proposals, "prop-1");
    assert_int_equal(p->n_encr, 2);
    assert_int_equal(p->n_group, 1);
    assert_string_equal(((struct conf_policy *)conf_find(&c->policies, "site-policy"))->proposal[0].name, "prop-1");
    assert_string_equal(profile(c, "v2-profile")->author[CONF_WAY_CERT].name, "default");
}

static void check_smart_defaults(const struct conf *c)
{
    const struct conf_proposal *p = conf_find(&c->proposals, "default");
    assert_int_equal(p->n_encr, 3);
    assert_int_equal(p->n_integ, 4);
    assert_int_equal(p->n_group, 2);
    assert_true(((struct conf_policy *)conf_find(&c->policies, "default"))->fvrf_any);
    has_line(c, CONF_AUTHOR, conf_find(&c->authors, "default"), "route set interface");
    has_line(c, CONF_AUTHOR, conf_find(&c->authors, "default"), "route accept any");
    assert_string_equal(profile(c, "default")->author[CONF_WAY_CERT].name, "default");
    assert_string_equal(tunnel(c, IF_TUNNEL, 0)->protection.name, "default");
}

static void check_hub1(const struct conf *c)
{
    by_domain(c, "default", "cisco.com", 1);
    on_demand(c, "default", 10);
    own_name(c, "Hub1.cisco.com");
    has_line(c, CONF_AUTHOR, conf_find(&c->authors, "default"), "route set remote ipv4 10.0.0.0 255.0.0.0");
    has_line(c, CONF_AUTHOR, conf_find(&c->authors, "default"), "route set remote ipv4 192.168.0.0 255.255.0.0");
    assert_string_equal(tunnel(c, IF_TUNNEL, 100)->protection.name, "");
}

static void check_hub2(const struct conf *c)
{
    by_domain(c, "default", "cisco.com", 1);
    own_name(c, "Hub2.cisco.com");
    has_line(c, CONF_AUTHOR, conf_find(&c->authors, "default"), "route set remote ipv4 192.168.0.0 255.255.0.0");
}

static void check_spoke(const struct conf *c)
{
    by_domain(c, "default", "cisco.com", 1);
    on_demand(c, "default", 10);
    own_name(c, "Spoke2.cisco.com");
    has_line(c, CONF_AUTHOR, conf_find(&c->authors, "default"), "route set interface");
    has_line(c, CONF_AUTHOR, conf_find(&c->authors, "default"), "route set interface Ethernet0/0");
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(tunnel(c, IF_TUNNEL, i)->address_kind, CONF_ADDRESS_UNNUMBERED);
        assert_string_equal(tunnel(c, IF_TUNNEL, i)->protection.name, "default");
    }
}

static void check_by_domain(const struct conf *c)
{
    static const char *const names[] = {"BLUE", "RED", "GREEN"}, *const domains[] = {"blue", "red", "green"};
    for (unsigned i = 0; i < 3; i++) {
        by_domain(c, names[i], domains[i], i + 1);
        on_demand(c, names[i], 10);
        assert_int_equal(tunnel(c, IF_VTEMPLATE, i + 1)->unnumbered.number, i + 1);
    }
}

static void check_any_identity(const struct conf *c)
{
    const struct conf_profile *p = profile(c, "default");
    assert_int_equal(p->match[0].kind, CONF_MATCH_ANY);
    assert_string_equal(p->author[CONF_WAY_CERT].name, "blue");
    has_line(c, CONF_AUTHOR, conf_find(&c->authors, "blue"), "route set interface");
    own_name(c, "Hub1.cisco.com");
}

static void check_backup_spoke(const struct conf *c)
{
    const struct conf_profile *p = profile(c, "default");
    assert_string_equal(p->match_cert[0].name, "HUBMAP");
    assert_int_equal(p->auth_local, CONF_AUTH_PSK);
    assert_int_equal(p->auth_remote, CONF_AUTH_RSA);
    on_demand(c, "default", 30);
    has_line(c, CONF_AUTHOR, conf_find(&c->authors, "default"), "route set access-list 99");
    assert_int_equal(tunnel(c, IF_TUNNEL, 0)->address_kind, CONF_ADDRESS_NEGOTIATED);
}

static void check_balanced_hub(const struct conf *c)
{
    by_domain(c, "default", "cisco.com", 1);
    has_line(c, CONF_GLOBAL, c, "crypto ikev2 redirect gateway init");
}

static void check_balanced_client(const struct conf *c)
{
    by_domain(c, "default", "cisco.com", 1);
    has_line(c, CONF_GLOBAL, c, "crypto ikev2 redirect client max-redirects 10");
}

static void check_site_to_site(const struct conf *c)
{
    const struct conf_keyring *k = conf_find(&c->keyrings, "my_keyring");
    const struct conf_peer *r1 = conf_find(&k->peers, "R1");
    const struct conf_profile *p = profile(c, "default");
    assert_string_equal(r1->hostname, "r1.cisco.com");
    assert_string_equal(r1->key_local.text, "cisco123");
    assert_int_equal(p->match[0].kind, CONF_MATCH_FQDN);
    assert_string_equal(p->keyring.name, "my_keyring");
    assert_int_equal(p->auth_local, CONF_AUTH_PSK);
    assert_int_equal(p->auth_remote, CONF_AUTH_PSK);
    own_name(c, "r2.cisco.com");
    assert_int_equal(tunnel(c, IF_TUNNEL, 0)->source_if.kind, IF_ETHERNET);
}

static void check_hybrid(const struct conf *c)
{
    const struct conf_profile *p = profile(c, "default");
    assert_int_equal(p->n_match, 4);
    assert_int_equal(p->auth_local, CONF_AUTH_RSA);
    assert_int_equal(p->auth_remote, CONF_AUTH_RSA | CONF_AUTH_EAP);
    assert_true(p->eap_query_identity);
    assert_string_equal(p->eap_list.name, "my-rad");
    has_line(c, CONF_PROFILE, p, "virtual-template 1 mode auto");
}

static const struct {
    const char *file;
    void (*check)(const struct conf *c);
} deck[] = {
    {"profile-statements.conf", check_statements},
    {"ipsec.conf", check_ipsec},
    {"server.conf", check_server},
    {"client.conf", check_client},
    {"authorisation.conf", check_authorisation},
    {"mycompany.conf", check_mycompany},
    {"eap.conf", check_eap},
    {"cli-experience.conf", check_cli},
    {"smart-defaults.conf", check_smart_defaults},
    {"hub1.conf", check_hub1},
    {"hub2.conf", check_hub2},
    {"spoke.conf", check_spoke},
    {"by-domain.conf", check_by_domain},
    {"any-identity.conf", check_any_identity},
    {"backup-spoke.conf", check_backup_spoke},
    {"balanced-hub.conf", check_balanced_hub},
    {"balanced-client.conf", check_balanced_client},
    {"site-to-site.conf", check_site_to_site},
    {"hybrid.conf", check_hybrid},
};
enum { DECK = sizeof(deck) / sizeof(deck[0]) };

static void test_deck(void **state)
{
    (void)state;
    for (unsigned i = 0; i < DECK; i++) {
        char path[256];
        snprintf(path, sizeof(path), FOLDER "deck/%s", deck[i].file);
        struct conf *c = load(path);
        deck[i].check(c);
        round_trip(c);
        conf_free(c);
    }
}

static void test_deck_whole(void **state)
{
    (void)state;
    DIR *dir = opendir(FOLDER "deck");
    struct dirent *e;
    unsigned files = 0;
    assert_non_null(dir);
    while ((e = readdir(dir)) != NULL) {
        bool known = e->d_name[0] == '.';
        files += !known;
        for (unsigned i = 0; i < DECK; i++) {
            known |= strcmp(deck[i].file, e->d_name) == 0;
        }
        if (!known) {
            fail_msg("nothing is checked about " FOLDER "deck/%s", e->d_name);
        }
    }
    closedir(dir);
    assert_int_equal(files, DECK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"big.conf reads back as it was printed, and so does a copy", test_round_trip, NULL, NULL, NULL},
        {"each line of big.conf is printed as it was written", test_printed, NULL, NULL, NULL},
        {"big.conf has a line of every command", test_all_tried, NULL, NULL, NULL},
        {"each word of it is offered with help, keywords complete", test_help, NULL, NULL, NULL},
        {"a wrong word anywhere is named with its line", test_errors, NULL, NULL, NULL},
        {"no takes each line back, and saying it again brings it back", test_no, NULL, NULL, NULL},
        {"the deck's configurations load, mean what they say, and read back", test_deck, NULL, NULL, NULL},
        {"each of the deck's files is checked", test_deck_whole, NULL, NULL, NULL},
    };
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests_name("language", tests, conf_rig_open, conf_rig_close);
}
