/* nginx as a UDP proxy of streams: one process, one socket towards the peers. */
#ifndef SSM_BENCH_NGINX_H
#define SSM_BENCH_NGINX_H

#include "scene.h"

#include <stdbool.h>
#include <sys/types.h>

bool nginx_is_installed(void);
/* Starts it with files of its own in `folder`. */
pid_t nginx_start(const struct scene *scene, struct scene_ports ports, const char *folder);

#endif
