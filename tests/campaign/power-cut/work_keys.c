/* keys.db with its storage key, from the very first start: nodes, subscribers, association counters, blocks
 * of session numbers, a CA. Both numbers only rise here, so that one that went back is a state that never
 * was. */
#include "store_keys.h"
#include "work.h"

#include <stdio.h>
#include <string.h>

enum { NODES = 6, PEOPLE = 6, REOPEN = 30 };

static struct {
    uint32_t id; /* 0: it is not there */
    uint32_t counter;
    uint32_t limit;
} nodes[NODES];
static uint32_t people[PEOPLE];

static struct store_keys *open_in(const char *directory)
{
    struct store_keys *s = NULL;
    char path[256];
    char key[256];

    snprintf(path, sizeof path, "%s/keys.db", directory);
    snprintf(key, sizeof key, "%s/storage.key", directory);
    return store_keys_open(path, key, &s) == SSM_OK ? s : NULL;
}

/* ---- what is there ---- */

static enum status on_node(void *arg, const struct node_row *row)
{
    state_add(arg, "node %u %.*s port %u counter %u boot %u limit %u ", (unsigned)row->id, row->name.len,
              row->name.text, row->port, (unsigned)row->assoc_counter, (unsigned)row->boot_id,
              row->session_limit);
    state_add_bytes(arg, row->psk, sizeof row->psk);
    state_add(arg, "\n");
    return SSM_OK;
}

struct describing {
    const struct keys_store *t;
    struct state *out;
};

static enum status on_subscriber(void *arg, const struct subscriber_row *row)
{
    const struct describing *d = arg;
    uint32_t granted[NODES];
    size_t count = 0;

    state_add(d->out, "subscriber %u %.*s ", (unsigned)row->id, row->name.len, row->name.text);
    state_add_bytes(d->out, row->psk, row->psk_len);
    if (d->t->grants(d->t->ctx, row->id, 0, granted, NODES, &count) != SSM_OK)
        return SSM_IO;
    for (size_t i = 0; i < count; i++)
        state_add(d->out, " node %u", (unsigned)granted[i]);
    state_add(d->out, "\n");
    return SSM_OK;
}

static enum status on_issued(void *arg, const struct store_ca_issued *issued)
{
    state_add(arg, "issued %.*s %llu\n", issued->name.len, issued->name.text,
              (unsigned long long)issued->not_after_s);
    return SSM_OK;
}

static bool describe_ca(const struct store_ca *ca, struct state *out)
{
    for (int role = STORE_CA_ROOT; role <= STORE_CA_GATEWAY; role++) {
        struct store_ca_row row;
        enum status status = store_ca_read(ca, (enum store_ca_role)role, &row);

        if (status == SSM_NOT_FOUND)
            continue;
        if (status != SSM_OK)
            return false;
        state_add(out, "identity %d ", role);
        state_add_bytes(out, row.certificate.der, row.certificate.len);
        state_add_bytes(out, row.private_key, row.private_key_len);
        state_add(out, "\n");
    }
    return store_ca_each_issued(ca, on_issued, out) == SSM_OK;
}

static bool describe(struct store_keys *s, struct state *out)
{
    struct keys_store t = store_keys_table(s);

    return t.each_node(t.ctx, on_node, out) == SSM_OK &&
           t.each_subscriber(t.ctx, on_subscriber, &(struct describing){&t, out}) == SSM_OK &&
           describe_ca(store_keys_ca(s), out);
}

/* ---- steps ---- */

static struct assoc_name name_of(const char *what, uint32_t i)
{
    struct assoc_name name;
    char text[16];

    snprintf(text, sizeof text, "%s-%u", what, (unsigned)i);
    must(assoc_name_set(&name, text, strlen(text)) == SSM_OK, "a name");
    return name;
}

static enum status node_step(const struct keys_store *t, uint32_t i)
{
    struct node_row row = {.name = name_of("node", i), .port = (uint16_t)(20000 + i)};
    enum status status;

    if (nodes[i].id != 0 && draw_below(10) == 0) {
        status = t->remove_node(t->ctx, nodes[i].id);
        nodes[i].id = 0;
        return status;
    }
    if (nodes[i].id != 0 && draw_below(2) == 0)
        return t->set_association(t->ctx, nodes[i].id, ++nodes[i].counter, draw_below(1000));
    if (nodes[i].id != 0)
        return t->set_session_limit(t->ctx, nodes[i].id, (uint16_t)(nodes[i].limit += 64));
    draw_bytes(row.psk, sizeof row.psk);
    status = t->add_node(t->ctx, &row);
    nodes[i].id = row.id;
    nodes[i].counter = 0;
    nodes[i].limit = 0;
    return status;
}

static enum status subscriber_step(const struct keys_store *t, uint32_t i)
{
    struct subscriber_row row = {.name = name_of("person", i), .psk_len = SUBSCRIBER_PSK_MAX};
    uint32_t granted[NODES];
    size_t count = 0;
    enum status status;

    if (people[i] != 0) {
        status = t->remove_subscriber(t->ctx, people[i]);
        people[i] = 0;
        return status;
    }
    for (uint32_t n = 0; n < NODES; n++)
        if (nodes[n].id != 0 && draw_below(2) == 0)
            granted[count++] = nodes[n].id;
    draw_bytes(row.psk, row.psk_len);
    status = t->add_subscriber(t->ctx, &row, granted, count);
    people[i] = row.id;
    return status;
}

static void identity_draw(struct store_ca_row *row)
{
    memset(row, 0, sizeof *row);
    row->certificate.len = 200 + draw_below(200);
    draw_bytes(row->certificate.der, row->certificate.len);
    row->private_key_len = 100;
    draw_bytes(row->private_key, row->private_key_len);
}

static enum status ca_step(const struct store_ca *ca)
{
    struct store_ca_issued issued = {
        .serial_len = 16, .name = name_of("cert", draw_below(50)), .not_after_s = 1};
    struct store_ca_row root;
    struct store_ca_row gateway;

    if (draw_below(4) != 0) {
        draw_bytes(issued.serial, issued.serial_len);
        return store_ca_add_issued(ca, &issued);
    }
    identity_draw(&root);
    identity_draw(&gateway);
    return store_ca_replace(ca, &root, &gateway);
}

static enum status step(struct store_keys *s)
{
    struct keys_store t = store_keys_table(s);

    switch (draw_below(8)) {
    case 0:
        return ca_step(store_keys_ca(s));
    case 1:
    case 2:
        return subscriber_step(&t, draw_below(PEOPLE));
    default:
        return node_step(&t, draw_below(NODES));
    }
}

static void run(const char *directory, unsigned steps)
{
    struct store_keys *s = open_in(directory);

    must(s != NULL, "keys.db opens");
    for (unsigned i = 0; i < steps; i++) {
        struct state now = {0};

        must(step(s) == SSM_OK && describe(s, &now), "keys.db takes a change");
        acknowledge(&now);
        if (draw_below(REOPEN) == 0) {
            store_keys_close(s);
            s = open_in(directory);
            must(s != NULL, "keys.db opens again");
        }
    }
    store_keys_close(s);
}

static bool find(const char *directory, struct state *out)
{
    struct store_keys *s = open_in(directory);
    bool is_found = s != NULL && describe(s, out);

    store_keys_close(s);
    return is_found;
}

const struct work work_keys = {"keys.db, storage.key", run, find};
