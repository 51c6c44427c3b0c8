/*
 * ssmd, the gateway daemon: command line, configuration, what has to exist before the processes start.
 */
#include "config.h"
#include "credentials.h"
#include "log.h"
#include "child.h"
#include "startup.h"
#include "supervisor.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum exit_code { EXIT_FAULT = 1, EXIT_USAGE = 2 };

struct command_line {
    const char *config_path;
    bool check;
    bool foreground;
};

static void print_usage(FILE *out)
{
    fputs("usage: ssmd [--config FILE] [--check-config] [--foreground]\n"
          "\n"
          "  --config FILE    configuration; default /etc/ssm/ssmd.conf\n"
          "  --check-config   say what is wrong with the configuration, and end; needs no privilege\n"
          "  --foreground     log for a person: dates and words instead of the journal's priority prefixes\n"
          "  --help-config    list every option of the configuration with its default, and end\n"
          "  --version        print the version, and end\n"
          "  --help           print this, and end\n"
          "\n"
          "ssmd never leaves the foreground: run it under systemd, or in a terminal with --foreground.\n",
          out);
}

/* Options that print something and end. */
static void print_and_exit(int option)
{
    if (option == 'h')
        print_usage(stdout);
    else if (option == 'o')
        config_print_help(stdout);
    else
        puts("ssmd " SSM_VERSION);
    exit(fflush(stdout) == 0 ? 0 : EXIT_FAULT);
}

static struct command_line parse_command_line(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"foreground", no_argument, NULL, 'f'},
        {"help-config", no_argument, NULL, 'o'},
        {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct command_line line = {.config_path = "/etc/ssm/ssmd.conf"};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            line.config_path = optarg;
            break;
        case 'k':
            line.check = true;
            break;
        case 'f':
            line.foreground = true;
            break;
        case '?':
            print_usage(stderr);
            exit(EXIT_USAGE);
        default:
            print_and_exit(option);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "ssmd: unexpected argument '%s'\n", argv[optind]);
        print_usage(stderr);
        exit(EXIT_USAGE);
    }
    return line;
}

/* One descriptor per node's port. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_line(LOG_WARNING, "the limit of open files cannot be raised");
}

static enum status find_account(const struct config *config, struct sandbox_account *account)
{
    if (sandbox_find_account(config->user, account) != SSM_OK) {
        log_line(LOG_ERR, "user: there is no account '%s'", config->user);
        return SSM_NOT_FOUND;
    }
    if (geteuid() == 0 && !account->change)
        log_line(LOG_WARNING, "user is empty: all processes run as root");
    return SSM_OK;
}

static int run(const struct config *config)
{
    struct sandbox_account account;
    int admin_fd;
    int exit_status;

    umask(S_IRWXG | S_IRWXO);
    raise_descriptor_limit();
    if (find_account(config, &account) != SSM_OK || startup_state_dir(config, &account) != SSM_OK ||
        startup_admin_socket(config, &account, &admin_fd) != SSM_OK)
        return EXIT_FAULT;
    exit_status = supervisor_run(config, &account, admin_fd);
    close(admin_fd);
    unlink(config->admin_socket);
    return exit_status;
}

int main(int argc, char **argv)
{
    static struct config config;
    struct command_line line = parse_command_line(argc, argv);

    child_save_arguments(argc, argv);
    if (config_read(&config, line.config_path, stderr) != SSM_OK)
        return EXIT_FAULT;
    if (line.check) {
        if (!credentials_check(&config, line.config_path, stderr))
            return EXIT_FAULT;
        printf("%s: configuration is fine\n", line.config_path);
        return 0;
    }
    log_open("ssmd", line.foreground ? LOG_FOR_PEOPLE : LOG_FOR_JOURNAL, config.log_level);
    return run(&config);
}
