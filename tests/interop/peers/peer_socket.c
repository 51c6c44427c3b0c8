#include "peer_socket.h"

#include <err.h>
#include <netdb.h>
#include <stddef.h>
#include <sys/socket.h>

int peer_socket_connect(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found;
    int error = getaddrinfo(host, port, &hints, &found);
    if (error != 0)
        errx(1, "%s port %s: %s", host, port, gai_strerror(error));
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) != 0)
        err(1, "%s port %s", host, port);
    freeaddrinfo(found);
    return fd;
}
