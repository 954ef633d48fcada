#define _GNU_SOURCE
#include "CKafka.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

// librdkafka is loaded when it is first asked for, not linked: who uses no Kafka need not have it, and no replica pays
// for it. The functions that are used have their own names here, and jump to where the library has them.
#define FUNCTIONS \
    FORWARD(rd_kafka_AdminOptions_destroy) \
    FORWARD(rd_kafka_AdminOptions_new) \
    FORWARD(rd_kafka_AdminOptions_set_request_timeout) \
    FORWARD(rd_kafka_AdminOptions_set_validate_only) \
    FORWARD(rd_kafka_ConfigEntry_name) \
    FORWARD(rd_kafka_ConfigEntry_value) \
    FORWARD(rd_kafka_ConfigResource_configs) \
    FORWARD(rd_kafka_ConfigResource_destroy) \
    FORWARD(rd_kafka_ConfigResource_error) \
    FORWARD(rd_kafka_ConfigResource_error_string) \
    FORWARD(rd_kafka_ConfigResource_new) \
    FORWARD(rd_kafka_ConsumerGroupDescription_error) \
    FORWARD(rd_kafka_ConsumerGroupDescription_member) \
    FORWARD(rd_kafka_ConsumerGroupDescription_member_count) \
    FORWARD(rd_kafka_ConsumerGroupDescription_state) \
    FORWARD(rd_kafka_CreatePartitions) \
    FORWARD(rd_kafka_CreatePartitions_result_topics) \
    FORWARD(rd_kafka_CreateTopics) \
    FORWARD(rd_kafka_CreateTopics_result_topics) \
    FORWARD(rd_kafka_DeleteTopic_destroy) \
    FORWARD(rd_kafka_DeleteTopic_new) \
    FORWARD(rd_kafka_DeleteTopics) \
    FORWARD(rd_kafka_DeleteTopics_result_topics) \
    FORWARD(rd_kafka_DescribeConfigs) \
    FORWARD(rd_kafka_DescribeConfigs_result_resources) \
    FORWARD(rd_kafka_DescribeConsumerGroups) \
    FORWARD(rd_kafka_DescribeConsumerGroups_result_groups) \
    FORWARD(rd_kafka_ListConsumerGroupOffsets) \
    FORWARD(rd_kafka_ListConsumerGroupOffsets_destroy) \
    FORWARD(rd_kafka_ListConsumerGroupOffsets_new) \
    FORWARD(rd_kafka_ListConsumerGroupOffsets_result_groups) \
    FORWARD(rd_kafka_MemberAssignment_partitions) \
    FORWARD(rd_kafka_MemberDescription_assignment) \
    FORWARD(rd_kafka_MemberDescription_client_id) \
    FORWARD(rd_kafka_NewPartitions_destroy) \
    FORWARD(rd_kafka_NewPartitions_new) \
    FORWARD(rd_kafka_NewTopic_destroy) \
    FORWARD(rd_kafka_NewTopic_new) \
    FORWARD(rd_kafka_NewTopic_set_config) \
    FORWARD(rd_kafka_assign) \
    FORWARD(rd_kafka_assignment) \
    FORWARD(rd_kafka_assignment_lost) \
    FORWARD(rd_kafka_clusterid) \
    FORWARD(rd_kafka_commit_queue) \
    FORWARD(rd_kafka_conf_destroy) \
    FORWARD(rd_kafka_conf_new) \
    FORWARD(rd_kafka_conf_set) \
    FORWARD(rd_kafka_conf_set_events) \
    FORWARD(rd_kafka_conf_set_log_cb) \
    FORWARD(rd_kafka_conf_set_opaque) \
    FORWARD(rd_kafka_consume_batch_queue) \
    FORWARD(rd_kafka_consume_start_queue) \
    FORWARD(rd_kafka_consume_stop) \
    FORWARD(rd_kafka_consumer_close_queue) \
    FORWARD(rd_kafka_consumer_closed) \
    FORWARD(rd_kafka_destroy_flags) \
    FORWARD(rd_kafka_err2str) \
    FORWARD(rd_kafka_error_code) \
    FORWARD(rd_kafka_error_destroy) \
    FORWARD(rd_kafka_error_string) \
    FORWARD(rd_kafka_event_CreatePartitions_result) \
    FORWARD(rd_kafka_event_CreateTopics_result) \
    FORWARD(rd_kafka_event_DeleteTopics_result) \
    FORWARD(rd_kafka_event_DescribeConfigs_result) \
    FORWARD(rd_kafka_event_DescribeConsumerGroups_result) \
    FORWARD(rd_kafka_event_ListConsumerGroupOffsets_result) \
    FORWARD(rd_kafka_event_destroy) \
    FORWARD(rd_kafka_event_error) \
    FORWARD(rd_kafka_event_error_is_fatal) \
    FORWARD(rd_kafka_event_error_string) \
    FORWARD(rd_kafka_event_message_count) \
    FORWARD(rd_kafka_event_message_next) \
    FORWARD(rd_kafka_event_topic_partition_list) \
    FORWARD(rd_kafka_event_type) \
    FORWARD(rd_kafka_group_result_error) \
    FORWARD(rd_kafka_group_result_partitions) \
    FORWARD(rd_kafka_header_add) \
    FORWARD(rd_kafka_header_cnt) \
    FORWARD(rd_kafka_header_get_all) \
    FORWARD(rd_kafka_headers_destroy) \
    FORWARD(rd_kafka_headers_new) \
    FORWARD(rd_kafka_incremental_assign) \
    FORWARD(rd_kafka_incremental_unassign) \
    FORWARD(rd_kafka_last_error) \
    FORWARD(rd_kafka_mem_free) \
    FORWARD(rd_kafka_message_destroy) \
    FORWARD(rd_kafka_message_headers) \
    FORWARD(rd_kafka_message_timestamp) \
    FORWARD(rd_kafka_metadata) \
    FORWARD(rd_kafka_metadata_destroy) \
    FORWARD(rd_kafka_mock_clear_request_errors) \
    FORWARD(rd_kafka_mock_cluster_bootstraps) \
    FORWARD(rd_kafka_mock_cluster_destroy) \
    FORWARD(rd_kafka_mock_cluster_new) \
    FORWARD(rd_kafka_mock_partition_set_leader) \
    FORWARD(rd_kafka_mock_push_request_errors_array) \
    FORWARD(rd_kafka_mock_topic_create) \
    FORWARD(rd_kafka_new) \
    FORWARD(rd_kafka_offsets_for_times) \
    FORWARD(rd_kafka_opaque) \
    FORWARD(rd_kafka_pause_partitions) \
    FORWARD(rd_kafka_poll_set_consumer) \
    FORWARD(rd_kafka_producev) \
    FORWARD(rd_kafka_purge) \
    FORWARD(rd_kafka_queue_cb_event_enable) \
    FORWARD(rd_kafka_queue_destroy) \
    FORWARD(rd_kafka_queue_forward) \
    FORWARD(rd_kafka_queue_get_consumer) \
    FORWARD(rd_kafka_queue_get_main) \
    FORWARD(rd_kafka_queue_get_partition) \
    FORWARD(rd_kafka_queue_new) \
    FORWARD(rd_kafka_queue_poll) \
    FORWARD(rd_kafka_queue_yield) \
    FORWARD(rd_kafka_rebalance_protocol) \
    FORWARD(rd_kafka_subscribe) \
    FORWARD(rd_kafka_topic_destroy) \
    FORWARD(rd_kafka_topic_name) \
    FORWARD(rd_kafka_topic_new) \
    FORWARD(rd_kafka_topic_partition_list_add) \
    FORWARD(rd_kafka_topic_partition_list_copy) \
    FORWARD(rd_kafka_topic_partition_list_destroy) \
    FORWARD(rd_kafka_topic_partition_list_new) \
    FORWARD(rd_kafka_topic_result_error) \
    FORWARD(rd_kafka_topic_result_error_string) \
    FORWARD(rd_kafka_version_str)

#define FORWARD(name) __attribute__((visibility("hidden"))) void *ckafka_##name;
FUNCTIONS
#undef FORWARD

#if defined(__x86_64__)
#define JUMP(name) "jmpq *ckafka_" name "(%rip)\n"
#elif defined(__aarch64__)
#define JUMP(name) "adrp x16, ckafka_" name "\nldr x16, [x16, :lo12:ckafka_" name "]\nbr x16\n"
#else
#error "there is no jump for this processor yet"
#endif

// In assembly, since a C function could not pass on arguments that it does not know.
#define FORWARD(name)                                                                              \
    __asm__(".text\n.globl " #name "\n.hidden " #name "\n.type " #name ", %function\n" #name ":\n" \
            JUMP(#name) ".size " #name ", . - " #name "\n");
FUNCTIONS
#undef FORWARD

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *problem;
static char problem_text[256];

static void load(void) {
    void *library = dlopen("librdkafka.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(problem_text, sizeof problem_text, "librdkafka cannot be loaded (%s): apt-get install librdkafka1",
                 dlerror());
        problem = problem_text;
        return;
    }
#define FORWARD(name)                                                                                      \
    if (!(ckafka_##name = dlsym(library, #name))) {                                                         \
        snprintf(problem_text, sizeof problem_text, "librdkafka is too old: it has no %s (2.0.2 is needed)", \
                 #name);                                                                                    \
        problem = problem_text;                                                                             \
        return;                                                                                             \
    }
    FUNCTIONS
#undef FORWARD
}

const char *ckafka_load(void) {
    pthread_once(&once, load);
    return problem;
}
