// SPDX-License-Identifier: BSD-2-Clause
// libFuzzer: the configuration reader. A text is taken or refused with a sentence, and what stands on its last line is
// completed. What is taken is printed, and what is printed is taken and prints the same: nothing is lost by
// `write memory`.
#include "hostd/conf/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conf_lang *lang;

static void printed_again(const struct conf *c, bool all)
{
    char err[1500] = "";
    struct str one = {0}, two = {0};
    conf_print(lang, c, all, &one);
    struct conf *again = conf_parse(lang, str_text(&one), err, sizeof(err));
    if (again == NULL) {
        fprintf(stderr, "what was printed is refused: %s\n%s\n", err, str_text(&one));
        abort();
    }
    conf_print(lang, again, all, &two);
    if (strcmp(str_text(&one), str_text(&two)) != 0) {
        fprintf(stderr, "printed:\n%s\nand again:\n%s\n", str_text(&one), str_text(&two));
        abort();
    }
    conf_free(again);
    str_free(&one);
    str_free(&two);
}

static void one_token(void *arg, const char *token, bool keyword, const char *help)
{
    size_t *n = arg;
    *n += strlen(token) + keyword + (help == NULL ? 0 : strlen(help));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char err[1500] = "";
    if (lang == NULL && (lang = conf_lang_new(err, sizeof(err))) == NULL) {
        abort();
    }
    char *text = malloc(size + 1);
    if (text == NULL) {
        return 0;
    }
    memcpy(text, data, size);
    text[size] = '\0';
    struct conf *c = conf_parse(lang, text, err, sizeof(err));
    if (c == NULL && err[0] == '\0') {
        abort(); // refused without a word
    }
    if (c != NULL) {
        printed_again(c, false);
        printed_again(c, true);
        struct conf_reader r;
        size_t n = 0;
        const char *last = strrchr(text, '\n');
        conf_reader_init(&r, lang, c);
        (void)conf_expect(&r, last == NULL ? text : last + 1, one_token, &n);
        conf_free(c);
    }
    free(text);
    return 0;
}
