#pragma once

// librdkafka (2.0.2 and later), and what of it Swift cannot call itself: functions with variable arguments.

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/// Loads the library; to be called before any of its functions. May be called by several threads, and again.
/// Returns NULL, or why it cannot be loaded and what to do about it.
const char *ckafka_load(void);

/// Hands one record to the producer, which copies it. A NULL key or value is none; an empty one is a pointer to nothing.
/// `headers` are the producer's if this succeeds, and still the caller's if not. Never blocks.
static inline rd_kafka_resp_err_t ckafka_produce(rd_kafka_t *handle, rd_kafka_topic_t *topic, int32_t partition,
                                                 const void *key, size_t key_size, const void *value,
                                                 size_t value_size, rd_kafka_headers_t *headers, void *opaque) {
    if (headers) {
        return rd_kafka_producev(handle, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
                                 RD_KAFKA_V_VALUE((void *)value, value_size), RD_KAFKA_V_HEADERS(headers),
                                 RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
    }
    return rd_kafka_producev(handle, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
                             RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
                             RD_KAFKA_V_VALUE((void *)value, value_size), RD_KAFKA_V_OPAQUE(opaque), RD_KAFKA_V_END);
}
