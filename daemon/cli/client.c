#include "client.h"
#include "bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_S = 15 }; /* ssmd answers within 5 s, also when a process of it does not */

static void explain_connect(const char *path, int error, FILE *err)
{
    const char *hint = error == EACCES || error == EPERM ? "are you root, or in its group? (ls -l shows it)"
                                                         : "is it running? (systemctl status ssmd)";

    fprintf(err, "ssmctl: cannot reach ssmd at %s: %s; %s\n", path, strerror(error), hint);
}

int client_connect(const char *path, FILE *err)
{
    static const struct timeval wait = {.tv_sec = WAIT_S};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        explain_connect(path, ENAMETOOLONG, err);
        return -1;
    }
    strcpy(address.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) == 0 &&
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    explain_connect(path, errno, err);
    if (fd >= 0)
        close(fd);
    return -1;
}

struct reply_source {
    int fd;
    int error;
};

static size_t receive(void *buffer, size_t len, void *arg)
{
    struct reply_source *source = arg;
    ssize_t got;

    do
        got = recv(source->fd, buffer, len, 0);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        return (size_t)got;
    source->error = errno;
    return (size_t)-1;
}

/* A caller that is turned away finds the reason waiting although it cannot send any more: so a failed send is
 * no error yet. */
static void send_line(int fd, const json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    size_t len = text == NULL ? 0 : strlen(text);
    char newline = '\n';
    struct iovec parts[2] = {{.iov_base = text, .iov_len = len}, {.iov_base = &newline, .iov_len = 1}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
        shutdown(fd, SHUT_WR);
    bytes_wipe(text, len);
    free(text);
}

json_t *client_exchange(int fd, const json_t *request, FILE *err)
{
    struct reply_source source = {.fd = fd};
    json_error_t where;
    json_t *reply;
    const char *refusal;

    send_line(fd, request);
    reply = json_load_callback(receive, &source, JSON_DISABLE_EOF_CHECK, &where);
    if (json_is_true(json_object_get(reply, "ok")))
        return reply;
    refusal = json_string_value(json_object_get(reply, "error"));
    if (refusal != NULL)
        fprintf(err, "ssmctl: %s\n", refusal);
    else if (source.error == EAGAIN)
        fprintf(err, "ssmctl: ssmd did not answer within %d s; the log says more (journalctl -u ssmd)\n",
                WAIT_S);
    else
        fprintf(err, "ssmctl: ssmd ended the connection; the log says why (journalctl -u ssmd)\n");
    json_decref(reply);
    return NULL;
}
