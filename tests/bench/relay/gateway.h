/*
 * The real daemon, started with databases that hold all nodes and sessions of a scene, so that no handshake
 * is needed: made through the daemon's own store modules.
 */
#ifndef SSM_BENCH_GATEWAY_H
#define SSM_BENCH_GATEWAY_H

#include "scene.h"

#include <sys/types.h>

struct gateway {
    pid_t ssmd;
    pid_t relay; /* the process that is measured */
};

/* `folder`: an empty one of its own. The program is the one in `build`. */
struct gateway gateway_start(const struct scene *scene, struct scene_ports ports, const char *build,
                             const char *peer_address, const char *folder);
void gateway_stop(const struct gateway *g);

#endif
