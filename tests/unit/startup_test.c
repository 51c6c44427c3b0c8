/* The state directory and the admin socket: made as they have to be, refused where others could get at them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "startup.h"

#include "temporary.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static struct temporary dir;
static struct config config;
static struct sandbox_account account;

static int setup(void **state)
{
    (void)state;
    temporary_open(&dir);
    assert_int_equal(config_parse(&config, "empty", "", 0, stderr), SSM_OK);
    config.admin_group[0] = '\0';
    snprintf(config.state_dir, sizeof config.state_dir, "%s/state", dir.path);
    snprintf(config.admin_socket, sizeof config.admin_socket, "%s/admin.sock", dir.path);
    return sandbox_find_account("", &account) == SSM_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    rmdir(config.state_dir);
    temporary_close(&dir);
    return 0;
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void test_the_state_directory_is_made(void **state)
{
    (void)state;
    assert_int_equal(startup_state_dir(&config, &account), SSM_OK);
    assert_int_equal(mode_of(config.state_dir), 0700);
    assert_int_equal(startup_state_dir(&config, &account), SSM_OK);
}

static void test_an_open_state_directory_is_refused(void **state)
{
    (void)state;
    assert_int_equal(startup_state_dir(&config, &account), SSM_OK);
    assert_int_equal(chmod(config.state_dir, 0750), 0);
    assert_int_equal(startup_state_dir(&config, &account), SSM_IO);
    assert_int_equal(chmod(config.state_dir, 0701), 0);
    assert_int_equal(startup_state_dir(&config, &account), SSM_IO);
}

static void test_somebody_elses_state_directory_is_refused(void **state)
{
    struct sandbox_account other = {.uid = account.uid + 1, .gid = account.gid};

    (void)state;
    assert_int_equal(startup_state_dir(&config, &account), SSM_OK);
    assert_int_equal(startup_state_dir(&config, &other), SSM_IO);
}

static void test_a_file_is_no_state_directory(void **state)
{
    int fd = open(config.state_dir, O_CREAT | O_WRONLY, 0600);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(startup_state_dir(&config, &account), SSM_IO);
    unlink(config.state_dir);
    snprintf(config.state_dir, sizeof config.state_dir, "%s/not/there", dir.path);
    assert_int_equal(startup_state_dir(&config, &account), SSM_IO);
}

static int connect_to_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    int result;

    strcpy(address.sun_path, config.admin_socket);
    result = connect(fd, (struct sockaddr *)&address, sizeof address);
    close(fd);
    return result;
}

static void test_the_socket_is_made(void **state)
{
    int fd = -1;

    (void)state;
    assert_int_equal(startup_admin_socket(&config, &account, &fd), SSM_OK);
    assert_int_equal(mode_of(config.admin_socket), 0660);
    assert_int_equal(connect_to_socket(), 0);
    close(fd);
}

static void test_a_stale_socket_is_replaced_and_a_live_one_is_not(void **state)
{
    int first = -1;
    int second = -1;

    (void)state;
    assert_int_equal(startup_admin_socket(&config, &account, &first), SSM_OK);
    assert_int_equal(startup_admin_socket(&config, &account, &second), SSM_EXISTS);
    assert_int_equal(connect_to_socket(), 0);
    close(first);
    assert_int_equal(startup_admin_socket(&config, &account, &second), SSM_OK);
    assert_int_equal(connect_to_socket(), 0);
    close(second);
}

static void test_a_file_in_the_way_is_left_alone(void **state)
{
    int fd = open(config.admin_socket, O_CREAT | O_WRONLY, 0600);

    (void)state;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(startup_admin_socket(&config, &account, &fd), SSM_IO);
    assert_int_equal(mode_of(config.admin_socket), 0600);
}

static void test_an_unknown_group_leaves_nothing_behind(void **state)
{
    int fd = -1;

    (void)state;
    strcpy(config.admin_group, "no-such-group");
    assert_int_equal(startup_admin_socket(&config, &account, &fd), SSM_NOT_FOUND);
    assert_int_equal(access(config.admin_socket, F_OK), -1);
}

static void test_a_missing_directory_is_made_for_the_socket(void **state)
{
    char directory[64];
    int fd = -1;

    (void)state;
    snprintf(directory, sizeof directory, "%s/run", dir.path);
    snprintf(config.admin_socket, sizeof config.admin_socket, "%s/run/admin.sock", dir.path);
    assert_int_equal(startup_admin_socket(&config, &account, &fd), SSM_OK);
    assert_int_equal(mode_of(directory), 0755);
    close(fd);
    unlink(config.admin_socket);
    rmdir(directory);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_state_directory_is_made),
        TEST(test_an_open_state_directory_is_refused),
        TEST(test_somebody_elses_state_directory_is_refused),
        TEST(test_a_file_is_no_state_directory),
        TEST(test_the_socket_is_made),
        TEST(test_a_stale_socket_is_replaced_and_a_live_one_is_not),
        TEST(test_a_file_in_the_way_is_left_alone),
        TEST(test_an_unknown_group_leaves_nothing_behind),
        TEST(test_a_missing_directory_is_made_for_the_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
