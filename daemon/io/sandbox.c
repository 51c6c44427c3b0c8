#include "sandbox.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static enum status failed(const char *what)
{
    log_line(LOG_ERR, "cannot shut the process in: %s: %s", what, strerror(errno));
    return SSM_IO;
}

/* ---- memory ---- */

static bool has_ipc_lock(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    return syscall(SYS_capget, &header, data) == 0 &&
           (data[CAP_TO_INDEX(CAP_IPC_LOCK)].effective & CAP_TO_MASK(CAP_IPC_LOCK)) != 0;
}

/* Whether locked memory may grow without bound, also as the account: otherwise a later allocation would fail.
 */
static bool may_lock_everything(const struct sandbox_account *account)
{
    const struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};

    return setrlimit(RLIMIT_MEMLOCK, &all) == 0 || (!account->change && has_ipc_lock());
}

/* MCL_ONFAULT: a page is locked when it is first touched, so that what is only reserved (stacks of threads)
 * costs nothing. */
static void lock_memory(const struct sandbox_account *account)
{
    if (!may_lock_everything(account))
        log_line(LOG_WARNING,
                 "memory with keys may be swapped out: the limit of locked memory is finite (in a "
                 "unit of systemd: LimitMEMLOCK=infinity)");
    else if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        log_line(LOG_WARNING, "memory with keys may be swapped out: mlockall: %s", strerror(errno));
}

static void leave_out_of_dumps(void)
{
    int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, "0", 1) != 1)
        log_line(LOG_WARNING, "memory with keys is not left out of core dumps: coredump_filter: %s",
                 strerror(errno));
    if (fd >= 0)
        close(fd);
}

void sandbox_guard_memory(const struct sandbox_account *account)
{
    leave_out_of_dumps();
    lock_memory(account);
}

/* ---- account and limits ---- */

enum status sandbox_find_account(const char *user, struct sandbox_account *out)
{
    const struct passwd *entry;

    *out = (struct sandbox_account){.uid = geteuid(), .gid = getegid()};
    if (user[0] == '\0' || geteuid() != 0)
        return SSM_OK;
    entry = getpwnam(user);
    if (entry == NULL)
        return SSM_NOT_FOUND;
    *out = (struct sandbox_account){.change = true, .uid = entry->pw_uid, .gid = entry->pw_gid};
    return SSM_OK;
}

enum status sandbox_become(const struct sandbox_account *account)
{
    if (!account->change)
        return SSM_OK;
    if (setgroups(0, NULL) != 0)
        return failed("setgroups");
    if (setresgid(account->gid, account->gid, account->gid) != 0)
        return failed("setresgid");
    if (setresuid(account->uid, account->uid, account->uid) != 0)
        return failed("setresuid");
    return SSM_OK;
}

/* After sandbox_become: a change of account clears both flags of prctl. */
enum status sandbox_harden(void)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return failed("RLIMIT_CORE");
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return failed("PR_SET_DUMPABLE");
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        return failed("PR_SET_PDEATHSIG");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return failed("PR_SET_NO_NEW_PRIVS");
    return SSM_OK;
}

/* ---- system calls ---- */

#if !SANDBOX_HAS_FILTER

enum status sandbox_filter(enum sandbox_process process)
{
    (void)process;
    return SSM_OK;
}

#else

/* What the C library with its threads, libevent and SQLite need in any process. No thread is started any
 * more. Names that an architecture does not have are skipped. */
static const int calls_of_all[] = {
    /* memory and threads of the C library */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sysinfo),
    SCMP_SYS(getrandom),
    SCMP_SYS(rseq),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(restart_syscall),
    /* signals, and ending */
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(tgkill),
    /* who and when */
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getgroups),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(uname),
    SCMP_SYS(getrusage),
    SCMP_SYS(prlimit64),
    SCMP_SYS(getrlimit),
    /* files, and the log */
    SCMP_SYS(close),
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(lseek),
    SCMP_SYS(_llseek),
    SCMP_SYS(stat),
    SCMP_SYS(fstat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(stat64),
    SCMP_SYS(fstat64),
    SCMP_SYS(lstat64),
    SCMP_SYS(fstatat64),
    SCMP_SYS(statx),
    SCMP_SYS(fstatfs),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(fcntl),
    SCMP_SYS(fcntl64),
    SCMP_SYS(dup),
    SCMP_SYS(pipe2),
    /* the loop */
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64),
    SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_settime64),
    /* channels between the processes */
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvmsg),
    SCMP_SYS(shutdown),
};

/* What SQLite and the C library do with files that change. */
static const int calls_of_stores[] = {
    SCMP_SYS(open),      SCMP_SYS(openat),      SCMP_SYS(pwrite64),  SCMP_SYS(fsync),  SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64), SCMP_SYS(fallocate), SCMP_SYS(fchmod), SCMP_SYS(fchown),
    SCMP_SYS(unlink),    SCMP_SYS(unlinkat),    SCMP_SYS(umask),
};

static const int calls_of_relay[] = {
    SCMP_SYS(recvmmsg),
    SCMP_SYS(recvmmsg_time64),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(getsockname),
};

static const int calls_of_keys[] = {
    SCMP_SYS(accept), SCMP_SYS(accept4),  SCMP_SYS(getsockopt),  SCMP_SYS(setsockopt),
    SCMP_SYS(sendto), SCMP_SYS(recvfrom), SCMP_SYS(getpeername),
};

/* getaddrinfo(3) and the modules that it loads: DNS over UDP and TCP, and services of this host. */
static const int calls_of_resolve[] = {
    SCMP_SYS(connect),    SCMP_SYS(bind),       SCMP_SYS(getsockname), SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(sendto),      SCMP_SYS(sendmmsg),
    SCMP_SYS(recvfrom),   SCMP_SYS(ioctl),
};

/* Asked for by libraries that do well without: an error is enough. Neither relay nor keys opens a socket of
 * its own. */
static const int calls_refused[] = {
    SCMP_SYS(socket),
    SCMP_SYS(connect),
    SCMP_SYS(bind),
    SCMP_SYS(ioctl),
};

static int add_rules(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++)
        rc = seccomp_rule_add(filter, action, calls[i], 0);
    return rc;
}

#define ADD_RULES(filter, action, calls) add_rules(filter, action, calls, sizeof(calls) / sizeof((calls)[0]))

/* No memory becomes executable: code stays what it was at the start. */
static int add_memory_rules(scmp_filter_ctx filter)
{
    static const int calls[] = {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)};
    int rc = 0;

    for (size_t i = 0; i < sizeof calls / sizeof calls[0] && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    return rc;
}

static int fill_with_store(scmp_filter_ctx filter, enum sandbox_process process)
{
    int rc = ADD_RULES(filter, SCMP_ACT_ALLOW, calls_of_stores);

    if (rc == 0)
        rc = process == SANDBOX_RELAY ? ADD_RULES(filter, SCMP_ACT_ALLOW, calls_of_relay)
                                      : ADD_RULES(filter, SCMP_ACT_ALLOW, calls_of_keys);
    if (rc == 0)
        rc = ADD_RULES(filter, SCMP_ACT_ERRNO(EACCES), calls_refused);
    return rc;
}

/* Files are read, and code comes from files alone: a module is loaded when the first name is asked for. */
static int fill_resolve(scmp_filter_ctx filter)
{
    static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
    const uint32_t writing = O_ACCMODE | O_CREAT | O_TRUNC;
    int rc = ADD_RULES(filter, SCMP_ACT_ALLOW, calls_of_resolve);

    for (size_t i = 0; i < sizeof families / sizeof families[0] && rc == 0; i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
                              SCMP_A0(SCMP_CMP_EQ, (uint64_t)families[i], 0));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1,
                              SCMP_A1(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, writing, O_RDONLY));
    if (rc == 0)
        rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 2,
                              SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE | PROT_EXEC, PROT_EXEC),
                              SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, 0));
    return rc;
}

static int fill(scmp_filter_ctx filter, enum sandbox_process process)
{
    int rc = ADD_RULES(filter, SCMP_ACT_ALLOW, calls_of_all);

    if (rc == 0)
        rc = add_memory_rules(filter);
    if (rc == 0)
        rc = process == SANDBOX_RESOLVE ? fill_resolve(filter) : fill_with_store(filter, process);
    return rc;
}

/* Which services names are looked up by, the system's owner decides (nsswitch.conf): what one of their
 * modules wants beyond the list is refused, or a name of theirs would end the process each time. */
static uint32_t action_otherwise(enum sandbox_process process)
{
    return process == SANDBOX_RESOLVE ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_KILL_PROCESS;
}

enum status sandbox_filter(enum sandbox_process process)
{
    scmp_filter_ctx filter = seccomp_init(action_otherwise(process));
    int rc;

    if (filter == NULL) {
        log_line(LOG_ERR, "cannot make a system call filter");
        return SSM_IO;
    }
    rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0)
        rc = fill(filter, process);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc == 0)
        return SSM_OK;
    log_line(LOG_ERR, "cannot load the system call filter: %s", strerror(-rc));
    return SSM_IO;
}

#endif
