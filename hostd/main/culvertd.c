// SPDX-License-Identifier: BSD-2-Clause
// culvertd's command line.
#include "hostd/main/daemon.h"

#include "hostd/conf/crypto.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static const char usage_text[] =
    "usage: culvertd -f FILE [options]\n"
    "  -f, --config FILE       the configuration\n"
    "  -n, --check             read and check it, print the first fault, and exit\n"
    "  -s, --socket PATH       control socket (default /run/culvert/culvertd.sock)\n"
    "      --state FOLDER      where imported certificates and keys are kept (default /var/lib/culvert)\n"
    "      --log-level LEVEL   error, warning, note (default) or debug\n"
    "      --export-keys FILE  for tests: write all keys to FILE in tshark's form\n"
    "  -h, --help              this text\n"
    "Runs in the foreground. SIGHUP reads the configuration again; SIGTERM and SIGINT stop it cleanly.\n"
    "Exit codes: 0 stopped cleanly, 1 fault in the configuration, 2 wrong usage, 3 cannot start, 4 datapath lost.\n";

static void print_warning(void *arg, const char *text)
{
    fprintf(stderr, "%s: warning: %s\n", (const char *)arg, text);
}

static int check(const char *path, const char *state)
{
    char err[1024];
    struct conf_lang *lang = conf_lang_new(err, sizeof(err));
    struct conf *c = lang == NULL ? NULL : conf_load(lang, path, err, sizeof(err));
    struct pki_set *trust = c == NULL ? NULL : pki_load(c, state, NULL, err, sizeof(err));
    bool ok = trust != NULL;
    if (!ok) {
        fprintf(stderr, "%s: %s\n", path, err);
    } else {
        conf_warnings(c, print_warning, (void *)(uintptr_t)path);
    }
    pki_unref(trust);
    conf_free(c);
    conf_lang_free(lang);
    return ok ? EXIT_FINE : EXIT_CONF;
}

int main(int argc, char **argv)
{
    enum { EXPORT_KEYS = 256, LOG_LEVEL, STATE };
    static const struct option long_options[] = {
        {"config", required_argument, NULL, 'f'},  {"check", no_argument, NULL, 'n'},
        {"socket", required_argument, NULL, 's'},  {"log-level", required_argument, NULL, LOG_LEVEL},
        {"state", required_argument, NULL, STATE}, {"export-keys", required_argument, NULL, EXPORT_KEYS},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    struct daemon_options o = {
        .socket_path = "/run/culvert/culvertd.sock", .state_path = "/var/lib/culvert", .log_level = LOG_NOTE};
    bool check_only = false;
    int c;
    while ((c = getopt_long(argc, argv, "f:ns:h", long_options, NULL)) != -1) {
        switch (c) {
        case 'f':
            o.conf_path = optarg;
            break;
        case 'n':
            check_only = true;
            break;
        case 's':
            o.socket_path = optarg;
            break;
        case EXPORT_KEYS:
            o.keylog_path = optarg;
            break;
        case STATE:
            o.state_path = optarg;
            break;
        case LOG_LEVEL:
            if (!log_level_parse(optarg, &o.log_level)) {
                fprintf(stderr, "culvertd: no log level \"%s\": error, warning, note or debug\n", optarg);
                return EXIT_USAGE;
            }
            break;
        case 'h':
            fputs(usage_text, stdout);
            return EXIT_FINE;
        default:
            fputs(usage_text, stderr);
            return EXIT_USAGE;
        }
    }
    if (o.conf_path == NULL || optind != argc) {
        fputs(usage_text, stderr);
        return EXIT_USAGE;
    }
    return check_only ? check(o.conf_path, o.state_path) : daemon_run(&o);
}
