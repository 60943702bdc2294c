// SPDX-License-Identifier: BSD-2-Clause
// The daemon's log: one line a message on stderr (or where a sink sends it), with time, level and the part it is from.
// A log is an object that is handed to those who write; it is not global.
#ifndef CULVERT_UTIL_LOG_H
#define CULVERT_UTIL_LOG_H

#include <stdarg.h>
#include <stdbool.h>

enum log_level { LOG_ERR, LOG_WARNING, LOG_NOTE, LOG_DEBUG };

// Where lines go besides stderr, e.g. to the debug output of a shell. `line` has no newline.
typedef void log_sink(void *arg, enum log_level level, const char *part, const char *line);

enum { LOG_PARTS = 8 }; // most parts whose debug lines are asked for

struct log {
    enum log_level level; // lines above this are dropped
    bool quiet;           // nothing to stderr
    log_sink *sink;       // may be NULL; sees every line, whatever the level
    void *sink_arg;
    unsigned long written[4];     // lines by level, dropped ones not counted
    const char *debug[LOG_PARTS]; // parts whose debug lines are written whatever the level; NULL: a free place
};

void log_init(struct log *log, enum log_level level);
// Would a line of this level go anywhere? For those who have to work for their text.
bool log_wanted(const struct log *log, enum log_level level, const char *part);
// `log` may be NULL: nothing is written.
void log_write(struct log *log, enum log_level level, const char *part, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void log_writev(struct log *log, enum log_level level, const char *part, const char *format, va_list args);
// Write the debug lines of a part (a text that lives on), or do so no more. false: too many parts.
bool log_debug(struct log *log, const char *part, bool on);
// Are the debug lines of a part written?
bool log_debugs(const struct log *log, const char *part);
// "error", "warning", "note", "debug".
const char *log_level_name(enum log_level level);
// false: there is no level of this name.
bool log_level_parse(const char *text, enum log_level *out);

#endif
