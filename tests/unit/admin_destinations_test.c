/* The admin socket about destinations: which are taken, with which credentials, and what is said of them. */
#include "admin_world.h"

#include "foreign_certificates.h"

#define ADD_KITCHEN "{'op':'node add','name':'kitchen','psk':'00112233445566778899aabbccddeeff'}"
#define ADD_CELLAR "{'op':'node add','name':'cellar','psk':'00112233445566778899aabbccddeeff'}"
#define ADD_BY_PSK(node, uri)                                                                                \
    "{'op':'destination add','node':'" node "','uri':'" uri "','identity':'gw','psk':'sixteen byte key'}"

static const char *text_at(const json_t *object, const char *field)
{
    return json_string_value(json_object_get(object, field));
}

static json_int_t number_at(const json_t *object, const char *field)
{
    return json_integer_value(json_object_get(object, field));
}

/* A certificate with its key. */
struct credential_pem {
    char certificate[CERTIFICATE_PEM_MAX + 1];
    char key[CERTIFICATE_PRIVATE_KEY_PEM_MAX];
};

/* One of the own CA. */
static struct credential_pem issue(struct world *w, uint32_t days)
{
    struct certificate_key_pair pair;
    struct certificate c = ca_world_issue(&w->own, "client", days, &pair);
    struct credential_pem out;

    certificate_to_pem(&c, out.certificate);
    assert_int_equal(certificate_key_to_pem(pair.private_key, pair.private_key_len, out.key), SSM_OK);
    return out;
}

static void ca_pem(struct world *w, char pem[CERTIFICATE_PEM_MAX + 1])
{
    struct store_ca_row root = ca_world_read(&w->own, STORE_CA_ROOT);

    certificate_to_pem(&root.certificate, pem);
}

static size_t put_field(char *line, size_t cap, const char *name, const char *text)
{
    size_t len = (size_t)snprintf(line, cap, ",'%s':'", name);

    for (; *text != '\0'; text++)
        len += (size_t)snprintf(line + len, cap - len, *text == '\n' ? "\\n" : "%c", *text);
    return len + (size_t)snprintf(line + len, cap - len, "'");
}

/* "destination add" of the kitchen for "coaps://server"; chain and key may be NULL. */
static const char *by_certificate(const char *anchors, const char *chain, const char *key)
{
    static char line[4000];
    const size_t cap = sizeof line;
    size_t len =
        (size_t)snprintf(line, cap, "{'op':'destination add','node':'kitchen','uri':'coaps://server'");

    len += put_field(line + len, cap - len, "anchors", anchors);
    if (chain != NULL)
        len += put_field(line + len, cap - len, "chain", chain);
    if (key != NULL)
        len += put_field(line + len, cap - len, "private_key", key);
    snprintf(line + len, cap - len, "}");
    return line;
}

static void start(struct world *w)
{
    world_start(w, "");
    assert_done(w, ADD_KITCHEN);
    assert_done(w, ADD_CELLAR);
    assert_done(w, "{'op':'ca init'}");
}

static void a_server_is_visited_with_a_psk(void **state)
{
    struct world w;
    json_t *reply;

    (void)state;
    start(&w);
    reply = ask(&w, ADD_BY_PSK("kitchen", "COAPS://Server.Example:5684"));
    assert_true(json_is_true(json_object_get(reply, "ok")));
    assert_string_equal(text_at(reply, "node"), "kitchen");
    assert_string_equal(text_at(reply, "uri"), "coaps://server.example");
    assert_string_equal(text_at(reply, "credential"), "psk");
    assert_string_equal(text_at(reply, "identity"), "gw");
    assert_int_equal(json_object_size(reply), 5);
    json_decref(reply);
    assert_int_equal(w.destination_count, 1);
    assert_int_equal(w.destinations[0].node, w.nodes[0].id);
    assert_int_equal(w.destinations[0].kind, DESTINATION_PSK);
    assert_int_equal(w.destinations[0].psk_len, 16);
    assert_memory_equal(w.destinations[0].psk, "sixteen byte key", 16);
    assert_memory_equal(w.destinations[0].identity, "gw", w.destinations[0].identity_len);
    assert_int_equal(w.destinations_added, 1);
    world_stop(&w);
}

static void a_server_is_known_by_its_ca(void **state)
{
    struct world w;
    struct credential_pem client;
    char ca[CERTIFICATE_PEM_MAX + 1];
    json_t *reply;

    (void)state;
    start(&w);
    ca_pem(&w, ca);
    reply = ask(&w, by_certificate(ca, NULL, NULL));
    assert_string_equal(text_at(reply, "credential"), "gateway");
    assert_int_equal(number_at(reply, "expires_s"), 3650 * DAY_S);
    json_decref(reply);
    assert_string_equal(w.destinations[0].anchors, ca);
    assert_string_equal(w.destinations[0].chain, "");
    assert_done(&w, "{'op':'destination remove','node':'kitchen','uri':'coaps://server'}");
    client = issue(&w, 10);
    reply = ask(&w, by_certificate(ca, client.certificate, client.key));
    assert_string_equal(text_at(reply, "credential"), "certificate");
    assert_int_equal(number_at(reply, "not_after_s"), NOW_S + 10 * DAY_S); /* the first that ends */
    json_decref(reply);
    assert_string_equal(w.destinations[0].chain, client.certificate);
    assert_string_equal(w.destinations[0].key, client.key);
    assert_true(w.destinations[0].not_after_s == NOW_S + 10 * DAY_S);
    world_stop(&w);
}

static void certificates_that_cannot_be_used_are_refused(void **state)
{
    struct world w;
    struct credential_pem client;
    struct credential_pem other;
    char ca[CERTIFICATE_PEM_MAX + 1];

    (void)state;
    start(&w);
    ca_pem(&w, ca);
    client = issue(&w, 10);
    other = issue(&w, 10);
    assert_refused(&w, by_certificate("nothing", NULL, NULL), "the CA's certificate cannot be read");
    assert_refused(&w, by_certificate(client.certificate, NULL, NULL), "is not a CA's");
    assert_refused(&w, by_certificate(ca, "nothing", client.key), "the certificate cannot be read");
    assert_refused(&w, by_certificate(ca, client.certificate, other.key), "not that of the certificate");
    assert_refused(&w, by_certificate(ca, client.certificate, "nothing"), "not that of the certificate");
    assert_refused(&w, by_certificate(ca, RSA_2048_CERTIFICATE, client.key), "P-256");
    w.wall_s = NOW_S + 10 * DAY_S;
    assert_refused(&w, by_certificate(ca, client.certificate, client.key), "the certificate has expired");
    w.wall_s = NOW_S + 3650 * DAY_S;
    assert_refused(&w, by_certificate(ca, NULL, NULL), "the CA's certificate has expired");
    assert_int_equal(w.destination_count, 0);
    assert_int_equal(w.destinations_added, 0);
    world_stop(&w);
}

static void what_does_not_go_together_is_refused(void **state)
{
    static const char *const rest[] = {
        "",
        ",'identity':'gw'",
        ",'psk':'sixteen byte key'",
        ",'identity':'gw','anchors':'x'",
        ",'psk':'sixteen byte key','identity':'gw','anchors':'x'",
        ",'psk':'sixteen byte key','identity':'gw','chain':'x','private_key':'y'",
        ",'anchors':'x','chain':'y'",
        ",'anchors':'x','private_key':'y'",
        ",'chain':'x','private_key':'y'"};
    struct world w;
    char line[200];

    (void)state;
    start(&w);
    for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++) {
        snprintf(line, sizeof line, "{'op':'destination add','node':'kitchen','uri':'coaps://s'%s}", rest[i]);
        assert_refused(&w, line, "needs either 'identity' and 'psk', or 'anchors'");
    }
    assert_refused(&w, "{'op':'destination add','node':'kitchen','psk':'sixteen byte key','identity':'gw'}",
                   "needs field 'uri'");
    assert_refused(&w, ADD_BY_PSK("kitchen", "coap://s"), "field 'uri' must be the URI of a server");
    assert_refused(&w, ADD_BY_PSK("kitchen", "coaps://s/path"), "field 'uri' must be");
    assert_refused(
        &w, "{'op':'destination add','node':'kitchen','uri':'coaps://s','psk':'too short','identity':'gw'}",
        "field 'psk' must be");
    assert_refused(
        &w,
        "{'op':'destination add','node':'kitchen','uri':'coaps://s','psk':'sixteen byte key','identity':''}",
        "field 'identity' must be");
    assert_refused(&w, "{'op':'destination list','uri':'coaps://s'}", "takes no field 'uri'");
    world_stop(&w);
}

static void unknown_and_taken_names_are_refused(void **state)
{
    struct world w;

    (void)state;
    start(&w);
    assert_refused(&w, ADD_BY_PSK("attic", "coaps://s"), "no node is called 'attic'");
    assert_done(&w, ADD_BY_PSK("kitchen", "coaps://s"));
    assert_refused(&w, ADD_BY_PSK("kitchen", "coaps://S:5684"),
                   "node 'kitchen' has destination coaps://s already");
    assert_done(&w, ADD_BY_PSK("cellar", "coaps://s"));
    assert_refused(&w, "{'op':'destination remove','node':'attic','uri':'coaps://s'}", "no node is called");
    assert_refused(&w, "{'op':'destination remove','node':'kitchen','uri':'coaps://s:1'}",
                   "node 'kitchen' has no destination coaps://s:1");
    assert_refused(&w, "{'op':'destination list','node':'attic'}", "no node is called 'attic'");
    w.store_fails = true;
    assert_refused(&w, ADD_BY_PSK("kitchen", "coaps://t"), "the database refused");
    assert_refused(&w, "{'op':'destination remove','node':'kitchen','uri':'coaps://s'}",
                   "the database refused");
    assert_refused(&w, "{'op':'destination list'}", "the database refused");
    assert_int_equal(w.destination_count, 2);
    world_stop(&w);
}

static size_t listed(struct world *w, const char *request)
{
    json_t *reply = ask(w, request);
    char *text = json_dumps(reply, 0);
    size_t count = json_array_size(json_object_get(reply, "destinations"));

    assert_null(strstr(text, "sixteen byte key"));
    assert_null(strstr(text, "PRIVATE"));
    free(text);
    json_decref(reply);
    return count;
}

static void they_are_listed_and_removed_without_their_keys(void **state)
{
    struct world w;
    struct credential_pem client;
    char ca[CERTIFICATE_PEM_MAX + 1];
    json_t *reply;
    json_t *row;

    (void)state;
    start(&w);
    ca_pem(&w, ca);
    client = issue(&w, 10);
    assert_int_equal(listed(&w, "{'op':'destination list'}"), 0);
    assert_done(&w, ADD_BY_PSK("cellar", "coaps://[2001:DB8::1]:7"));
    assert_done(&w, by_certificate(ca, client.certificate, client.key));
    assert_int_equal(listed(&w, "{'op':'destination list'}"), 2);
    assert_int_equal(listed(&w, "{'op':'destination list','node':'kitchen'}"), 1);
    reply = ask(&w, "{'op':'destination list','node':'cellar'}");
    row = json_array_get(json_object_get(reply, "destinations"), 0);
    assert_string_equal(text_at(row, "node"), "cellar");
    assert_string_equal(text_at(row, "uri"), "coaps://[2001:db8::1]:7");
    json_decref(reply);
    reply = ask(&w, "{'op':'destination remove','node':'cellar','uri':'coaps://[2001:db8:0::1]:7'}");
    assert_string_equal(text_at(reply, "node"), "cellar");
    assert_string_equal(text_at(reply, "uri"), "coaps://[2001:db8::1]:7");
    json_decref(reply);
    assert_int_equal(listed(&w, "{'op':'destination list','node':'cellar'}"), 0);
    assert_int_equal(w.removed_destination, 900); /* the first; its sessions end */
    world_stop(&w);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(a_server_is_visited_with_a_psk),
        cmocka_unit_test(a_server_is_known_by_its_ca),
        cmocka_unit_test(certificates_that_cannot_be_used_are_refused),
        cmocka_unit_test(what_does_not_go_together_is_refused),
        cmocka_unit_test(unknown_and_taken_names_are_refused),
        cmocka_unit_test(they_are_listed_and_removed_without_their_keys),
    };

    return cmocka_run_group_tests_name("admin_destinations", TESTS, NULL, NULL);
}
