/* What a table of figures has to say of the machine that they belong to. */
#ifndef SSM_BENCH_MACHINE_H
#define SSM_BENCH_MACHINE_H

#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Processor, how many, and kernel; the caller ends the line. */
static inline void machine_print(void)
{
    char line[256];
    char model[128] = "unknown processor";
    struct utsname system;
    FILE *info = fopen("/proc/cpuinfo", "r");

    while (info != NULL && fgets(line, sizeof line, info) != NULL)
        if (sscanf(line, "model name : %127[^\n]", model) == 1)
            break;
    if (info != NULL)
        fclose(info);
    printf("%s, %ld processors", model, sysconf(_SC_NPROCESSORS_ONLN));
    if (uname(&system) == 0)
        printf(", %s %s", system.sysname, system.release);
}

#endif
