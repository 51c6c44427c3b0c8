#include "admin_links.h"

#include "admin_reply.h"
#include "endpoint_text.h"

#include <stdio.h>
#include <string.h>

json_t *admin_link_address(const struct admin_ops *o, const struct endpoint *node)
{
    char text[SERIAL_NAME_MAX];

    if (node->port == 0)
        return json_null();
    return json_string(serial_ports_text(&o->context->config->serial_links, node, text));
}

/* Names of the nodes on a line; on UDP where `port` is NULL. */
static json_t *nodes_on(const struct admin_ops *o, const struct serial_port *port)
{
    json_t *names = json_array();
    struct node_view view;

    for (size_t i = 0; delegator_view_node(o->context->delegator, i, &view); i++) {
        const struct serial_port *on = serial_ports_find(&o->context->config->serial_links, &view.endpoint);

        if (view.endpoint.port != 0 && on == port)
            json_array_append_new(names, admin_json_name(&view.name));
    }
    return names;
}

/* What only a line has is null for UDP. */
static json_t *link_describe(const struct admin_ops *o, const struct serial_port *port,
                             const struct link_row *row)
{
    char address[ENDPOINT_TEXT_MAX];
    char udp[ENDPOINT_TEXT_MAX + 4];
    const char *name = udp;

    if (port != NULL)
        name = port->name;
    else
        snprintf(udp, sizeof(udp), "udp:%s", endpoint_text(&o->context->config->link_address, address));
    return json_pack("{s:s, s:o, s:o, s:s, s:I, s:o, s:I, s:I, s:o, s:o}", "name", name, "kind",
                     json_stringn(name, strcspn(name, ":")), "baud",
                     port != NULL && port->baud != 0 ? json_integer(port->baud) : json_null(), "state",
                     row->is_up ? "up" : "down", "since_s", (json_int_t)row->since_s, "nodes",
                     nodes_on(o, port), "to_node", (json_int_t)row->to_node, "from_node",
                     (json_int_t)row->from_node, "dropped",
                     port != NULL ? json_integer((json_int_t)row->dropped) : json_null(), "spoiled",
                     port != NULL ? json_integer((json_int_t)row->spoiled) : json_null());
}

json_t *admin_link_list(const struct admin_ops *o, const struct message *answer)
{
    const struct serial_ports *ports = &o->context->config->serial_links;
    json_t *links = json_array();

    for (size_t i = 0; i <= ports->count && (i + 1) * LINK_ROW_LEN <= answer->data[0].len; i++) {
        struct link_row row;

        link_row_decode(answer->data[0].at + i * LINK_ROW_LEN, &row);
        json_array_append_new(links, link_describe(o, i > 0 ? &ports->list[i - 1] : NULL, &row));
    }
    return json_pack("{s:b, s:o}", "ok", 1, "links", links);
}
