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
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
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

/* ---- a thread that is older than the filter ---- */

struct worker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool told;
    int done; /* an eventfd */
    void (*job)(void);
};

static void *work_when_told(void *argument)
{
    struct worker *w = argument;
    const uint64_t one = 1;

    pthread_mutex_lock(&w->lock);
    while (!w->told)
        pthread_cond_wait(&w->wake, &w->lock);
    pthread_mutex_unlock(&w->lock);
    w->job();
    return write(w->done, &one, sizeof one) == sizeof one ? w : NULL;
}

/* Starts a thread, shuts the process in, and has the thread do `job`. 0: it did, and ended. */
static int run_in_thread(enum sandbox_process process, void (*job)(void))
{
    static struct worker w = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};
    uint64_t count = 0;
    void *result = NULL;

    w.job = job;
    w.done = eventfd(0, EFD_CLOEXEC);
    if (w.done < 0 || pthread_create(&w.thread, NULL, work_when_told, &w) != 0 || !shut_in(process))
        return 1;
    pthread_mutex_lock(&w.lock);
    w.told = true;
    pthread_cond_signal(&w.wake);
    pthread_mutex_unlock(&w.lock);
    if (read(w.done, &count, sizeof count) != sizeof count || count != 1)
        return 2;
    return pthread_join(w.thread, &result) == 0 && result == &w ? 0 : 3;
}

static void compute(void)
{
    const struct timespec moment = {.tv_nsec = 1000};
    char *volatile large = malloc(1 << 22);
    char *volatile small = malloc(100);

    if (large == NULL || small == NULL)
        abort();
    memset(large, 1, 1 << 22);
    free(small);
    free(large);
    nanosleep(&moment, NULL);
    sched_yield();
}

static void fork_once(void)
{
    fork();
}

static void want_no_socket(void)
{
    if (socket(AF_INET, SOCK_DGRAM, 0) >= 0 || errno != EACCES)
        abort();
}

static int compute_in_thread(enum sandbox_process process)
{
    return run_in_thread(process, compute);
}

static int want_no_socket_in_thread(enum sandbox_process process)
{
    return run_in_thread(process, want_no_socket);
}

static int fork_in_thread(enum sandbox_process process)
{
    return run_in_thread(process, fork_once);
}

static void *do_nothing(void *argument)
{
    return argument;
}

static int start_a_thread(enum sandbox_process process)
{
    pthread_t thread;

    if (!shut_in(process))
        return 1;
    return pthread_create(&thread, NULL, do_nothing, NULL) == 0 ? 2 : 3;
}

/* ---- memory ---- */

enum { LIMIT = 1 << 16, FAR_ABOVE_THE_LIMIT = 1 << 22 };

static const struct sandbox_account same_account = {.change = false};

/* How many bytes of writable memory are, or are not, locked (proc(5), VmFlags of smaps). Without the
 * droppable pages of the kernel's getrandom(2) in user space, which are dropped rather than swapped out. */
static long writable_memory(bool locked)
{
    FILE *file = fopen("/proc/self/smaps", "r");
    char line[512];
    long size_kb = 0;
    long sum_kb = 0;

    if (file == NULL)
        abort();
    while (fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "Size: %ld kB", &size_kb) == 1 || strncmp(line, "VmFlags:", 8) != 0)
            continue;
        if (strstr(line, " wr") != NULL && strstr(line, " dp") == NULL &&
            (strstr(line, " lo") != NULL) == locked)
            sum_kb += size_kb;
    }
    fclose(file);
    return sum_kb << 10;
}

static bool may_be_dumped(void)
{
    unsigned filter = 1;
    FILE *file = fopen("/proc/self/coredump_filter", "r");

    if (file == NULL || fscanf(file, "%x", &filter) != 1)
        abort();
    fclose(file);
    return filter != 0;
}

static bool limit_locked_memory(void)
{
    const struct rlimit finite = {LIMIT, LIMIT};

    return setrlimit(RLIMIT_MEMLOCK, &finite) == 0;
}

static bool can_allocate_more(void)
{
    return mmap(NULL, FAR_ABOVE_THE_LIMIT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
           MAP_FAILED;
}

static int guard_under_a_finite_limit(enum sandbox_process process)
{
    struct sandbox_account nobody;

    (void)process;
    if (!limit_locked_memory() || sandbox_find_account("nobody", &nobody) != SSM_OK ||
        sandbox_become(&nobody) != SSM_OK)
        return 1;
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* else /proc/self belongs to root */
    sandbox_guard_memory(&same_account);
    if (may_be_dumped() || writable_memory(true) != 0)
        return 2;
    return can_allocate_more() ? 0 : 3;
}

/* Root with CAP_IPC_LOCK needs no limit; but only as long as it stays root. */
static int guard_as_root(enum sandbox_process process)
{
    (void)process;
    if (!limit_locked_memory())
        return 1;
    sandbox_guard_memory(&same_account);
    if (may_be_dumped())
        return 2;
    if (!can_allocate_more() || writable_memory(true) < FAR_ABOVE_THE_LIMIT)
        return 3;
    return writable_memory(false) == 0 ? 0 : 4;
}

static int guard_before_a_change_of_account(enum sandbox_process process)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    struct sandbox_account nobody;
    bool raised;

    (void)process;
    if (!limit_locked_memory() || sandbox_find_account("nobody", &nobody) != SSM_OK)
        return 1;
    raised = setrlimit(RLIMIT_MEMLOCK, &all) == 0; /* not without CAP_SYS_RESOURCE */
    sandbox_guard_memory(&nobody);
    if ((writable_memory(true) != 0) != raised || sandbox_become(&nobody) != SSM_OK)
        return 2;
    return can_allocate_more() ? 0 : 3;
}

/* ---- limits and account ---- */

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

/* ---- the process that resolves names ---- */

static int resolve_names(enum sandbox_process process)
{
    static const int families[] = {AF_INET, AF_INET6, AF_UNIX};
    int file = open("/bin/true", O_RDONLY);

    if (file < 0 || !shut_in(process))
        return 1;
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        if (socket(families[i], SOCK_DGRAM, 0) < 0)
            return 2;
    }
    if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0)
        return 3;
    /* A module of the C library's. */
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, file, 0) == MAP_FAILED ? 4 : 0;
}

static bool is_refused(long result)
{
    return result < 0 && errno == ENOSYS;
}

static int do_what_resolving_needs_not(enum sandbox_process process)
{
    const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    char *const arguments[] = {"true", NULL};
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, anonymous, -1, 0);
    int file = open("/bin/true", O_RDONLY);

    if (page == MAP_FAILED || file < 0 || !shut_in(process))
        return 1;
    if (!is_refused(open(temporary_file(&dir, "file"), O_RDWR | O_CREAT, 0600)) ||
        !is_refused(open("/dev/null", O_WRONLY)) || !is_refused(unlink(temporary_file(&dir, "file"))))
        return 2;
    if (!is_refused(socket(AF_PACKET, SOCK_DGRAM, 0)) || !is_refused(socket(AF_NETLINK, SOCK_RAW, 0)))
        return 3;
    if (!is_refused(fork()) || !is_refused(execve("/bin/true", arguments, NULL)))
        return 4;
    if (!is_refused(mprotect(page, 4096, PROT_READ | PROT_EXEC)) ||
        mmap(NULL, 4096, PROT_READ | PROT_EXEC, anonymous, -1, 0) != MAP_FAILED ||
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE, file, 0) != MAP_FAILED)
        return 5;
    return 0;
}

static void test_resolve_may_ask_and_read(void **state)
{
    int status = ending_of(resolve_names, SANDBOX_RESOLVE);

    (void)state;
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_resolve_is_refused_the_rest(void **state)
{
    int status;

    (void)state;
    if (!SANDBOX_HAS_FILTER)
        skip();
    temporary_open(&dir);
    status = ending_of(do_what_resolving_needs_not, SANDBOX_RESOLVE);
    temporary_close(&dir);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
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
    expect_killed(start_a_thread);
    expect_killed(make_memory_executable);
}

static void test_daily_work_goes_on(void **state)
{
    (void)state;
    temporary_open(&dir);
    expect_exit(do_daily_work, 0);
    temporary_close(&dir);
}

static void test_threads_are_shut_in_too(void **state)
{
    (void)state;
    if (!SANDBOX_HAS_FILTER)
        skip();
    expect_exit(compute_in_thread, 0);
    expect_exit(want_no_socket_in_thread, 0);
    expect_killed(fork_in_thread);
}

/* With a sanitizer mlockall does nothing: its shadow memory is terabytes. */
static void test_memory_is_locked_only_without_limit(void **state)
{
    (void)state;
    if (!SANDBOX_HAS_FILTER)
        skip();
    expect_exit(guard_under_a_finite_limit, 0);
    if (geteuid() != 0)
        skip();
    expect_exit(guard_as_root, 0);
    expect_exit(guard_before_a_change_of_account, 0);
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
        cmocka_unit_test(test_threads_are_shut_in_too),
        cmocka_unit_test(test_memory_is_locked_only_without_limit),
        cmocka_unit_test(test_resolve_may_ask_and_read),
        cmocka_unit_test(test_resolve_is_refused_the_rest),
        cmocka_unit_test(test_hardening),
        cmocka_unit_test(test_the_account_is_changed_for_good),
        cmocka_unit_test(test_accounts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
