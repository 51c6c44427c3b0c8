/* The pseudo terminal, opened as a gateway opens a serial device. */
#include "line.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

enum { WAIT_MS = 10000 };

static struct line line;
static char folder[] = "/tmp/emu-line-XXXXXX", name[64];

static int setup(void **state)
{
    (void)state;
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(name, sizeof name, "%s/tty", folder);
    line_init(&line);
    assert_true(line_open(&line, name));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    line_close(&line);
    return rmdir(folder); /* nothing is left in it */
}

static int open_outside(void)
{
    int fd = open(name, O_RDWR | O_NOCTTY);

    assert_true(fd >= 0);
    return fd;
}

static void send(const char *bytes)
{
    for (; *bytes; bytes++)
        line_send(&line, (uint8_t)*bytes);
}

static void is_a_raw_terminal(void **state)
{
    struct termios settings;
    int fd = open_outside();

    (void)state;
    assert_int_equal(tcgetattr(fd, &settings), 0);
    assert_int_equal(settings.c_lflag & (tcflag_t)(ICANON | ECHO | ISIG), 0);
    assert_int_equal(settings.c_oflag & (tcflag_t)OPOST, 0);
    close(fd);
}

static void bytes_pass_unchanged(void **state)
{
    static const uint8_t BYTES[] = {0x00, 0x03, 0x0A, 0x0D, 0x11, 0x13, 0xC0, 0xDB, 0xFF};
    uint8_t got[sizeof BYTES];
    int fd = open_outside();
    struct pollfd master = {.fd = line.fd, .events = POLLIN};

    (void)state;
    assert_int_equal(write(fd, BYTES, sizeof BYTES), sizeof BYTES);
    while (line.count < sizeof BYTES) {
        assert_int_equal(poll(&master, 1, WAIT_MS), 1);
        line_poll(&line);
    }
    for (size_t i = 0; i < sizeof BYTES; i++) {
        assert_int_equal(line_take(&line), BYTES[i]);
        line_send(&line, BYTES[i]);
    }
    for (size_t len = 0; len < sizeof got; len++)
        assert_int_equal(read(fd, got + len, 1), 1);
    assert_memory_equal(got, BYTES, sizeof got);
    close(fd);
}

/* A serial line keeps nothing for who comes later. */
static void what_nobody_hears_is_gone(void **state)
{
    char byte;
    int fd;

    (void)state;
    send("lost");
    assert_int_equal(line.dropped, 4);
    fd = open_outside();
    send("k");
    assert_int_equal(read(fd, &byte, 1), 1);
    assert_int_equal(byte, 'k');
    close(fd);
    send("lost");
    assert_int_equal(line.dropped, 8);
}

static void link_takes_the_place_of_a_stale_one(void **state)
{
    struct line second;

    (void)state;
    line_init(&second);
    assert_true(line_open(&second, name));
    close(second.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_a_raw_terminal, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_pass_unchanged, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_hears_is_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(link_takes_the_place_of_a_stale_one, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
