#include "node_timer.h"

enum { DELAY_MAX = 1875 }; /* 60 s */

void node_timer_set(const struct node *n, struct node_timer *timer, uint16_t delay)
{
    timer->due = (uint16_t)(n->now + delay);
    timer->armed = true;
}

void node_timer_backoff(const struct node *n, struct node_timer *timer, uint16_t *delay)
{
    uint16_t jitter;

    port_random(n->port, (uint8_t *)&jitter, sizeof jitter);
    node_timer_set(n, timer, (uint16_t)(*delay + (jitter & (*delay >> 1))));
    *delay = (uint16_t)(*delay << 1);
    if (*delay > DELAY_MAX)
        *delay = DELAY_MAX;
}

bool node_timer_fired(struct node *n, struct node_timer *timer)
{
    uint16_t left = (uint16_t)(timer->due - n->now);

    if (!timer->armed)
        return false;
    if ((int16_t)left > 0) {
        if (left < n->wait)
            n->wait = left;
        return false;
    }
    n->wait = 0; /* whatever is set now counts from the next tick */
    timer->armed = false;
    return true;
}
