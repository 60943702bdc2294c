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

bool log_debugs(const struct log *log, const char *part)
{
    for (unsigned i = 0; i < LOG_PARTS; i++) {
        if (log->debug[i] != NULL && strcmp(log->debug[i], part) == 0) {
            return true;
        }
    }
    return log->level >= LOG_DEBUG;
}

bool log_debug(struct log *log, const char *part, bool on)
{
    int free_place = -1;
    for (int i = 0; i < LOG_PARTS; i++) {
        if (log->debug[i] != NULL && strcmp(log->debug[i], part) == 0) {
            log->debug[i] = on ? part : NULL;
            return true;
        }
        free_place = log->debug[i] == NULL ? i : free_place;
    }
    if (on && free_place >= 0) {
        log->debug[free_place] = part;
    }
    return !on || free_place >= 0;
}

// Does a line of that level and part go to stderr?
static bool shown(const struct log *log, enum log_level level, const char *part)
{
    return level <= log->level || (level == LOG_DEBUG && log_debugs(log, part));
}

bool log_wanted(const struct log *log, enum log_level level, const char *part)
{
    return log != NULL && (log->sink != NULL || shown(log, level, part));
}

void log_writev(struct log *log, enum log_level level, const char *part, const char *format, va_list args)
{
    if (!log_wanted(log, level, part)) {
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
    if (!shown(log, level, part)) {
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
