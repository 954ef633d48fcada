#pragma once

#include <stddef.h>

/// What the `route` bench is held against: the least that a consumer of one topic and producer of others has to do on
/// librdkafka, which must have been loaded (`ckafka_load`).
typedef struct bench_route bench_route;

/// Joins `group` on a topic of one partition and waits until it owns that. `properties` are names and values in turn, up
/// to a NULL. Returns NULL with the reason in `problem`.
bench_route *bench_route_open(const char *servers, const char *from, const char *group, const char *to, int partitions,
                              const char *const *properties, char *problem, size_t size);

/// Takes `count` records, at most `batch` at once; sends each on as it is; commits behind what is acknowledged, one commit
/// at a time. At most `window` batches are under way. Blocks until all is committed.
/// Returns the seconds that it took, or -1 when something failed.
double bench_route_run(bench_route *route, long count, int batch, int window);

void bench_route_close(bench_route *route);
