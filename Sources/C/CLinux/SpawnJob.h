// What the two sides of a start share: one mapping of shared memory, which also holds the child's stack.
#pragma once

#include "CLinuxSpawn.h"

#include <stdint.h>
#include <sys/resource.h>

// The most descriptors that a child is given.
#define DESCRIPTOR_LIMIT 16
// The most ranges of the parent's memory that are told apart.
#define RANGE_LIMIT 128

struct range {
    uintptr_t start, end;
};

struct ranges {
    int count;
    struct range list[RANGE_LIMIT];
};

struct job {
    // Written by the child.
    volatile int error;
    volatile enum millrace_spawn_stage stage;
    // It has come past the giving back of memory.
    volatile bool has_begun;
    volatile bool is_exact;

    // Written by the parent before the start. All that is pointed to lies behind this structure.
    const char *path, *folder;
    char **arguments, **environment;
    int descriptors[DESCRIPTOR_LIMIT];
    int descriptor_count;
    int guardian;
    bool has_own_group;
    // The child has memory of its own, a copy; otherwise it runs in the parent's.
    bool is_forked;
    // Of the copy: what the child gives back, and what was kept from being copied at all.
    struct ranges dropped, spared;
    // Constants would be in memory that is given back.
    char clear_refs[24], peak[2];
    // A sigaction of the kernel's for the default action, and one to ignore; its handler comes first everywhere.
    uint64_t zeros[8], ignore[8];
    // Of open files, to be restored; not where it is 0.
    struct rlimit descriptor_limit;
};

/// Finds what a forked child can do without, and keeps large memory from being copied. Returns whether it could.
/// What it spared is to be given to `millrace_unspare_memory` after the fork.
bool millrace_plan_memory(struct job *job);
void millrace_unspare_memory(const struct job *job);

/// The child's side: begins on a stack of its own, and does not return.
int millrace_become_program(void *job);
