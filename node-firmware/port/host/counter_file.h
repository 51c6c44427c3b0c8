/*
 * The association counter of a simulated node in DIR/NAME.counter. A new value is durable when
 * counter_file_save returns: written beside, synced, renamed, the directory synced.
 */
#ifndef SSM_COUNTER_FILE_H
#define SSM_COUNTER_FILE_H

#include "assoc.h"

#include <limits.h>

struct counter_file {
    int dir_fd;
    char name[ASSOC_NAME_MAX + sizeof ".counter"];
    char new_name[ASSOC_NAME_MAX + sizeof ".counter.new"];
};

/* Opens the directory, making it and its parents (0700) where they are missing. SSM_IO with errno. */
SSM_MUST_CHECK enum status counter_file_open(struct counter_file *file, const char *dir,
                                             const struct assoc_name *node);
void counter_file_close(struct counter_file *file);

/* 0 if there is no file yet. SSM_IO with errno; SSM_MALFORMED: it holds no number. */
SSM_MUST_CHECK enum status counter_file_load(const struct counter_file *file, uint32_t *counter);
SSM_MUST_CHECK enum status counter_file_save(const struct counter_file *file, uint32_t counter);

#endif
