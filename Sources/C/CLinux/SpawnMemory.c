#define _GNU_SOURCE
#include "SpawnJob.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if __has_include(<sys/rseq.h>)
#include <sys/rseq.h>
#define HAS_RSEQ 1
#endif

// Below this a mapping is copied: it costs some microseconds, and so does sparing it.
#define SPARED_FROM (1UL << 20)
// Around the thread pointer, and a limit to how far from it the thread's own data may lie.
#define THREAD_AREA (8UL << 10)
#define THREAD_REACH (1UL << 20)

/// A line of /proc/self/maps.
struct mapping {
    struct range range;
    bool is_private_memory;
    bool is_special;
};

static bool holds(const struct range *range, uintptr_t address) {
    return address >= range->start && address < range->end;
}

static void add(struct ranges *ranges, uintptr_t start, uintptr_t end) {
    if (start < end && ranges->count < RANGE_LIMIT) ranges->list[ranges->count++] = (struct range){start, end};
}

/// Where the kernel itself writes when it goes back to a thread (restartable sequences): the child must keep it, or a
/// switch of processors on the way to the exec would end it.
static struct range thread_area(void) {
    uintptr_t pointer = (uintptr_t)__builtin_thread_pointer();
    struct range area = {pointer - THREAD_AREA, pointer + THREAD_AREA};
#ifdef HAS_RSEQ
    uintptr_t start = pointer + (uintptr_t)__rseq_offset;
    uintptr_t end = start + (__rseq_size > 64 ? __rseq_size : 64);
    if (start < area.start && area.start - start < THREAD_REACH) area.start = start;
    if (end > area.end && end - area.end < THREAD_REACH) area.end = end;
#endif
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    return (struct range){area.start & ~(page - 1), (area.end + page - 1) & ~(page - 1)};
}

static bool parse(const char *line, struct mapping *mapping) {
    char *rest;
    mapping->range.start = strtoul(line, &rest, 16);
    if (*rest != '-') return false;
    mapping->range.end = strtoul(rest + 1, &rest, 16);
    if (strlen(rest) < 6) return false;
    const char *access = rest + 1;
    // The offset, the device and the inode follow; memory that is no file's has inode 0.
    strtoul(access + 5, &rest, 16);
    const char *inode = *rest ? strchr(rest + 1, ' ') : NULL;
    if (!inode) return false;
    bool is_file = strtoul(inode, &rest, 10) != 0;
    mapping->is_private_memory = access[1] == 'w' && access[3] == 'p' && !is_file;
    // [vdso], [vvar], [vsyscall] are the kernel's, and partly beyond what may be unmapped.
    mapping->is_special = strstr(rest, "[v") != NULL;
    return true;
}

static void spare(struct job *job, const struct range *range, const struct range *thread) {
    const struct range parts[2] = {
        {range->start, range->end < thread->start ? range->end : thread->start},
        {range->start > thread->end ? range->start : thread->end, range->end},
    };
    for (int i = 0; i < 2; i++) {
        if (parts[i].start >= parts[i].end || job->spared.count == RANGE_LIMIT) continue;
        if (madvise((void *)parts[i].start, parts[i].end - parts[i].start, MADV_DONTFORK) != 0) continue;
        add(&job->spared, parts[i].start, parts[i].end);
    }
}

/// What the mappings mean for the child, in the order of their addresses. What lies between two that are kept is
/// dropped, gaps included: another thread may just be mapping something there.
static void plan(struct job *job, const struct mapping *mapping, const struct range *thread, struct range *open) {
    if (mapping->is_private_memory && mapping->range.end - mapping->range.start >= SPARED_FROM) {
        spare(job, &mapping->range, thread);
    }
    struct range kept = mapping->range;
    if (!mapping->is_special && !holds(&kept, (uintptr_t)job) && !holds(&kept, (uintptr_t)millrace_become_program)) {
        if (kept.start < thread->start) kept.start = thread->start;
        if (kept.end > thread->end) kept.end = thread->end;
    }
    if (kept.start < kept.end) {
        add(&job->dropped, open->start, kept.start);
        *open = kept;
        open->start = kept.end;
    }
    if (mapping->range.end > open->end) open->end = mapping->range.end;
}

bool millrace_plan_memory(struct job *job) {
#if !defined(__x86_64__) && !defined(__aarch64__)
    return false;
#endif
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps) return false;
    struct range thread = thread_area();
    // From the start of the first gap to the end of the last mapping so far.
    struct range open = {0, 0};
    char line[8192];
    bool is_read = true;
    while (is_read && fgets(line, sizeof line, maps)) {
        struct mapping mapping;
        is_read = parse(line, &mapping);
        if (is_read) plan(job, &mapping, &thread, &open);
    }
    fclose(maps);
    add(&job->dropped, open.start, open.end);
    return is_read && job->dropped.count < RANGE_LIMIT;
}

void millrace_unspare_memory(const struct job *job) {
    for (int i = 0; i < job->spared.count; i++) {
        const struct range *range = &job->spared.list[i];
        // Where another thread has unmapped it since, there is nothing to be undone.
        madvise((void *)range->start, range->end - range->start, MADV_DOFORK);
    }
}
