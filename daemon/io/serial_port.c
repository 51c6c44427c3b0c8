#include "serial_port.h"

#include "endpoint_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

enum { BAUD_DEFAULT = 115200 };

static const char device_prefix[] = "serial:";
static const char socket_prefix[] = "unix:";

static const struct {
    uint32_t baud;
    speed_t speed;
} rates[] = {
    {9600, B9600},     {19200, B19200},   {38400, B38400},   {57600, B57600},   {115200, B115200},
    {230400, B230400}, {460800, B460800}, {500000, B500000}, {921600, B921600}, {1000000, B1000000},
};

/* B0, "hang up": there is no such rate. */
static speed_t speed_of(uint32_t baud)
{
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        if (rates[i].baud == baud)
            return rates[i].speed;
    }
    return B0;
}

/* ---- names ---- */

static enum status set_name(struct serial_port *port, const char *prefix, const char *path, size_t len)
{
    if (len == 0 || path[0] != '/')
        return SSM_MALFORMED;
    if (len >= SERIAL_PATH_MAX)
        return SSM_NO_ROOM;
    snprintf(port->name, sizeof port->name, "%s%.*s", prefix, (int)len, path);
    return SSM_OK;
}

static enum status set_baud(struct serial_port *port, const char *text, size_t len)
{
    uint32_t baud = 0;

    if (len == 0 || len > strlen("1000000") || strspn(text, "0123456789") < len)
        return SSM_UNSUPPORTED;
    for (size_t i = 0; i < len; i++)
        baud = 10 * baud + (uint32_t)(text[i] - '0');
    port->baud = baud;
    return speed_of(baud) != B0 ? SSM_OK : SSM_UNSUPPORTED;
}

enum status serial_port_parse(const char *text, size_t len, struct serial_port *out)
{
    const size_t prefix_len = strlen(socket_prefix);
    const char *at = memchr(text, '@', len);
    enum status status;

    *out = (struct serial_port){.baud = 0};
    if (len >= prefix_len && memcmp(text, socket_prefix, prefix_len) == 0)
        return set_name(out, socket_prefix, text + prefix_len, len - prefix_len);
    out->baud = BAUD_DEFAULT;
    status = set_name(out, device_prefix, text, at != NULL ? (size_t)(at - text) : len);
    if (status == SSM_OK && at != NULL)
        status = set_baud(out, at + 1, len - (size_t)(at + 1 - text));
    return status;
}

struct endpoint serial_port_endpoint(const struct serial_port *port)
{
    return endpoint_of_line(port->name, strlen(port->name));
}

const struct serial_port *serial_ports_find(const struct serial_ports *ports, const struct endpoint *endpoint)
{
    for (size_t i = 0; i < ports->count && endpoint_is_line(endpoint); i++) {
        struct endpoint each = serial_port_endpoint(&ports->list[i]);

        if (endpoint_equal(&each, endpoint))
            return &ports->list[i];
    }
    return NULL;
}

const char *serial_ports_text(const struct serial_ports *ports, const struct endpoint *endpoint,
                              char out[SERIAL_NAME_MAX])
{
    const struct serial_port *port = endpoint != NULL ? serial_ports_find(ports, endpoint) : NULL;

    _Static_assert((int)SERIAL_NAME_MAX >= (int)ENDPOINT_TEXT_MAX, "either fits");
    if (port == NULL)
        return endpoint_text(endpoint, out);
    memcpy(out, port->name, sizeof port->name);
    return out;
}

/* ---- opening ---- */

/* Breaks and framing errors come as \377 \0 and one more byte, and \377 itself as \377 \377. The modem's
 * lines are left alone when the device is closed: boards take that for a reset. */
static bool set_line(int fd, speed_t speed)
{
    struct termios wanted;
    struct termios got;

    if (tcgetattr(fd, &wanted) != 0)
        return false;
    wanted.c_iflag = INPCK | PARMRK;
    wanted.c_oflag = 0;
    wanted.c_lflag = 0;
    wanted.c_cflag = CS8 | CREAD | CLOCAL;
    wanted.c_cc[VMIN] = 1;
    wanted.c_cc[VTIME] = 0;
    if (cfsetispeed(&wanted, speed) != 0 || cfsetospeed(&wanted, speed) != 0 ||
        tcsetattr(fd, TCSANOW, &wanted) != 0 || tcgetattr(fd, &got) != 0)
        return false;
    if (cfgetospeed(&got) != speed) { /* tcsetattr is content with a part of it */
        errno = EINVAL;
        return false;
    }
    return ioctl(fd, TIOCEXCL) == 0 && tcflush(fd, TCIFLUSH) == 0;
}

static bool connect_to(int fd, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path) + 1);
    return connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

enum status serial_port_open(const struct serial_port *port, int *fd)
{
    const char *path = strchr(port->name, '/');
    bool is_ready;
    int error;
    int f;

    if (port->baud == 0)
        f = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    else
        f = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (f < 0)
        return SSM_IO;
    is_ready = port->baud == 0 ? connect_to(f, path) : set_line(f, speed_of(port->baud));
    if (is_ready) {
        *fd = f;
        return SSM_OK;
    }
    error = errno;
    close(f);
    errno = error;
    return SSM_IO;
}

/* Without the flush the kernel would wait for what it holds, as long as that takes. */
void serial_port_close(int fd)
{
    (void)tcflush(fd, TCIOFLUSH);
    close(fd);
}
