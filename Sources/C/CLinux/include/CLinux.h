// System calls that Swift cannot import: variadic ones, and those without a wrapper in glibc.
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "CLinuxSpawn.h"

/// Sleeps while *word == expected, at most `timeout_ns` nanoseconds (negative: without limit).
/// The word may be in memory that processes share. Returns 0, or an errno (ETIMEDOUT, EAGAIN, EINTR).
int millrace_futex_wait(const uint32_t *word, uint32_t expected, int64_t timeout_ns);

/// Wakes all that sleep on the word.
void millrace_futex_wake_all(const uint32_t *word);

/// Reads a word that other processes write; adds 1 to it. Both are sequentially consistent.
uint32_t millrace_atomic_load(const uint32_t *word);
void millrace_atomic_increment(uint32_t *word);

/// Names the calling thread, as `ps -L` and profilers show it (15 bytes at most), and makes its timed waits exact.
void millrace_name_thread(const char *name);

/// Asks the scheduler to run the calling thread soon after it wakes, beside threads that compute: by a slice of so many
/// nanoseconds (Linux 6.12 and later), or else by a better nice value where that is permitted. Returns 2, 1 or 0 for a
/// slice, a nice value or neither.
int millrace_wake_promptly(uint64_t slice_ns);

/// open(2) with a mode: the call is variadic. Returns the descriptor, or -1 with errno.
int millrace_open(const char *path, int flags, mode_t mode);

/// Gives the heap's free pages back to the system.
void millrace_trim_heap(void);
