// SPDX-License-Identifier: BSD-2-Clause
#include "hostd/util/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const level_names[] = {"error", "warning", "note", "debug"};

void log_init(struct log *log, enum log_level level)
{
    *log = (struct log){.level = level};
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_level_parse(const char *text, enum log_level *out)
{
    for (unsigned i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

void log_writev(struct log *log, enum log_level level, const char *part, const char *format, va_list args)
{
    if (log == NULL || (level > log->level && log->sink == NULL)) {
        return;
    }
    char line[1024];
    vsnprintf(line, sizeof(line), format, args);
    for (char *p = line; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20) {
            *p = ' '; // one message, one line, whatever a peer has sent
        }
    }
    if (log->sink != NULL) {
        log->sink(log->sink_arg, level, part, line);
    }
    if (level > log->level) {
        return;
    }
    log->written[level]++;
    if (log->quiet) {
        return;
    }
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    char when[32];
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
    fprintf(stderr, "%s.%03ldZ %s %s: %s\n", when, now.tv_nsec / 1000000, level_names[level], part, line);
}

void log_write(struct log *log, enum log_level level, const char *part, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    log_writev(log, level, part, format, args);
    va_end(args);
}
