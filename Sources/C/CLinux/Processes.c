#define _GNU_SOURCE
#include "CLinuxSpawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

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

bool millrace_has_ended(pid_t pid) {
    siginfo_t info = {.si_pid = 0};
    int result;
    do result = waitid(pid == 0 ? P_ALL : P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
    while (result != 0 && errno == EINTR);
    return result == 0 && info.si_pid != 0;
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

int millrace_become_subreaper(void) {
    return prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL);
}
