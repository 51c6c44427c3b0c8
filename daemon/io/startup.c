#include "startup.h"

#include "log.h"

#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
    BACKLOG = 16,
    STALE_TRIES = 10, /* an ssmd that was killed may not be gone yet */
    STALE_PAUSE_NS = 100000000,
};

static enum status path_error(const char *path, const char *what)
{
    log_line(LOG_ERR, "%s: %s: %s", path, what, strerror(errno));
    return SSM_IO;
}

/* ---- state directory ---- */

static enum status check_state_dir(const char *path, const struct sandbox_account *account)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return path_error(path, "cannot be examined");
    if (!S_ISDIR(st.st_mode)) {
        log_line(LOG_ERR, "%s: state_dir is not a directory", path);
        return SSM_IO;
    }
    if (st.st_uid != account->uid) {
        log_line(LOG_ERR, "%s: state_dir belongs to uid %u and not to uid %u that ssmd runs as; chown it",
                 path, (unsigned)st.st_uid, (unsigned)account->uid);
        return SSM_IO;
    }
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        log_line(LOG_ERR, "%s: state_dir is open to others (mode %04o); chmod 700 it", path,
                 (unsigned)(st.st_mode & 07777));
        return SSM_IO;
    }
    return SSM_OK;
}

enum status startup_state_dir(const struct config *config, const struct sandbox_account *account)
{
    const char *path = config->state_dir;

    if (mkdir(path, S_IRWXU) == 0) {
        if (account->change && chown(path, account->uid, account->gid) != 0)
            return path_error(path, "cannot be given to the user");
    } else if (errno != EEXIST) {
        return path_error(path, "state_dir cannot be made");
    }
    return check_state_dir(path, account);
}

/* ---- admin socket ---- */

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    SSM_ASSERT(strlen(path) < sizeof address.sun_path); /* config.c bounds it */
    strcpy(address.sun_path, path);
    return address;
}

/* Does anybody listen there? */
static bool is_answered(const char *path)
{
    struct sockaddr_un address = address_of(path);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); /* its queue may be full */
    bool answered = probe < 0 || connect(probe, (const struct sockaddr *)&address, sizeof address) == 0 ||
                    errno != ECONNREFUSED;

    if (probe >= 0)
        close(probe);
    return answered;
}

/* Of an ssmd that was killed. A socket on which somebody answers, or no socket at all, is left alone. */
static enum status remove_stale(const char *path)
{
    const struct timespec pause = {.tv_nsec = STALE_PAUSE_NS};
    struct stat st;
    int tries = 0;

    if (lstat(path, &st) != 0)
        return errno == ENOENT ? SSM_OK : path_error(path, "cannot be examined");
    if (!S_ISSOCK(st.st_mode)) {
        log_line(LOG_ERR, "%s: admin_socket: there is something else than a socket", path);
        return SSM_IO;
    }
    while (is_answered(path) && ++tries < STALE_TRIES)
        nanosleep(&pause, NULL);
    if (tries == STALE_TRIES) {
        log_line(LOG_ERR, "%s: another ssmd is running", path);
        return SSM_EXISTS;
    }
    return unlink(path) == 0 ? SSM_OK : path_error(path, "cannot be removed");
}

static enum status find_group(const char *name, gid_t *gid)
{
    const struct group *group = getgrnam(name);

    if (group == NULL) {
        log_line(LOG_ERR, "admin_group: there is no group '%s'", name);
        return SSM_NOT_FOUND;
    }
    *gid = group->gr_gid;
    return SSM_OK;
}

static enum status give_away(const struct config *config, const struct sandbox_account *account)
{
    gid_t gid = account->gid;

    if (config->admin_group[0] != '\0' && find_group(config->admin_group, &gid) != SSM_OK)
        return SSM_NOT_FOUND;
    if (chown(config->admin_socket, account->uid, gid) != 0)
        return path_error(config->admin_socket, "cannot be given to admin_group");
    if (chmod(config->admin_socket, S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP) != 0)
        return path_error(config->admin_socket, "its mode cannot be set");
    return SSM_OK;
}

static void make_directory_of(const char *path)
{
    char copy[CONFIG_SOCKET_MAX];
    const char *directory;

    snprintf(copy, sizeof copy, "%s", path);
    directory = dirname(copy);
    /* Whoever may use the socket has to be able to reach it. If this fails bind() says why. */
    if (mkdir(directory, S_IRWXU) == 0 &&
        chmod(directory, S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH) != 0)
        log_line(LOG_WARNING, "%s: cannot be opened to others: %s", directory, strerror(errno));
}

enum status startup_admin_socket(const struct config *config, const struct sandbox_account *account, int *fd)
{
    struct sockaddr_un address = address_of(config->admin_socket);
    enum status status = remove_stale(config->admin_socket);
    int s;

    if (status != SSM_OK)
        return status;
    make_directory_of(config->admin_socket);
    s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0)
        return path_error(config->admin_socket, "cannot be opened");
    if (bind(s, (const struct sockaddr *)&address, sizeof address) != 0 || listen(s, BACKLOG) != 0) {
        status = path_error(config->admin_socket, "cannot be opened");
        close(s);
        return status;
    }
    status = give_away(config, account);
    if (status != SSM_OK) {
        close(s);
        unlink(config->admin_socket);
        return status;
    }
    *fd = s;
    return SSM_OK;
}
