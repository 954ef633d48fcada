#define _GNU_SOURCE
#include "CLinuxSpawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The most descriptors that a child is given.
#define DESCRIPTOR_LIMIT 16

// close_range's numbers, for headers older than Linux 5.11.
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define MARK_CLOSE_ON_EXEC (1U << 2)

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

// In the child of a vfork: it shares the parent's memory (and the parent's thread sleeps), so that only system calls
// are made, only locals written, and what went wrong is left where the parent finds it.
struct outcome {
    volatile int error;
    volatile enum millrace_spawn_stage stage;
};

static void fail(struct outcome *outcome, enum millrace_spawn_stage stage) {
    outcome->error = errno;
    outcome->stage = stage;
    _exit(127);
}

static void reset_signals(void) {
    // The handlers are the parent's code: none may run here, and no signal must be left for the program to inherit as
    // ignored. The kernel's own call, as glibc's refuses the two signals that it keeps for itself: all zeros is the
    // default action, no flags, and an empty mask, whatever the machine's layout. KILL and STOP answer EINVAL.
    const uint64_t defaults[8] = {0};
    for (int number = 1; number < NSIG; number++) syscall(SYS_rt_sigaction, number, defaults, NULL, 8);
}

static int place_descriptors(const struct millrace_spawn_request *request) {
    // First out of the way, then into place: a source may have the number of another one's target.
    int copies[DESCRIPTOR_LIMIT];
    int count = request->descriptor_count;
    for (int i = 0; i < count; i++) {
        copies[i] = fcntl(request->descriptors[i], F_DUPFD_CLOEXEC, count);
        if (copies[i] < 0) return -1;
    }
    for (int i = 0; i < count; i++) {
        if (dup2(copies[i], i) < 0) return -1;
    }
    if (syscall(SYS_close_range, (unsigned)count, ~0U, MARK_CLOSE_ON_EXEC) == 0) return 0;
    // Before Linux 5.11. What is beyond this many is left to its own close-on-exec mark, which all of ours carry.
    for (int i = count; i < 65536; i++) {
        int flags = fcntl(i, F_GETFD);
        if (flags >= 0) fcntl(i, F_SETFD, flags | FD_CLOEXEC);
    }
    return 0;
}

static int announce(int guardian) {
    // "+ PID\n", written by hand: nothing of stdio may be called here.
    char text[16];
    int start = sizeof text;
    text[--start] = '\n';
    for (pid_t rest = getpid(); rest > 0; rest /= 10) text[--start] = (char)('0' + rest % 10);
    text[--start] = ' ';
    text[--start] = '+';
    ssize_t count = (ssize_t)sizeof text - start;
    ssize_t sent;
    do sent = send(guardian, text + start, (size_t)count, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == count ? 0 : -1;
}

// Not inlined: it must not touch the frame to which the parent comes back.
__attribute__((noinline)) static void become_program(
    const struct millrace_spawn_request *request, const sigset_t *no_signals, struct outcome *outcome) {
    reset_signals();
    if (setpgid(0, 0) != 0) fail(outcome, MILLRACE_SPAWN_FORK);
    // Before anything that a relative path or a descriptor of the parent's could change, and before the exec: from the
    // first instruction of the program on, the parent's sudden death is the end of its group.
    if (request->guardian >= 0 && announce(request->guardian) != 0) fail(outcome, MILLRACE_SPAWN_GUARDIAN);
    if (place_descriptors(request) != 0) fail(outcome, MILLRACE_SPAWN_DESCRIPTORS);
    if (request->folder && chdir(request->folder) != 0) fail(outcome, MILLRACE_SPAWN_FOLDER);
    sigprocmask(SIG_SETMASK, no_signals, NULL);
    execve(request->path, request->arguments, request->environment);
    fail(outcome, MILLRACE_SPAWN_EXEC);
}

int millrace_spawn(const struct millrace_spawn_request *request, pid_t *pid, enum millrace_spawn_stage *stage) {
    *stage = MILLRACE_SPAWN_DESCRIPTORS;
    if (request->descriptor_count < 0 || request->descriptor_count > DESCRIPTOR_LIMIT) return EINVAL;

    // No handler may run in the child while it shares this memory, nor may this thread be cancelled on the way.
    sigset_t all, before, none;
    sigfillset(&all);
    sigemptyset(&none);
    int cancellation;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellation);
    pthread_sigmask(SIG_SETMASK, &all, &before);

    // vfork and not fork: it copies no page tables, so that a worker of 1 GB starts a command as fast as a small one,
    // and no copy-on-write memory counts twice while a sampler looks. The error needs no pipe: memory is shared.
    struct outcome outcome = {.error = 0, .stage = MILLRACE_SPAWN_FORK};
    pid_t child = vfork();
    if (child == 0) become_program(request, &none, &outcome);
    int error = child < 0 ? errno : outcome.error;

    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_setcancelstate(cancellation, NULL);
    *stage = outcome.stage;
    *pid = child < 0 ? 0 : child;
    return error;
}

int millrace_pidfd_open(pid_t pid) {
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int millrace_await_exit(pid_t pid) {
    siginfo_t info;
    int result;
    do result = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

int millrace_reap(pid_t pid, struct millrace_exit *result) {
    int status;
    struct rusage usage;
    pid_t reaped;
    do reaped = wait4(pid, &status, 0, &usage);
    while (reaped < 0 && errno == EINTR);
    if (reaped < 0) return errno;
    result->by_signal = WIFSIGNALED(status);
    result->status = result->by_signal ? WTERMSIG(status) : WEXITSTATUS(status);
    result->cpu_us = (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec
                     + usage.ru_stime.tv_usec;
    result->peak_kib = usage.ru_maxrss;
    return 0;
}

ssize_t millrace_write_quietly(int file, const void *bytes, size_t count) {
    // SIGPIPE of a write goes to the thread that wrote: blocked for a moment, and taken back if it came.
    sigset_t pipe_signal, pending, before;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    ssize_t written = write(file, bytes, count);
    int error = errno;
    if (written < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
        struct timespec now = {0, 0};
        while (sigtimedwait(&pipe_signal, NULL, &now) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return written;
}

const char *millrace_signal_name(int signal) {
    return sigabbrev_np(signal);
}

int millrace_close_on_exec(int file) {
    return fcntl(file, F_SETFD, FD_CLOEXEC);
}

int millrace_set_nonblocking(int file) {
    int flags = fcntl(file, F_GETFL);
    return flags < 0 ? -1 : fcntl(file, F_SETFL, flags | O_NONBLOCK);
}

int millrace_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC);
}
