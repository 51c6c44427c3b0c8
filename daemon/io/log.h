/*
 * The log: lines on standard error, for systemd's journal or for a person.
 *
 * Called by everything outside the cores, on any thread. Each process opens it once. Never prints a secret
 * (callers do not have one to give), never a control character, and what strangers can trigger goes through a
 * limit.
 */
#ifndef SSM_LOG_H
#define SSM_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h> /* LOG_ERR ... LOG_DEBUG, the levels */

enum log_style {
    LOG_FOR_JOURNAL, /* "<6>relay: ..." (sd-daemon(3)) */
    LOG_FOR_PEOPLE,  /* "2026-11-21 12:00:00 relay info: ..." */
};

/* Lines above `level` are not printed. `process` must outlive the log. */
void log_open(const char *process, enum log_style style, uint32_t level);
/* The same for a process that was forked: only the name changes. */
void log_rename(const char *process);
void log_set_level(uint32_t level);

/* One line; the newline is added. */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Lets 5 lines through in 10 seconds, then tells how many it kept back. All zero: nothing seen yet. */
struct log_limit {
    uint64_t since_ms;
    uint32_t used;
    uint32_t suppressed;
};

/* May one more line be printed? `*suppressed` becomes how many were kept back before it. */
bool log_limit_pass(struct log_limit *limit, uint64_t now_ms, uint32_t *suppressed);
/*
 * A line about an event that strangers can cause. Each event (the words are the key; they are never freed)
 * has a limit of its own. The detail may be empty.
 */
void log_event(int level, uint64_t now_ms, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
