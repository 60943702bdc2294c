// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/cli/client.h"

#include "hostd/util/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct client {
    FILE *in;
    int fd;
};

struct client *client_open(const char *path, char *err, size_t err_size)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!str_copy(to.sun_path, sizeof(to.sun_path), path)) {
        snprintf(err, err_size, "%s: the path is too long", path);
        return NULL;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct client *c = calloc(1, sizeof(*c));
    if (fd < 0 || c == NULL || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        snprintf(err, err_size, "%s: %s (is culvertd running?)", path, strerror(errno));
        free(c);
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    c->fd = fd;
    c->in = fdopen(fd, "r");
    if (c->in == NULL) {
        snprintf(err, err_size, "%s: %s", path, strerror(errno));
        close(fd);
        free(c);
        return NULL;
    }
    return c;
}

void client_close(struct client *c)
{
    if (c != NULL) {
        fclose(c->in);
    }
    free(c);
}

static json_t *ask(struct client *c, json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    if (text == NULL) {
        return NULL;
    }
    size_t len = strlen(text), sent = 0;
    text[len++] = '\n'; // over the terminating zero
    while (sent < len) {
        ssize_t n = send(c->fd, text + sent, len - sent, MSG_NOSIGNAL);
        if (n <= 0) {
            break;
        }
        sent += (size_t)n;
    }
    free(text);
    char *line = NULL;
    size_t cap = 0;
    ssize_t got = sent == len ? getline(&line, &cap, c->in) : -1;
    json_t *answer = got > 0 ? json_loadb(line, (size_t)got, 0, NULL) : NULL;
    free(line);
    return answer;
}

json_t *client_line(struct client *c, const char *line, bool json)
{
    return ask(c, json_pack("{s:s, s:b}", "line", line, "json", json));
}

json_t *client_help(struct client *c, const char *line)
{
    return ask(c, json_pack("{s:s}", "help", line));
}

int client_run(struct client *c, const char *line, bool json)
{
    json_t *a = client_line(c, line, json);
    int code = 0;
    if (a == NULL) {
        fprintf(stderr, "culvertd has gone\n");
        return 3;
    }
    if (!json_is_true(json_object_get(a, "ok"))) {
        fprintf(stderr, "%% %s\n", json_string_value(json_object_get(a, "error")));
        code = 1;
    } else if (json) {
        json_dumpf(json_object_get(a, "data"), stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        fputc('\n', stdout);
    } else {
        fputs(json_string_value(json_object_get(a, "text")), stdout);
    }
    json_decref(a);
    return code;
}
