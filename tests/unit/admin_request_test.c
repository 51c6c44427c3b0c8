#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "admin_key.h"
#include "admin_request.h"

#include <stdio.h>
#include <string.h>

static const char NODE_KEY[] = "00112233445566778899aabbccddeeff";

/* JSON with ' for " */
static enum status parse(const char *text, struct admin_request *out, char error[ADMIN_ERROR_MAX])
{
    char line[ADMIN_LINE_MAX];
    size_t len = strlen(text);

    assert_true(len < sizeof line);
    for (size_t i = 0; i <= len; i++)
        line[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    return admin_request_parse(line, len, out, error);
}

static struct admin_request accepted(const char *text)
{
    struct admin_request r;
    char error[ADMIN_ERROR_MAX] = "";
    enum status status = parse(text, &r, error);

    if (status != SSM_OK)
        fail_msg("%s: %s", text, error);
    return r;
}

static void assert_refused(const char *text, const char *needle)
{
    struct admin_request r;
    char error[ADMIN_ERROR_MAX] = "";

    if (parse(text, &r, error) != SSM_MALFORMED)
        fail_msg("accepted: %s", text);
    if (strstr(error, needle) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", text, error, needle);
}

static void every_operation_is_understood(void **state)
{
    struct admin_request r;

    (void)state;
    r = accepted("{'op':'node add','name':'kitchen','psk':'00112233445566778899AAbbccddeeff','port':20005}");
    assert_int_equal(r.op, ADMIN_NODE_ADD);
    assert_int_equal(r.name.len, 7);
    assert_memory_equal(r.name.text, "kitchen", 7);
    assert_int_equal(r.port, 20005);
    assert_int_equal(r.node_psk[0], 0x00);
    assert_int_equal(r.node_psk[10], 0xAA);
    assert_int_equal(r.node_psk[15], 0xFF);
    assert_int_equal(accepted("{'op':'node list'}").op, ADMIN_NODE_LIST);
    assert_true(accepted("{'op':'node show','name':'k','show_key':true}").show_key);
    assert_false(accepted("{'op':'node show','name':'k','show_key':false}").show_key);
    assert_int_equal(accepted("{'op':'node remove','name':'k'}").op, ADMIN_NODE_REMOVE);
    r = accepted("{'op':'subscriber add','name':'alice','psk':'sixteen byte key','nodes':['a','b']}");
    assert_int_equal(r.grant_count, 2);
    assert_memory_equal(r.grants[1].text, "b", 1);
    assert_int_equal(r.subscriber.psk_len, 16);
    assert_memory_equal(r.subscriber.psk, "sixteen byte key", 16);
    assert_int_equal(accepted("{'op':'subscriber list'}").op, ADMIN_SUBSCRIBER_LIST);
    assert_int_equal(accepted("{'op':'subscriber show','name':'k'}").op, ADMIN_SUBSCRIBER_SHOW);
    assert_int_equal(accepted("{'op':'subscriber remove','name':'k'}").op, ADMIN_SUBSCRIBER_REMOVE);
    assert_int_equal(accepted("{'op':'session list','cursor':4294967296}").cursor, 4294967296);
    assert_int_equal(accepted("{'op':'session close','node':'k','handle':65535}").handle, 65535);
    assert_int_equal(accepted("{'op':'link list'}").op, ADMIN_LINK_LIST);
    assert_int_equal(accepted("{'op':'status'}").op, ADMIN_STATUS);
}

#define P256_KEY                                                                                             \
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004"                                                 \
    "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"                                       \
    "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3F"

static void operations_of_the_ca_are_understood(void **state)
{
    struct admin_request r;

    (void)state;
    r = accepted("{'op':'ca init'}");
    assert_int_equal(r.op, ADMIN_CA_INIT);
    assert_int_equal(r.days, 0);
    assert_int_equal(r.ca_names.count, 0);
    assert_false(r.replace);
    r = accepted(
        "{'op':'ca init','days':7300,'replace':true,'names':['Gate.Example.','192.0.2.1','2001:db8::1']}");
    assert_int_equal(r.days, 7300);
    assert_true(r.replace);
    assert_int_equal(r.ca_names.count, 3);
    assert_string_equal(r.ca_names.list[0], "gate.example");
    assert_string_equal(r.ca_names.list[1], "192.0.2.1");
    assert_string_equal(r.ca_names.list[2], "2001:db8::1");
    r = accepted("{'op':'ca issue','name':'alice','public_key':'" P256_KEY "'}");
    assert_int_equal(r.op, ADMIN_CA_ISSUE);
    assert_int_equal(r.public_key[0], 0x30);
    assert_int_equal(r.public_key[90], 0x3F);
    assert_int_equal(accepted("{'op':'ca renew'}").certificate.len, 0);
    assert_int_equal(accepted("{'op':'ca show'}").op, ADMIN_CA_SHOW);
    assert_int_equal(accepted("{'op':'ca export'}").op, ADMIN_CA_EXPORT);
}

static void fields_of_the_ca_are_checked(void **state)
{
    (void)state;
    assert_refused("{'op':'ca init','days':0}", "a whole number from 1 to 7300");
    assert_refused("{'op':'ca init','days':7301}", "field 'days'");
    assert_refused("{'op':'ca init','replace':1}", "field 'replace'");
    assert_refused("{'op':'ca init','names':[]}", "1 to 8 names of hosts or addresses");
    assert_refused("{'op':'ca init','names':'a'}", "field 'names'");
    assert_refused("{'op':'ca init','names':[1]}", "field 'names'");
    assert_refused("{'op':'ca init','names':['two words']}", "field 'names'");
    assert_refused("{'op':'ca init','names':['*.example']}", "field 'names'");
    assert_refused("{'op':'ca init','names':['192.0.2.256']}", "field 'names'");
    assert_refused("{'op':'ca init','names':['a','b','c','d','e','f','g','h','i']}", "field 'names'");
    assert_refused("{'op':'ca issue','name':'alice'}", "needs field 'public_key'");
    assert_refused("{'op':'ca issue','name':'../x','public_key':'" P256_KEY "'}", "field 'name'");
    assert_refused("{'op':'ca issue','name':'alice','public_key':'" P256_KEY "00'}", "182 hex digits");
    assert_refused("{'op':'ca renew','certificate':'PEM'}", "field 'certificate' must be");
    assert_refused("{'op':'ca show','days':3}", "takes no field 'days'");
}

static void a_subscriber_has_exactly_one_credential(void **state)
{
    static const char one[] = "exactly one of 'psk', 'certificate' and 'subject'";
    struct admin_request r = accepted("{'op':'subscriber add','name':'k','nodes':['a'],'subject':'Alice B'}");
    char text[256];

    (void)state;
    assert_int_equal(r.subscriber.credential, SUBSCRIBER_SUBJECT);
    assert_int_equal(r.subscriber.subject_len, 7);
    assert_memory_equal(r.subscriber.subject, "Alice B", 7);
    assert_int_equal(accepted("{'op':'subscriber add','name':'k','nodes':['a'],'psk':'sixteen byte key'}")
                         .subscriber.credential,
                     SUBSCRIBER_PSK);
    assert_refused("{'op':'subscriber add','name':'k','nodes':['a']}", one);
    assert_refused("{'op':'subscriber add','name':'k','nodes':['a'],'subject':'x','psk':'sixteen byte key'}",
                   one);
    assert_refused("{'op':'subscriber add','name':'k','nodes':['a'],'subject':''}", "1 to 64 bytes");
    assert_refused("{'op':'subscriber add','name':'k','nodes':['a'],'subject':'a\\tb'}",
                   "control characters");
    assert_refused("{'op':'subscriber add','name':'k','nodes':['a'],'subject':7}", "field 'subject'");
    snprintf(text, sizeof text, "{'op':'subscriber add','name':'k','nodes':['a'],'subject':'%065d'}", 0);
    assert_refused(text, "field 'subject'");
    snprintf(text, sizeof text, "{'op':'subscriber add','name':'k','nodes':['a'],'subject':'%064d'}", 0);
    assert_int_equal(accepted(text).subscriber.subject_len, 64);
}

static void what_is_no_request_is_refused(void **state)
{
    (void)state;
    assert_refused("", "one JSON object");
    assert_refused("[]", "one JSON object");
    assert_refused("{'op':'status'} x", "one JSON object");
    assert_refused("{'op':'status','op':'status'}", "one JSON object");
    assert_refused("{'op':'status'", "one JSON object");
    assert_refused("{}", "'op'");
    assert_refused("{'op':7}", "'op'");
    assert_refused("{'op':'node frobnicate'}", "'op'");
}

static void fields_are_checked_by_name(void **state)
{
    (void)state;
    assert_refused("{'op':'node show'}", "'node show' needs field 'name'");
    assert_refused("{'op':'node list','name':'k'}", "'node list' takes no field 'name'");
    assert_refused("{'op':'node list','secret-in-wrong-place':1}", "takes no field of that name");
    assert_refused("{'op':'node show','name':5}", "field 'name' must be a string");
    assert_refused("{'op':'node show','name':''}", "field 'name'");
    assert_refused("{'op':'node show','name':'a b'}", "field 'name'");
    assert_refused("{'op':'node show','name':'abcdefghijklmnopqrstuvwxyz0123456'}", "field 'name'");
    assert_refused("{'op':'node show','name':'k','show_key':1}", "field 'show_key' must be true or false");
    assert_refused("{'op':'session close','node':'k','handle':0}", "field 'handle'");
    assert_refused("{'op':'session close','node':'k','handle':65536}", "field 'handle'");
    assert_refused("{'op':'session close','node':'k','handle':1.0}", "field 'handle'");
    assert_refused("{'op':'session list','cursor':-1}", "field 'cursor'");
    assert_refused("{'op':'session list','cursor':99999999999999999999}", "one JSON object");
}

static void keys_are_checked_and_never_repeated(void **state)
{
    struct admin_request r;
    char error[ADMIN_ERROR_MAX] = "";

    (void)state;
    assert_refused("{'op':'node add','name':'k','psk':'00112233445566778899aabbccddee'}", "32 hex digits");
    assert_refused("{'op':'node add','name':'k','psk':'00112233445566778899aabbccddeexy'}", "32 hex digits");
    assert_refused("{'op':'subscriber add','name':'k','nodes':['a'],'psk':'fifteen bytes..'}", "16 to 32");
    assert_refused(
        "{'op':'subscriber add','name':'k','nodes':['a'],'psk':'123456789012345678901234567890123'}",
        "16 to 32");
    assert_refused(
        "{'op':'subscriber add','name':'k','nodes':['a'],'psk':'hex:00112233445566778899aabbccddee'}",
        "16 to 32");
    assert_int_equal(
        parse("{'op':'subscriber add','name':'k','nodes':['a'],'psk':'hex:no-hex-but-secret'}", &r, error),
        SSM_MALFORMED);
    assert_null(strstr(error, "secret"));
    assert_int_equal(parse("{'op':'status','hidden-secret':1}", &r, error), SSM_MALFORMED);
    assert_null(strstr(error, "secret"));
}

static void grants_are_bounded_and_different(void **state)
{
    char text[ADMIN_LINE_MAX];
    int len;

    (void)state;
    assert_refused("{'op':'subscriber add','name':'k','psk':'sixteen byte key','nodes':[]}", "field 'nodes'");
    assert_refused("{'op':'subscriber add','name':'k','psk':'sixteen byte key','nodes':'a'}",
                   "field 'nodes'");
    assert_refused("{'op':'subscriber add','name':'k','psk':'sixteen byte key','nodes':['a',1]}",
                   "field 'nodes'");
    assert_refused("{'op':'subscriber add','name':'k','psk':'sixteen byte key','nodes':['a','a']}",
                   "field 'nodes'");
    for (unsigned count = ADMIN_GRANTS_MAX; count <= ADMIN_GRANTS_MAX + 1; count++) {
        len = snprintf(text, sizeof text,
                       "{'op':'subscriber add','name':'k','psk':'sixteen byte key','nodes':['n0'");
        for (unsigned i = 1; i < count; i++)
            len += snprintf(text + len, sizeof text - (size_t)len, ",'n%u'", i);
        snprintf(text + len, sizeof text - (size_t)len, "]}");
        if (count == ADMIN_GRANTS_MAX)
            assert_int_equal(accepted(text).grant_count, ADMIN_GRANTS_MAX);
        else
            assert_refused(text, "field 'nodes'");
    }
}

static void node_keys_survive_printing(void **state)
{
    uint8_t psk[ASSOC_PSK_LEN];
    char text[ADMIN_KEY_NODE_TEXT_LEN + 1];

    (void)state;
    assert_int_equal(admin_key_parse_node(NODE_KEY, 32, psk), SSM_OK);
    admin_key_print_node(psk, text);
    assert_string_equal(text, NODE_KEY);
}

static void assert_subscriber_key(const char *text, size_t bytes, const char *printed)
{
    struct subscriber_row row;
    char again[ADMIN_KEY_TEXT_MAX + 1];

    assert_int_equal(admin_key_parse_subscriber(text, strlen(text), &row), SSM_OK);
    assert_int_equal(row.psk_len, bytes);
    admin_key_print_subscriber(&row, again);
    assert_string_equal(again, printed);
}

static void subscriber_keys_survive_printing(void **state)
{
    struct subscriber_row row;

    (void)state;
    assert_subscriber_key("sixteen byte key", 16, "sixteen byte key");
    assert_subscriber_key("hex:7369787465656E2062797465206B6579", 16, "sixteen byte key");
    assert_subscriber_key("hex:000102030405060708090a0b0c0d0e0f", 16, "hex:000102030405060708090a0b0c0d0e0f");
    assert_subscriber_key("hex:000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0eFF", 32,
                          "hex:000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0eff");
    /* Bytes that spell "hex:" must not come back as a prefix. */
    assert_subscriber_key("hex:6865783a6162636465666768696a6b6c", 16, "hex:6865783a6162636465666768696a6b6c");
    /* UTF-8 is taken byte for byte and printed in digits. */
    assert_subscriber_key("gr\xc3\xbc\xc3\x9f"
                          "e aus wien",
                          16,
                          "hex:6772c3bcc39f65206175732077696"
                          "56e");
    assert_int_equal(admin_key_parse_subscriber("ends in tab....\t", 16, &row), SSM_MALFORMED);
    assert_int_equal(admin_key_parse_subscriber("ends in CR.....\r", 16, &row), SSM_MALFORMED);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(every_operation_is_understood),
        cmocka_unit_test(operations_of_the_ca_are_understood),
        cmocka_unit_test(fields_of_the_ca_are_checked),
        cmocka_unit_test(a_subscriber_has_exactly_one_credential),
        cmocka_unit_test(what_is_no_request_is_refused),
        cmocka_unit_test(fields_are_checked_by_name),
        cmocka_unit_test(keys_are_checked_and_never_repeated),
        cmocka_unit_test(grants_are_bounded_and_different),
        cmocka_unit_test(node_keys_survive_printing),
        cmocka_unit_test(subscriber_keys_survive_printing),
    };

    return cmocka_run_group_tests_name("admin_request", TESTS, NULL, NULL);
}
