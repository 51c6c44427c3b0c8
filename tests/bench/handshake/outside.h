/*
 * Everything around `keys`, on threads of its own: stock clients or servers, the nodes that they talk with,
 * and relay and the resolver between them, played at the level of messages.
 *
 * Each peer has a node to itself, because a node takes one key block at a time, and comes again and again
 * from the same address, so that each of its sessions takes the place of the one before.
 */
#ifndef SSM_BENCH_OUTSIDE_H
#define SSM_BENCH_OUTSIDE_H

#include "stock.h"
#include "mailbox.h"
#include "store.h"

struct outside;

/* `rows`: the nodes; they must outlive it. What the outside says goes to `keys`. */
struct outside *outside_create(const struct node_row *rows, uint32_t count, uint32_t threads,
                               struct mailbox *keys);
void outside_destroy(struct outside *o);
/* A message of `keys`, which nobody is woken for until outside_flush(). Any thread. */
void outside_put(struct outside *o, const struct message *m);
void outside_flush(struct outside *o);
/* The nodes associate; then `keys` gets a MSG_STOP. */
void outside_associate(struct outside *o);
/* So many handshakes are made and checked from both ends; then `keys` gets a MSG_STOP. With clients, or with
 * servers that the nodes ask for by `uri`; NULL: clients. */
void outside_handshake(struct outside *o, const struct stock_library *library, const char *uri,
                       uint32_t count);
/* Processor time that its threads have used. */
double outside_cpu_s(const struct outside *o);

#endif
