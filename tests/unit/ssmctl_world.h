/* ssmctl run in this process, against an ssmd that says what it was told to. */
#ifndef SSMCTL_WORLD_H
#define SSMCTL_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "certificate_make.h"
#include "ssmctl.h"
#include "temporary.h"

#include <jansson.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* An ssmd that says what it was told to: one connection, a reply for each request. */
struct server {
    char path[64];
    int listener;
    pthread_t thread;
    const char *const *replies; /* ends with NULL: then it closes */
    size_t count;
    char requests[8][4096];
};

/* What one run of ssmctl gave. */
struct outcome {
    int code;
    char *out;
    char *err;
};

static inline void *serve(void *arg)
{
    struct server *s = arg;
    int fd = accept(s->listener, NULL, NULL);

    for (; fd >= 0 && s->replies[s->count] != NULL; s->count++) {
        size_t len = 0;

        while (len + 1 < sizeof s->requests[0] && recv(fd, s->requests[s->count] + len, 1, 0) == 1 &&
               s->requests[s->count][len] != '\n')
            len++;
        s->requests[s->count][len] = '\0';
        if (send(fd, s->replies[s->count], strlen(s->replies[s->count]), MSG_NOSIGNAL) < 0)
            break;
    }
    close(fd);
    return NULL;
}

static inline void server_start(struct server *s, const char *const *replies)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memset(s, 0, sizeof *s);
    s->replies = replies;
    snprintf(s->path, sizeof s->path, "/tmp/ssm-ssmctl-test-%d.sock", (int)getpid());
    strcpy(address.sun_path, s->path);
    unlink(s->path);
    s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->listener, 1), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static inline void server_stop(struct server *s)
{
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    close(s->listener);
    unlink(s->path);
}

/* Words are separated by blanks. */
static inline struct outcome run(const char *line)
{
    char text[700];
    char *argv[24];
    int argc = 0;
    size_t len;
    struct outcome o;
    FILE *out = open_memstream(&o.out, &len);
    FILE *err = open_memstream(&o.err, &len);

    snprintf(text, sizeof text, "ssmctl %s", line);
    for (char *word = strtok(text, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    o.code = ssmctl_run(argc, argv, out, err);
    fclose(out);
    fclose(err);
    return o;
}

static inline void outcome_free(struct outcome *o)
{
    free(o->out);
    free(o->err);
}

/* One sentence that begins with the program's name and holds the needle; nothing on standard output. */
static inline void assert_fails(const char *line, int code, const char *needle)
{
    struct outcome o = run(line);

    if (o.code != code || strstr(o.err, needle) == NULL)
        fail_msg("ssmctl %s: code %d, \"%s\"", line, o.code, o.err);
    assert_memory_equal(o.err, "ssmctl: ", 8);
    assert_ptr_equal(strchr(o.err, '\n'), o.err + strlen(o.err) - 1);
    assert_string_equal(o.out, "");
    outcome_free(&o);
}

/* The line runs against a server that gives these replies. */
static inline struct outcome run_against(struct server *s, const char *const *replies, const char *line)
{
    char text[600];
    struct outcome o;

    server_start(s, replies);
    snprintf(text, sizeof text, "--socket %s %s", s->path, line);
    o = run(text);
    server_stop(s);
    return o;
}

/* The same; `expected` (JSON with ' for ") is the first request. */
static inline struct outcome run_with(struct server *s, const char *const *replies, const char *line,
                                      const char *expected)
{
    char text[512];
    struct outcome o = run_against(s, replies, line);
    json_t *got;
    json_t *wanted;

    for (size_t i = 0; i <= strlen(expected); i++)
        text[i] = (char)(expected[i] == '\'' ? '"' : expected[i]);
    got = json_loads(s->requests[0], 0, NULL);
    wanted = json_loads(text, 0, NULL);
    assert_non_null(wanted);
    if (!json_equal(got, wanted))
        fail_msg("ssmctl %s sent %s", line, s->requests[0]);
    json_decref(got);
    json_decref(wanted);
    return o;
}

static inline void assert_answer(const char *reply, const char *line, const char *expected, const char *shown)
{
    struct server s;
    struct outcome o = run_with(&s, (const char *const[]){reply, NULL}, line, expected);

    assert_string_equal(o.err, "");
    assert_string_equal(o.out, shown);
    assert_int_equal(o.code, SSMCTL_OK);
    outcome_free(&o);
}

static inline void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

/* A self-signed certificate that begins on 2027-01-15 and has a day, and its key, both in PEM form. */
static inline void make_pair(const char *name, char certificate[CERTIFICATE_PEM_MAX + 1],
                             char key[CERTIFICATE_PRIVATE_KEY_PEM_MAX])
{
    struct certificate_key_pair pair;
    struct certificate c;
    struct certificate_plan plan = {.use = CERTIFICATE_FOR_CLIENT,
                                    .common_name = name,
                                    .public_key = pair.public_key,
                                    .not_before_s = 1800000000,
                                    .not_after_s = 1800086400};

    assert_int_equal(certificate_make_key(&pair), SSM_OK);
    assert_int_equal(
        certificate_make(&plan, &(struct certificate_signer){NULL, pair.private_key, pair.private_key_len},
                         &c),
        SSM_OK);
    certificate_to_pem(&c, certificate);
    assert_int_equal(certificate_key_to_pem(pair.private_key, pair.private_key_len, key), SSM_OK);
}

#endif
