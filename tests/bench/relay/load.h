/*
 * The load: peers that send DTLS records with 64 bytes of payload, and the nodes that answer each with the
 * same record. A closed loop: so many records are on their way at one time, so that nothing overflows.
 *
 * Every reply is compared with its request, byte for byte.
 */
#ifndef SSM_BENCH_LOAD_H
#define SSM_BENCH_LOAD_H

#include "scene.h"

#include <stdbool.h>

enum { LOAD_TAG_KEY_LEN = 16 };
/* Relay-tag key of every node. */
extern const uint8_t load_tag_key[LOAD_TAG_KEY_LEN];

/* Offset of the number of its flow, four bytes, in each record of a peer: a forwarder may look. */
enum { LOAD_FLOW_AT = 21 };

enum load_dialect {
    LOAD_ECHO,   /* the node gets the record as it is, and sends it back */
    LOAD_FRAMES, /* the node gets and sends link frames (PROTOCOL.md) */
};

/* A system under test in one scene: what has been sent through it so far. */
struct load_target {
    struct scene scene;
    struct scene_ports ports;
    enum load_dialect dialect;
    uint32_t *sent; /* records of each flow */
    uint32_t *answered;
};

struct load_result {
    uint64_t relayed; /* datagrams, in both directions */
    uint64_t lost;
    uint64_t wrong; /* altered, twice or out of order */
};

struct load;

struct load *load_create(void);
void load_destroy(struct load *l);
void load_target_init(struct load_target *t, const struct scene *scene, struct scene_ports ports,
                      enum load_dialect dialect);
void load_target_free(struct load_target *t);
/* Runs so long, and until each flow has sent so many records. What is on its way when nothing comes for
 * `patience_ms` is lost. */
struct load_result load_run(struct load *l, struct load_target *t, double seconds, uint32_t each,
                            int patience_ms);

#endif
