// SPDX-License-Identifier: BSD-2-Clause
#include "tests/unit/conf/conf_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct conf_lang *lang;
char err[1500];

int conf_rig_open(void **state)
{
    (void)state;
    lang = conf_lang_new(err, sizeof(err));
    if (lang == NULL) {
        print_error("%s\n", err);
    }
    return lang == NULL;
}

int conf_rig_close(void **state)
{
    (void)state;
    conf_lang_free(lang);
    return 0;
}

struct conf *good(const char *text)
{
    struct conf *c = conf_parse(lang, text, err, sizeof(err));
    if (c == NULL) {
        fail_msg("refused: %s", err);
    }
    return c;
}

void refuses(const char *text, const char *with)
{
    struct conf *c = conf_parse(lang, text, err, sizeof(err));
    if (c != NULL) {
        conf_free(c);
        fail_msg("taken: %s", text);
    }
    if (strstr(err, with) == NULL) {
        fail_msg("said \"%s\", not \"%s\"", err, with);
    }
}

char *printed(const struct conf *c, bool all)
{
    struct str s = {0};
    conf_print(lang, c, all, &s);
    assert_false(s.failed);
    return s.text;
}
