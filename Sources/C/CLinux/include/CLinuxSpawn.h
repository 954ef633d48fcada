// Child processes: what glibc's posix_spawn cannot do at once (a group, a folder, closed descriptors, a guardian).
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// Which call failed on the way to the new program.
enum millrace_spawn_stage {
    MILLRACE_SPAWN_FORK = 0,
    MILLRACE_SPAWN_DESCRIPTORS = 1,
    MILLRACE_SPAWN_FOLDER = 2,
    MILLRACE_SPAWN_GUARDIAN = 3,
    MILLRACE_SPAWN_EXEC = 4,
};

struct millrace_spawn_request {
    /// The program's file; it is not looked up in PATH.
    const char *path;
    char *const *arguments;
    char *const *environment;
    /// The working directory, or NULL for the caller's.
    const char *folder;
    /// The child's descriptor i is a copy of descriptors[i]; all others are closed. The caller's may be close-on-exec.
    const int *descriptors;
    int descriptor_count;
    /// A socket on which the child announces its group (`+ PID` and a line end) before anything of it runs, or -1.
    int guardian;
};

/// Starts a program as the leader of a process group of its own, with no signal blocked, ignored or handled.
/// It returns when the program runs, with its id. On failure it returns an errno and where it came from in `stage`; the
/// id is then 0, or that of a zombie which the caller reaps after it has withdrawn its announcement.
int millrace_spawn(const struct millrace_spawn_request *request, pid_t *pid, enum millrace_spawn_stage *stage);

/// A descriptor that becomes readable when the process ends. Returns it (close-on-exec), or -1 with errno.
int millrace_pidfd_open(pid_t pid);

struct millrace_exit {
    /// The exit status, or the signal's number if `by_signal`.
    int status;
    bool by_signal;
    /// User and system time of the process and of those of its descendants that were waited for, in microseconds.
    int64_t cpu_us;
    /// The largest resident size of any of them, in KiB.
    int64_t peak_kib;
};

/// Waits until the child has ended, but leaves it a zombie: its id stays taken and its /proc entry readable.
/// Returns 0 or an errno.
int millrace_await_exit(pid_t pid);

/// Takes an ended child's status and consumption, and frees its id. Returns 0 or an errno.
int millrace_reap(pid_t pid, struct millrace_exit *result);

/// Writes to a pipe or socket without SIGPIPE when nobody reads it any more: that is EPIPE. As write(2) otherwise.
ssize_t millrace_write_quietly(int file, const void *bytes, size_t count);

/// A signal's name without SIG, or NULL.
const char *millrace_signal_name(int signal);

/// Marks a descriptor close-on-exec. Returns 0, or -1 with errno when it is not open.
int millrace_close_on_exec(int file);

/// Makes reads of a pipe's end fail with EAGAIN instead of blocking. Returns 0, or -1 with errno.
int millrace_set_nonblocking(int file);

/// Makes a pipe whose ends are close-on-exec: to be read from ends[0]. Returns 0, or -1 with errno.
int millrace_pipe(int ends[2]);
