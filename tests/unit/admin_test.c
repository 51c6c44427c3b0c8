#include "admin_world.h"
#include "admin_request.h"
#include "relay.h"

#include <grp.h>
#include <sys/wait.h>

#define KEY_1 "00112233445566778899aabbccddeeff"
#define KEY_2 "ffeeddccbbaa99887766554433221100"
#define ADD_KITCHEN "{'op':'node add','name':'kitchen','psk':'" KEY_1 "'}"
#define ADD_ALICE "{'op':'subscriber add','name':'alice','psk':'sixteen byte key','nodes':['kitchen']}"

static json_int_t number_at(const json_t *object, const char *field)
{
    return json_integer_value(json_object_get(object, field));
}

static const char *text_at(const json_t *object, const char *field)
{
    return json_string_value(json_object_get(object, field));
}

static void a_node_gets_the_lowest_free_port(void **state)
{
    struct world w;
    json_t *reply;

    (void)state;
    world_start(&w, "");
    reply = ask(&w, ADD_KITCHEN);
    assert_string_equal(text_at(reply, "name"), "kitchen");
    assert_int_equal(number_at(reply, "port"), 20000);
    assert_int_equal(number_at(reply, "link_port"), 20001);
    json_decref(reply);
    assert_int_equal(w.nodes[0].psk[1], 0x11);
    assert_int_equal(w.views[0].id, w.nodes[0].id);
    assert_int_equal(w.to_parent[0].type, MSG_PORT_NEEDED);
    assert_int_equal(w.to_parent[0].node, w.nodes[0].id);
    assert_int_equal(w.to_parent[0].local.port, 20000);
    /* 20001 is the link's here. */
    reply = ask(&w, "{'op':'node add','name':'b','psk':'" KEY_2 "'}");
    assert_int_equal(number_at(reply, "port"), 20002);
    json_decref(reply);
    assert_done(&w, "{'op':'node add','name':'c','psk':'" KEY_2 "','port':20003}");
    assert_refused(&w, "{'op':'node add','name':'d','psk':'" KEY_2 "'}", "no port of the range");
    assert_refused(&w, "{'op':'node add','name':'d','psk':'" KEY_2 "','port':20003}", "port 20003 is taken");
    assert_refused(&w, "{'op':'node add','name':'d','psk':'" KEY_2 "','port':5684}", "port 5684 is taken");
    assert_int_equal(w.node_count, 3);
    assert_int_equal(w.parent_count, 3);
    world_stop(&w);
}

static void nothing_is_half_applied(void **state)
{
    struct world w;

    (void)state;
    world_start(&w, "");
    w.store_fails = true;
    assert_refused(&w, ADD_KITCHEN, "database");
    assert_int_equal(w.view_count, 0);
    w.store_fails = false;
    w.delegator_full = true;
    assert_refused(&w, ADD_KITCHEN, "raise max_nodes");
    assert_int_equal(w.node_count, 0);
    assert_int_equal(w.parent_count, 0);
    w.delegator_full = false;
    assert_done(&w, ADD_KITCHEN);
    assert_refused(&w, ADD_KITCHEN, "exists already");
    assert_int_equal(w.node_count, 1);
    w.store_fails = true;
    assert_refused(&w, "{'op':'node remove','name':'kitchen'}", "database");
    assert_int_equal(w.view_count, 1);
    assert_int_equal(w.parent_count, 1);
    world_stop(&w);
}

static void a_removed_node_is_gone_everywhere(void **state)
{
    struct world w;

    (void)state;
    world_start(&w, "");
    assert_done(&w, ADD_KITCHEN);
    assert_refused(&w, "{'op':'node remove','name':'kitchn'}",
                   "no node is called 'kitchn'; `ssmctl node list`");
    assert_done(&w, "{'op':'node remove','name':'kitchen'}");
    assert_int_equal(w.node_count, 0);
    assert_int_equal(w.view_count, 0);
    assert_int_equal(w.to_parent[1].type, MSG_PORT_DROPPED);
    assert_int_equal(w.to_parent[1].local.port, 20000);
    world_stop(&w);
}

static void keys_are_shown_on_request_alone(void **state)
{
    struct world w;
    json_t *reply;

    (void)state;
    world_start(&w, "");
    assert_done(&w, ADD_KITCHEN);
    assert_done(&w, ADD_ALICE);
    assert_done(&w, "{'op':'node add','name':'b','psk':'" KEY_2 "'}");
    reply = ask(&w, "{'op':'node show','name':'kitchen'}");
    assert_null(json_object_get(reply, "psk"));
    json_decref(reply);
    reply = ask(&w, "{'op':'node show','name':'kitchen','show_key':true}");
    assert_string_equal(text_at(reply, "psk"), KEY_1);
    json_decref(reply);
    reply = ask(&w, "{'op':'subscriber show','name':'alice','show_key':false}");
    assert_null(json_object_get(reply, "psk"));
    assert_string_equal(json_string_value(json_array_get(json_object_get(reply, "nodes"), 0)), "kitchen");
    json_decref(reply);
    reply = ask(&w, "{'op':'subscriber show','name':'alice','show_key':true}");
    assert_string_equal(text_at(reply, "psk"), "sixteen byte key");
    json_decref(reply);
    world_stop(&w);
}

static void nodes_are_listed_with_their_state(void **state)
{
    static const struct endpoint mapped = {
        .addr = {[10] = 0xFF, [11] = 0xFF, [12] = 192, [13] = 0, [14] = 2, [15] = 1}, .port = 61616};
    struct world w;
    json_t *reply;
    json_t *node;

    (void)state;
    world_start(&w, "");
    assert_done(&w, ADD_KITCHEN);
    reply = ask(&w, "{'op':'node list'}");
    node = json_array_get(json_object_get(reply, "nodes"), 0);
    assert_true(json_is_null(json_object_get(node, "heard_s")));
    assert_true(json_is_null(json_object_get(node, "address")));
    assert_true(json_is_null(json_object_get(node, "port_error")));
    assert_true(json_is_false(json_object_get(node, "associated")));
    assert_string_equal(text_at(node, "state"), "new");
    json_decref(reply);
    w.views[0].assoc_counter = 7;
    reply = ask(&w, "{'op':'node show','name':'kitchen'}");
    assert_string_equal(text_at(reply, "state"), "joining");
    json_decref(reply);
    w.views[0].associated = true;
    w.views[0].endpoint = mapped;
    w.views[0].heard_ms = w.now_ms - 12345;
    w.views[0].sessions = 3;
    admin_on_message(w.admin, &(struct message){.type = MSG_PORT_FAILED,
                                                .node = w.nodes[0].id,
                                                .local.port = 20000,
                                                .value = EADDRINUSE});
    reply = ask(&w, "{'op':'node list'}");
    node = json_array_get(json_object_get(reply, "nodes"), 0);
    assert_int_equal(number_at(node, "heard_s"), 12);
    assert_int_equal(number_at(node, "sessions"), 3);
    assert_string_equal(text_at(node, "address"), "192.0.2.1:61616");
    assert_string_equal(text_at(node, "port_error"), strerror(EADDRINUSE));
    assert_true(json_is_true(json_object_get(node, "associated")));
    assert_string_equal(text_at(node, "state"), "joined");
    json_decref(reply);
    w.views[0].silent = true;
    reply = ask(&w, "{'op':'node show','name':'kitchen'}");
    assert_string_equal(text_at(reply, "state"), "silent");
    json_decref(reply);
    world_stop(&w);
}

static void subscribers_are_added_with_their_grants(void **state)
{
    struct world w;
    json_t *reply;
    json_t *row;

    (void)state;
    world_start(&w, "");
    assert_refused(&w, ADD_ALICE, "no node is called 'kitchen'");
    assert_int_equal(w.subscriber_count, 0);
    assert_done(&w, ADD_KITCHEN);
    reply = ask(&w, ADD_ALICE);
    assert_int_equal(number_at(json_array_get(json_object_get(reply, "nodes"), 0), "port"), 20000);
    json_decref(reply);
    assert_int_equal(w.grants[0][0], w.nodes[0].id);
    assert_int_equal(w.subscribers[0].psk_len, 16);
    assert_refused(&w, ADD_ALICE, "exists already");
    reply = ask(&w, "{'op':'subscriber list'}");
    assert_int_equal(json_array_size(json_object_get(reply, "subscribers")), 1);
    row = json_array_get(json_object_get(reply, "subscribers"), 0);
    assert_int_equal(json_object_size(row), 3); /* name, credential and nodes: no key, nothing internal */
    assert_string_equal(text_at(row, "credential"), "psk");
    assert_string_equal(text_at(row, "name"), "alice");
    json_decref(reply);
    assert_refused(&w, "{'op':'subscriber remove','name':'bob'}", "no subscriber is called 'bob'");
    assert_int_equal(w.removed_subscriber, 0);
    assert_done(&w, "{'op':'subscriber remove','name':'alice'}");
    assert_int_equal(w.removed_subscriber, 500);
    assert_int_equal(w.subscriber_count, 0);
    world_stop(&w);
}

static void relay_sends_page(struct world *w, const struct message *question, uint64_t next)
{
    static uint8_t rows[SESSION_ROW_LEN];
    struct session_row row = {.node = w->nodes[0].id,
                              .subscriber = 500,
                              .handle = 7,
                              .peer = {.addr = {[15] = 1}, .port = 40000},
                              .age_s = 192,
                              .to_node = UINT32_MAX};

    session_row_encode(&row, rows);
    admin_on_message(w->admin, &(struct message){.type = MSG_SESSION_LIST,
                                                 .request = question->request,
                                                 .value = next,
                                                 .data[0] = {.at = rows, .len = sizeof rows}});
}

/* Turns the world until relay has been asked `count` times in all. */
static void await_question(struct world *w, size_t count)
{
    for (int turns = 0; turns < 500 && w->relay_count < count; turns++)
        world_turn(w);
    assert_int_equal(w->relay_count, count);
}

static void sessions_come_in_pages_with_names(void **state)
{
    struct world w;
    json_t *reply;
    json_t *session;
    int fd;

    (void)state;
    world_start(&w, "");
    assert_done(&w, ADD_KITCHEN);
    assert_done(&w, ADD_ALICE);
    fd = caller_connect(&w);
    caller_send(fd, "{'op':'session list','cursor':200}");
    await_question(&w, 1);
    assert_int_equal(w.to_relay[0].type, MSG_SESSION_LIST);
    assert_true(w.to_relay[0].request >= ADMIN_REQUEST_FIRST);
    assert_int_equal(w.to_relay[0].value, 200);
    relay_sends_page(&w, &w.to_relay[0], 400);
    reply = caller_receive(&w, fd);
    assert_int_equal(number_at(reply, "next"), 400);
    session = json_array_get(json_object_get(reply, "sessions"), 0);
    assert_string_equal(text_at(session, "node"), "kitchen");
    assert_string_equal(text_at(session, "subscriber"), "alice");
    assert_string_equal(text_at(session, "peer"), "[::1]:40000");
    assert_int_equal(number_at(session, "age_s"), 192);
    assert_int_equal(number_at(session, "to_node"), UINT32_MAX);
    json_decref(reply);
    relay_sends_page(&w, &w.to_relay[0], 400); /* once more: nobody waits for it */
    caller_send(fd, "{'op':'session list'}");
    await_question(&w, 2);
    assert_int_not_equal(w.to_relay[1].request, w.to_relay[0].request);
    relay_sends_page(&w, &w.to_relay[1], 0);
    reply = caller_receive(&w, fd);
    assert_true(json_is_null(json_object_get(reply, "next")));
    json_decref(reply);
    close(fd);
    world_stop(&w);
}

static void status_has_the_counters_of_both(void **state)
{
    static const uint8_t counters[16] = {5, 1};
    struct world w;
    json_t *reply;
    int fd;

    (void)state;
    world_start(&w, "");
    assert_done(&w, ADD_KITCHEN);
    w.now_ms += 61500;
    fd = caller_connect(&w);
    caller_send(fd, "{'op':'status'}");
    await_question(&w, 1);
    admin_on_message(w.admin, &(struct message){.type = MSG_STATUS,
                                                .request = w.to_relay[0].request,
                                                .data[0] = {.at = counters, .len = sizeof counters}});
    reply = caller_receive(&w, fd);
    assert_string_equal(text_at(reply, "gateway"), "gw");
    assert_int_equal(number_at(reply, "uptime_s"), 61);
    assert_int_equal(number_at(reply, "nodes"), 1);
    assert_int_equal(number_at(reply, "nodes_associated"), 0);
    assert_true(json_is_null(json_object_get(reply, "resumption")));
    assert_int_equal(number_at(json_object_get(reply, "keys"), "associations"), 17);
    assert_int_equal(number_at(json_object_get(reply, "relay"), relay_counter_name(RELAY_TO_NODE)), 261);
    json_decref(reply);
    close(fd);
    world_stop(&w);
}

static void status_says_what_is_kept_for_resumption(void **state)
{
    struct world w;
    json_t *reply, *resumption;
    int fd;

    (void)state;
    world_start(&w, "");
    w.config.resumption_s = 600;
    w.config.resumption_sessions = 128;
    fd = caller_connect(&w);
    caller_send(fd, "{'op':'status'}");
    await_question(&w, 1);
    admin_on_message(w.admin, &(struct message){.type = MSG_STATUS, .request = w.to_relay[0].request});
    reply = caller_receive(&w, fd);
    resumption = json_object_get(reply, "resumption");
    assert_int_equal(number_at(resumption, "lifetime_s"), 600);
    assert_int_equal(number_at(resumption, "master_secrets"), 3);
    assert_int_equal(number_at(resumption, "master_secrets_max"), 128);
    json_decref(reply);
    close(fd);
    world_stop(&w);
}

static void a_silent_relay_is_reported(void **state)
{
    struct world w;
    int fd;

    (void)state;
    world_start(&w, "");
    fd = caller_connect(&w);
    caller_send(fd, "{'op':'status'}");
    await_question(&w, 1);
    w.now_ms += 5000;
    assert_refusal(caller_receive(&w, fd), "relay process did not answer");
    close(fd);
    world_stop(&w);
}

static void sessions_are_closed_by_node_and_handle(void **state)
{
    struct world w;

    (void)state;
    world_start(&w, "");
    assert_done(&w, ADD_KITCHEN);
    assert_refused(&w, "{'op':'session close','node':'attic','handle':7}", "no node is called 'attic'");
    assert_refused(&w, "{'op':'session close','node':'kitchen','handle':8}", "has no session 8");
    assert_int_equal(w.closed_handle, 0);
    assert_done(&w, "{'op':'session close','node':'kitchen','handle':7}");
    assert_int_equal(w.closed_handle, 7);
    assert_int_equal(w.closed_node, w.nodes[0].id);
    world_stop(&w);
}

static void requests_in_one_write_are_answered_in_order(void **state)
{
    struct world w;
    json_t *reply;
    int fd;

    (void)state;
    world_start(&w, "");
    fd = caller_connect(&w);
    caller_send(fd, "{'op':'session list'}\n" ADD_KITCHEN "\n{'op':'node list'}");
    shutdown(fd, SHUT_WR); /* what has been said is answered all the same */
    await_question(&w, 1);
    assert_int_equal(w.node_count, 0);
    admin_on_message(w.admin, &(struct message){.type = MSG_SESSION_LIST, .request = w.to_relay[0].request});
    reply = caller_receive(&w, fd);
    assert_non_null(json_object_get(reply, "sessions"));
    json_decref(reply);
    reply = caller_receive(&w, fd);
    assert_int_equal(number_at(reply, "port"), 20000);
    json_decref(reply);
    reply = caller_receive(&w, fd);
    assert_int_equal(json_array_size(json_object_get(reply, "nodes")), 1);
    json_decref(reply);
    assert_null(caller_receive(&w, fd)); /* closed */
    close(fd);
    world_stop(&w);
}

static void requests_arrive_in_pieces(void **state)
{
    static const char text[] = "{\"op\":\"node list\"}\n";
    struct world w;
    json_t *reply;
    int fd;

    (void)state;
    world_start(&w, "");
    fd = caller_connect(&w);
    for (size_t i = 0; i + 1 < sizeof text; i++) {
        assert_int_equal(send(fd, text + i, 1, MSG_NOSIGNAL), 1);
        event_base_loop(w.base, EVLOOP_NONBLOCK);
    }
    reply = caller_receive(&w, fd);
    assert_true(json_is_true(json_object_get(reply, "ok")));
    json_decref(reply);
    close(fd);
    world_stop(&w);
}

static void a_line_without_end_is_refused(void **state)
{
    static const char piece[1024] = "{";
    struct world w;
    int fd;

    (void)state;
    world_start(&w, "");
    fd = caller_connect(&w);
    for (int i = 0; i < ADMIN_LINE_MAX / 1024; i++) {
        assert_int_equal(send(fd, piece, sizeof piece, MSG_NOSIGNAL), sizeof piece);
        world_turn(&w);
    }
    assert_refusal(caller_receive(&w, fd), "12288 bytes");
    assert_null(caller_receive(&w, fd));
    close(fd);
    world_stop(&w);
}

static void malformed_requests_keep_the_connection(void **state)
{
    struct world w;
    json_t *reply;
    int fd;

    (void)state;
    world_start(&w, "");
    fd = caller_connect(&w);
    caller_send(fd, "hello");
    assert_refusal(caller_receive(&w, fd), "one JSON object");
    caller_send(fd, "{'op':'node list'}");
    reply = caller_receive(&w, fd);
    assert_true(json_is_true(json_object_get(reply, "ok")));
    json_decref(reply);
    close(fd);
    world_stop(&w);
}

static void idle_connections_end(void **state)
{
    struct world w;
    int fd;

    (void)state;
    world_start(&w, "");
    fd = caller_connect(&w);
    world_turn(&w);
    w.now_ms += 30000;
    assert_null(caller_receive(&w, fd));
    close(fd);
    world_stop(&w);
}

static void the_seventeenth_connection_is_refused(void **state)
{
    struct world w;
    int fds[17];

    (void)state;
    world_start(&w, "");
    for (int i = 0; i < 17; i++)
        fds[i] = caller_connect(&w);
    assert_refusal(caller_receive(&w, fds[16]), "too many connections");
    assert_null(caller_receive(&w, fds[16]));
    close(fds[3]);
    world_turn(&w);
    assert_done(&w, ADD_KITCHEN); /* there is room again */
    for (int i = 0; i < 17; i++)
        if (i != 3)
            close(fds[i]);
    world_stop(&w);
}

/* ---- callers ---- */

struct identity {
    gid_t group;
    size_t supplementary_count;
    gid_t supplementary[2];
};

/* A child of that identity asks for the nodes; its exit code is the reply's "ok", 2 for no reply. */
static pid_t start_stranger(const struct world *w, const struct identity *who)
{
    pid_t child = fork();
    char reply[1024];
    ssize_t got;
    int fd;

    if (child != 0)
        return child;
    if (setgroups(who->supplementary_count, who->supplementary) != 0 || setgid(who->group) != 0 ||
        setuid(65534) != 0)
        _exit(3);
    fd = caller_connect(w);
    if (send(fd, "{\"op\":\"node list\"}\n", 19, MSG_NOSIGNAL) < 0)
        errno = 0; /* turned away already */
    got = recv(fd, reply, sizeof reply - 1, 0);
    if (got <= 0)
        _exit(2);
    reply[got] = '\0';
    _exit(strstr(reply, "\"ok\":true") != NULL ? 1 : strstr(reply, "not permitted") != NULL ? 0 : 2);
}

static int outcome_for(struct world *w, const struct identity *who)
{
    pid_t child = start_stranger(w, who);
    int status = -1;

    assert_true(child > 0);
    for (int turns = 0; turns < 500 && waitpid(child, &status, WNOHANG) == 0; turns++)
        world_turn(w);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void strangers_are_turned_away(void **state)
{
    const struct group *group = getgrnam("games"); /* Debian has it everywhere */
    struct world w;

    (void)state;
    if (geteuid() != 0 || group == NULL)
        skip();
    world_start(&w, "games");
    assert_int_equal(outcome_for(&w, &(struct identity){.group = 65534}), 0);
    assert_int_equal(outcome_for(&w, &(struct identity){65534, 1, {group->gr_gid + 1}}), 0);
    assert_int_equal(outcome_for(&w, &(struct identity){.group = group->gr_gid}), 1);
    assert_int_equal(outcome_for(&w, &(struct identity){65534, 2, {group->gr_gid + 1, group->gr_gid}}), 1);
    world_stop(&w);
    world_start(&w, ""); /* no group at all */
    assert_int_equal(outcome_for(&w, &(struct identity){65534, 1, {group->gr_gid}}), 0);
    world_stop(&w);
}

/* ---- keys in memory ---- */

#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#elif defined(__has_feature)
enum { SANITIZED = __has_feature(address_sanitizer) };
#else
enum { SANITIZED = 0 };
#endif

/* How often the bytes whose complements are `needle` stand in the writable memory of this process. */
static size_t count_in_range(const uint8_t *from, const uint8_t *to, const uint8_t *needle, size_t len)
{
    size_t count = 0;

    for (; from + len <= to; from++) {
        size_t i = 0;

        while (i < len && (from[i] ^ needle[i]) == 0xFF)
            i++;
        count += i == len;
    }
    return count;
}

static size_t count_in_memory(const uint8_t *needle, size_t len)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    size_t count = 0;

    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL) {
        uintptr_t from;
        uintptr_t to;
        char rights[8];

        assert_int_equal(sscanf(line, "%lx-%lx %7s", &from, &to, rights), 3);
        if (rights[0] == 'r' && rights[1] == 'w')
            count += count_in_range((const uint8_t *)from, (const uint8_t *)to, needle, len);
    }
    fclose(maps);
    return count;
}

/* Eight digits of the key as they stand in requests and replies, and four bytes of it as they stand in rows.
 */
struct needles {
    uint8_t text[8];
    uint8_t bytes[8];
};

/* A request with a key that stands nowhere else, and what to look for. */
static void random_request(char *text, size_t cap, struct needles *out)
{
    uint8_t psk[ASSOC_PSK_LEN];
    FILE *urandom = fopen("/dev/urandom", "r");
    volatile char *to = text; /* an optimiser would keep digits of its own */
    size_t len = (size_t)snprintf(text, cap, "{'op':'node add','name':'k','psk':'");

    setvbuf(urandom, NULL, _IONBF, 0);
    assert_int_equal(fread(psk, 1, sizeof psk, urandom), sizeof psk);
    fclose(urandom);
    for (size_t i = 0; i < sizeof psk; i++) {
        static const char digits[] = "0123456789abcdef";

        to[len++] = digits[psk[i] >> 4];
        to[len++] = digits[psk[i] & 15];
    }
    for (size_t i = 0; i < 8; i++) {
        out->text[i] = (uint8_t)~text[len - 16 + i];
        out->bytes[i] = (uint8_t)~psk[4 + i];
    }
    snprintf(text + len, cap - len, "'}");
    bytes_wipe(psk, sizeof psk);
}

static void no_key_stays_when_its_request_is_over(void **state)
{
    struct world w;
    struct needles needles;
    char text[128];
    json_t *reply;
    int fd;

    (void)state;
    if (SANITIZED)
        skip();
    world_start(&w, "");
    random_request(text, sizeof text, &needles);
    assert_true(count_in_memory(needles.text, 8) > 0);
    fd = caller_connect(&w); /* stays open: the request alone is over */
    caller_send(fd, text);
    bytes_wipe(text, sizeof text);
    json_decref(caller_receive(&w, fd));
    assert_int_equal(w.node_count, 1);
    assert_int_equal(count_in_memory(needles.text, 8), 0);
    assert_true(count_in_memory(needles.bytes, 8) > 0); /* the store's row */
    reply = ask(&w, "{'op':'node show','name':'k','show_key':true}");
    assert_true(count_in_memory(needles.text, 8) > 0);
    json_decref(reply);
    assert_int_equal(count_in_memory(needles.text, 8), 0);
    assert_done(&w, "{'op':'node remove','name':'k'}");
    assert_int_equal(count_in_memory(needles.bytes, 8), 0);
    close(fd);
    world_stop(&w);
}

int main(void)
{
    static const struct CMUnitTest TESTS[] = {
        cmocka_unit_test(a_node_gets_the_lowest_free_port),
        cmocka_unit_test(nothing_is_half_applied),
        cmocka_unit_test(a_removed_node_is_gone_everywhere),
        cmocka_unit_test(keys_are_shown_on_request_alone),
        cmocka_unit_test(nodes_are_listed_with_their_state),
        cmocka_unit_test(subscribers_are_added_with_their_grants),
        cmocka_unit_test(sessions_come_in_pages_with_names),
        cmocka_unit_test(status_has_the_counters_of_both),
        cmocka_unit_test(status_says_what_is_kept_for_resumption),
        cmocka_unit_test(a_silent_relay_is_reported),
        cmocka_unit_test(sessions_are_closed_by_node_and_handle),
        cmocka_unit_test(requests_in_one_write_are_answered_in_order),
        cmocka_unit_test(requests_arrive_in_pieces),
        cmocka_unit_test(a_line_without_end_is_refused),
        cmocka_unit_test(malformed_requests_keep_the_connection),
        cmocka_unit_test(idle_connections_end),
        cmocka_unit_test(the_seventeenth_connection_is_refused),
        cmocka_unit_test(strangers_are_turned_away),
        cmocka_unit_test(no_key_stays_when_its_request_is_over),
    };

    return cmocka_run_group_tests_name("admin", TESTS, NULL, NULL);
}
