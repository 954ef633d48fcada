#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int millrace_futex_wait(const uint32_t *word, uint32_t expected, int64_t timeout_ns) {
    struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
    long result = syscall(SYS_futex, word, FUTEX_WAIT, expected, timeout_ns < 0 ? NULL : &timeout, NULL, 0);
    return result == 0 ? 0 : errno;
}

void millrace_futex_wake_all(const uint32_t *word) {
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

uint32_t millrace_atomic_load(const uint32_t *word) {
    return atomic_load((const _Atomic uint32_t *)word);
}

void millrace_atomic_increment(uint32_t *word) {
    atomic_fetch_add((_Atomic uint32_t *)word, 1);
}

void millrace_name_thread(const char *name) {
    prctl(PR_SET_NAME, name, 0, 0, 0);
    // A wait with a limit then ends within microseconds of it, not 50 µs later.
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
}

// The kernel's struct, which older headers do not have.
struct scheduling {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

int millrace_wake_promptly(uint64_t slice_ns) {
    // The lowest of the priorities above all usual threads. What it starts gets neither this nor the slice.
    struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) == 0) return 3;
    struct scheduling now = {.size = sizeof now};
    if (syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) == 0 && now.policy == SCHED_OTHER) {
        now.runtime = slice_ns;
        now.flags |= 1;  // SCHED_FLAG_RESET_ON_FORK
        // Kernels without slices take the call, and tell 0 afterwards.
        if (syscall(SYS_sched_setattr, 0, &now, 0) == 0 && syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) == 0
            && now.runtime == slice_ns)
            return 2;
    }
    // 0 is the calling thread here, not its process.
    return setpriority(PRIO_PROCESS, 0, -10) == 0;
}

int millrace_open(const char *path, int flags, mode_t mode) {
    return open(path, flags, mode);
}

void millrace_trim_heap(void) {
    malloc_trim(0);
}
