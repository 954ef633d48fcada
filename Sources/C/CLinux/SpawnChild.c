#define _GNU_SOURCE
#include "SpawnJob.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// close_range's numbers, for headers older than Linux 5.11.
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define MARK_CLOSE_ON_EXEC (1U << 2)

// What runs between the clone and the exec. It either shares the parent's memory, or has given back its copy of it: of
// libc, of all data, constants included, and of the thread's own area nothing may be touched. So there are only system
// calls made by hand, locals, and the job; nothing here may become a call of memset or a table, hence no optimizer; and
// nothing that instruments code may count or check here.
#pragma clang optimize off
#define BARE                                                                                                         \
    __attribute__((no_stack_protector, no_profile_instrument_function, no_sanitize("address", "thread", "undefined")))

/// Returns the result, or minus an errno.
#if defined(__x86_64__)
BARE static long call6(long number, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
BARE static long call6(long number, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#else
// `millrace_plan_memory` forks on none of these: libc is there.
BARE static long call6(long number, long a, long b, long c, long d, long e, long f) {
    long result = syscall(number, a, b, c, d, e, f);
    return result < 0 ? -errno : result;
}
#endif

BARE static long call(long number, long a, long b, long c) {
    return call6(number, a, b, c, 0, 0, 0);
}

BARE static void fail(struct job *job, enum millrace_spawn_stage stage, long result) {
    job->error = (int)-result;
    job->stage = stage;
    call(SYS_exit_group, 127, 0, 0);
}

/// Gives the copy of the parent's memory back, and has the kernel count the peak anew from what is left.
BARE static bool drop_memory(struct job *job) {
    for (int i = 0; i < job->dropped.count; i++) {
        long start = (long)job->dropped.list[i].start;
        long size = (long)job->dropped.list[i].end - start;
        if (call(SYS_munmap, start, size, 0) == 0) continue;
        // Something in it is sealed. The pages can go all the same; ENOMEM only says that there are holes.
        long result = call(SYS_madvise, start, size, MADV_DONTNEED);
        if (result != 0 && result != -ENOMEM) return false;
    }
    long file = call6(SYS_openat, AT_FDCWD, (long)job->clear_refs, O_WRONLY | O_CLOEXEC, 0, 0, 0);
    if (file < 0) return false;
    long written = call(SYS_write, file, (long)job->peak, 1);
    call(SYS_close, file, 0, 0);
    return written == 1;
}

BARE static void reset_signals(struct job *job) {
    // What was sent to the parent's group while this was still in it, such as to stop it, is not meant for this program:
    // a signal that waits is dropped when it becomes ignored. Only KILL and STOP cannot be.
    if (job->has_own_group)
        for (int number = 1; number < NSIG; number++) call6(SYS_rt_sigaction, number, (long)job->ignore, 0, 8, 0, 0);
    // The handlers are the parent's code: none may run here, and no signal must be left for the program to inherit as
    // ignored. The kernel's own call, as glibc's refuses the two signals that it keeps for itself: all zeros is the
    // default action, no flags, and an empty mask, whatever the machine's layout. KILL and STOP answer EINVAL.
    for (int number = 1; number < NSIG; number++) call6(SYS_rt_sigaction, number, (long)job->zeros, 0, 8, 0, 0);
}

BARE static long place_descriptors(const struct job *job) {
    // First out of the way, then into place: a source may have the number of another one's target.
    int copies[DESCRIPTOR_LIMIT];
    int count = job->descriptor_count;
    long result;
    for (int i = 0; i < count; i++) {
        result = call(SYS_fcntl, job->descriptors[i], F_DUPFD_CLOEXEC, count);
        if (result < 0) return result;
        copies[i] = (int)result;
    }
    for (int i = 0; i < count; i++) {
        result = call(SYS_dup3, copies[i], i, 0);
        if (result < 0) return result;
    }
    if (call(SYS_close_range, count, ~0U, MARK_CLOSE_ON_EXEC) == 0) return 0;
    // Before Linux 5.11. What is beyond this many is left to its own close-on-exec mark, which all of ours carry.
    for (int i = count; i < 65536; i++) {
        long flags = call(SYS_fcntl, i, F_GETFD, 0);
        if (flags >= 0) call(SYS_fcntl, i, F_SETFD, flags | FD_CLOEXEC);
    }
    return 0;
}

BARE static long announce(int guardian) {
    // "+ PID\n", written by hand.
    char text[16];
    int start = sizeof text;
    text[--start] = '\n';
    for (long rest = call(SYS_getpid, 0, 0, 0); rest > 0; rest /= 10) text[--start] = (char)('0' + rest % 10);
    text[--start] = ' ';
    text[--start] = '+';
    long count = (long)sizeof text - start;
    long sent;
    do sent = call6(SYS_sendto, guardian, (long)(text + start), count, MSG_NOSIGNAL, 0, 0);
    while (sent == -EINTR);
    return sent < 0 ? sent : sent == count ? 0 : -EIO;
}

BARE int millrace_become_program(void *argument) {
    struct job *job = argument;
    // Before all else: see `reset_signals`.
    long result = job->has_own_group ? call(SYS_setpgid, 0, 0, 0) : 0;
    if (job->is_forked) job->is_exact = drop_memory(job);
    job->has_begun = true;
    reset_signals(job);
    if (result != 0) fail(job, MILLRACE_SPAWN_FORK, result);
    // Before anything that a relative path or a descriptor of the parent's could change, and before the exec: from the
    // first instruction of the program on, the parent's sudden death is the end of its group.
    if (job->guardian >= 0) result = announce(job->guardian);
    if (result != 0) fail(job, MILLRACE_SPAWN_GUARDIAN, result);
    result = place_descriptors(job);
    if (result != 0) fail(job, MILLRACE_SPAWN_DESCRIPTORS, result);
    if (job->descriptor_limit.rlim_cur > 0)
        call6(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&job->descriptor_limit, 0, 0, 0);
    if (job->folder) result = call(SYS_chdir, (long)job->folder, 0, 0);
    if (result != 0) fail(job, MILLRACE_SPAWN_FOLDER, result);
    call6(SYS_rt_sigprocmask, SIG_SETMASK, (long)job->zeros, 0, 8, 0, 0);
    result = call(SYS_execve, (long)job->path, (long)job->arguments, (long)job->environment);
    fail(job, MILLRACE_SPAWN_EXEC, result);
    return 127;
}
