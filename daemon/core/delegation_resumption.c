#include "delegation_resumption.h"

#include "access.h"

/* ---- a peer returns ---- */

/* May the peer still visit the node, and does it ask for it as it did then? RFC 6066 3: a server "MUST NOT
 * accept the request to resume the session if the server_name extension contains a different name". */
static bool may_go_on(const struct delegation *d, const struct resumption_entry *entry)
{
    const struct keys_store *store = &d->all->env->store;
    uint32_t wanted = d->port_node != 0 ? d->port_node : d->named_node;
    uint32_t granted = 0;
    uint32_t node = 0;
    size_t count = 0;

    return entry->name_len == d->work.name_len && bytes_equal(entry->name, d->work.name, entry->name_len) &&
           store->grants(store->ctx, entry->claim.subscriber, wanted, &granted, 1, &count) == SSM_OK &&
           access_decide(wanted, &granted, count, &node) == ACCESS_GRANTED && node == entry->node;
}

static void take(struct delegation *d, const struct resumption_entry *entry)
{
    d->work.is_resumed = true;
    d->work.claim = entry->claim;
    d->work.session = NULL;
    d->lane = DELEGATION_LOOP_LANE;
    d->handle_before = entry->handle;
    bytes_copy(d->session_id, entry->session.id, sizeof d->session_id);
}

const struct delegation_failure *delegation_resume(struct delegation *d, const struct client_hello *hello,
                                                   uint64_t now_ms)
{
    static const struct delegation_failure NO_EXTENDED_MASTER_SECRET = {
        DELEGATOR_FAILED_HANDSHAKE, ALERT_HANDSHAKE_FAILURE, CLOSE_HANDSHAKE,
        "handshake refused: the peer resumes a session without the extended master secret that it has"};
    static const struct delegation_failure LIBRARY = {DELEGATOR_FAILED_HANDSHAKE, ALERT_NONE, CLOSE_HANDSHAKE,
                                                      "handshake failed: the session cannot be resumed"};
    struct delegations *all = d->all;
    const struct handshake_engine *engine = &all->env->engine;
    const struct resumption_entry *entry;
    enum handshake_result result = HANDSHAKE_ADMITTED;

    if (all->resumption.cap == 0 || hello->session_id_len == 0)
        return NULL;
    entry = resumption_find(&all->resumption, hello->session_id, hello->session_id_len, now_ms);
    if (entry != NULL && may_go_on(d, entry)) {
        /* RFC 7627 5.3: "If the original session used the extension but the new ClientHello does not contain
         * it, the server MUST abort the abbreviated handshake." */
        if (!hello->offers_extended_master_secret)
            return &NO_EXTENDED_MASTER_SECRET;
        result = engine->resume(d->work.library, &entry->session, now_ms);
    }
    if (result == HANDSHAKE_RESUMED)
        take(d, entry);
    else
        delegation_env_count(all->env, DELEGATOR_RESUMPTION_MISSED);
    return result == HANDSHAKE_FAILED ? &LIBRARY : NULL;
}

/* ---- what is kept ---- */

struct handshake_session *delegation_resumption_room(const struct delegation *d,
                                                     const struct client_hello *hello)
{
    struct delegations *all = d->all;

    /* RFC 7627 5.3: one that neither had nor has the extension should not be resumed, and one that had it not
     * must not be by who has it. */
    return all->sessions != NULL && hello->offers_extended_master_secret ? &all->sessions[d - all->pool]
                                                                         : NULL;
}

void delegation_resumption_finished(struct delegation *d, uint64_t now_ms)
{
    d->resumable_until_ms = now_ms + (uint64_t)d->all->env->config.resumption_s * 1000;
}

static void keep(const struct delegation *d)
{
    const struct handshake_work *w = &d->work;
    struct resumption_entry *entry = resumption_add(&d->all->resumption, w->session, d->resumable_until_ms);

    entry->claim = w->claim;
    entry->node = d->node;
    entry->handle = d->handle;
    entry->name_len = w->name_len;
    bytes_copy(entry->name, w->name, w->name_len);
}

/* The entry that the delegation resumes; NULL: it has gone meanwhile. */
static struct resumption_entry *find_own(const struct delegation *d)
{
    return resumption_find(&d->all->resumption, d->session_id, sizeof d->session_id, 0);
}

/* On the same 5-tuple relay has ended it already. A handle that is not below ours is of an earlier life of
 * the node, which has lost its sessions. */
static void end_before(const struct delegation *d, uint16_t handle)
{
    const struct message m = {.type = MSG_SESSION_CLOSE,
                              .node = d->node,
                              .handle = handle,
                              .subscriber = d->subscriber,
                              .slot = DIRECTION_IN,
                              .kind = CLOSE_REPLACED};
    struct node *node = nodes_find(d->all->nodes, d->node);
    const struct node_slot *slot = node != NULL ? nodes_find_slot(node, handle) : NULL;

    if (slot != NULL && handle < d->handle && !slot->is_outbound && slot->subscriber == d->subscriber)
        delegation_env_send(d->all->env, &m);
}

static void go_on(const struct delegation *d)
{
    struct resumption_entry *entry = find_own(d);
    uint16_t before = entry != NULL ? entry->handle : d->handle_before;

    if (entry != NULL)
        entry->handle = d->handle;
    delegation_env_count(d->all->env, DELEGATOR_RESUMPTION_DONE);
    end_before(d, before);
}

void delegation_resumption_done(const struct delegation *d)
{
    if (d->work.is_resumed)
        go_on(d);
    else if (d->work.session != NULL && d->work.session->len > 0 && d->trust == d->all->trust)
        keep(d);
}

/* ---- what is kept no more ---- */

void delegation_resumption_revoke(struct delegation *d)
{
    struct resumption_entry *entry = d->work.is_resumed ? find_own(d) : NULL;

    if (entry != NULL)
        resumption_forget(&d->all->resumption, entry);
    delegation_forget_session(d);
}

/* RFC 5246 7.2.2: "Servers and clients MUST forget any session-identifiers, keys, and secrets associated with
 * a failed connection." */
const struct delegation_failure *delegation_resumption_failed(struct delegation *d)
{
    static const struct delegation_failure WRONG_KEY = {
        DELEGATOR_FAILED_KEY, ALERT_NONE, CLOSE_HANDSHAKE,
        "handshake refused: whoever resumes the session does not have its secret; it is forgotten"};
    static const struct delegation_failure FAILED = {
        DELEGATOR_FAILED_HANDSHAKE, ALERT_NONE, CLOSE_HANDSHAKE,
        "handshake failed: the peer does not complete its session's resumption; it is forgotten"};

    delegation_resumption_revoke(d);
    return d->work.is_key_wrong ? &WRONG_KEY : &FAILED;
}
