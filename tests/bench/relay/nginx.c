#include "nginx.h"

#include "must.h"
#include "process.h"

#include <unistd.h>

#define NGINX "/usr/sbin/nginx"
#define NGINX_STREAM "/usr/lib/nginx/modules/ngx_stream_module.so"

bool nginx_is_installed(void)
{
    return access(NGINX, X_OK) == 0 && access(NGINX_STREAM, R_OK) == 0;
}

/* Each flow takes a connection to the peer and one to the next hop. */
static void write_configuration(const char *path, const struct scene *scene, struct scene_ports ports,
                                const char *folder)
{
    const struct sockaddr_in hop = scene_next_hop(0);
    FILE *f = fopen(path, "w");

    must(f != NULL, path);
    fprintf(f,
            "load_module " NGINX_STREAM ";\n"
            "daemon off;\nmaster_process off;\nworker_processes 1;\n"
            "pid %s/nginx.pid;\nerror_log %s/nginx.log warn;\nworker_rlimit_nofile %u;\n"
            "events { worker_connections %u; multi_accept on; }\n"
            "stream {\n access_log off;\n proxy_timeout 10m;\n"
            " server { listen 127.0.0.1:%u udp rcvbuf=4m; proxy_pass %s:%u; }\n}\n",
            folder, folder, scene->flows + 1000, 2 * scene->flows + 1000, ports.first,
            inet_ntoa(hop.sin_addr), ntohs(hop.sin_port));
    must(fclose(f) == 0, path);
}

pid_t nginx_start(const struct scene *scene, struct scene_ports ports, const char *folder)
{
    char configuration[256];
    char log[256];
    const char *const argv[] = {NGINX, "-c", configuration, "-e", log, "-p", folder, NULL};
    pid_t pid;

    snprintf(configuration, sizeof configuration, "%s/nginx.conf", folder);
    snprintf(log, sizeof log, "%s/nginx.log", folder);
    write_configuration(configuration, scene, ports, folder);
    pid = process_start(argv, log);
    process_sleep_ms(500);
    must(!process_is_over(pid), "nginx did not start");
    return pid;
}
