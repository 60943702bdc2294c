// SPDX-License-Identifier: BSD-2-Clause
// The interactive shell: editing and history by libedit, `?` and Tab answered by the daemon from its command tree.
#include "hostd/cli/client.h"

#include "hostd/util/str.h"

#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { HISTORY = 1000 };

struct shell {
    struct client *client;
    char prompt[256];
    bool failed; // a command has
};

static struct shell *shell_of(EditLine *el)
{
    void *data = NULL;
    el_get(el, EL_CLIENTDATA, &data);
    return data;
}

static char *show_prompt(EditLine *el)
{
    return shell_of(el)->prompt;
}

static void take_prompt(struct shell *s, const json_t *answer)
{
    const char *prompt = json_string_value(json_object_get(answer, "prompt"));
    if (prompt != NULL) {
        snprintf(s->prompt, sizeof(s->prompt), "%s ", prompt);
    }
}

// The line up to the cursor.
static json_t *tokens_here(EditLine *el, char *line, size_t cap)
{
    const LineInfo *info = el_line(el);
    size_t len = (size_t)(info->cursor - info->buffer);
    len = len < cap - 1 ? len : cap - 1;
    memcpy(line, info->buffer, len);
    line[len] = '\0';
    return client_help(shell_of(el)->client, line);
}

static unsigned char on_question(EditLine *el, int key)
{
    (void)key;
    char line[1024];
    size_t i;
    json_t *answer = tokens_here(el, line, sizeof(line)), *t;
    fputs("?\n", stdout);
    json_array_foreach(json_object_get(answer, "tokens"), i, t)
    {
        printf("  %-24s %s\n", json_string_value(json_object_get(t, "token")),
               json_string_value(json_object_get(t, "help")));
    }
    if (json_array_size(json_object_get(answer, "tokens")) == 0) {
        fputs("  nothing is known here\n", stdout);
    }
    json_decref(answer);
    fflush(stdout);
    return CC_REDISPLAY;
}

// What all keywords that fit have in common beyond what is typed.
static unsigned char on_tab(EditLine *el, int key)
{
    (void)key;
    char line[1024], common[128] = "";
    size_t i, count = 0;
    json_t *answer = tokens_here(el, line, sizeof(line)), *t;
    json_array_foreach(json_object_get(answer, "tokens"), i, t)
    {
        const char *token = json_string_value(json_object_get(t, "token"));
        if (!json_is_true(json_object_get(t, "keyword"))) {
            continue;
        }
        if (count++ == 0) {
            str_copy(common, sizeof(common), token);
        }
        size_t same = 0;
        while (common[same] != '\0' && common[same] == token[same]) {
            same++;
        }
        common[same] = '\0';
    }
    json_decref(answer);
    const char *word = strrchr(line, ' ');
    size_t typed = strlen(word == NULL ? line : word + 1);
    if (count == 0 || strlen(common) < typed || (count > 1 && strlen(common) == typed)) {
        return CC_REFRESH_BEEP;
    }
    el_deletestr(el, (int)typed); // in the case that the keyword has
    el_insertstr(el, common);
    if (count == 1) {
        el_insertstr(el, " ");
    }
    return CC_REFRESH;
}

// One line: false if the shell ends.
static bool one_line(struct shell *s, const char *line)
{
    bool exec = strchr(s->prompt, '(') == NULL;
    if (exec && (strcasecmp(line, "exit") == 0 || strcasecmp(line, "quit") == 0 || strcasecmp(line, "logout") == 0)) {
        return false;
    }
    json_t *a = client_line(s->client, line, false);
    if (a == NULL) {
        fprintf(stderr, "culvertd has gone\n");
        return false;
    }
    take_prompt(s, a);
    if (json_is_true(json_object_get(a, "ok"))) {
        fputs(json_string_value(json_object_get(a, "text")), stdout);
    } else {
        printf("%% %s\n", json_string_value(json_object_get(a, "error")));
        s->failed = true;
    }
    json_decref(a);
    return true;
}

static int run_plain(struct shell *s)
{
    char *line = NULL;
    size_t cap = 0;
    while (getline(&line, &cap, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0' && !one_line(s, line)) {
            break;
        }
    }
    free(line);
    return s->failed;
}

int shell_run(struct client *c)
{
    struct shell s = {.client = c};
    json_t *hello = client_help(c, "");
    if (hello == NULL) {
        fprintf(stderr, "culvertd does not answer\n");
        return 3;
    }
    take_prompt(&s, hello);
    json_decref(hello);
    if (!isatty(STDIN_FILENO)) {
        return run_plain(&s); // a script: no prompt, no editing
    }
    EditLine *el = el_init("culvert", stdin, stdout, stderr);
    History *past = history_init();
    HistEvent event;
    history(past, &event, H_SETSIZE, HISTORY);
    history(past, &event, H_SETUNIQUE, 1);
    el_set(el, EL_CLIENTDATA, &s);
    el_set(el, EL_PROMPT, show_prompt);
    el_set(el, EL_EDITOR, "emacs");
    el_set(el, EL_SIGNAL, 1);
    el_set(el, EL_HIST, history, past);
    el_set(el, EL_ADDFN, "culvert-help", "What may come here", on_question);
    el_set(el, EL_ADDFN, "culvert-complete", "Complete the word", on_tab);
    el_set(el, EL_BIND, "?", "culvert-help", NULL);
    el_set(el, EL_BIND, "^I", "culvert-complete", NULL);
    const char *line;
    int len;
    while ((line = el_gets(el, &len)) != NULL && len > 0) {
        char text[1024];
        str_copy(text, sizeof(text), line);
        text[strcspn(text, "\n")] = '\0';
        if (text[strspn(text, " \t")] == '\0') {
            continue;
        }
        history(past, &event, H_ENTER, text);
        if (!one_line(&s, text)) {
            break;
        }
    }
    history_end(past);
    el_end(el);
    return 0;
}
