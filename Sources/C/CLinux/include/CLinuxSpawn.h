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
    /// Its soft limit of open descriptors, or 0 for the caller's.
    uint64_t descriptor_limit;
    /// Whether it is the leader of a process group of its own; otherwise it stays in the caller's.
    bool has_own_group;
    /// Whether the kernel's peak of it is to be its own: see `has_exact_peak`. It starts some 0.2 ms later.
    bool is_metered;
};

struct millrace_spawned {
    /// The child's id, or 0. After a failure it is that of a zombie, which the caller reaps after it has withdrawn its
    /// announcement.
    pid_t pid;
    /// Where a failure came from.
    enum millrace_spawn_stage stage;
    /// Whether the peak that `millrace_reap` tells is the program's own. Otherwise it is no less than the caller's: the
    /// kernel counts into a process's peak what its memory was before the exec.
    bool has_exact_peak;
};

/// Starts a program with no signal blocked, ignored or handled. It returns when the program runs, or has failed: then
/// it returns an errno.
///
/// A child that is not metered lives in the caller's memory up to its exec, as with vfork: no page tables are copied.
/// One that is metered has a copy of next to nothing: the caller's large memory is spared from the copy (MADV_DONTFORK,
/// so that a fork of another thread at that very moment would miss it), the rest is given back, and the peak begins
/// anew. If that cannot be had, it is started as one that is not metered.
int millrace_spawn(const struct millrace_spawn_request *request, struct millrace_spawned *result);

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

/// Whether the child has ended, and can be reaped without waiting; of 0, whether any child has. `/proc` does not tell:
/// there a process is a zombie as soon as its first thread has ended.
bool millrace_has_ended(pid_t pid);

/// Takes an ended child's status and consumption, and frees its id. Returns 0 or an errno.
int millrace_reap(pid_t pid, struct millrace_exit *result);

/// Makes this process the parent of descendants whose own parent ends. Returns 0, or -1 with errno.
int millrace_become_subreaper(void);

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
