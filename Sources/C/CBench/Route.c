#include "CBench.h"

#include <CKafka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WINDOW = 256, BATCH = 1024 };

/// Records that were taken together, until all of them are acknowledged.
typedef struct {
    int left;
    int count;
    int64_t next;
} batch_t;

struct bench_route {
    rd_kafka_t *consumer, *producer;
    rd_kafka_queue_t *records, *reports, *commits;
    rd_kafka_topic_t *to;
    char *from;
    int partitions;
    bool failed;
    batch_t ring[WINDOW];
};

static bool set(rd_kafka_conf_t *conf, const char *name, const char *value, char *problem, size_t size) {
    return rd_kafka_conf_set(conf, name, value, problem, size) == RD_KAFKA_CONF_OK;
}

/// The same properties as the bus on Kafka has, where they bear on speed.
static rd_kafka_t *open_handle(rd_kafka_type_t type, const char *const *own, const char *const *given, char *problem,
                               size_t size) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    bool ok = true;
    for (int i = 0; ok && own[i]; i += 2) ok = set(conf, own[i], own[i + 1], problem, size);
    for (int i = 0; ok && given[i]; i += 2) ok = set(conf, given[i], given[i + 1], problem, size);
    if (!ok) {
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_conf_set_events(conf, type == RD_KAFKA_PRODUCER ? RD_KAFKA_EVENT_DR : RD_KAFKA_EVENT_OFFSET_COMMIT);
    rd_kafka_t *handle = rd_kafka_new(type, conf, problem, size);
    if (!handle) rd_kafka_conf_destroy(conf);
    return handle;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static bool owns_something(rd_kafka_t *consumer) {
    rd_kafka_topic_partition_list_t *list = NULL;
    if (rd_kafka_assignment(consumer, &list) || !list) return false;
    bool owns = list->cnt > 0;
    rd_kafka_topic_partition_list_destroy(list);
    return owns;
}

static bool join(bench_route *route, char *problem, size_t size) {
    rd_kafka_poll_set_consumer(route->consumer);
    route->records = rd_kafka_queue_get_consumer(route->consumer);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, route->from, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(route->consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    double end = now() + 30;
    while (!code && !owns_something(route->consumer)) {
        rd_kafka_message_t *message = NULL;
        if (now() > end || rd_kafka_consume_batch_queue(route->records, 50, &message, 1) > 0) {
            // The topic must be empty until all is ready.
            if (message) rd_kafka_message_destroy(message);
            snprintf(problem, size, message ? "the topic is not empty" : "the group gave no partition within 30 s");
            return false;
        }
    }
    if (code) snprintf(problem, size, "%s", rd_kafka_err2str(code));
    return !code;
}

bench_route *bench_route_open(const char *servers, const char *from, const char *group, const char *to, int partitions,
                              const char *const *properties, char *problem, size_t size) {
    const char *consuming[] = {"bootstrap.servers", servers, "group.id", group, "enable.auto.commit", "false",
                               "enable.auto.offset.store", "false", "auto.offset.reset", "earliest",
                               "socket.nagle.disable", "true", "queued.min.messages", "100000",
                               "queued.max.messages.kbytes", "32768", "fetch.wait.max.ms", "100", NULL};
    const char *producing[] = {"bootstrap.servers", servers, "enable.idempotence", "true", "acks", "all",
                               "linger.ms", "0", "socket.nagle.disable", "true",
                               "queue.buffering.max.messages", "1000000", "queue.buffering.max.kbytes", "262144", NULL};
    bench_route *route = calloc(1, sizeof *route);
    if (!route) return NULL;
    route->from = strdup(from);
    route->partitions = partitions;
    route->consumer = open_handle(RD_KAFKA_CONSUMER, consuming, properties, problem, size);
    if (route->consumer) route->producer = open_handle(RD_KAFKA_PRODUCER, producing, properties, problem, size);
    if (route->producer) {
        route->reports = rd_kafka_queue_get_main(route->producer);
        route->commits = rd_kafka_queue_new(route->consumer);
        route->to = rd_kafka_topic_new(route->producer, to, NULL);
        if (join(route, problem, size)) return route;
    }
    bench_route_close(route);
    return NULL;
}

/// Takes what is acknowledged to the batches that it was of.
static void take_reports(bench_route *route, int timeout) {
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(route->reports, timeout))) {
        const rd_kafka_message_t *message;
        while (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR && (message = rd_kafka_event_message_next(event))) {
            if (message->err) route->failed = true;
            ((batch_t *)message->_private)->left -= 1;
        }
        rd_kafka_event_destroy(event);
        timeout = 0;
    }
}

static void send_on(bench_route *route, rd_kafka_message_t **messages, int count, batch_t *batch) {
    batch->left = batch->count = count;
    for (int i = 0; i < count; i++) {
        rd_kafka_message_t *message = messages[i];
        int32_t partition = (int32_t)(message->offset % route->partitions);
        if (message->err || ckafka_produce(route->producer, route->to, partition, message->key, message->key_len,
                                           message->payload, message->len, NULL, batch)) {
            route->failed = true;
        }
        batch->next = message->offset + 1;
        rd_kafka_message_destroy(message);
    }
}

static bool commit(bench_route *route, int64_t next) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, route->from, 0)->offset = next;
    rd_kafka_resp_err_t code = rd_kafka_commit_queue(route->consumer, list, route->commits, NULL, NULL);
    rd_kafka_topic_partition_list_destroy(list);
    if (code) route->failed = true;
    return !code;
}

/// Whether the commit that is under way has been answered.
static bool take_commit(bench_route *route, int timeout) {
    rd_kafka_event_t *event = rd_kafka_queue_poll(route->commits, timeout);
    if (!event) return false;
    if (rd_kafka_event_error(event)) route->failed = true;
    rd_kafka_event_destroy(event);
    return true;
}

double bench_route_run(bench_route *route, long count, int batch, int window) {
    rd_kafka_message_t *messages[BATCH];
    if (batch > BATCH) batch = BATCH;
    if (window > WINDOW) window = WINDOW;
    int oldest = 0, under_way = 0;
    long taken = 0, done = 0;
    int64_t reached = 0, committed = 0, committing = 0;
    bool is_committing = false;
    double start = now();
    route->failed = false;
    while ((done < count || is_committing || committed < reached) && !route->failed) {
        if (now() - start > 300) return -1;
        long found = 0;
        if (under_way < window && taken < count) {
            found = rd_kafka_consume_batch_queue(route->records, under_way > 0 || is_committing ? 0 : 100, messages,
                                                 (size_t)batch);
            if (found > 0) {
                send_on(route, messages, (int)found, &route->ring[(oldest + under_way) % WINDOW]);
                under_way += 1;
                taken += found;
            }
        }
        // Sleeps only where there is nothing else to do.
        take_reports(route, found > 0 || under_way == 0 ? 0 : 10);
        while (under_way > 0 && route->ring[oldest].left == 0) {
            done += route->ring[oldest].count;
            reached = route->ring[oldest].next;
            oldest = (oldest + 1) % WINDOW;
            under_way -= 1;
        }
        if (is_committing && take_commit(route, under_way == 0 && taken >= count ? 10 : 0)) {
            is_committing = false;
            committed = committing;
        }
        if (!is_committing && committed < reached) {
            committing = reached;
            is_committing = commit(route, reached);
        }
    }
    return route->failed ? -1 : now() - start;
}

void bench_route_close(bench_route *route) {
    if (!route) return;
    if (route->to) rd_kafka_topic_destroy(route->to);
    if (route->records) rd_kafka_queue_destroy(route->records);
    if (route->commits) rd_kafka_queue_destroy(route->commits);
    if (route->reports) rd_kafka_queue_destroy(route->reports);
    if (route->producer) rd_kafka_destroy_flags(route->producer, 0);
    if (route->consumer) rd_kafka_destroy_flags(route->consumer, 0);
    free(route->from);
    free(route);
}
