/*
 * The command line of ssm-node and the files it names. Prints what is wrong with it; decides no exit code but
 * through its result.
 */
#ifndef SSM_NODE_OPTIONS_H
#define SSM_NODE_OPTIONS_H

#include "assoc.h"

#include <limits.h>

struct options {
    const char *serial;       /* path of a serial device; NULL: UDP to the gateway */
    const char *gateway_host; /* inside gateway_text */
    const char *gateway_port;
    char gateway_text[300];
    struct assoc_name name;
    uint8_t psk[ASSOC_PSK_LEN]; /* whoever has the struct wipes it */
    char state_dir[PATH_MAX];
    uint16_t observe_interval_s; /* 0: no notifications */
    const char *push_uri;        /* NULL: nothing is pushed */
    const char *push_path;
    uint16_t push_interval_s;
    const char *watch_uri; /* NULL: nothing is watched */
    const char *watch_path;
    bool verbose;
};

enum options_result { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_USAGE_ERROR, OPTIONS_FILE_ERROR };

/* Fills the options; OPTIONS_DONE when --help or --version was all that was asked. */
enum options_result options_parse(int argc, char **argv, struct options *out);

#endif
