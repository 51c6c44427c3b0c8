#include "node_resource.h"

void node_window_add(struct node_window *w, const char *text)
{
    for (; *text != '\0'; text++) {
        if (w->skip > 0) {
            w->skip--;
        } else if (w->room > 0) {
            w->room--;
            *w->at++ = (uint8_t)*text;
        } else {
            w->more = true;
        }
    }
}

void node_resource_list(const struct node *n, struct node_window *out)
{
    const char *before = "</";

    for (const struct node_resource *resource = n->resources; resource->path != NULL; resource++) {
        if (resource->attributes == NULL)
            continue;
        node_window_add(out, before);
        node_window_add(out, resource->path);
        node_window_add(out, ">");
        node_window_add(out, resource->attributes);
        before = ",</";
    }
}
