/* What a bench has counted, as tables and as a plot. */
#ifndef SSM_BENCH_REPORT_H
#define SSM_BENCH_REPORT_H

#include "bench.h"

void report_print(const struct bench *b, FILE *out);
void report_draw(const struct bench *b, FILE *svg);

#endif
