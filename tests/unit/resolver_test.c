/*
 * Names to addresses, behind the filter of the process that does it. Each check runs in a child with a
 * network, an /etc/hosts and a DNS server of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "resolver.h"
#include "sandbox.h"

#include "temporary.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { ANSWERS_MAX = 100, PATIENCE_MS = 60000, NOT_ALLOWED = 77 };

/* In a child of a test. */
#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                   \
            _exit(1);                                                                                        \
        }                                                                                                    \
    } while (0)

struct answer {
    struct message m;
    struct resolved addresses[RESOLVED_MAX];
    size_t count;
};

struct world {
    struct loop *loop;
    struct resolver *resolver;
    struct answer answers[ANSWERS_MAX];
    size_t answer_count;
    size_t wanted; /* the loop stops at so many answers */
    uint64_t end_ms;
};

/* ---- a DNS server (RFC 1035 4) ---- */

enum { TYPE_A = 1, TYPE_AAAA = 28, HEADER_LEN = 12 };

struct record {
    const char *label; /* the name's first: "many" of many.test */
    uint16_t type;
    const char *address;
};

static const struct record records[] = {
    {"many", TYPE_AAAA, "fd00::1"}, {"many", TYPE_AAAA, "fd00::2"},  {"many", TYPE_AAAA, "fd00::3"},
    {"many", TYPE_AAAA, "fd00::4"}, {"many", TYPE_AAAA, "fd00::5"},  {"many", TYPE_A, "127.0.0.1"},
    {"odd", TYPE_A, "224.0.0.1"},   {"odd", TYPE_A, "0.0.0.1"},      {"odd", TYPE_AAAA, "ff00::1"},
    {"odd", TYPE_AAAA, "::"},       {"away", TYPE_A, "203.0.113.1"}, {"mixed", TYPE_A, "203.0.113.1"},
    {"mixed", TYPE_A, "224.0.0.1"}, {"mixed", TYPE_A, "127.0.0.9"},
};

static size_t put_record(uint8_t *at, const struct record *r)
{
    const uint8_t len = r->type == TYPE_A ? 4 : 16;
    const uint8_t head[] = {0xC0, HEADER_LEN, 0, (uint8_t)r->type, 0, 1, 0, 0, 0, 0, 0, len};

    memcpy(at, head, sizeof head);
    CHECK(inet_pton(r->type == TYPE_A ? AF_INET : AF_INET6, r->address, at + sizeof head) == 1);
    return sizeof head + len;
}

/* Makes the answer out of the question; 0: none. "silent.test" gets none, what is not in the table NXDOMAIN.
 */
static size_t dns_answer(uint8_t *m, size_t len)
{
    size_t question_end = HEADER_LEN;
    bool is_known = false;
    uint16_t type;

    while (question_end < len && m[question_end] != 0)
        question_end += m[question_end] + 1u;
    question_end += 5;
    if (question_end > len || memcmp(m + HEADER_LEN, "\6silent", 7) == 0)
        return 0;
    type = m[question_end - 3];
    m[2] = 0x81; /* a response */
    m[3] = 0x80;
    memset(m + 6, 0, 6); /* no answers yet, and nothing behind them */
    len = question_end;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        size_t label_len = strlen(records[i].label);

        if (m[HEADER_LEN] != label_len || memcmp(m + HEADER_LEN + 1, records[i].label, label_len) != 0)
            continue;
        is_known = true;
        if (records[i].type != type)
            continue;
        len += put_record(m + len, &records[i]);
        m[7]++;
    }
    m[3] |= is_known ? 0 : 3;
    return len;
}

static void dns_serve(int fd)
{
    uint8_t m[1024];
    struct sockaddr_in from;

    for (;;) {
        socklen_t from_len = sizeof from;
        ssize_t len = recvfrom(fd, m, 512, 0, (struct sockaddr *)&from, &from_len);
        size_t answer_len = len > HEADER_LEN ? dns_answer(m, (size_t)len) : 0;

        if (answer_len > 0)
            (void)sendto(fd, m, answer_len, 0, (struct sockaddr *)&from, from_len);
    }
}

/* It ends with the check, which may not kill it. */
static void dns_start(void)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const pid_t check = getpid();
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    CHECK(bind(fd, (const struct sockaddr *)&at, sizeof at) == 0);
    if (fork() == 0) {
        CHECK(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0);
        if (getppid() != check)
            _exit(0); /* the check has ended already */
        dns_serve(fd);
    }
    close(fd);
}

/* ---- a child's own network and files ---- */

static void lo_up(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    CHECK(ioctl(fd, SIOCGIFFLAGS, &request) == 0);
    request.ifr_flags |= IFF_UP;
    CHECK(ioctl(fd, SIOCSIFFLAGS, &request) == 0);
    close(fd);
}

/* fd00::1 to fd00::5 */
static void add_addresses(void)
{
    struct {
        struct in6_addr address;
        uint32_t prefix_len;
        int interface;
    } request = {.address.s6_addr = {0xFD}, .prefix_len = 128, .interface = (int)if_nametoindex("lo")};
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);

    for (uint8_t i = 1; i <= 5; i++) {
        request.address.s6_addr[15] = i;
        CHECK(ioctl(fd, SIOCSIFADDR, &request) == 0);
    }
    close(fd);
}

static void replace_file(struct temporary *dir, const char *path, const char *text)
{
    const char *own = temporary_file(dir, strrchr(path, '/') + 1);
    FILE *file = fopen(own, "w");

    CHECK(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    CHECK(mount(own, path, NULL, MS_BIND, NULL) == 0);
}

static bool enter_own_world(struct temporary *dir)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
        return false;
    CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    lo_up();
    add_addresses();
    replace_file(dir, "/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n127.0.0.7 server.example\n");
    replace_file(dir, "/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    replace_file(dir, "/etc/nsswitch.conf", "hosts: files dns\n");
    return true;
}

/* ---- the resolver ---- */

static void on_answer(void *ctx, const struct message *m)
{
    struct world *w = ctx;
    struct answer *a = &w->answers[w->answer_count++];

    CHECK(w->answer_count <= ANSWERS_MAX && m->type == MSG_RESOLVED);
    a->m = *m;
    CHECK(resolved_decode(m, a->addresses, &a->count) == SSM_OK);
}

static void ask(struct world *w, uint32_t node, uint32_t request, const char *host)
{
    const struct message m = {.type = MSG_RESOLVE,
                              .node = node,
                              .request = request,
                              .data[0] = {.at = (const uint8_t *)host, .len = strlen(host)}};

    resolver_ask(w->resolver, &m, loop_now_ms());
}

static uint64_t turn(void *ctx, uint64_t now_ms)
{
    struct world *w = ctx;

    if (w->answer_count >= w->wanted || now_ms >= w->end_ms)
        loop_stop(w->loop);
    return w->end_ms;
}

static void await(struct world *w, size_t answers)
{
    w->wanted = answers;
    w->end_ms = loop_now_ms() + PATIENCE_MS;
    CHECK(loop_run(w->loop, turn, w) == SSM_OK);
    CHECK(w->answer_count == answers);
}

/* Asks for one name; how it ended. */
static const struct answer *resolve(struct world *w, const char *host)
{
    size_t index = w->answer_count;

    ask(w, 1, 1000 + (uint32_t)index, host);
    await(w, index + 1);
    CHECK(w->answers[index].m.node == 1 && w->answers[index].m.request == 1000 + index);
    return &w->answers[index];
}

static bool is_address(const struct endpoint *e, const char *text)
{
    struct endpoint wanted = {.addr = {[10] = 0xFF, [11] = 0xFF}};

    CHECK(inet_pton(AF_INET, text, wanted.addr + 12) == 1 || inet_pton(AF_INET6, text, wanted.addr) == 1);
    return endpoint_equal(e, &wanted);
}

/* ---- running a check ---- */

struct check {
    const char *name;
    void (*run)(struct world *w);
    struct endpoint from; /* that sessions are had from; all 0: any */
};

static void run_check(const struct check *check, struct temporary *dir)
{
    static struct world w;

    if (!enter_own_world(dir))
        _exit(NOT_ALLOWED);
    dns_start();
    w.loop = loop_create();
    w.resolver = resolver_create(w.loop, &check->from, on_answer, &w);
    CHECK(w.loop != NULL && w.resolver != NULL);
    CHECK(sandbox_harden() == SSM_OK && sandbox_filter(SANDBOX_RESOLVE) == SSM_OK);
    check->run(&w);
    resolver_destroy(w.resolver);
    loop_destroy(w.loop);
    _exit(0);
}

/* The test's initial state is its check. */
static void check_holds(void **state)
{
    struct temporary dir;
    pid_t pid;
    int status;

    if (geteuid() != 0)
        skip();
    temporary_open(&dir);
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        run_check(*state, &dir);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    temporary_close(&dir);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_ALLOWED)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* ---- checks ---- */

static void literals_need_no_server(struct world *w)
{
    const struct answer *a = resolve(w, "127.0.0.3");

    CHECK(a->m.kind == RESOLVE_FOUND && a->count == 1);
    CHECK(is_address(&a->addresses[0].peer, "127.0.0.3"));
    CHECK(is_address(&a->addresses[0].local, "127.0.0.1") || is_address(&a->addresses[0].local, "127.0.0.3"));
    a = resolve(w, "::1");
    CHECK(a->m.kind == RESOLVE_FOUND && a->count == 1);
    CHECK(is_address(&a->addresses[0].peer, "::1") && is_address(&a->addresses[0].local, "::1"));
    CHECK(resolve(w, "203.0.113.1")->m.kind == RESOLVE_FAILED); /* no way there */
    CHECK(resolve(w, "2001:db8::1")->m.kind == RESOLVE_FAILED);
    CHECK(resolve(w, "ff00::1")->m.kind == RESOLVE_FAILED);
    CHECK(resolve(w, "224.0.0.1")->m.kind == RESOLVE_FAILED);
}

static void names_are_in_the_hosts_file(struct world *w)
{
    const struct answer *a = resolve(w, "localhost");

    CHECK(a->m.kind == RESOLVE_FOUND && a->count == 2);
    CHECK(endpoint_is_ipv4(&a->addresses[0].peer) != endpoint_is_ipv4(&a->addresses[1].peer));
    a = resolve(w, "server.example");
    CHECK(a->m.kind == RESOLVE_FOUND && a->count == 1 && is_address(&a->addresses[0].peer, "127.0.0.7"));
}

static void names_are_in_dns(struct world *w)
{
    const struct answer *a = resolve(w, "many.test");
    size_t ipv4 = 0;

    CHECK(a->m.kind == RESOLVE_FOUND && a->count == RESOLVED_MAX);
    for (size_t i = 0; i < a->count; i++)
        ipv4 += is_address(&a->addresses[i].peer, "127.0.0.1");
    CHECK(ipv4 == 1); /* although the library puts five of the other family before it */
    CHECK(resolve(w, "nobody.invalid")->m.kind == RESOLVE_NOT_FOUND);
    CHECK(resolve(w, "odd.test")->m.kind == RESOLVE_FAILED);
    CHECK(resolve(w, "away.test")->m.kind == RESOLVE_FAILED);
    a = resolve(w, "mixed.test");
    CHECK(a->m.kind == RESOLVE_FOUND && a->count == 1 && is_address(&a->addresses[0].peer, "127.0.0.9"));
}

/* What cannot be sent from the address that sessions are had from is not there. */
static void the_address_of_sessions_counts(struct world *w)
{
    const struct answer *a = resolve(w, "localhost");

    CHECK(a->m.kind == RESOLVE_FOUND && a->count == 1);
    CHECK(is_address(&a->addresses[0].peer, "127.0.0.1") && is_address(&a->addresses[0].local, "127.0.0.8"));
    CHECK(resolve(w, "::1")->m.kind == RESOLVE_FAILED);
}

/* The library gives up after a second. Others are served meanwhile, and after. */
static void a_silent_server_holds_up_nobody_else(struct world *w)
{
    ask(w, 1, 1, "silent.test");
    ask(w, 2, 2, "localhost");
    await(w, 1);
    CHECK(w->answers[0].m.request == 2 && w->answers[0].m.kind == RESOLVE_FOUND);
    await(w, 2);
    CHECK(w->answers[1].m.request == 1 && w->answers[1].m.kind == RESOLVE_FAILED);
    CHECK(resolve(w, "localhost")->m.kind == RESOLVE_FOUND);
}

static void a_node_has_one_question_at_a_time(struct world *w)
{
    ask(w, 1, 1, "silent.test");
    ask(w, 1, 2, "localhost");
    CHECK(w->answer_count == 1); /* at once */
    CHECK(w->answers[0].m.request == 2 && w->answers[0].m.kind == RESOLVE_FAILED);
    await(w, 2);
    CHECK(w->answers[1].m.request == 1 && w->answers[1].m.kind == RESOLVE_FAILED);
}

/* More than threads: some are under way, some wait; both are answered in time, and never again. */
static void every_question_is_answered_in_time(struct world *w)
{
    enum { QUESTIONS = RESOLVER_LOOKUPS_MAX };
    uint64_t now_ms = loop_now_ms();

    for (uint32_t i = 1; i <= QUESTIONS; i++)
        ask(w, i, i, "silent.test");
    CHECK(w->answer_count == 0);
    ask(w, 1000, 1000, "localhost"); /* no room */
    CHECK(w->answer_count == 1 && w->answers[0].m.kind == RESOLVE_FAILED);
    CHECK(resolver_tick(w->resolver, now_ms) >= now_ms + RESOLVER_TIMEOUT_MS);
    CHECK(resolver_tick(w->resolver, loop_now_ms() + RESOLVER_TIMEOUT_MS) == LOOP_NEVER);
    CHECK(w->answer_count == 1 + QUESTIONS);
    for (size_t i = 1; i <= QUESTIONS; i++)
        CHECK(w->answers[i].m.kind == RESOLVE_FAILED);
    ask(w, 1, 2000, "localhost"); /* its thread is not back yet */
    CHECK(w->answer_count == 2 + QUESTIONS && w->answers[1 + QUESTIONS].m.kind == RESOLVE_FAILED);
    ask(w, QUESTIONS, 3000, "localhost"); /* had not begun */
    await(w, 3 + QUESTIONS);
    CHECK(w->answers[2 + QUESTIONS].m.request == 3000 && w->answers[2 + QUESTIONS].m.kind == RESOLVE_FOUND);
}

static void who_is_gone_is_not_answered(struct world *w)
{
    ask(w, 1, 1, "silent.test");
    resolver_forget(w->resolver);
    CHECK(resolver_tick(w->resolver, loop_now_ms() + RESOLVER_TIMEOUT_MS) == LOOP_NEVER);
    ask(w, 2, 2, "localhost");
    await(w, 1);
    CHECK(w->answers[0].m.request == 2);
}

int main(void)
{
    static struct check checks[] = {
        {.name = "literals_need_no_server", .run = literals_need_no_server},
        {.name = "names_are_in_the_hosts_file", .run = names_are_in_the_hosts_file},
        {.name = "names_are_in_dns", .run = names_are_in_dns},
        {.name = "the_address_of_sessions_counts",
         .run = the_address_of_sessions_counts,
         .from = {.addr = {[10] = 0xFF, [11] = 0xFF, 127, 0, 0, 8}, .port = 5684}},
        {.name = "a_silent_server_holds_up_nobody_else", .run = a_silent_server_holds_up_nobody_else},
        {.name = "a_node_has_one_question_at_a_time", .run = a_node_has_one_question_at_a_time},
        {.name = "every_question_is_answered_in_time", .run = every_question_is_answered_in_time},
        {.name = "who_is_gone_is_not_answered", .run = who_is_gone_is_not_answered},
    };
    enum { CHECKS = sizeof checks / sizeof checks[0] };
    struct CMUnitTest tests[CHECKS];

    for (size_t i = 0; i < CHECKS; i++)
        tests[i] = (struct CMUnitTest){checks[i].name, check_holds, NULL, NULL, &checks[i]};
    return cmocka_run_group_tests_name("resolver", tests, NULL, NULL);
}
