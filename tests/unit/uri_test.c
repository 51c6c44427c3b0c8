/* URIs of servers: what is taken, in which form, and what is said of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "uri.h"

#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void assert_taken(const char *text, enum uri_host kind, const char *host, uint16_t port,
                         const char *canonical)
{
    struct uri uri;
    char again[URI_LEN_MAX + 1];
    const char *fault = "";

    if (uri_parse(text, strlen(text), &uri, &fault) != SSM_OK)
        fail_msg("%s %s", text, fault);
    assert_null(fault);
    assert_int_equal(uri.kind, kind);
    assert_string_equal(uri.host, host);
    assert_int_equal(uri_host_len(&uri), strlen(host));
    assert_int_equal(uri.port, port);
    assert_int_equal(uri_print(&uri, again), strlen(canonical));
    assert_string_equal(again, canonical);
}

static void names_are_lower_case_and_the_port_has_a_default(void **state)
{
    (void)state;
    assert_taken("coaps://server", URI_HOST_NAME, "server", 5684, "coaps://server");
    assert_taken("COAPS://Server.Example.:5684", URI_HOST_NAME, "server.example", 5684,
                 "coaps://server.example");
    assert_taken("coaps://a-1.b:", URI_HOST_NAME, "a-1.b", 5684, "coaps://a-1.b");
    assert_taken("coaps://s:1", URI_HOST_NAME, "s", 1, "coaps://s:1");
    assert_taken("coaps://s:65535", URI_HOST_NAME, "s", 65535, "coaps://s:65535");
    assert_taken("coaps://0x7f", URI_HOST_NAME, "0x7f", 5684, "coaps://0x7f");
    assert_taken("coaps://an.example.that.is.as.long.as.it.may.be.", URI_HOST_NAME,
                 "an.example.that.is.as.long.as.it.may.be", 5684,
                 "coaps://an.example.that.is.as.long.as.it.may.be");
}

static void addresses_have_one_form(void **state)
{
    static const char *const ipv6[][2] = {
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"0:0:0:0:0:0:0:1", "::1"},
        {"2001:0DB8::00a0", "2001:db8::a0"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"},
        {"1:2:3:4:5:6::", "1:2:3:4:5:6::"},
        {"::3:4:5:6:7:8", "::3:4:5:6:7:8"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"ffff::ffff:ffff", "ffff::ffff:ffff"},
    };
    char text[64];
    char canonical[64];

    (void)state;
    assert_taken("coaps://192.0.2.1", URI_HOST_IPV4, "192.0.2.1", 5684, "coaps://192.0.2.1");
    assert_taken("coaps://255.0.0.0:7", URI_HOST_IPV4, "255.0.0.0", 7, "coaps://255.0.0.0:7");
    for (size_t i = 0; i < COUNT(ipv6); i++) {
        snprintf(text, sizeof text, "coaps://[%s]:8000", ipv6[i][0]);
        snprintf(canonical, sizeof canonical, "coaps://[%s]:8000", ipv6[i][1]);
        assert_taken(text, URI_HOST_IPV6, ipv6[i][1], 8000, canonical);
    }
}

static const struct {
    const char *text;
    const char *fault;
} FAULTS[] = {
    {"", "coaps://"},
    {"coap://s", "coaps://"},
    {"coaps:/s", "coaps://"},
    {"https://s", "coaps://"},
    {"coaps//:s", "coaps://"},
    {"coaps://", "host"},
    {"coaps://:5684", "host"},
    {"coaps://s p", "host"},
    {"coaps://-s", "host"},
    {"coaps://s..t", "host"},
    {"coaps://s_t", "host"},
    {"coaps://%41", "host"},
    {"coaps://1.2.3", "host"},
    {"coaps://1.2.3.256", "host"},
    {"coaps://1.2.3.04", "host"},
    {"coaps://1.2.3.4.5", "host"},
    {"coaps://1", "host"},
    {"coaps://::1", "host"},
    {"coaps://[::1", "host"},
    {"coaps://[]", "host"},
    {"coaps://[", "host"},
    {"coaps://[::1]]", "host"},
    {"coaps://[::1]x:5", "host"},
    {"coaps://[1:2:3:4:5:6:7]", "host"},
    {"coaps://[1:2:3:4:5:6:7:8:9]", "host"},
    {"coaps://[1::3:4:5:6:7:8]", "host"},
    {"coaps://[1::2::3]", "host"},
    {"coaps://[1:::2]", "host"},
    {"coaps://[1:2:]", "host"},
    {"coaps://[:1:2:3:4:5:6:7]", "host"},
    {"coaps://[12345::]", "host"},
    {"coaps://[g::]", "host"},
    {"coaps://[fe80::1%25eth0]", "host"},
    {"coaps://[::ffff:192.0.2.1]", "host"},
    {"coaps://[::ffff:c000:201]", "host"},
    {"coaps://[192.0.2.1]", "host"},
    {"coaps://s:0", "port"},
    {"coaps://s:65536", "port"},
    {"coaps://s:99999999999", "port"},
    {"coaps://s:05684", "port"},
    {"coaps://s:5684x", "port"},
    {"coaps://s:5:6", "port"},
    {"coaps://s:-1", "port"},
    {"coaps://s/", "path"},
    {"coaps://s?a", "path"},
    {"coaps://s:1#a", "path"},
    {"coaps://user@s", "user"},
    {"coaps://an.example.that.is.too.long.to.be.taken.by.us.a", "longer than 48"},
};

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(FAULTS); i++) {
        struct uri uri;
        const char *fault = NULL;

        if (uri_parse(FAULTS[i].text, strlen(FAULTS[i].text), &uri, &fault) != SSM_MALFORMED)
            fail_msg("taken: %s", FAULTS[i].text);
        if (strstr(fault, FAULTS[i].fault) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", FAULTS[i].text, fault, FAULTS[i].fault);
        assert_int_equal(uri_parse(FAULTS[i].text, strlen(FAULTS[i].text), &uri, NULL), SSM_MALFORMED);
    }
}

static void a_nul_is_a_character_like_others(void **state)
{
    struct uri uri;

    (void)state;
    assert_int_equal(uri_parse("coaps://s\0t", 11, &uri, NULL), SSM_MALFORMED);
    assert_int_equal(uri_parse("coaps://s:1\0", 12, &uri, NULL), SSM_MALFORMED);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(names_are_lower_case_and_the_port_has_a_default),
        cmocka_unit_test(addresses_have_one_form),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(a_nul_is_a_character_like_others),
    };

    return cmocka_run_group_tests_name("uri", TESTS, NULL, NULL);
}
