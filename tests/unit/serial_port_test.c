/* Serial lines of the configuration: how they are written and named, and what a device is set to when it is
 * opened. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "serial_port.h"
#include "temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

static struct serial_port parsed(const char *text)
{
    struct serial_port port;

    assert_int_equal(serial_port_parse(text, strlen(text), &port), SSM_OK);
    return port;
}

static void expect_refusal(const char *text, enum status status)
{
    struct serial_port port;

    assert_int_equal(serial_port_parse(text, strlen(text), &port), status);
}

static void test_how_a_line_is_written(void **state)
{
    struct serial_port port = parsed("/dev/ttyUSB0");

    (void)state;
    assert_string_equal(port.name, "serial:/dev/ttyUSB0");
    assert_int_equal(port.baud, 115200);
    port = parsed("/dev/ttyACM1@9600");
    assert_string_equal(port.name, "serial:/dev/ttyACM1");
    assert_int_equal(port.baud, 9600);
    assert_int_equal(parsed("/dev/ttyS1@1000000").baud, 1000000);
    port = parsed("unix:/run/b@57600"); /* no rate */
    assert_string_equal(port.name, "unix:/run/b@57600");
    assert_int_equal(port.baud, 0);
    expect_refusal("ttyUSB0", SSM_MALFORMED);
    expect_refusal("@9600", SSM_MALFORMED);
    expect_refusal("unix:", SSM_MALFORMED);
    expect_refusal("unix:run/x", SSM_MALFORMED);
    expect_refusal("/dev/ttyUSB0@", SSM_UNSUPPORTED);
    expect_refusal("/dev/ttyUSB0@57601", SSM_UNSUPPORTED);
    expect_refusal("/dev/ttyUSB0@-9600", SSM_UNSUPPORTED);
    expect_refusal("/dev/ttyUSB0@9600 ", SSM_UNSUPPORTED);
    expect_refusal("/dev/ttyUSB0@4294976896", SSM_UNSUPPORTED); /* 2^32 + 9600 */
    expect_refusal("/dev/tty@USB0@9600", SSM_UNSUPPORTED);
}

static void test_a_path_is_bounded(void **state)
{
    char text[SERIAL_PATH_MAX + 1];
    struct serial_port port;

    (void)state;
    memset(text, '/', sizeof text);
    assert_int_equal(serial_port_parse(text, SERIAL_PATH_MAX - 1, &port), SSM_OK);
    assert_int_equal(strlen(port.name), strlen("serial:") + SERIAL_PATH_MAX - 1);
    assert_int_equal(serial_port_parse(text, SERIAL_PATH_MAX, &port), SSM_NO_ROOM);
}

static void test_a_name_is_an_endpoint(void **state)
{
    const struct endpoint udp = {.addr = {0xFD, [15] = 1}, .port = 1};
    const struct endpoint mapped = {.addr = {[10] = 0xFF, [11] = 0xFF, [15] = 1}, .port = 1};
    const struct endpoint all_nodes = {.addr = {0xFF, 0x02, [15] = 1}, .port = 1};
    struct serial_ports ports = {.list = {parsed("/dev/a"), parsed("unix:/dev/a")}, .count = 2};
    struct serial_port slow = parsed("/dev/a@9600");
    struct serial_port other = parsed("/dev/b");
    struct endpoint e = serial_port_endpoint(&slow);
    char text[SERIAL_NAME_MAX];

    (void)state;
    assert_true(endpoint_is_line(&e));
    assert_false(endpoint_is_line(&udp));
    assert_false(endpoint_is_line(&mapped));
    assert_false(endpoint_is_line(&all_nodes));
    assert_false(endpoint_is_line(&(struct endpoint){.port = 0}));
    assert_ptr_equal(serial_ports_find(&ports, &e), &ports.list[0]); /* whatever its rate */
    assert_string_equal(serial_ports_text(&ports, &e, text), "serial:/dev/a");
    e = serial_port_endpoint(&ports.list[1]);
    assert_ptr_equal(serial_ports_find(&ports, &e), &ports.list[1]);
    e = serial_port_endpoint(&other);
    assert_null(serial_ports_find(&ports, &e));
    assert_memory_equal(serial_ports_text(&ports, &e, text), "[ff00::", 7);
    assert_string_equal(serial_ports_text(&ports, &mapped, text), "0.0.0.1:1");
    assert_string_equal(serial_ports_text(&ports, NULL, text), "-");
    /* The databases of gateways hold it. */
    e = endpoint_of_line("a", 1);
    assert_memory_equal(e.addr, "\xFF\0\0\0\0\0\0\0\x8c\xec\x01\x86\x4c\xdc\x63\xaf", 16);
    assert_int_equal(e.port, 1);
}

static void test_a_device_is_set_up(void **state)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    struct serial_port port;
    struct termios line;
    int flags;
    int fd;

    (void)state;
    assert_int_equal(grantpt(master) | unlockpt(master), 0);
    port = parsed(ptsname(master));
    assert_int_equal(serial_port_open(&port, &fd), SSM_OK);
    flags = fcntl(fd, F_GETFL);
    assert_int_equal(flags & (O_NONBLOCK | O_ACCMODE), O_NONBLOCK | O_RDWR);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(tcgetattr(fd, &line), 0);
    assert_int_equal(line.c_iflag, INPCK | PARMRK);
    assert_int_equal(line.c_oflag, 0);
    assert_int_equal(line.c_lflag, 0);
    assert_int_equal(line.c_cflag & (CSIZE | CSTOPB | PARENB | CRTSCTS | CLOCAL | CREAD | HUPCL),
                     CS8 | CLOCAL | CREAD);
    assert_int_equal(cfgetospeed(&line), B115200);
    assert_int_equal(cfgetispeed(&line), B115200);
    serial_port_close(fd);
    port.baud = 57600;
    assert_int_equal(serial_port_open(&port, &fd), SSM_OK);
    assert_int_equal(tcgetattr(fd, &line), 0);
    assert_int_equal(cfgetospeed(&line), B57600);
    serial_port_close(fd);
    close(master);
}

static void expect_failure(const struct serial_port *port, int error)
{
    int fd;

    assert_int_equal(serial_port_open(port, &fd), SSM_IO);
    assert_int_equal(errno, error);
}

static void test_what_cannot_be_opened(void **state)
{
    struct temporary t;
    struct serial_port port;
    int fd;

    (void)state;
    temporary_open(&t);
    port = parsed(temporary_file(&t, "tty"));
    expect_failure(&port, ENOENT);
    fd = open(t.file, O_CREAT | O_WRONLY, 0600);
    expect_failure(&port, ENOTTY);
    close(fd);
    temporary_close(&t);
}

static void test_a_stream_socket(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct temporary t;
    char text[80];
    struct serial_port port;
    int there;
    int fd;

    (void)state;
    temporary_open(&t);
    strcpy(address.sun_path, temporary_file(&t, "board"));
    snprintf(text, sizeof text, "unix:%s", t.file);
    port = parsed(text);
    expect_failure(&port, ENOENT);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    expect_failure(&port, ECONNREFUSED);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(serial_port_open(&port, &fd), SSM_OK);
    there = accept(listener, NULL, NULL);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(read(there, text, sizeof text), 1);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    serial_port_close(fd);
    close(there);
    close(listener);
    temporary_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_a_line_is_written), cmocka_unit_test(test_a_path_is_bounded),
        cmocka_unit_test(test_a_name_is_an_endpoint), cmocka_unit_test(test_a_device_is_set_up),
        cmocka_unit_test(test_what_cannot_be_opened), cmocka_unit_test(test_a_stream_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
