#include "log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 1024, LIMIT_LINES = 5, LIMIT_WINDOW_MS = 10000, EVENTS_MAX = 64 };

static struct {
    const char *process;
    enum log_style style;
    uint32_t level;
} state = {.process = "ssmd", .style = LOG_FOR_PEOPLE, .level = LOG_INFO};

void log_open(const char *process, enum log_style style, uint32_t level)
{
    state.process = process;
    state.style = style;
    state.level = level;
}

void log_rename(const char *process)
{
    state.process = process;
}

void log_set_level(uint32_t level)
{
    state.level = level;
}

static const char *level_name(int level)
{
    static const char *const names[] = {"error",   "error",  "error", "error",
                                        "warning", "notice", "info",  "debug"};

    return names[level & 7];
}

static size_t put_prefix(char *line, size_t cap, int level)
{
    struct tm local;
    time_t now = time(NULL);
    char stamp[32];
    int len;

    if (state.style == LOG_FOR_JOURNAL) {
        len = snprintf(line, cap, "<%d>%s: ", level, state.process);
    } else {
        localtime_r(&now, &local);
        strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &local);
        len = snprintf(line, cap, "%s %s %s: ", stamp, state.process, level_name(level));
    }
    return (size_t)len;
}

/* One write per line, so that lines of the three processes do not mix. */
static void print_line(int level, const char *format, va_list args)
{
    char line[LINE_MAX_LEN];
    size_t start = put_prefix(line, sizeof line, level);
    int text = vsnprintf(line + start, sizeof line - start, format, args);
    size_t len = start + (text > 0 ? (size_t)text : 0);

    if (len > sizeof line - 2)
        len = sizeof line - 2;
    for (size_t i = start; i < len; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7F)
            line[i] = '?';
    }
    line[len] = '\n';
    if (write(STDERR_FILENO, line, len + 1) < 0)
        return; /* nowhere to complain */
}

void log_line(int level, const char *format, ...)
{
    va_list args;

    if ((uint32_t)level > state.level)
        return;
    va_start(args, format);
    print_line(level, format, args);
    va_end(args);
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ms, uint32_t *suppressed)
{
    *suppressed = 0;
    if (now_ms - limit->since_ms >= LIMIT_WINDOW_MS) {
        *suppressed = limit->suppressed;
        *limit = (struct log_limit){.since_ms = now_ms};
    }
    if (limit->used >= LIMIT_LINES) {
        limit->suppressed++;
        return false;
    }
    limit->used++;
    return true;
}

/* The limit of an event; the last slot is shared by whatever comes after the table is full. Under the lock.
 */
static struct log_limit *limit_of(const char *event)
{
    static struct {
        const char *event;
        struct log_limit limit;
    } table[EVENTS_MAX];
    size_t i = 0;

    while (i < EVENTS_MAX - 1 && table[i].event != NULL && strcmp(table[i].event, event) != 0)
        i++;
    if (table[i].event == NULL)
        table[i].event = event;
    return &table[i].limit;
}

static bool event_pass(const char *event, uint64_t now_ms, uint32_t *suppressed)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    bool may_pass;

    pthread_mutex_lock(&lock);
    may_pass = log_limit_pass(limit_of(event), now_ms, suppressed);
    pthread_mutex_unlock(&lock);
    return may_pass;
}

void log_event(int level, uint64_t now_ms, const char *event, const char *format, ...)
{
    char detail[LINE_MAX_LEN];
    uint32_t suppressed;
    va_list args;

    if ((uint32_t)level > state.level || !event_pass(event, now_ms, &suppressed))
        return;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    if (suppressed > 0)
        log_line(level, "%s%s (%u more like this were not logged)", event, detail, (unsigned)suppressed);
    else
        log_line(level, "%s%s", event, detail);
}
