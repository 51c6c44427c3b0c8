/*
 * Runs a script in `mspdebug sim` and reads what it prints.
 */
#ifndef EMU_TEST_MSPDEBUG_H
#define EMU_TEST_MSPDEBUG_H

#include "cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A temporary folder with the script, what mspdebug printed, and memory that it saved. */
struct mspdebug {
    char folder[64], script[96], output[96], memory[96];
    FILE *file; /* the script while it is written, then the output */
};

static inline void mspdebug_open(struct mspdebug *session)
{
    strcpy(session->folder, "/tmp/emu-msp430-XXXXXX");
    if (!mkdtemp(session->folder))
        abort();
    snprintf(session->script, sizeof session->script, "%s/script", session->folder);
    snprintf(session->output, sizeof session->output, "%s/output", session->folder);
    snprintf(session->memory, sizeof session->memory, "%s/memory", session->folder);
    session->file = fopen(session->script, "w");
    if (!session->file)
        abort();
}

/* Runs the script; `file` is its output from now on. */
static inline void mspdebug_run(struct mspdebug *session)
{
    char command[320];

    fclose(session->file);
    snprintf(command, sizeof command, MSPDEBUG " -q -n sim 'read %s' >%s 2>&1", session->script,
             session->output);
    if (system(command) != 0)
        fprintf(stderr, "mspdebug failed: see %s\n", session->output);
    session->file = fopen(session->output, "r");
    if (!session->file)
        abort();
}

/* The next register dump. False at the end of the output. */
static inline bool mspdebug_read_registers(struct mspdebug *session, uint16_t r[CPU_REGISTERS])
{
    char line[256];
    unsigned row = 0, a, b, c, d;

    while (row < 4 && fgets(line, sizeof line, session->file)) {
        if (sscanf(line, " ( %*[^:]: %x) ( %*[^:]: %x) ( %*[^:]: %x) (%*[^:]: %x)", &a, &b, &c, &d) != 4)
            continue;
        r[row] = (uint16_t)a;
        r[row + 4] = (uint16_t)b;
        r[row + 8] = (uint16_t)c;
        r[row + 12] = (uint16_t)d;
        row++;
    }
    return row == 4;
}

/* Reads the saved memory; false if it has another length. */
static inline bool mspdebug_read_memory(const struct mspdebug *session, uint8_t *to, size_t len)
{
    FILE *file = fopen(session->memory, "rb");
    size_t got = file ? fread(to, 1, len, file) : 0;

    if (file)
        fclose(file);
    return got == len;
}

static inline void mspdebug_close(struct mspdebug *session)
{
    fclose(session->file);
    unlink(session->script);
    unlink(session->output);
    unlink(session->memory);
    rmdir(session->folder);
}

#endif
