/*
 * What a disk was told, and what it may hold if the power fails: every operation in order, and from that the
 * files as they may be found afterwards.
 *
 * Names are taken to change in the order in which they were changed, as file systems with a journal have it.
 * Written bytes are on the disk for certain once their file was synced; before that each write may be there
 * or not, in any order, and the last one may be there in part.
 */
#ifndef CAMPAIGN_DISK_H
#define CAMPAIGN_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DISK_NAME_MAX = 64 };

/* ---- told ---- */

void disk_forget(void);
void disk_write(const char *name, uint64_t offset, const void *bytes, size_t len);
void disk_truncate(const char *name, uint64_t size);
void disk_sync(const char *name);
void disk_make(const char *name); /* empty, if it is not there */
void disk_delete(const char *name);
void disk_rename(const char *from, const char *to);
/* How many operations there are so far. */
size_t disk_operations(void);

/* ---- found ---- */

enum cut {
    CUT_CLEAN,   /* all up to the cut is there, also what was not synced */
    CUT_TORN,    /* the last write is there in part */
    CUT_LOST,    /* nothing is there that was not synced */
    CUT_SHUFFLED /* of what was not synced, each write is there or not */
};

/* Makes the files in `directory`, which is empty, as they may be after the first `count` operations. `seed`
 * decides what a cut leaves open. False: this kind of cut says nothing that CUT_CLEAN does not. */
bool disk_restore(const char *directory, size_t count, enum cut cut, uint64_t seed);

#endif
