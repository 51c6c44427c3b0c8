#include "events.h"

#include <stddef.h>
#include <stdio.h>

static const struct {
    size_t offset; /* in struct node_counters */
    const char *text;
} COUNTERS[] = {
    {offsetof(struct node_counters, input[SSM_OK]), "datagram accepted"},
    {offsetof(struct node_counters, input[SSM_TRUNCATED]), "datagram dropped: too short"},
    {offsetof(struct node_counters, input[SSM_MALFORMED]), "datagram dropped: malformed"},
    {offsetof(struct node_counters, input[SSM_UNSUPPORTED]), "datagram dropped: not supported"},
    {offsetof(struct node_counters, input[SSM_BAD_TAG]), "datagram dropped: not authentic"},
    {offsetof(struct node_counters, input[SSM_REPLAYED]), "datagram dropped: replayed"},
    {offsetof(struct node_counters, input[SSM_REFUSED]), "datagram dropped: not expected"},
    {offsetof(struct node_counters, input[SSM_NOT_FOUND]), "datagram dropped: unknown session"},
    {offsetof(struct node_counters, associated), "association confirmed"},
    {offsetof(struct node_counters, installed), "session installed"},
    {offsetof(struct node_counters, closed), "session ended"},
    {offsetof(struct node_counters, sealed), "record sent"},
};

static uint16_t counter_at(const struct node_counters *counters, size_t offset)
{
    return *(const uint16_t *)((const char *)counters + offset);
}

static void node_print(const struct node *n)
{
    const struct assoc_name *name = &n->join.transcript.node;

    printf("ssm-node: %.*s: ", name->len, name->text);
}

void events_print(const struct node *n, const struct node_counters *before, bool verbose)
{
    const struct assoc_name *gateway = &n->join.transcript.gateway;

    for (size_t i = 0; verbose && i < sizeof COUNTERS / sizeof *COUNTERS; i++) {
        if (counter_at(&n->counters, COUNTERS[i].offset) == counter_at(before, COUNTERS[i].offset))
            continue;
        node_print(n);
        puts(COUNTERS[i].text);
    }
    if (n->counters.associated != before->associated) {
        node_print(n);
        printf("associated with gateway %.*s (association %lu)\n", gateway->len, gateway->text,
               (unsigned long)n->join.counter);
    }
}

void events_print_counters(const struct node *n)
{
    for (size_t i = 0; i < sizeof COUNTERS / sizeof *COUNTERS; i++) {
        node_print(n);
        printf("%5u %s\n", counter_at(&n->counters, COUNTERS[i].offset), COUNTERS[i].text);
    }
}
