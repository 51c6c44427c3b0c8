/*
 * ssmctl's commands: what each takes, asks for and shows.
 *
 * The table is commands.c's, walked by ssmctl.c alone.
 */
#ifndef SSM_COMMAND_H
#define SSM_COMMAND_H

#include "assoc.h"
#include "certificate_make.h"
#include "keyfile.h"

#include <jansson.h>

enum ssmctl_option {
    OPT_SOCKET = 1,
    OPT_HELP,
    OPT_VERSION,
    OPT_PSK_FILE,
    OPT_PORT,
    OPT_NODE,
    OPT_SHOW_KEY,
    OPT_CERT,
    OPT_SUBJECT,
    OPT_DAYS,
    OPT_NAME,
    OPT_OUT,
    OPT_IDENTITY,
    OPT_CA,
    OPT_KEY,
    OPT_REPLACE, /* the last one */
};
#define BIT(option) (1U << (option))
enum { WORDS_MAX = 2 };

/* The command line, taken apart. */
struct arguments {
    const char *socket;
    bool json;
    unsigned given; /* bits of enum ssmctl_option; -o is not among them, every command has it */
    const char *psk_file;
    const char *cert;
    const char *subject;
    const char *out;
    const char *identity;
    const char *ca;
    const char *key;
    json_int_t port; /* 0: not given */
    json_int_t days; /* 0: not given */
    json_t *nodes;   /* of --node */
    json_t *names;   /* of --name */
    char **words;    /* behind noun and verb */
};

/* One command from its words to its reply. */
struct call {
    const struct arguments *arguments;
    json_t *request;
    json_t *reply;
    bool generated;                            /* the request's key was made here and is to be shown */
    struct assoc_name name;                    /* whose certificate is to be written */
    char key[CERTIFICATE_PRIVATE_KEY_PEM_MAX]; /* of a certificate that is asked for; "": it has one */
};

struct command {
    const char *op; /* noun and verb as typed, and the request's "op" */
    const char *usage;
    const char *help;
    const char *words[WORDS_MAX]; /* the request's fields that the words behind op fill */
    bool may_lack_words;          /* the last of them may be left out */
    unsigned options;
    unsigned required;
    enum keyfile_kind key_kind; /* where options has OPT_PSK_FILE */
    const char *list;           /* the reply's field that -o json prints alone */
    void (*print)(FILE *out, const struct call *call);
};

extern const struct command commands[];
extern const size_t command_count;

#endif
