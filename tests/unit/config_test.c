/* The configuration: defaults, every kind of value, every fault with its line and option. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Parses a text; `faults` becomes what was reported, the caller's to free. */
static enum status parse(struct config *c, const char *text, size_t len, char **faults)
{
    size_t size;
    FILE *err = open_memstream(faults, &size);
    enum status status = config_parse(c, "ssmd.conf", text, len, err);

    fclose(err);
    return status;
}

static void expect_faults(const char *text, const char *wanted)
{
    struct config c;
    char *faults;

    assert_int_equal(parse(&c, text, strlen(text), &faults), SSM_MALFORMED);
    assert_string_equal(faults, wanted);
    free(faults);
}

static struct config expect_fine(const char *text)
{
    struct config c;
    char *faults;

    assert_int_equal(parse(&c, text, strlen(text), &faults), SSM_OK);
    assert_string_equal(faults, "");
    free(faults);
    return c;
}

static void expect_address(const struct endpoint *e, const char *address, uint16_t port)
{
    char text[INET6_ADDRSTRLEN];

    assert_string_equal(inet_ntop(AF_INET6, e->addr, text, sizeof text), address);
    assert_int_equal(e->port, port);
}

static void test_defaults_are_what_an_empty_file_gives(void **state)
{
    struct config c = expect_fine("");
    struct config d;

    (void)state;
    assert_int_equal(config_parse(&d, "empty", "", 0, stderr), SSM_OK);
    assert_memory_equal(&c, &d, sizeof c);
    assert_int_equal(c.gateway_id.len, 7);
    assert_memory_equal(c.gateway_id.text, "gateway", 7);
    assert_string_equal(c.user, "ssm");
    assert_string_equal(c.state_dir, "/var/lib/ssm");
    assert_string_equal(c.storage_key, "");
    expect_address(&c.peer_address, "::", 5684);
    expect_address(&c.link_address, "::", 5685);
    assert_int_equal(c.node_port_first, 20000);
    assert_int_equal(c.node_port_last, 20999);
    assert_int_equal(c.link_mtu, 94);
    assert_int_equal(c.handover_timeout_s, 20);
    assert_int_equal(c.unused_timeout_s, 35);
    assert_int_equal(c.log_level, 6);
    assert_string_equal(c.certificate, "");
    assert_string_equal(c.client_ca, "");
    assert_string_equal(c.rsa_certificate_key, "");
    assert_int_equal(c.server_names.count, 0);
    assert_int_equal(c.serial_links.count, 0);
    assert_int_equal(c.workers, 0);
}

static void test_every_kind_of_value(void **state)
{
    struct config c = expect_fine("# a comment\n"
                                  "gateway_id = gw-1.home\r\n"
                                  "\tuser=\n"
                                  "state_dir = /srv/with space # and a comment\n"
                                  "storage_key = /srv/a#b\n"
                                  "peer_address = 127.0.0.2\n"
                                  "shared_port = 0\n"
                                  "node_ports = 30000-30000\n"
                                  "link_address = 2001:db8::1\n"
                                  "link_port = 6000\n"
                                  "log_level = debug\n"
                                  "link_mtu = 1200");

    (void)state;
    assert_memory_equal(c.gateway_id.text, "gw-1.home", 9);
    assert_string_equal(c.user, "");
    assert_string_equal(c.state_dir, "/srv/with space");
    assert_string_equal(c.storage_key, "/srv/a#b");
    expect_address(&c.peer_address, "::ffff:127.0.0.2", 0);
    expect_address(&c.link_address, "2001:db8::1", 6000);
    assert_int_equal(c.node_port_first, 30000);
    assert_int_equal(c.node_port_last, 30000);
    assert_int_equal(c.log_level, 7);
    assert_int_equal(c.link_mtu, 1200);
}

static void test_all_faults_are_listed(void **state)
{
    (void)state;
    expect_faults("link_mtuu = 94\n"
                  "\n"
                  "link_mtu 94\n"
                  "link_mtu = 94\n"
                  "link_mtu = 95\n",
                  "ssmd.conf:1: link_mtuu: unknown option; did you mean link_mtu?\n"
                  "ssmd.conf:3: link_mtu 94: '=' is missing: write option = value\n"
                  "ssmd.conf:5: link_mtu: set already on line 4\n");
}

static void test_unknown_option_far_from_all(void **state)
{
    (void)state;
    expect_faults("colour_of_the_house = red",
                  "ssmd.conf:1: colour_of_the_house: unknown option; ssmd --help-config lists all\n");
    expect_faults("= 5", "ssmd.conf:1: : unknown option; ssmd --help-config lists all\n");
}

static void test_numbers_out_of_bounds(void **state)
{
    (void)state;
    expect_faults("link_mtu = 77", "ssmd.conf:1: link_mtu: 77 is out of bounds: 78 to 1200\n");
    expect_faults("link_mtu = 1201", "ssmd.conf:1: link_mtu: 1201 is out of bounds: 78 to 1200\n");
    expect_faults("link_mtu = 99999999999999999999999",
                  "ssmd.conf:1: link_mtu: 99999999999999999999999 is out of bounds: 78 to 1200\n");
    expect_faults("link_mtu = -94", "ssmd.conf:1: link_mtu: '-94' is not a number\n");
    expect_faults("link_mtu = 94 bytes", "ssmd.conf:1: link_mtu: '94 bytes' is not a number\n");
    expect_faults("link_mtu =", "ssmd.conf:1: link_mtu: '' is not a number\n");
    expect_faults("link_port = 0", "ssmd.conf:1: link_port: 0 is out of bounds: 1 to 65535\n");
    expect_faults("shared_port = 65536", "ssmd.conf:1: shared_port: 65536 is out of bounds: 0 to 65535\n");
}

static void test_texts_that_are_wrong(void **state)
{
    char text[300];

    (void)state;
    expect_faults("state_dir = lib/ssm", "ssmd.conf:1: state_dir: 'lib/ssm' is not an absolute path\n");
    expect_faults("state_dir =", "ssmd.conf:1: state_dir: '' is not an absolute path\n");
    expect_faults("gateway_id = my gateway", "ssmd.conf:1: gateway_id: 'my gateway' is not a name of 1 to 32 "
                                             "characters out of A-Z a-z 0-9 . _ -\n");
    expect_faults("peer_address = localhost",
                  "ssmd.conf:1: peer_address: 'localhost' is not an IPv4 or IPv6 address\n");
    expect_faults("log_level = loud",
                  "ssmd.conf:1: log_level: 'loud' is not one of err, warning, notice, info, debug\n");
    snprintf(text, sizeof text, "admin_socket = /%0107d", 0);
    expect_faults(text, "ssmd.conf:1: admin_socket: too long: at most 107 bytes\n");
    snprintf(text, sizeof text, "admin_socket = /%0106d", 0);
    expect_fine(text);
}

static void expect_name(const struct config *c, size_t i, const char *name)
{
    assert_int_equal(c->server_names.names[i].len, strlen(name));
    assert_memory_equal(c->server_names.names[i].text, name, strlen(name));
}

static void test_server_names(void **state)
{
    struct config c = expect_fine("server_names = Gate.Example. \t home-1  xn--bcher-kva.example\n");

    (void)state;
    assert_int_equal(c.server_names.count, 3);
    expect_name(&c, 0, "gate.example");
    expect_name(&c, 1, "home-1");
    expect_name(&c, 2, "xn--bcher-kva.example");
    assert_int_equal(expect_fine("server_names = a b c d e f g h").server_names.count, 8);
    expect_faults("server_names = a b c d e f g h i",
                  "ssmd.conf:1: server_names: too many names: at most 8\n");
    expect_faults("server_names = a.b A.B.", "ssmd.conf:1: server_names: 'A.B.' is there twice\n");
}

static void test_server_names_that_are_none(void **state)
{
    static const char *const names[] = {"a,b", "-a",  "a-",  "a..b", ".a",          ".",         "192.0.2.1",
                                        "a.7", "::1", "*.a", "a_b",  "caf\xC3\xA9", "http://a/", "a.b:5684"};
    char text[200];
    char wanted[400];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(text, sizeof text, "server_names = fine %s", names[i]);
        snprintf(
            wanted, sizeof wanted,
            "ssmd.conf:1: server_names: '%s' is not a name of a host: letters, digits and hyphens with dots "
            "between, at most 64 bytes\n",
            names[i]);
        expect_faults(text, wanted);
    }
    snprintf(text, sizeof text, "server_names = %031d.%031dx", 0, 0); /* 64 bytes */
    expect_fine(text);
    snprintf(text, sizeof text, "server_names = %031d.%032dx", 0, 0);
    snprintf(wanted, sizeof wanted,
             "ssmd.conf:1: server_names: '%s' is not a name of a host: letters, digits and hyphens with dots "
             "between, at most 64 bytes\n",
             text + strlen("server_names = "));
    expect_faults(text, wanted);
}

static void test_serial_links(void **state)
{
    struct config c =
        expect_fine("serial_links =\t/dev/ttyUSB0  /dev/ttyUSB1@57600 unix:/run/x.sock # three\n");

    (void)state;
    assert_int_equal(c.serial_links.count, 3);
    assert_string_equal(c.serial_links.list[0].name, "serial:/dev/ttyUSB0");
    assert_int_equal(c.serial_links.list[0].baud, 115200);
    assert_string_equal(c.serial_links.list[1].name, "serial:/dev/ttyUSB1");
    assert_int_equal(c.serial_links.list[1].baud, 57600);
    assert_string_equal(c.serial_links.list[2].name, "unix:/run/x.sock");
    assert_int_equal(c.serial_links.list[2].baud, 0);
}

static void test_serial_links_that_are_none(void **state)
{
    char text[400];
    char wanted[400];
    size_t len;

    (void)state;
    expect_faults(
        "\nserial_links = /dev/ttyUSB0 ttyUSB1",
        "ssmd.conf:2: serial_links: 'ttyUSB1' is not a device, such as /dev/ttyUSB0, nor unix: and an "
        "absolute path\n");
    expect_faults(
        "serial_links = /dev/ttyUSB0@1",
        "ssmd.conf:1: serial_links: '/dev/ttyUSB0@1' has no rate that is served: 9600, 19200, 38400, "
        "57600, 115200, 230400, 460800, 500000, 921600 or 1000000\n");
    expect_faults("serial_links = /dev/ttyUSB0 unix:/x /dev/ttyUSB0@57600",
                  "ssmd.conf:1: serial_links: '/dev/ttyUSB0@57600' is there twice\n");
    snprintf(text, sizeof text, "serial_links = /%0107d", 0);
    snprintf(wanted, sizeof wanted,
             "ssmd.conf:1: serial_links: '/%0107d' is too long: a path of at most 107 bytes\n", 0);
    expect_faults(text, wanted);
    len = (size_t)snprintf(text, sizeof text, "serial_links =");
    for (int i = 0; i < SERIAL_PORTS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, " /dev/%d", i);
    assert_int_equal(expect_fine(text).serial_links.count, SERIAL_PORTS_MAX);
    snprintf(text + len, sizeof text - len, " /dev/x");
    expect_faults(text, "ssmd.conf:1: serial_links: too many lines: at most 16\n");
}

static void test_certificates_come_with_their_keys(void **state)
{
    struct config c = expect_fine("certificate = /a.crt\ncertificate_key = /a.key\nclient_ca = /ca.crt\n"
                                  "rsa_certificate = /r.crt\nrsa_certificate_key = /r.key\nworkers = 64\n");

    (void)state;
    assert_string_equal(c.certificate, "/a.crt");
    assert_string_equal(c.certificate_key, "/a.key");
    assert_string_equal(c.client_ca, "/ca.crt");
    assert_string_equal(c.rsa_certificate, "/r.crt");
    assert_string_equal(c.rsa_certificate_key, "/r.key");
    assert_int_equal(c.workers, 64);
    expect_faults("\ncertificate = /a.crt\n",
                  "ssmd.conf:2: certificate_key: missing: certificate needs its private key\n");
    expect_faults("\n\ncertificate_key = /a.key\n",
                  "ssmd.conf:3: certificate: missing: certificate_key needs its certificate\n");
    expect_faults("rsa_certificate_key = /a.key\nrsa_certificate =\n",
                  "ssmd.conf:1: rsa_certificate: missing: rsa_certificate_key needs its certificate\n");
    expect_faults("certificate = a.crt\ncertificate_key = /a.key\n",
                  "ssmd.conf:1: certificate: 'a.crt' is not an absolute path\n");
    expect_faults("workers = 65", "ssmd.conf:1: workers: 65 is out of bounds: 0 to 64\n");
}

static void test_ports_that_collide(void **state)
{
    (void)state;
    expect_faults("node_ports = 3000-2000",
                  "ssmd.conf:1: node_ports: the first port (3000) is above the last (2000)\n");
    expect_faults("node_ports = 3000",
                  "ssmd.conf:1: node_ports: '3000' is not FIRST-LAST, such as 20000-20999\n");
    expect_faults("node_ports = 1023-2000",
                  "ssmd.conf:1: node_ports: 1023 is out of bounds: 1024 to 65535\n");
    expect_faults("\nnode_ports = 5000-6000",
                  "ssmd.conf:2: shared_port: 5684 lies within node_ports (5000-6000)\n"
                  "ssmd.conf:2: link_port: 5685 lies within node_ports (5000-6000)\n");
    expect_faults("\n\nshared_port = 20999",
                  "ssmd.conf:3: shared_port: 20999 lies within node_ports (20000-20999)\n");
    expect_faults("link_port = 5684", "ssmd.conf:1: link_port: 5684 is the shared_port\n");
}

static void test_bytes_that_are_no_text(void **state)
{
    static const char wanted[] =
        "ssmd.conf:1: the line holds a control character or bytes that are not UTF-8\n";
    static const struct {
        const char *text;
        size_t len;
    } lines[] = {
        {"user = a\0b", 10},
        {"user = \x1b[31m", 12},
        {"user = \xC0\xAF", 9},
        {"user = \xFF", 8},
        {"user = \xED\xA0\x80", 10},
        {"user = \xE2\x82", 9},
        {"user = \xF4\x90\x80\x80", 11},
        {"user = \x7F", 8},
    };
    struct config c;
    char *faults;

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        assert_int_equal(parse(&c, lines[i].text, lines[i].len, &faults), SSM_MALFORMED);
        assert_string_equal(faults, wanted);
        free(faults);
    }
    c = expect_fine("state_dir = /srv/\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\n");
    assert_string_equal(c.state_dir, "/srv/\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
}

static void test_line_too_long(void **state)
{
    char text[2049];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    expect_faults(text, "ssmd.conf:1: too long: at most 2047 bytes in a line\n");
    memcpy(text, "log_level = err #", 17);
    text[sizeof text - 2] = '\0';
    expect_fine(text);
}

static void test_files(void **state)
{
    char path[] = "/tmp/ssm-config-XXXXXX";
    int fd = mkstemp(path);
    FILE *null = fopen("/dev/null", "w");
    struct config c;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "link_mtu = 100\n", 15), 15);
    assert_int_equal(config_read(&c, path, null), SSM_OK);
    assert_int_equal(c.link_mtu, 100);
    for (int i = 0; i < 70; i++)
        assert_int_equal(dprintf(fd, "%01000d\n", 0), 1001);
    assert_int_equal(config_read(&c, path, null), SSM_MALFORMED);
    close(fd);
    unlink(path);
    assert_int_equal(config_read(&c, path, null), SSM_IO);
    assert_int_equal(config_read(&c, "/", null), SSM_IO);
    fclose(null);
}

/* What --help-config prints is itself a configuration, and the default one. */
static void test_help_is_the_default_configuration(void **state)
{
    struct config c;
    struct config d;
    char *help;
    char *faults;
    size_t size;
    FILE *out = open_memstream(&help, &size);

    (void)state;
    config_print_help(out);
    fclose(out);
    assert_int_equal(parse(&c, help, size, &faults), SSM_OK);
    assert_int_equal(config_parse(&d, "empty", "", 0, stderr), SSM_OK);
    assert_memory_equal(&c, &d, sizeof c);
    assert_non_null(strstr(help, "\nlink_mtu = 94\n"));
    free(help);
    free(faults);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_what_an_empty_file_gives),
        cmocka_unit_test(test_every_kind_of_value),
        cmocka_unit_test(test_all_faults_are_listed),
        cmocka_unit_test(test_unknown_option_far_from_all),
        cmocka_unit_test(test_numbers_out_of_bounds),
        cmocka_unit_test(test_texts_that_are_wrong),
        cmocka_unit_test(test_server_names),
        cmocka_unit_test(test_server_names_that_are_none),
        cmocka_unit_test(test_serial_links),
        cmocka_unit_test(test_serial_links_that_are_none),
        cmocka_unit_test(test_certificates_come_with_their_keys),
        cmocka_unit_test(test_ports_that_collide),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_line_too_long),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_help_is_the_default_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
