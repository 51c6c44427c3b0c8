#include "message.h"

#include "session.h"

enum { KEYS_LEN = AES_KEY_LEN, COUNTERS_MAX = 64 };

/* What a type may carry: bounds of `kind` and of each byte string. */
struct shape {
    const char *name;
    uint8_t kind_max;
    struct {
        uint16_t min;
        uint16_t max;
    } data[MESSAGE_DATA];
};

static const struct shape shapes[MSG_TYPE_END] = {
    [MSG_READY] = {.name = "READY"},
    [MSG_HEARTBEAT] = {.name = "HEARTBEAT"},
    [MSG_STOP] = {.name = "STOP"},
    [MSG_SIBLING] = {.name = "SIBLING", .kind_max = CHANNEL_RESOLVER},
    [MSG_SOCKET] = {.name = "SOCKET", .kind_max = SOCKET_SERIAL_LINE},
    [MSG_PORT_NEEDED] = {.name = "PORT_NEEDED"},
    [MSG_PORT_DROPPED] = {.name = "PORT_DROPPED"},
    [MSG_PORT_FAILED] = {.name = "PORT_FAILED"},
    [MSG_LINE_LOST] = {.name = "LINE_LOST"},
    [MSG_DGRAM_IN] = {.name = "DGRAM_IN", .data = {{1, MESSAGE_DGRAM_MAX}}},
    [MSG_DGRAM_OUT] = {.name = "DGRAM_OUT",
                       .kind_max = DIRECTION_IN_RESUMED,
                       .data = {{1, MESSAGE_DGRAM_MAX}}},
    [MSG_NODE_CTRL_IN] = {.name = "NODE_CTRL_IN", .data = {{1, MESSAGE_CONTROL_MAX}}},
    [MSG_NODE_CTRL_OUT] = {.name = "NODE_CTRL_OUT",
                           .kind_max = REPEAT_UNTIL_DONE,
                           .data = {{1, MESSAGE_CONTROL_MAX}}},
    [MSG_NODE_CTRL_DONE] = {.name = "NODE_CTRL_DONE"},
    [MSG_NODE_KEYS] = {.name = "NODE_KEYS", .data = {{KEYS_LEN, KEYS_LEN}}},
    [MSG_NODE_GONE] = {.name = "NODE_GONE"},
    [MSG_NODE_HEARD] = {.name = "NODE_HEARD"},
    [MSG_NODE_QUIET] = {.name = "NODE_QUIET"},
    [MSG_SESSION_PREPARE] = {.name = "SESSION_PREPARE",
                             .data = {{1, MESSAGE_CONTROL_MAX},
                                      {TOMBSTONE_LEN, TOMBSTONE_LEN},
                                      {0, MESSAGE_FLIGHT_MAX}}},
    [MSG_SESSION_COMMIT] = {.name = "SESSION_COMMIT"},
    [MSG_SESSION_DURABLE] = {.name = "SESSION_DURABLE"},
    [MSG_SESSION_ABORT] = {.name = "SESSION_ABORT", .kind_max = CLOSE_REASON_END - 1},
    [MSG_SESSION_CLOSE] = {.name = "SESSION_CLOSE", .kind_max = CLOSE_REASON_END - 1},
    [MSG_SESSION_CLOSED] = {.name = "SESSION_CLOSED", .kind_max = CLOSE_REASON_END - 1},
    [MSG_SESSION_THROTTLE] = {.name = "SESSION_THROTTLE"},
    [MSG_SESSION_EVICT] = {.name = "SESSION_EVICT"},
    [MSG_SESSION_LIST] = {.name = "SESSION_LIST", .data = {{0, SESSION_ROWS_MAX *SESSION_ROW_LEN}}},
    [MSG_LINK_LIST] = {.name = "LINK_LIST", .data = {{0, LINK_ROWS_MAX *LINK_ROW_LEN}}},
    [MSG_STATUS] = {.name = "STATUS", .data = {{0, COUNTERS_MAX * 8}}},
    [MSG_RESOLVE] = {.name = "RESOLVE", .data = {{1, RESOLVE_HOST_MAX}}},
    [MSG_RESOLVED] = {.name = "RESOLVED",
                      .kind_max = RESOLVE_RESULTS - 1,
                      .data = {{0, RESOLVED_MAX *RESOLVED_LEN}}},
};

static bool type_exists(uint8_t type)
{
    return type < MSG_TYPE_END && shapes[type].name != NULL;
}

static bool fits_shape(const struct message *m)
{
    const struct shape *shape = &shapes[m->type];

    for (int i = 0; i < MESSAGE_DATA; i++)
        if (m->data[i].len < shape->data[i].min || m->data[i].len > shape->data[i].max)
            return false;
    return m->kind <= shape->kind_max;
}

/* ---- little-endian fields; the caller has checked that there is room ---- */

static void put_number(uint8_t **at, uint64_t value, int len)
{
    for (; len > 0; len--, value >>= 8)
        *(*at)++ = (uint8_t)value;
}

static uint64_t get_number(const uint8_t **at, int len)
{
    uint64_t value = 0;

    for (int i = 0; i < len; i++)
        value |= (uint64_t)*(*at)++ << 8 * i;
    return value;
}

static void put_endpoint(uint8_t **at, const struct endpoint *endpoint)
{
    bytes_copy(*at, endpoint->addr, sizeof endpoint->addr);
    *at += sizeof endpoint->addr;
    put_number(at, endpoint->port, 2);
}

static void get_endpoint(const uint8_t **at, struct endpoint *endpoint)
{
    bytes_copy(endpoint->addr, *at, sizeof endpoint->addr);
    *at += sizeof endpoint->addr;
    endpoint->port = (uint16_t)get_number(at, 2);
}

size_t message_encode(const struct message *m, uint8_t *buf)
{
    uint8_t *at = buf;

    SSM_ASSERT(type_exists(m->type) && fits_shape(m));
    put_number(&at, MESSAGE_VERSION, 1);
    put_number(&at, m->type, 1);
    put_number(&at, m->kind, 1);
    put_number(&at, m->slot, 1);
    put_number(&at, m->handle, 2);
    put_number(&at, 0, 2); /* reserved */
    put_number(&at, m->request, 4);
    put_number(&at, m->connection, 4);
    put_number(&at, m->node, 4);
    put_number(&at, m->subscriber, 4);
    put_number(&at, m->value, 8);
    put_endpoint(&at, &m->peer);
    put_endpoint(&at, &m->local);
    for (int i = 0; i < MESSAGE_DATA; i++)
        put_number(&at, m->data[i].len, 2);
    SSM_ASSERT(at == buf + MESSAGE_HEADER_LEN);
    for (int i = 0; i < MESSAGE_DATA; i++) {
        bytes_copy(at, m->data[i].at, m->data[i].len);
        at += m->data[i].len;
    }
    return (size_t)(at - buf);
}

enum status message_decode(const uint8_t *buf, size_t len, struct message *out)
{
    const uint8_t *at = buf;
    uint64_t reserved;

    if (len < MESSAGE_HEADER_LEN)
        return SSM_TRUNCATED;
    if (get_number(&at, 1) != MESSAGE_VERSION)
        return SSM_UNSUPPORTED;
    out->type = (uint8_t)get_number(&at, 1);
    out->kind = (uint8_t)get_number(&at, 1);
    out->slot = (uint8_t)get_number(&at, 1);
    out->handle = (uint16_t)get_number(&at, 2);
    reserved = get_number(&at, 2);
    out->request = (uint32_t)get_number(&at, 4);
    out->connection = (uint32_t)get_number(&at, 4);
    out->node = (uint32_t)get_number(&at, 4);
    out->subscriber = (uint32_t)get_number(&at, 4);
    out->value = get_number(&at, 8);
    get_endpoint(&at, &out->peer);
    get_endpoint(&at, &out->local);
    len -= MESSAGE_HEADER_LEN;
    for (int i = 0; i < MESSAGE_DATA; i++)
        out->data[i].len = (size_t)get_number(&at, 2);
    for (int i = 0; i < MESSAGE_DATA; i++) {
        if (out->data[i].len > len)
            return SSM_MALFORMED;
        out->data[i].at = at;
        at += out->data[i].len;
        len -= out->data[i].len;
    }
    if (len != 0 || reserved != 0 || !type_exists(out->type) || !fits_shape(out))
        return SSM_MALFORMED;
    return SSM_OK;
}

const char *message_name(uint8_t type)
{
    return type_exists(type) ? shapes[type].name : "?";
}

void session_row_encode(const struct session_row *row, uint8_t out[SESSION_ROW_LEN])
{
    uint8_t *at = out;

    put_number(&at, row->node, 4);
    put_number(&at, row->subscriber, 4);
    put_number(&at, row->handle, 2);
    put_number(&at, row->slot, 1);
    put_number(&at, row->state, 1);
    put_endpoint(&at, &row->peer);
    put_endpoint(&at, &row->local);
    put_number(&at, row->age_s, 4);
    put_number(&at, row->idle_s, 4);
    put_number(&at, row->to_node, 4);
    put_number(&at, row->from_node, 4);
    put_number(&at, row->is_outbound, 1);
    SSM_ASSERT(at == out + SESSION_ROW_LEN);
}

enum status session_row_decode(const uint8_t buf[SESSION_ROW_LEN], struct session_row *out)
{
    const uint8_t *at = buf;
    uint64_t direction;

    out->node = (uint32_t)get_number(&at, 4);
    out->subscriber = (uint32_t)get_number(&at, 4);
    out->handle = (uint16_t)get_number(&at, 2);
    out->slot = (uint8_t)get_number(&at, 1);
    out->state = (uint8_t)get_number(&at, 1);
    get_endpoint(&at, &out->peer);
    get_endpoint(&at, &out->local);
    out->age_s = (uint32_t)get_number(&at, 4);
    out->idle_s = (uint32_t)get_number(&at, 4);
    out->to_node = (uint32_t)get_number(&at, 4);
    out->from_node = (uint32_t)get_number(&at, 4);
    direction = get_number(&at, 1);
    out->is_outbound = direction != 0;
    return out->node != 0 && out->handle != 0 && out->state < SESSION_STATES && direction <= 1
               ? SSM_OK
               : SSM_MALFORMED;
}

void link_row_encode(const struct link_row *row, uint8_t out[LINK_ROW_LEN])
{
    uint8_t *at = out;

    put_number(&at, row->is_up, 1);
    put_number(&at, row->since_s, 4);
    put_number(&at, row->to_node, 8);
    put_number(&at, row->from_node, 8);
    put_number(&at, row->dropped, 8);
    put_number(&at, row->spoiled, 8);
    SSM_ASSERT(at == out + LINK_ROW_LEN);
}

void link_row_decode(const uint8_t buf[LINK_ROW_LEN], struct link_row *out)
{
    const uint8_t *at = buf;

    out->is_up = get_number(&at, 1) != 0;
    out->since_s = (uint32_t)get_number(&at, 4);
    out->to_node = get_number(&at, 8);
    out->from_node = get_number(&at, 8);
    out->dropped = get_number(&at, 8);
    out->spoiled = get_number(&at, 8);
}

void resolved_encode(const struct resolved *resolved, uint8_t out[RESOLVED_LEN])
{
    const size_t len = sizeof resolved->peer.addr;

    bytes_copy(out, resolved->peer.addr, len);
    bytes_copy(out + len, resolved->local.addr, len);
}

enum status resolved_decode(const struct message *m, struct resolved out[RESOLVED_MAX], size_t *count)
{
    *count = m->data[0].len / RESOLVED_LEN;
    if (m->data[0].len % RESOLVED_LEN != 0 || *count > RESOLVED_MAX ||
        (m->kind == RESOLVE_FOUND) != (*count > 0))
        return SSM_MALFORMED;
    for (size_t i = 0; i < *count; i++) {
        const uint8_t *at = m->data[0].at + i * RESOLVED_LEN;
        const size_t len = sizeof out[i].peer.addr;

        out[i] = (struct resolved){.peer.port = 0};
        bytes_copy(out[i].peer.addr, at, len);
        bytes_copy(out[i].local.addr, at + len, len);
        if (!endpoint_is_unicast(&out[i].peer) || !endpoint_is_unicast(&out[i].local))
            return SSM_MALFORMED;
    }
    return SSM_OK;
}
