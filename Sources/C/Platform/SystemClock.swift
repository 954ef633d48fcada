import Glibc

/// The machine's clocks, as plain numbers.
public enum SystemClock {
    /// Microseconds since 1970 UTC: may jump when the clock is set.
    public static var wallMicroseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    /// Microseconds since boot, the same in every process: never jumps.
    public static var monotonicMicroseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    /// Of the ticks in which `/proc` counts CPU time and start times.
    public static let ticksPerSecond = Int64(max(1, sysconf(CInt(_SC_CLK_TCK))))
}
