/* The association counter of a simulated node: what it has saved, it never goes back behind. */
#include "counter_file.h"
#include "work.h"

static struct assoc_name node_name(void)
{
    struct assoc_name name;

    must(assoc_name_set(&name, "kitchen", 7) == SSM_OK, "a name");
    return name;
}

static bool describe(const struct counter_file *f, struct state *out)
{
    uint32_t counter;

    if (counter_file_load(f, &counter) != SSM_OK)
        return false;
    state_add(out, "counter %u\n", (unsigned)counter);
    return true;
}

static void run(const char *directory, unsigned steps)
{
    const struct assoc_name name = node_name();
    struct counter_file f;

    must(counter_file_open(&f, directory, &name) == SSM_OK, "the counter's directory");
    for (uint32_t i = 1; i <= steps; i++) {
        struct state now = {0};

        must(counter_file_save(&f, i * 7) == SSM_OK && describe(&f, &now), "a counter is saved");
        acknowledge(&now);
    }
    counter_file_close(&f);
}

static bool find(const char *directory, struct state *out)
{
    const struct assoc_name name = node_name();
    struct counter_file f;
    bool is_found = counter_file_open(&f, directory, &name) == SSM_OK && describe(&f, out);

    counter_file_close(&f);
    return is_found;
}

const struct work work_counter = {"node's counter", run, find};
