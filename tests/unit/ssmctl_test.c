#include "ssmctl_world.h"

#include "keyfile.h"
#include "print.h"

static struct temporary dir;

static void wrong_usage_exits_with_2(void **state)
{
    (void)state;
    assert_fails("", 2, "no command given");
    assert_fails("node", 2, "there is no command 'node'; ");
    assert_fails("node lst", 2, "there is no command 'node lst'; `ssmctl --help` lists them");
    assert_fails("--frobnicate", 2, "'--frobnicate' is no option");
    assert_fails("-o", 2, "'-o' needs a value");
    assert_fails("-o xml status", 2, "'xml' is no output format; use json or table");
    assert_fails("node add", 2, "usage: ssmctl node add NAME");
    assert_fails("node add a b", 2, "usage: ssmctl node add NAME");
    assert_fails("node add ki/chen", 2, "'ki/chen' is no name; names are");
    assert_fails("node add a --port 0", 2, "'0' is no port; give a number from 1 to 65535");
    assert_fails("node add a --port 80x", 2, "'80x' is no port");
    assert_fails("node list --show-key", 2, "usage: ssmctl node list");
    assert_fails("subscriber add alice", 2, "usage: ssmctl subscriber add");
    assert_fails("subscriber add alice --node a/b", 2, "'a/b' is no name");
    assert_fails("session close kitchen", 2, "usage: ssmctl session close NODE HANDLE");
    assert_fails("session close kitchen 70000", 2, "'70000' is no handle");
    assert_fails("status now", 2, "usage: ssmctl status");
}

static void help_and_version_need_no_daemon(void **state)
{
    struct outcome o = run("--help");

    (void)state;
    assert_int_equal(o.code, SSMCTL_OK);
    assert_non_null(strstr(o.out, "session close NODE HANDLE"));
    outcome_free(&o);
    o = run("node add --help");
    assert_int_equal(o.code, SSMCTL_OK);
    assert_memory_equal(o.out, "usage: ssmctl node add NAME", 27);
    outcome_free(&o);
    o = run("--version");
    assert_int_equal(o.code, SSMCTL_OK);
    assert_memory_equal(o.out, "ssmctl ", 7);
    outcome_free(&o);
}

static void an_absent_daemon_is_named(void **state)
{
    (void)state;
    assert_fails("--socket /nonexistent/admin.sock status", 1,
                 "cannot reach ssmd at /nonexistent/admin.sock: No such file or directory; is it running?");
}

static void refusals_and_broken_replies_exit_with_1(void **state)
{
    static const struct {
        const char *reply;
        const char *sentence;
    } cases[] = {
        {"{\"ok\":false,\"error\":\"no node is called 'kitchn'\"}\n", "ssmctl: no node is called 'kitchn'\n"},
        {"{\"ok\":tr", "ssmctl: ssmd ended the connection"},
        {"[]\n", "ssmctl: ssmd ended the connection"},
        {NULL, "ssmctl: ssmd ended the connection"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server s;
        struct outcome o = run_against(&s, (const char *const[]){cases[i].reply, NULL}, "node show kitchn");

        assert_int_equal(o.code, SSMCTL_REFUSED);
        assert_memory_equal(o.err, cases[i].sentence, strlen(cases[i].sentence));
        assert_string_equal(o.out, "");
        outcome_free(&o);
    }
}

static void tables_are_aligned(void **state)
{
    (void)state;
    assert_answer("{\"ok\":true,\"nodes\":["
                  "{\"name\":\"kitchen\",\"port\":20000,\"state\":\"joined\",\"address\":\"[::1]:40000\","
                  "\"heard_s\":192,"
                  "\"sessions\":2,\"association\":1,\"boot\":1,\"port_error\":null},"
                  "{\"name\":\"b\",\"port\":20001,\"state\":\"new\",\"address\":null,\"heard_s\":null,"
                  "\"sessions\":0,"
                  "\"association\":0,\"boot\":0,\"port_error\":\"Address already in use\"}]}\n",
                  "node list", "{'op':'node list'}",
                  "NAME     PORT   STATE   SESSIONS  HEARD   ADDRESS      PORT PROBLEM\n"
                  "kitchen  20000  joined  2         3m 12s  [::1]:40000  -\n"
                  "b        20001  new     0         -       -            Address already in use\n");
    assert_answer("{\"ok\":true,\"links\":["
                  "{\"name\":\"udp:[::]:5685\",\"state\":\"up\",\"since_s\":4000,\"to_node\":12,"
                  "\"from_node\":3,\"dropped\":null,\"spoiled\":null,\"nodes\":[\"a\",\"b\"]},"
                  "{\"name\":\"serial:/dev/ttyUSB0\",\"state\":\"down\",\"since_s\":7,\"to_node\":1,"
                  "\"from_node\":2,\"dropped\":3,\"spoiled\":4,\"nodes\":[]}]}\n",
                  "link list", "{'op':'link list'}",
                  "LINK                 STATE  FOR    TO NODES  FROM NODES  DROPPED  SPOILED  NODES\n"
                  "udp:[::]:5685        up     1h 6m  12        3           -        -        a,b\n"
                  "serial:/dev/ttyUSB0  down   7s     1         2           3        4        -\n");
    assert_answer("{\"ok\":true,\"subscribers\":["
                  "{\"name\":\"alice\",\"credential\":\"psk\",\"nodes\":[\"a\",\"b\"]},"
                  "{\"name\":\"bob\",\"credential\":\"certificate\",\"fingerprint\":\"00ff\",\"not_after_s\":"
                  "1800000000,\"expires_s\":2599999,\"nodes\":[]},"
                  "{\"name\":\"eve\",\"credential\":\"subject\",\"subject\":\"Eve E\",\"nodes\":[\"c\"]}]}\n",
                  "subscriber list", "{'op':'subscriber list'}",
                  "NAME   CREDENTIAL   SUBJECT  EXPIRES     LEFT     FINGERPRINT  NODES\n"
                  "alice  psk          -        -           -        -            a,b\n"
                  "bob    certificate  -        2027-01-15  30 days  00ff         -\n"
                  "eve    subject      Eve E    -           -        -            c\n");
    assert_answer("{\"ok\":true,\"name\":\"alice\",\"nodes\":[\"a\"],\"psk\":\"sixteen byte key\"}\n",
                  "subscriber show alice --show-key",
                  "{'op':'subscriber show','name':'alice','show_key':true}",
                  "name        alice\nnodes       a\nkey         sixteen byte key\n");
    assert_answer("{\"ok\":true,\"node\":\"k\",\"handle\":7}\n", "session close k 7",
                  "{'op':'session close','node':'k','handle':7}", "session 7 of node k closed\n");
}

static void json_output_is_what_the_daemon_said(void **state)
{
    struct server s;
    struct outcome o =
        run_with(&s, (const char *const[]){"{\"ok\":true,\"nodes\":[{\"name\":\"k\"}]}\n", NULL},
                 "-o json node list", "{'op':'node list'}");
    json_t *shown = json_loads(o.out, 0, NULL);

    (void)state;
    assert_int_equal(json_array_size(shown), 1);
    json_decref(shown);
    outcome_free(&o);
    o = run_with(&s, (const char *const[]){"{\"ok\":true,\"name\":\"k\",\"port\":20000}\n", NULL},
                 "node show k -o json", "{'op':'node show','name':'k'}");
    shown = json_loads(o.out, 0, NULL);
    assert_int_equal(json_object_size(shown), 2);
    assert_int_equal(json_integer_value(json_object_get(shown, "port")), 20000);
    json_decref(shown);
    outcome_free(&o);
}

static void all_pages_of_sessions_are_asked_for(void **state)
{
    static const char *const replies[] = {
        "{\"ok\":true,\"sessions\":[{\"handle\":1},{\"handle\":2}],\"next\":200}\n",
        "{\"ok\":true,\"sessions\":[{\"handle\":3}],\"next\":400}\n",
        "{\"ok\":true,\"sessions\":[],\"next\":null}\n",
        NULL,
    };
    struct server s;
    struct outcome o = run_with(&s, replies, "session list -o json", "{'op':'session list'}");
    json_t *shown = json_loads(o.out, 0, NULL);

    (void)state;
    assert_int_equal(o.code, SSMCTL_OK);
    assert_int_equal(s.count, 3);
    assert_non_null(strstr(s.requests[1], "\"cursor\":200"));
    assert_non_null(strstr(s.requests[2], "\"cursor\":400"));
    assert_int_equal(json_array_size(shown), 3);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(shown, 2), "handle")), 3);
    json_decref(shown);
    outcome_free(&o);
}

static void a_made_key_is_sent_and_shown_once(void **state)
{
    static const char *const replies[] = {
        "{\"ok\":true,\"name\":\"k\",\"port\":20000,\"link_port\":5685}\n",
        NULL,
    };
    struct server s;
    struct outcome o = run_against(&s, replies, "node add k --port 20000");
    json_t *request = json_loads(s.requests[0], 0, NULL);
    const char *psk = json_string_value(json_object_get(request, "psk"));

    (void)state;
    assert_int_equal(strlen(psk), 32);
    assert_int_equal(strspn(psk, "0123456789abcdef"), 32);
    assert_int_equal(json_integer_value(json_object_get(request, "port")), 20000);
    assert_memory_equal(o.out, "node k, port 20000\nkey ", 23);
    assert_memory_equal(o.out + 23, psk, 32);
    assert_non_null(strstr(o.out, "ssm-node --gateway ADDRESS:5685 --id k --key-file FILE"));
    json_decref(request);
    outcome_free(&o);
}

static void key_files_are_read_and_not_shown(void **state)
{
    const char *path = temporary_file(&dir, "key");
    char line[128];

    (void)state;
    write_file(path, "00112233445566778899AABBCCDDEEFF\nsecond line\n", 0600);
    snprintf(line, sizeof line, "node add k --psk-file %s", path);
    assert_answer("{\"ok\":true,\"name\":\"k\",\"port\":20000,\"link_port\":5685}\n", line,
                  "{'op':'node add','name':'k','psk':'00112233445566778899aabbccddeeff'}",
                  "node k, port 20000\n");
    write_file(path, "00112233445566778899aabbccddeeff \r\n", 0600);
    assert_answer("{\"ok\":true,\"name\":\"k\",\"port\":20000,\"link_port\":5685}\n", line,
                  "{'op':'node add','name':'k','psk':'00112233445566778899aabbccddeeff'}",
                  "node k, port 20000\n");
    write_file(path, "a key with blanks", 0600); /* no newline at the end */
    snprintf(line, sizeof line, "subscriber add alice --node k --node b --psk-file %s", path);
    assert_answer("{\"ok\":true,\"name\":\"alice\",\"nodes\":[]}\n", line,
                  "{'op':'subscriber add','name':'alice','nodes':['k','b'],'psk':'a key with blanks'}",
                  "subscriber alice\n");
    write_file(path, "hex:00112233445566778899aabbccddeeff\n", 0600);
    assert_answer("{\"ok\":true,\"name\":\"alice\",\"nodes\":[]}\n", line,
                  "{'op':'subscriber "
                  "add','name':'alice','nodes':['k','b'],'psk':'hex:00112233445566778899aabbccddeeff'}",
                  "subscriber alice\n");
}

static void bad_key_files_are_refused(void **state)
{
    const char *path = temporary_file(&dir, "key");
    char line[128];
    char too_long[300];

    (void)state;
    memset(too_long, 'k', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    snprintf(line, sizeof line, "node add k --psk-file %s", path);
    assert_fails(line, 1, "cannot read key file");
    write_file(path, "0011\n", 0600);
    assert_fails(line, 1, "32 hex digits");
    write_file(path, "", 0600);
    assert_fails(line, 1, "32 hex digits");
    snprintf(line, sizeof line, "subscriber add alice --node k --psk-file %s", path);
    write_file(path, "too short\n", 0600);
    assert_fails(line, 1, "16 to 32 bytes");
    write_file(path, too_long, 0600);
    assert_fails(line, 1, "16 to 32 bytes");
    write_file(path, "sixteen byte key\r\n", 0600);
    assert_fails(line, 1, "control characters");
}

static void a_key_file_that_others_can_read_is_warned_of(void **state)
{
    const char *path = temporary_file(&dir, "key");
    char text[ADMIN_KEY_TEXT_MAX + 1];
    char *said;
    size_t len;
    FILE *err;

    (void)state;
    for (int i = 0; i < 2; i++) {
        write_file(path, "sixteen byte key\n", i == 0 ? 0600 : 0640);
        err = open_memstream(&said, &len);
        assert_true(keyfile_read(KEYFILE_SUBSCRIBER, path, text, err));
        fclose(err);
        assert_string_equal(text, "sixteen byte key");
        assert_int_equal(strstr(said, "warning: others can read") != NULL, i == 1);
        free(said);
    }
}

static void made_keys_differ_and_need_no_quoting(void **state)
{
    char first[ADMIN_KEY_TEXT_MAX + 1];
    char second[ADMIN_KEY_TEXT_MAX + 1];

    (void)state;
    assert_true(keyfile_generate(KEYFILE_SUBSCRIBER, first, stderr));
    assert_true(keyfile_generate(KEYFILE_SUBSCRIBER, second, stderr));
    assert_int_equal(strlen(first), 22);
    assert_int_equal(strspn(first, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"), 22);
    assert_string_not_equal(first, second);
}

static void durations_have_two_units(void **state)
{
    static const struct {
        json_int_t seconds;
        const char *text;
    } cases[] = {{0, "0s"},       {59, "59s"},        {60, "1m 0s"},    {192, "3m 12s"},  {3600, "1h 0m"},
                 {7500, "2h 5m"}, {86399, "23h 59m"}, {86400, "1d 0h"}, {356400, "4d 3h"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        print_duration(out, cases[i].seconds);
        fclose(out);
        assert_string_equal(text, cases[i].text);
        free(text);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_prestate_setup_teardown(f, temporary_setup, temporary_teardown, &dir)
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(wrong_usage_exits_with_2),
        cmocka_unit_test(help_and_version_need_no_daemon),
        cmocka_unit_test(an_absent_daemon_is_named),
        cmocka_unit_test(refusals_and_broken_replies_exit_with_1),
        cmocka_unit_test(tables_are_aligned),
        cmocka_unit_test(json_output_is_what_the_daemon_said),
        cmocka_unit_test(all_pages_of_sessions_are_asked_for),
        cmocka_unit_test(a_made_key_is_sent_and_shown_once),
        TEST(key_files_are_read_and_not_shown),
        TEST(bad_key_files_are_refused),
        TEST(a_key_file_that_others_can_read_is_warned_of),
        cmocka_unit_test(made_keys_differ_and_need_no_quoting),
        cmocka_unit_test(durations_have_two_units),
    };

    return cmocka_run_group_tests_name("ssmctl", TESTS, NULL, NULL);
}
