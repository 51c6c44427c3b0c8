#include "node_join.h"

#include "node_timer.h"

enum {
    FIRST = NODE_TICKS(1000),
    CONFIRM_LAST = NODE_TICKS(16384), /* five confirms: 1, 2, 4, 8, 16 s */
    /* REJOIN is not authenticated: whoever forges it gets one request in this time, and one more at the
       beginning, because a gateway may be started twice in a row. */
    REJOIN_PAUSE = NODE_TICKS(10000),
};

static void join_transmit(struct node *n)
{
    struct node_join *j = &n->join;
    size_t len = assoc_encode(j->state == NODE_JOIN_REQUESTING ? ASSOC_REQUEST : ASSOC_CONFIRM, n->psk,
                              &j->transcript, n->frame);

    port_send(n->port, n->frame, len);
    node_timer_backoff(n, &j->timer, &j->delay);
}

void node_join_begin(struct node *n)
{
    struct node_join *j = &n->join;
    uint32_t counter = j->counter + 1;

    j->delay = FIRST;
    if (counter == 0 || port_save_counter(n->port, counter) != SSM_OK) {
        j->state = NODE_JOIN_WANTED;
        node_timer_backoff(n, &j->timer, &j->delay);
        return;
    }
    j->counter = counter;
    assoc_set_counter(&j->transcript, counter);
    port_random(n->port, j->transcript.node_nonce + ASSOC_COUNTER_LEN, ASSOC_NONCE_LEN - ASSOC_COUNTER_LEN);
    j->state = NODE_JOIN_REQUESTING;
    join_transmit(n);
}

void node_join_renew(struct node *n)
{
    if (n->join.state == NODE_JOIN_IDLE)
        node_join_begin(n);
}

static enum status join_on_answer(struct node *n, const uint8_t *datagram)
{
    struct node_join *j = &n->join;

    if (j->state != NODE_JOIN_REQUESTING)
        return SSM_REFUSED;
    assoc_decode(datagram, &j->transcript);
    if (assoc_verify(n->psk, &j->transcript, datagram) != SSM_OK)
        return SSM_BAD_TAG;
    j->state = NODE_JOIN_CONFIRMING;
    j->delay = FIRST;
    assoc_derive(n->psk, &j->transcript, node_join_pending(n));
    join_transmit(n);
    return SSM_OK;
}

enum status node_join_input(struct node *n, const uint8_t *datagram, size_t len)
{
    uint8_t number = assoc_number_of(datagram, len);

    if (number == ASSOC_ANSWER)
        return join_on_answer(n, datagram);
    struct node_timer *pause = &n->join.rejoin_pause;
    uint16_t left = pause->armed ? (uint16_t)(pause->due - n->now) : 0;
    if (number != ASSOC_REJOIN || left > REJOIN_PAUSE)
        return SSM_REFUSED;
    node_timer_set(n, pause, (uint16_t)(left + REJOIN_PAUSE));
    node_join_begin(n);
    return SSM_OK;
}

SSM_NOINLINE struct assoc *node_join_pending(struct node *n)
{
    if (n->join.state != NODE_JOIN_CONFIRMING)
        return NULL;
    return n->present == n->assoc ? n->assoc + 1 : n->assoc;
}

void node_join_confirmed(struct node *n)
{
    struct assoc *pending = node_join_pending(n);

    if (n->present != NULL)
        assoc_wipe(n->present);
    n->present = pending;
    n->last_message_id = 0; /* requests of the gateway begin with 1 */
    n->join.state = NODE_JOIN_IDLE;
    n->join.timer.armed = false;
    n->counters.associated++;
}

void node_join_tick(struct node *n)
{
    struct node_join *j = &n->join;

    node_timer_fired(n, &j->rejoin_pause);
    if (!node_timer_fired(n, &j->timer))
        return;
    if (j->state == NODE_JOIN_WANTED || (j->state == NODE_JOIN_CONFIRMING && j->delay > CONFIRM_LAST))
        node_join_begin(n);
    else
        join_transmit(n);
}
