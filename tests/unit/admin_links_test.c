/* Links as the admin socket shows them: which there are, which node is on which. */
#include "admin_world.h"

static const char *text_at(const json_t *object, const char *field)
{
    return json_string_value(json_object_get(object, field));
}

static json_int_t number_at(const json_t *object, const char *field)
{
    return json_integer_value(json_object_get(object, field));
}

/* Kitchen is on the device, bedroom on UDP, the shed nowhere yet. */
static void place_nodes(struct world *w)
{
    struct serial_ports *ports = &w->config.serial_links;

    assert_int_equal(serial_port_parse("/dev/ttyUSB0@57600", 18, &ports->list[0]), SSM_OK);
    assert_int_equal(serial_port_parse("unix:/run/b", 11, &ports->list[1]), SSM_OK);
    ports->count = 2;
    w->view_count = 3;
    assert_int_equal(assoc_name_set(&w->views[0].name, "kitchen", 7), SSM_OK);
    assert_int_equal(assoc_name_set(&w->views[1].name, "bedroom", 7), SSM_OK);
    assert_int_equal(assoc_name_set(&w->views[2].name, "shed", 4), SSM_OK);
    w->views[0].endpoint = serial_port_endpoint(&ports->list[0]);
    w->views[1].endpoint = (struct endpoint){.addr = {[15] = 1}, .port = 40000};
}

static void relay_sends_links(struct world *w, const struct message *question)
{
    static uint8_t rows[3 * LINK_ROW_LEN];
    const struct link_row row[] = {
        {.is_up = true, .to_node = 1},
        {.is_up = true, .since_s = 192, .to_node = UINT64_C(1) << 40, .from_node = 2},
        {.dropped = 3, .spoiled = 4}};

    for (size_t i = 0; i < 3; i++)
        link_row_encode(&row[i], rows + i * LINK_ROW_LEN);
    admin_on_message(w->admin, &(struct message){.type = MSG_LINK_LIST,
                                                 .request = question->request,
                                                 .data[0] = {.at = rows, .len = sizeof rows}});
}

static void links_come_with_their_nodes(void **state)
{
    struct world w;
    json_t *reply;
    json_t *link;
    int fd;

    (void)state;
    world_start(&w, "");
    place_nodes(&w);
    fd = caller_connect(&w);
    caller_send(fd, "{'op':'link list'}");
    for (int turns = 0; turns < 500 && w.relay_count == 0; turns++)
        world_turn(&w);
    assert_int_equal(w.relay_count, 1);
    assert_int_equal(w.to_relay[0].type, MSG_LINK_LIST);
    relay_sends_links(&w, &w.to_relay[0]);
    reply = caller_receive(&w, fd);
    assert_int_equal(json_array_size(json_object_get(reply, "links")), 3);
    link = json_array_get(json_object_get(reply, "links"), 0);
    assert_string_equal(text_at(link, "name"), "udp:[::]:20001");
    assert_string_equal(text_at(link, "kind"), "udp");
    assert_true(json_is_null(json_object_get(link, "baud")));
    assert_true(json_is_null(json_object_get(link, "dropped")));
    assert_int_equal(json_array_size(json_object_get(link, "nodes")), 1);
    assert_string_equal(json_string_value(json_array_get(json_object_get(link, "nodes"), 0)), "bedroom");
    link = json_array_get(json_object_get(reply, "links"), 1);
    assert_string_equal(text_at(link, "name"), "serial:/dev/ttyUSB0");
    assert_string_equal(text_at(link, "kind"), "serial");
    assert_int_equal(number_at(link, "baud"), 57600);
    assert_string_equal(text_at(link, "state"), "up");
    assert_int_equal(number_at(link, "since_s"), 192);
    assert_int_equal(number_at(link, "to_node"), INT64_C(1) << 40);
    assert_int_equal(number_at(link, "from_node"), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(link, "nodes"), 0)), "kitchen");
    link = json_array_get(json_object_get(reply, "links"), 2);
    assert_string_equal(text_at(link, "name"), "unix:/run/b");
    assert_string_equal(text_at(link, "state"), "down");
    assert_int_equal(number_at(link, "dropped"), 3);
    assert_int_equal(number_at(link, "spoiled"), 4);
    assert_int_equal(json_array_size(json_object_get(link, "nodes")), 0);
    json_decref(reply);
    close(fd);
    world_stop(&w);
}

static void a_node_on_a_line_shows_the_line(void **state)
{
    struct world w;
    json_t *reply;

    (void)state;
    world_start(&w, "");
    place_nodes(&w);
    reply = ask(&w, "{'op':'node show','name':'kitchen'}");
    assert_string_equal(text_at(reply, "address"), "serial:/dev/ttyUSB0");
    json_decref(reply);
    reply = ask(&w, "{'op':'node show','name':'shed'}");
    assert_true(json_is_null(json_object_get(reply, "address")));
    json_decref(reply);
    world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_come_with_their_nodes),
        cmocka_unit_test(a_node_on_a_line_shows_the_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
