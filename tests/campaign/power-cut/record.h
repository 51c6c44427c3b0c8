/*
 * Whatever is written below one directory goes into the record of disk.h, and to its files: what SQLite does
 * through a VFS of its own, what others do through the C library's calls, which the linker hands to record.c.
 */
#ifndef CAMPAIGN_RECORD_H
#define CAMPAIGN_RECORD_H

#include <stdbool.h>

/* Once, before any database is opened: makes SQLite use the recording VFS, and checkpoints frequent. With
 * `is_deaf`, syncs are not recorded, as if SQLite were run with synchronous = OFF: the campaign has to find
 * that out. */
void record_install(bool is_deaf);
/* Files of `directory` are recorded from here on; NULL: nothing is. */
void record_start(const char *directory);

#endif
