/* keys.db: rows and grants survive, keys are unreadable without the storage key, what was tampered with is
 * refused. */
#include "store_keys_world.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

static void test_nodes_survive(void **state)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);
    struct node_row a = node("kitchen", 20000);
    struct node_row b = node("cellar", 20001);
    struct rows rows;

    (void)state;
    assert_int_equal(t.add_node(t.ctx, &a), SSM_OK);
    assert_int_equal(t.add_node(t.ctx, &b), SSM_OK);
    assert_int_not_equal(a.id, b.id);
    assert_int_equal(t.set_association(t.ctx, a.id, UINT32_MAX, 7), SSM_OK);
    assert_int_equal(t.set_session_limit(t.ctx, a.id, 16), SSM_OK);
    store_keys_close(s);

    s = open_store();
    t = store_keys_table(s);
    rows = read_rows(&t);
    assert_int_equal(rows.node_count, 2);
    assert_int_equal(rows.nodes[0].id, a.id);
    assert_int_equal(rows.nodes[0].name.len, 7);
    assert_memory_equal(rows.nodes[0].name.text, "kitchen", 7);
    assert_memory_equal(rows.nodes[0].psk, a.psk, sizeof a.psk);
    assert_int_equal(rows.nodes[0].port, 20000);
    assert_int_equal(rows.nodes[0].assoc_counter, UINT32_MAX);
    assert_int_equal(rows.nodes[0].boot_id, 7);
    assert_int_equal(rows.nodes[0].session_limit, 16);
    assert_int_equal(rows.nodes[1].session_limit, 65535);
    store_keys_close(s);
}

static void test_names_and_ports_are_taken_once(void **state)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);
    struct node_row row = node("kitchen", 20000);
    struct node_row same_name = node("kitchen", 20001);
    struct node_row same_port = node("cellar", 20000);
    struct subscriber_row person = subscriber("ann");
    struct subscriber_row same_person = subscriber("ann");

    (void)state;
    assert_int_equal(t.add_node(t.ctx, &row), SSM_OK);
    assert_int_equal(t.add_node(t.ctx, &same_name), SSM_EXISTS);
    assert_int_equal(t.add_node(t.ctx, &same_port), SSM_EXISTS);
    assert_int_equal(t.add_subscriber(t.ctx, &person, &row.id, 1), SSM_OK);
    assert_int_equal(t.add_subscriber(t.ctx, &same_person, &row.id, 1), SSM_EXISTS);
    assert_int_equal(read_rows(&t).node_count, 1);
    assert_int_equal(read_rows(&t).subscriber_count, 1);
    store_keys_close(s);
}

static void test_ids_are_never_reused(void **state)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);
    struct node_row first = node("kitchen", 20000);
    struct node_row second = node("kitchen", 20000);

    (void)state;
    assert_int_equal(t.add_node(t.ctx, &first), SSM_OK);
    assert_int_equal(t.remove_node(t.ctx, first.id), SSM_OK);
    assert_int_equal(t.add_node(t.ctx, &second), SSM_OK);
    assert_true(second.id > first.id);
    store_keys_close(s);
}

static void test_what_is_not_there(void **state)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);
    struct subscriber_row row = subscriber("ann");
    const uint32_t nodes[] = {77};
    char long_name[300] = {0};

    (void)state;
    assert_int_equal(t.remove_node(t.ctx, 1), SSM_NOT_FOUND);
    assert_int_equal(t.set_association(t.ctx, 1, 1, 1), SSM_NOT_FOUND);
    assert_int_equal(t.set_session_limit(t.ctx, 1, 1), SSM_NOT_FOUND);
    assert_int_equal(t.remove_subscriber(t.ctx, 1), SSM_NOT_FOUND);
    assert_int_equal(t.find_subscriber(t.ctx, "ann", 3, &row), SSM_NOT_FOUND);
    assert_int_equal(t.find_subscriber(t.ctx, "", 0, &row), SSM_NOT_FOUND);
    assert_int_equal(t.find_subscriber(t.ctx, long_name, sizeof long_name, &row), SSM_NOT_FOUND);
    /* A grant for a node that is not there takes the whole step back. */
    assert_int_equal(t.add_subscriber(t.ctx, &row, nodes, 1), SSM_NOT_FOUND);
    assert_int_equal(read_rows(&t).subscriber_count, 0);
    store_keys_close(s);
}

static void test_grants(void **state)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);
    struct node_row nodes[] = {node("a", 1), node("b", 2), node("c", 3)};
    struct subscriber_row ann = subscriber("ann");
    struct subscriber_row bob = subscriber("bob");
    struct subscriber_row found;
    uint32_t ids[3];
    uint32_t got[3] = {0};
    size_t count = 99;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(t.add_node(t.ctx, &nodes[i]), SSM_OK);
        ids[i] = nodes[i].id;
    }
    assert_int_equal(t.add_subscriber(t.ctx, &ann, ids, 3), SSM_OK);
    assert_int_equal(t.add_subscriber(t.ctx, &bob, NULL, 0), SSM_OK);
    assert_int_equal(t.find_subscriber(t.ctx, "ann", 3, &found), SSM_OK);
    assert_int_equal(found.id, ann.id);
    assert_int_equal(found.psk_len, 32);
    assert_memory_equal(found.psk, ann.psk, 32);
    assert_int_equal(t.find_subscriber(t.ctx, "ann\0", 4, &found), SSM_NOT_FOUND);
    assert_int_equal(t.find_subscriber(t.ctx, "Ann", 3, &found), SSM_NOT_FOUND);

    assert_int_equal(t.grants(t.ctx, ann.id, 0, got, 2, &count), SSM_OK);
    assert_int_equal(count, 3);
    assert_int_equal(got[0], ids[0]);
    assert_int_equal(got[1], ids[1]);
    assert_int_equal(got[2], 0);
    assert_int_equal(t.grants(t.ctx, ann.id, ids[1], got, 1, &count), SSM_OK);
    assert_int_equal(count, 1);
    assert_int_equal(got[0], ids[1]);
    assert_int_equal(t.grants(t.ctx, bob.id, ids[1], got, 1, &count), SSM_OK);
    assert_int_equal(count, 0);
    assert_int_equal(t.remove_node(t.ctx, ids[1]), SSM_OK);
    assert_int_equal(t.grants(t.ctx, ann.id, 0, got, 3, &count), SSM_OK);
    assert_int_equal(count, 2);
    assert_int_equal(got[1], ids[2]);
    assert_int_equal(t.grants(t.ctx, bob.id, 0, got, 3, &count), SSM_OK);
    assert_int_equal(count, 0);
    assert_int_equal(t.remove_subscriber(t.ctx, ann.id), SSM_OK);
    assert_int_equal(t.grants(t.ctx, ann.id, 0, got, 3, &count), SSM_OK);
    assert_int_equal(count, 0);
    store_keys_close(s);
}

/* Any 8 bytes of a key, in the database and in its log, while it is open and after. */
static void test_no_key_is_in_the_file(void **state)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);
    struct node_row row = node("kitchen", 20000);
    struct subscriber_row person = subscriber("ann");

    (void)state;
    assert_int_equal(t.add_node(t.ctx, &row), SSM_OK);
    assert_int_equal(t.add_subscriber(t.ctx, &person, &row.id, 1), SSM_OK);
    assert_true(temporary_holds(&dir, "keys.db-wal", "kitchen", 7)); /* the search can find something */
    for (int closed = 0; closed < 2; closed++) {
        for (size_t i = 0; i + 8 <= sizeof row.psk; i++) {
            assert_false(temporary_holds(&dir, "keys.db", row.psk + i, 8));
            assert_false(temporary_holds(&dir, "keys.db-wal", row.psk + i, 8));
        }
        for (size_t i = 0; i + 8 <= person.psk_len; i++) {
            assert_false(temporary_holds(&dir, "keys.db", person.psk + i, 8));
            assert_false(temporary_holds(&dir, "keys.db-wal", person.psk + i, 8));
        }
        if (closed == 0)
            store_keys_close(s);
    }
    assert_true(temporary_holds(&dir, "keys.db", "kitchen", 7));
}

/* Whoever can write the file cannot give one row's key to another: it is sealed for its place. */
static void test_a_key_moved_to_another_row_is_refused(void **state)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);
    struct node_row a = node("a", 20000);
    struct node_row b = node("b", 20001);
    struct rows rows = {0};

    (void)state;
    assert_int_equal(t.add_node(t.ctx, &a), SSM_OK);
    assert_int_equal(t.add_node(t.ctx, &b), SSM_OK);
    store_keys_close(s);
    run_sql("UPDATE node SET psk = (SELECT psk FROM node WHERE name = 'a') WHERE name = 'b'");
    s = open_store();
    t = store_keys_table(s);
    assert_int_equal(t.each_node(t.ctx, take_node, &rows), SSM_IO);
    assert_int_equal(rows.node_count, 1);
    store_keys_close(s);
}

static void test_an_altered_key_is_refused(void **state)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);
    struct subscriber_row person = subscriber("ann");
    struct subscriber_row found;

    (void)state;
    assert_int_equal(t.add_subscriber(t.ctx, &person, NULL, 0), SSM_OK);
    store_keys_close(s);
    run_sql("UPDATE subscriber SET psk = zeroblob(60)");
    s = open_store();
    t = store_keys_table(s);
    assert_int_equal(t.find_subscriber(t.ctx, "ann", 3, &found), SSM_IO);
    store_keys_close(s);
    run_sql("UPDATE subscriber SET psk = zeroblob(9)");
    s = open_store();
    t = store_keys_table(s);
    assert_int_equal(t.find_subscriber(t.ctx, "ann", 3, &found), SSM_IO);
    store_keys_close(s);
}

/* ---- certificates ---- */

static struct subscriber_row by_subject(const char *name, const char *subject)
{
    struct subscriber_row row = {.name = name_of(name), .credential = SUBSCRIBER_SUBJECT};

    row.subject_len = (uint8_t)strlen(subject);
    memcpy(row.subject, subject, row.subject_len);
    return row;
}

static void test_subscribers_of_every_kind_survive(void **state)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);
    struct subscriber_row ann = subscriber("ann");
    struct subscriber_row bob = pinned("bob", 7);
    struct subscriber_row eve = by_subject("eve", "Eve of the \xC3\xA4");
    struct rows rows;

    (void)state;
    assert_int_equal(t.add_subscriber(t.ctx, &ann, NULL, 0), SSM_OK);
    assert_int_equal(t.add_subscriber(t.ctx, &bob, NULL, 0), SSM_OK);
    assert_int_equal(t.add_subscriber(t.ctx, &eve, NULL, 0), SSM_OK);
    store_keys_close(s);
    s = open_store();
    t = store_keys_table(s);
    rows = read_rows(&t);
    assert_int_equal(rows.subscriber_count, 3);
    assert_memory_equal(&rows.subscribers[0], &ann, sizeof ann);
    assert_memory_equal(&rows.subscribers[1], &bob, sizeof bob);
    assert_memory_equal(&rows.subscribers[2], &eve, sizeof eve);
    store_keys_close(s);
}

static void test_subscribers_are_found_by_certificate_and_subject(void **state)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);
    struct subscriber_row ann = subscriber("ann");
    struct subscriber_row bob = pinned("bob", 7);
    struct subscriber_row eve = by_subject("eve", "Eve");
    const uint8_t other[HANDSHAKE_FINGERPRINT_LEN] = {8, 2, 3};
    const uint8_t none[HANDSHAKE_FINGERPRINT_LEN] = {0};
    struct subscriber_row found;

    (void)state;
    assert_int_equal(t.add_subscriber(t.ctx, &ann, NULL, 0), SSM_OK);
    assert_int_equal(t.add_subscriber(t.ctx, &bob, NULL, 0), SSM_OK);
    assert_int_equal(t.add_subscriber(t.ctx, &eve, NULL, 0), SSM_OK);
    assert_int_equal(t.find_certificate(t.ctx, bob.fingerprint, &found), SSM_OK);
    assert_memory_equal(&found, &bob, sizeof bob);
    assert_int_equal(t.find_certificate(t.ctx, other, &found), SSM_NOT_FOUND);
    assert_int_equal(t.find_certificate(t.ctx, none, &found),
                     SSM_NOT_FOUND); /* ann has none, and none is not 0 */
    assert_int_equal(t.find_subject(t.ctx, "Eve", 3, &found), SSM_OK);
    assert_memory_equal(&found, &eve, sizeof eve);
    assert_int_equal(t.find_subject(t.ctx, "eve", 3, &found), SSM_NOT_FOUND);
    assert_int_equal(t.find_subject(t.ctx, "Eve\0", 4, &found), SSM_NOT_FOUND);
    assert_int_equal(t.find_subject(t.ctx, "", 0, &found), SSM_NOT_FOUND);
    /* A name is an identity for whoever has a PSK alone, but the row is found. */
    assert_int_equal(t.find_subscriber(t.ctx, "bob", 3, &found), SSM_OK);
    assert_int_equal(found.psk_len, 0);
    store_keys_close(s);
}

static void test_certificates_and_subjects_are_taken_once(void **state)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);
    struct subscriber_row bob = pinned("bob", 7);
    struct subscriber_row same_certificate = pinned("bert", 7);
    struct subscriber_row eve = by_subject("eve", "Eve");
    struct subscriber_row same_subject = by_subject("eva", "Eve");
    struct subscriber_row same_name = by_subject("bob", "Bob");

    (void)state;
    assert_int_equal(t.add_subscriber(t.ctx, &bob, NULL, 0), SSM_OK);
    assert_int_equal(t.add_subscriber(t.ctx, &same_certificate, NULL, 0), SSM_EXISTS);
    assert_int_equal(t.add_subscriber(t.ctx, &eve, NULL, 0), SSM_OK);
    assert_int_equal(t.add_subscriber(t.ctx, &same_subject, NULL, 0), SSM_EXISTS);
    assert_int_equal(t.add_subscriber(t.ctx, &same_name, NULL, 0), SSM_EXISTS);
    assert_int_equal(t.remove_subscriber(t.ctx, bob.id), SSM_OK);
    assert_int_equal(t.add_subscriber(t.ctx, &same_certificate, NULL, 0), SSM_OK);
    store_keys_close(s);
}

/* ---- threads ---- */

enum { LOOKERS = 3, CHANGES = 60 };

struct looking {
    struct keys_store table;
    atomic_bool stop;
    atomic_uint looks;
};

/* A subscriber is there as a whole or not at all, and no look-up fails for what another thread does. */
static void *look(void *arg)
{
    struct looking *l = arg;
    struct subscriber_row bob = pinned("bob", 7);
    struct subscriber_row found;
    bool all_right = true;

    while (!atomic_load(&l->stop) && all_right) {
        enum status ann = l->table.find_subscriber(l->table.ctx, "ann", 3, &found);

        all_right = ann == SSM_NOT_FOUND || (ann == SSM_OK && found.psk_len == 32);
        ann = l->table.find_certificate(l->table.ctx, bob.fingerprint, &found);
        all_right = all_right && (ann == SSM_OK || ann == SSM_NOT_FOUND);
        atomic_fetch_add(&l->looks, 1);
    }
    return all_right ? arg : NULL;
}

static void test_look_ups_on_other_threads(void **state)
{
    struct store_keys *s = open_store();
    struct looking l = {.table = store_keys_table(s)};
    pthread_t threads[LOOKERS];

    (void)state;
    for (int i = 0; i < LOOKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look, &l), 0);
    for (int i = 0; i < CHANGES; i++) {
        struct subscriber_row ann = subscriber("ann");
        struct subscriber_row again = subscriber("ann");
        struct subscriber_row bob = pinned("bob", 7);

        assert_int_equal(l.table.add_subscriber(l.table.ctx, &ann, NULL, 0), SSM_OK);
        assert_int_equal(l.table.add_subscriber(l.table.ctx, &again, NULL, 0), SSM_EXISTS);
        assert_int_equal(l.table.add_subscriber(l.table.ctx, &bob, NULL, 0), SSM_OK);
        assert_int_equal(l.table.remove_subscriber(l.table.ctx, ann.id), SSM_OK);
        assert_int_equal(l.table.remove_subscriber(l.table.ctx, bob.id), SSM_OK);
    }
    while (atomic_load(&l.looks) < LOOKERS)
        ;
    atomic_store(&l.stop, true);
    for (int i = 0; i < LOOKERS; i++) {
        void *all_right;

        pthread_join(threads[i], &all_right);
        assert_non_null(all_right);
    }
    store_keys_close(s);
}

static void test_files_are_private(void **state)
{
    struct stat st;

    (void)state;
    store_keys_close(open_store());
    assert_int_equal(stat(temporary_file(&dir, "storage.key"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 32);
    assert_int_equal(stat(temporary_file(&dir, "keys.db"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_a_storage_key_open_to_others_is_refused(void **state)
{
    (void)state;
    store_keys_close(open_store());
    assert_int_equal(chmod(temporary_file(&dir, "storage.key"), 0640), 0);
    expect_refused();
    assert_int_equal(chmod(temporary_file(&dir, "storage.key"), 0604), 0);
    expect_refused();
    assert_int_equal(chmod(temporary_file(&dir, "storage.key"), 0400), 0);
    store_keys_close(open_store());
}

static void test_a_wrong_or_missing_storage_key_is_refused(void **state)
{
    int fd;

    (void)state;
    store_keys_close(open_store());
    fd = open(temporary_file(&dir, "storage.key"), O_WRONLY);
    assert_int_equal(write(fd, "another key of thirty-two bytes.", 32), 32);
    expect_refused();
    assert_int_equal(ftruncate(fd, 31), 0);
    expect_refused();
    close(fd);
    unlink(temporary_file(&dir, "storage.key"));
    expect_refused();
    assert_int_equal(access(temporary_file(&dir, "storage.key"), F_OK), -1);
}

/* Registrations that are lost must not pass for a gateway that never had any. */
static void test_a_storage_key_without_its_database_is_refused(void **state)
{
    int fd;

    (void)state;
    store_keys_close(open_store());
    unlink(temporary_file(&dir, "keys.db"));
    expect_refused();
    assert_int_equal(truncate(temporary_file(&dir, "keys.db"), 0), 0);
    expect_refused();
    unlink(temporary_file(&dir, "storage.key"));
    store_keys_close(open_store());
    fd = open(temporary_file(&dir, "keys.db"), O_WRONLY);
    assert_int_equal(pwrite(fd, "garbage", 7, 0), 7);
    close(fd);
    expect_refused();
    assert_int_equal(access(temporary_file(&dir, "keys.db"), F_OK), 0);
}

/* The storage key is made after the tables and before anything is stored under it. */
static void test_a_first_start_that_was_cut_short_is_gone_on_with(void **state)
{
    struct store_keys *s = open_store();
    struct keys_store t = store_keys_table(s);
    struct node_row row = node("kitchen", 20000);

    (void)state;
    store_keys_close(s);
    run_sql("DELETE FROM storage");
    store_keys_close(open_store());
    run_sql("DELETE FROM storage");
    unlink(temporary_file(&dir, "storage.key"));
    s = open_store();
    t = store_keys_table(s);
    assert_int_equal(t.add_node(t.ctx, &row), SSM_OK);
    store_keys_close(s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_prestate_setup_teardown(f, temporary_setup, temporary_teardown, &dir)
    const struct CMUnitTest tests[] = {
        TEST(test_nodes_survive),
        TEST(test_names_and_ports_are_taken_once),
        TEST(test_ids_are_never_reused),
        TEST(test_what_is_not_there),
        TEST(test_grants),
        TEST(test_no_key_is_in_the_file),
        TEST(test_a_key_moved_to_another_row_is_refused),
        TEST(test_an_altered_key_is_refused),
        TEST(test_subscribers_of_every_kind_survive),
        TEST(test_subscribers_are_found_by_certificate_and_subject),
        TEST(test_certificates_and_subjects_are_taken_once),
        TEST(test_look_ups_on_other_threads),
        TEST(test_files_are_private),
        TEST(test_a_storage_key_open_to_others_is_refused),
        TEST(test_a_wrong_or_missing_storage_key_is_refused),
        TEST(test_a_storage_key_without_its_database_is_refused),
        TEST(test_a_first_start_that_was_cut_short_is_gone_on_with),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
