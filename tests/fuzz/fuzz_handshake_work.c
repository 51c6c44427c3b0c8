/*
 * Turns of a handshake: whatever a peer sends, and whatever a DTLS library would put out. The library gets
 * whole records; of protected ones none but a forged one whose patience is over, as nothing here is
 * authentic; and of what it puts out nothing from its ChangeCipherSpec on leaves, unless it resumes a
 * session, nor any number that is the node's without notice.
 *
 * The input: a byte of flags, then turns: seconds since the last one, the length of the records in two bytes,
 * little-endian, and the records. The library reads what it puts out from the end of the input.
 */
#include "fuzz.h"

#include "handshake_work.h"
#include "record.h"

enum { HAS_KEYS = 1, IS_RESUMED = 2, CHUNK_MAX = 64, FORGED_WAIT_MS = 2000 };

struct handshake {
    struct handshake_work *work;
    struct reader output; /* the input's second half */
    uint64_t begun_ms;
    bool is_held; /* a ChangeCipherSpec was put out */
    bool is_node_number_used;
    size_t sent_len; /* in this turn, as it should be in the outbox */
};

static void note(struct handshake *h, const uint8_t *chunk, size_t len)
{
    struct reader r = reader_over(chunk, len);
    struct handshake_record record;

    h->is_held = h->is_held || (chunk[0] == RECORD_CHANGE_CIPHER_SPEC && !h->work->is_resumed);
    while (r.left > 0 && handshake_record_read(&r, &record) == SSM_OK) {
        const struct seq48 last = seq48_make(0, KEYBLOCK_FIRST_SEND_SEQ - 1);
        if (record.epoch != 0 && seq48_is_after(&record.seq, &last))
            h->is_node_number_used = true;
    }
}

static enum handshake_result put_out(struct handshake *h)
{
    uint8_t control = reader_u8(&h->output);
    size_t len = control % CHUNK_MAX;
    const uint8_t *chunk = reader_take(&h->output, len);

    if (h->output.status != SSM_OK)
        return HANDSHAKE_CONTINUE;
    if (len > 0) {
        note(h, chunk, len);
        handshake_work_callbacks.send(h->work, chunk, len);
        if (!h->is_held && h->sent_len + 2 + len <= HANDSHAKE_OUTBOX_MAX)
            h->sent_len += 2 + len;
    }
    return control < 0xC0 ? HANDSHAKE_CONTINUE : control < 0xE0 ? HANDSHAKE_DONE : HANDSHAKE_FAILED;
}

static enum handshake_result feed(struct handshake *h, const uint8_t *record, size_t len, uint64_t now_ms)
{
    struct reader r = reader_over(record, len);
    struct handshake_record read;

    if (record == NULL)
        return put_out(h);
    FUZZ_CHECK(handshake_record_read(&r, &read) == SSM_OK && r.left == 0);
    if (read.epoch != 0)
        FUZZ_CHECK(h->work->has_keys && read.type == RECORD_HANDSHAKE && read.epoch == 1 &&
                   now_ms >= h->begun_ms + FORGED_WAIT_MS);
    return put_out(h);
}

static uint64_t deadline(const struct handshake *h)
{
    return h->begun_ms + 1000;
}

static enum handshake_result on_timer(struct handshake *h, uint64_t now_ms)
{
    FUZZ_CHECK(now_ms >= h->begun_ms + 1000);
    return put_out(h);
}

static enum handshake_fault fault(const struct handshake *h)
{
    (void)h;
    return HANDSHAKE_FAULT_OTHER;
}

static void destroy(struct handshake *h)
{
    (void)h;
}

static void run(struct handshake_work *w, struct handshake *h, struct reader *in)
{
    w->now_ms += 1000u * reader_u8(in);
    size_t len = reader_u8(in);
    len |= (size_t)reader_u8(in) << 8;
    len = len < in->left ? len : in->left;
    const uint8_t *records = reader_take(in, len);
    if (records == NULL)
        return;
    w->inbox_len = len < HANDSHAKE_INBOX_MAX ? len : HANDSHAKE_INBOX_MAX;
    memcpy(w->buffers->inbox, records, w->inbox_len);
    h->sent_len = 0;
    handshake_work_run(w);
    FUZZ_CHECK(w->outbox_len == h->sent_len);
    FUZZ_CHECK(w->is_overrun || !h->is_node_number_used);
    FUZZ_CHECK((w->library == NULL) == (w->result != HANDSHAKE_CONTINUE));
    FUZZ_CHECK(!h->is_held || w->flight_len > 0 || w->is_overrun);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct handshake_buffers buffers;
    static struct delegation_env env = {
        .engine = {
            .feed = feed, .deadline = deadline, .on_timer = on_timer, .fault = fault, .destroy = destroy}};
    struct reader in = reader_over(data, size / 2);
    struct handshake h = {.output = reader_over(data + size / 2, size - size / 2), .begun_ms = 5000};
    struct handshake_work w = {
        .env = &env, .library = &h, .buffers = &buffers, .now_ms = h.begun_ms, .wake_ms = UINT64_MAX};
    const struct handshake_keys keys = {.client = {.key = {1}}, .server = {.key = {2}}};

    const uint8_t flags = reader_u8(&in);

    h.work = &w;
    w.is_resumed = (flags & IS_RESUMED) != 0;
    if ((flags & HAS_KEYS) != 0)
        handshake_work_callbacks.keys(&w, &keys);
    while (in.left > 0 && in.status == SSM_OK && w.library != NULL)
        run(&w, &h, &in);
    return 0;
}
