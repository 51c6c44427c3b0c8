/*
 * The bare forwarder that the relay is measured against: recvmmsg and sendmmsg of 64 on as many sockets, no
 * event library, no cryptography, no check. It looks a record's flow up in an array.
 */
#ifndef SSM_BENCH_BARE_H
#define SSM_BENCH_BARE_H

#include "scene.h"

#include <stdbool.h>
#include <sys/types.h>

/* Forks it. `has_segments`: with UDP_SEGMENT and UDP_GRO towards the next hop. */
pid_t bare_start(const struct scene *scene, struct scene_ports ports, bool has_segments);

#endif
