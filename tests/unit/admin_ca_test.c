/* The admin socket about certificates: subscribers that have one, and the gateway's own CA. */
#include "admin_world.h"

#include "admin_key.h"
#include "foreign_certificates.h"

#define ADD_KITCHEN "{'op':'node add','name':'kitchen','psk':'00112233445566778899aabbccddeeff'}"

static const char *text_at(const json_t *object, const char *field)
{
    return json_string_value(json_object_get(object, field));
}

static json_int_t number_at(const json_t *object, const char *field)
{
    return json_integer_value(json_object_get(object, field));
}

/* A request, its first fields given, that ends with a certificate in PEM form. */
static const char *with_certificate(const char *fields, const char *pem)
{
    static char line[4000];
    size_t len = (size_t)snprintf(line, sizeof line, "{%s,'certificate':'", fields);

    for (; *pem != '\0'; pem++)
        len += (size_t)snprintf(line + len, sizeof line - len, *pem == '\n' ? "\\n" : "%c", *pem);
    snprintf(line + len, sizeof line - len, "'}");
    return line;
}

static const char *add_pinned(const char *name, const char *pem)
{
    char fields[128];

    snprintf(fields, sizeof fields, "'op':'subscriber add','name':'%s','nodes':['kitchen']", name);
    return with_certificate(fields, pem);
}

static void make_ca(struct world *w)
{
    assert_done(w, ADD_KITCHEN);
    assert_done(w, "{'op':'ca init'}");
}

/* A certificate of the own CA. */
static void issue_pem(struct world *w, uint32_t days, char pem[CERTIFICATE_PEM_MAX + 1])
{
    struct certificate_key_pair pair;
    struct certificate c = ca_world_issue(&w->own, "client", days, &pair);

    certificate_to_pem(&c, pem);
}

static void a_certificate_is_pinned(void **state)
{
    struct world w;
    char pem[CERTIFICATE_PEM_MAX + 1];
    json_t *reply;
    json_t *row;

    (void)state;
    world_start(&w, "");
    make_ca(&w);
    issue_pem(&w, 10, pem);
    reply = ask(&w, add_pinned("alice", pem));
    assert_string_equal(text_at(reply, "credential"), "certificate");
    assert_int_equal(strlen(text_at(reply, "fingerprint")), 64);
    assert_int_equal(number_at(reply, "not_after_s"), NOW_S + 10 * DAY_S);
    assert_int_equal(number_at(reply, "expires_s"), 10 * DAY_S);
    assert_int_equal(w.subscribers[0].credential, SUBSCRIBER_CERTIFICATE);
    assert_int_equal(w.subscribers[0].not_after_s, NOW_S + 10 * DAY_S);
    assert_int_equal(w.subscribers[0].psk_len, 0);
    row = ask(&w, "{'op':'subscriber show','name':'alice','show_key':true}");
    assert_string_equal(text_at(row, "fingerprint"), text_at(reply, "fingerprint"));
    assert_null(json_object_get(row, "psk"));
    json_decref(row);
    json_decref(reply);
    reply = ask(&w, "{'op':'subscriber list'}");
    row = json_array_get(json_object_get(reply, "subscribers"), 0);
    assert_int_equal(json_object_size(row), 6);
    assert_int_equal(number_at(row, "not_after_s"), NOW_S + 10 * DAY_S);
    json_decref(reply);
    world_stop(&w);
}

static void one_certificate_is_one_subscriber(void **state)
{
    struct world w;
    char pem[CERTIFICATE_PEM_MAX + 1];

    (void)state;
    world_start(&w, "");
    make_ca(&w);
    issue_pem(&w, 10, pem);
    assert_done(&w, add_pinned("alice", pem));
    assert_refused(&w, add_pinned("bob", pem), "subscriber 'alice' has that certificate already");
    issue_pem(&w, 10, pem);
    assert_refused(&w, add_pinned("alice", pem), "subscriber 'alice' exists already");
    assert_done(&w, add_pinned("bob", pem));
    world_stop(&w);
}

static void certificates_that_cannot_be_used_are_refused(void **state)
{
    struct world w;
    char pem[CERTIFICATE_PEM_MAX + 1];

    (void)state;
    world_start(&w, "");
    make_ca(&w);
    issue_pem(&w, 10, pem);
    w.wall_s = NOW_S + 10 * DAY_S;
    assert_refused(&w, add_pinned("alice", pem), "the certificate has expired");
    w.wall_s--;
    assert_done(&w, add_pinned("alice", pem));
    assert_refused(&w, add_pinned("bob", P384_CERTIFICATE), "P-256");
    assert_refused(&w, add_pinned("bob", RSA_2048_CERTIFICATE), "RSA, which is off");
    strcpy(w.config.rsa_certificate, "/etc/ssm/rsa.crt");
    assert_refused(&w, add_pinned("bob", RSA_1024_CERTIFICATE), "1024 bits; at least 2048");
    assert_done(&w, add_pinned("bob", RSA_2048_CERTIFICATE));
    assert_refused(&w, add_pinned("carol", "no certificate"), "field 'certificate' must be");
    assert_int_equal(w.subscriber_count, 2);
    world_stop(&w);
}

static void a_subject_is_one_subscriber(void **state)
{
    struct world w;
    json_t *reply;

    (void)state;
    world_start(&w, "");
    assert_done(&w, ADD_KITCHEN);
    reply = ask(&w, "{'op':'subscriber add','name':'alice','nodes':['kitchen'],'subject':'Alice A.'}");
    assert_string_equal(text_at(reply, "credential"), "subject");
    assert_string_equal(text_at(reply, "subject"), "Alice A.");
    assert_null(json_object_get(reply, "not_after_s"));
    json_decref(reply);
    assert_memory_equal(w.subscribers[0].subject, "Alice A.", 8);
    assert_int_equal(w.subscribers[0].subject_len, 8);
    assert_refused(&w, "{'op':'subscriber add','name':'eve','nodes':['kitchen'],'subject':'Alice A.'}",
                   "subscriber 'alice' has that subject already");
    world_stop(&w);
}

static void without_a_ca_every_request_says_so(void **state)
{
    static const char *const requests[] = {"{'op':'ca show'}", "{'op':'ca export'}", "{'op':'ca renew'}"};
    struct world w;

    (void)state;
    world_start(&w, "");
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        assert_refused(&w, requests[i], "there is no CA; `ssmctl ca init` makes one");
    assert_int_equal(w.ca_changes, 0);
    world_stop(&w);
}

static void a_ca_is_made_shown_and_replaced(void **state)
{
    struct world w;
    json_t *made;
    json_t *shown;

    (void)state;
    world_start(&w, "");
    made = ask(&w, "{'op':'ca init','days':100,'names':['Gate.Example.','192.0.2.1']}");
    assert_int_equal(w.ca_changes, 1);
    assert_int_equal(number_at(json_object_get(made, "ca"), "expires_s"), 100 * DAY_S);
    assert_string_equal(text_at(json_object_get(made, "ca"), "name"), "Gw.Home CA");
    assert_refused(&w, "{'op':'ca init'}", "--replace");
    assert_refused(&w, "{'op':'ca init','replace':false}", "there is a CA already");
    assert_int_equal(w.ca_changes, 1);
    shown = ask(&w, "{'op':'ca show'}");
    assert_int_equal(json_array_size(json_object_get(shown, "issued")), 0);
    assert_string_equal(text_at(json_object_get(shown, "ca"), "serial"),
                        text_at(json_object_get(made, "ca"), "serial"));
    json_decref(made);
    made = ask(&w, "{'op':'ca init','replace':true}");
    assert_int_equal(w.ca_changes, 2);
    assert_string_not_equal(text_at(json_object_get(shown, "ca"), "serial"),
                            text_at(json_object_get(made, "ca"), "serial"));
    json_decref(shown);
    json_decref(made);
    world_stop(&w);
}

static void the_gateways_certificate_is_renewed(void **state)
{
    struct world w;
    json_t *before;
    json_t *after;

    (void)state;
    world_start(&w, "");
    before = ask(&w, "{'op':'ca init'}");
    after = ask(&w, "{'op':'ca renew','days':7}");
    assert_int_equal(w.ca_changes, 2);
    assert_int_equal(number_at(json_object_get(after, "gateway"), "expires_s"), 7 * DAY_S);
    assert_string_equal(text_at(json_object_get(after, "ca"), "serial"),
                        text_at(json_object_get(before, "ca"), "serial"));
    assert_string_not_equal(text_at(json_object_get(after, "gateway"), "serial"),
                            text_at(json_object_get(before, "gateway"), "serial"));
    json_decref(before);
    json_decref(after);
    world_stop(&w);
}

/* "ca issue" for a fresh key; the reply. */
static json_t *issue(struct world *w, const char *name)
{
    struct certificate_key_pair pair;
    char key[2 * CERTIFICATE_PUBLIC_KEY_LEN + 1];
    char line[512];

    assert_int_equal(certificate_make_key(&pair), SSM_OK);
    admin_key_print_hex(pair.public_key, sizeof pair.public_key, key);
    snprintf(line, sizeof line, "{'op':'ca issue','name':'%s','public_key':'%s','days':30}", name, key);
    return ask(w, line);
}

static void certificates_are_issued_and_renewed(void **state)
{
    struct world w;
    json_t *issued;
    json_t *renewed;
    json_t *shown;

    (void)state;
    world_start(&w, "");
    make_ca(&w);
    issued = issue(&w, "alice");
    assert_string_equal(text_at(issued, "name"), "alice");
    assert_int_equal(number_at(issued, "expires_s"), 30 * DAY_S);
    renewed = ask(&w, with_certificate("'op':'ca renew'", text_at(issued, "certificate")));
    assert_string_equal(text_at(renewed, "name"), "alice");
    assert_string_not_equal(text_at(renewed, "certificate"), text_at(issued, "certificate"));
    assert_int_equal(number_at(renewed, "expires_s"), 398 * DAY_S);
    shown = ask(&w, "{'op':'ca show'}");
    assert_int_equal(json_array_size(json_object_get(shown, "issued")), 2);
    assert_string_equal(text_at(json_array_get(json_object_get(shown, "issued"), 0), "serial"),
                        text_at(issued, "serial"));
    assert_int_equal(w.ca_changes, 1); /* nothing that the engine would have to know of */
    assert_refused(&w, with_certificate("'op':'ca renew'", RSA_2048_CERTIFICATE),
                   "not a subscriber's certificate of this CA");
    json_decref(shown);
    json_decref(issued);
    json_decref(renewed);
    world_stop(&w);
}

static void a_key_off_the_curve_is_refused(void **state)
{
    struct world w;
    char line[512];

    (void)state;
    world_start(&w, "");
    make_ca(&w);
    snprintf(line, sizeof line, "{'op':'ca issue','name':'eve','public_key':'%0182d'}", 0);
    assert_refused(&w, line, "no point of the curve P-256");
    world_stop(&w);
}

static void no_reply_holds_a_private_key(void **state)
{
    static const char *const requests[] = {"{'op':'ca init'}", "{'op':'ca show'}", "{'op':'ca export'}",
                                           "{'op':'ca renew'}", "{'op':'ca init','replace':true}"};
    struct world w;

    (void)state;
    world_start(&w, "");
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        json_t *reply = ask(&w, requests[i]);
        char *text = json_dumps(reply, 0);

        assert_null(strstr(text, "PRIVATE"));
        free(text);
        json_decref(reply);
    }
    world_stop(&w);
}

static void status_warns_of_what_expires(void **state)
{
    static const uint8_t counters[8];
    struct world w;
    json_t *reply;
    const json_t *warning;
    int fd;

    (void)state;
    world_start(&w, "");
    make_ca(&w);
    w.wall_s = NOW_S + 395 * DAY_S;
    fd = caller_connect(&w);
    caller_send(fd, "{'op':'status'}");
    for (int turns = 0; turns < 500 && w.relay_count < 1; turns++)
        world_turn(&w);
    admin_on_message(w.admin, &(struct message){.type = MSG_STATUS,
                                                .request = w.to_relay[0].request,
                                                .data[0] = {.at = counters, .len = sizeof counters}});
    reply = caller_receive(&w, fd);
    assert_int_equal(json_array_size(json_object_get(reply, "warnings")), 1);
    warning = json_array_get(json_object_get(reply, "warnings"), 0);
    assert_string_equal(text_at(warning, "level"), "warning");
    assert_non_null(strstr(text_at(warning, "text"), "the gateway's certificate expires in 3 days"));
    json_decref(reply);
    close(fd);
    world_stop(&w);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(a_certificate_is_pinned),
        cmocka_unit_test(one_certificate_is_one_subscriber),
        cmocka_unit_test(certificates_that_cannot_be_used_are_refused),
        cmocka_unit_test(a_subject_is_one_subscriber),
        cmocka_unit_test(without_a_ca_every_request_says_so),
        cmocka_unit_test(a_ca_is_made_shown_and_replaced),
        cmocka_unit_test(the_gateways_certificate_is_renewed),
        cmocka_unit_test(certificates_are_issued_and_renewed),
        cmocka_unit_test(a_key_off_the_curve_is_refused),
        cmocka_unit_test(no_reply_holds_a_private_key),
        cmocka_unit_test(status_warns_of_what_expires),
    };

    return cmocka_run_group_tests_name("admin_ca", TESTS, NULL, NULL);
}
