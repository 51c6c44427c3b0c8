/*
 * The configuration file: `option = value` lines, `#` comments. One row of the table in config.c per option
 * yields parsing, bounds, default and the text of --help-config. Frozen once read.
 */
#ifndef SSM_CONFIG_H
#define SSM_CONFIG_H

#include "assoc.h"
#include "endpoint.h"
#include "host_name.h"
#include "serial_port.h"

#include <stdio.h>

enum {
    CONFIG_PATH_MAX = 200,
    CONFIG_SOCKET_MAX = 108, /* of struct sockaddr_un */
    CONFIG_NAMES_MAX = 8,
};

/* Names of hosts in the form of host_name.h. */
struct config_names {
    struct {
        char text[HOST_NAME_MAX_LEN];
        uint8_t len;
    } names[CONFIG_NAMES_MAX];
    uint8_t count;
};

struct config {
    struct assoc_name gateway_id;      /* our identity towards nodes */
    char user[33];                     /* account that relay and keys run as; "" keeps the caller's */
    char state_dir[CONFIG_PATH_MAX];   /* relay.db, keys.db and the storage key */
    char storage_key[CONFIG_PATH_MAX]; /* file with the key that keys.db is encrypted under; "":
                                          state_dir/storage.key */
    char admin_socket[CONFIG_SOCKET_MAX];
    char admin_group[33];         /* group that may use ssmctl; "" leaves the socket to the user alone */
    struct endpoint peer_address; /* address of every peers' port; its .port is the shared port (0: none) */
    uint16_t node_port_first;     /* range that new nodes' ports are taken from */
    uint16_t node_port_last;
    struct endpoint link_address;     /* where nodes reach us */
    struct serial_ports serial_links; /* nodes' lines besides; their numbers in messages are those of here */
    /* What peers are shown and trusted by; "": none. */
    char certificate[CONFIG_PATH_MAX];
    char certificate_key[CONFIG_PATH_MAX];
    char client_ca[CONFIG_PATH_MAX];
    char rsa_certificate[CONFIG_PATH_MAX]; /* RSA is off without it */
    char rsa_certificate_key[CONFIG_PATH_MAX];
    struct config_names server_names; /* by which peers call the gateway itself */
    uint32_t workers;                 /* threads for handshakes; 0: one a processor */
    uint32_t link_mtu;
    uint32_t link_retry_ms;
    uint32_t node_records_per_s; /* 0: no limit */
    uint32_t node_silent_s;
    uint32_t max_nodes;
    uint32_t max_sessions;
    uint32_t max_handshakes;
    uint32_t handshake_timeout_s;
    uint32_t handover_timeout_s;
    uint32_t idle_timeout_s;
    uint32_t unused_timeout_s;
    uint32_t evict_idle_s;
    uint32_t outbound_sessions;   /* of one node */
    uint32_t resumption_s;        /* a session may be resumed so long after its full handshake; 0: never */
    uint32_t resumption_sessions; /* so many are kept for that */
    uint32_t log_level;           /* 3 errors ... 7 debug, as in syslog */
};

/*
 * Reads a file over the defaults. Every fault goes to `err` as "FILE:LINE: option: what is wrong and what is
 * wanted"; SSM_MALFORMED if there was one (all faults are reported, not only the first), SSM_IO if the file
 * cannot be read.
 */
SSM_MUST_CHECK enum status config_read(struct config *c, const char *path, FILE *err);
/* The same for a text in memory; `file` names it in faults. */
SSM_MUST_CHECK enum status config_parse(struct config *c, const char *file, const char *text, size_t len,
                                        FILE *err);
/* Every option with its default and meaning. */
void config_print_help(FILE *out);

#endif
