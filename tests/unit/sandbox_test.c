/* What a process can no longer do once it is shut in. Each check runs in a child of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sandbox.h"

#include "temporary.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct temporary dir;

/* Runs `check` in a forked child and returns how that ended, as waitpid tells. */
static int ending_of(int (*check)(enum sandbox_process process), enum sandbox_process process)
{
    pid_t pid = fork();
    int status;

    assert_true(pid >= 0);
    if (pid == 0)
        _exit(check(process));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void expect_exit(int (*check)(enum sandbox_process process), int code)
{
    for (enum sandbox_process process = SANDBOX_RELAY; process <= SANDBOX_KEYS; process++) {
        int status = ending_of(check, process);

        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), code);
    }
}

static void expect_killed(int (*check)(enum sandbox_process process))
{
    for (enum sandbox_process process = SANDBOX_RELAY; process <= SANDBOX_KEYS; process++) {
        int status = ending_of(check, process);

        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSYS);
    }
}

static bool shut_in(enum sandbox_process process)
{
    return sandbox_harden() == SSM_OK && sandbox_filter(process) == SSM_OK;
}

static int open_sockets(enum sandbox_process process)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK, AF_PACKET};

    if (!shut_in(process))
        return 1;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (socket(families[i], SOCK_DGRAM, 0) >= 0 || errno != EACCES)
            return 2;
    }
    return 0;
}

static int connect_inherited(enum sandbox_process process)
{
    struct sockaddr_in6 to = {
        .sin6_family = AF_INET6, .sin6_port = htons(9), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);

    if (fd < 0 || !shut_in(process))
        return 1;
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno != EACCES)
        return 2;
    return bind(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno == EACCES ? 0 : 3;
}

static int run_a_program(enum sandbox_process process)
{
    char *const arguments[] = {"true", NULL};

    if (!shut_in(process))
        return 1;
    execve("/bin/true", arguments, NULL);
    return 2;
}

static int start_a_process(enum sandbox_process process)
{
    if (!shut_in(process))
        return 1;
    fork();
    return 2;
}

static int make_memory_executable(enum sandbox_process process)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED || !shut_in(process))
        return 1;
    mprotect(page, 4096, PROT_READ | PROT_EXEC);
    return 2;
}

static int do_daily_work(enum sandbox_process process)
{
    int fds[2];
    int fd;
    char c = 'x';

    if (!shut_in(process))
        return 1;
    fd = open(temporary_file(&dir, "file"), O_RDWR | O_CREAT, 0600);
    if (fd < 0 || pwrite(fd, &c, 1, 0) != 1 || fdatasync(fd) != 0 || ftruncate(fd, 0) != 0 || close(fd) != 0)
        return 2;
    if (unlink(temporary_file(&dir, "file")) != 0 || pipe2(fds, O_CLOEXEC) != 0)
        return 3;
    if (malloc(1 << 22) == NULL || getpid() == 0)
        return 4;
    return 0;
}

static int show_limits(enum sandbox_process process)
{
    struct rlimit core;
    int death = 0;

    (void)process;
    if (sandbox_harden() != SSM_OK)
        return 1;
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 || core.rlim_max != 0)
        return 2;
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
        return 3;
    return prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0) == 0 && death == SIGKILL ? 0 : 4;
}

static int become_nobody(enum sandbox_process process)
{
    struct sandbox_account account;
    const struct passwd *nobody = getpwnam("nobody");

    (void)process;
    if (sandbox_find_account("nobody", &account) != SSM_OK || !account.change ||
        account.uid != nobody->pw_uid)
        return 1;
    if (sandbox_become(&account) != SSM_OK || getuid() != account.uid || geteuid() != account.uid)
        return 2;
    if (getgid() != account.gid || getgroups(0, NULL) != 0)
        return 3;
    return setuid(0) == 0 ? 4 : 0;
}

static void test_no_socket_can_be_opened(void **state)
{
    (void)state;
    if (!SANDBOX_HAS_FILTER)
        skip();
    expect_exit(open_sockets, 0);
    expect_exit(connect_inherited, 0);
}

static void test_forbidden_calls_kill(void **state)
{
    (void)state;
    if (!SANDBOX_HAS_FILTER)
        skip();
    expect_killed(run_a_program);
    expect_killed(start_a_process);
    expect_killed(make_memory_executable);
}

static void test_daily_work_goes_on(void **state)
{
    (void)state;
    temporary_open(&dir);
    expect_exit(do_daily_work, 0);
    temporary_close(&dir);
}

static void test_hardening(void **state)
{
    (void)state;
    expect_exit(show_limits, 0);
}

static void test_the_account_is_changed_for_good(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    expect_exit(become_nobody, 0);
}

static void test_accounts(void **state)
{
    struct sandbox_account account;

    (void)state;
    assert_int_equal(sandbox_find_account("", &account), SSM_OK);
    assert_false(account.change);
    assert_int_equal(account.uid, geteuid());
    if (geteuid() == 0)
        assert_int_equal(sandbox_find_account("no-such-account", &account), SSM_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_socket_can_be_opened),
        cmocka_unit_test(test_forbidden_calls_kill),
        cmocka_unit_test(test_daily_work_goes_on),
        cmocka_unit_test(test_hardening),
        cmocka_unit_test(test_the_account_is_changed_for_good),
        cmocka_unit_test(test_accounts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
