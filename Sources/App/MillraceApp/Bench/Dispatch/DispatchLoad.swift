import Glibc
import MillraceCore

/// Steps as they come, alike for each method: when they arrive, and how long they take.
struct DispatchLoad: Sendable {
    /// In seconds since the start, ascending.
    var arrivals: [Double]
    /// In seconds.
    var durations: [Double]

    /// Steps that arrive independently of each other (the gaps are exponential), with log-normal durations: most are short,
    /// a few are very long.
    /// - Parameters:
    ///   - mean: of the durations, which they have exactly, in seconds.
    ///   - sigma: of their logarithms.
    ///   - load: the share of the replicas' time that they take, below 1.
    init(steps: Int, mean: Double, sigma: Double, load: Double, replicas: Int, seed: UInt64) {
        var random = BenchRandom(seed: seed)
        let drawn = (0..<steps).map { _ in exp(sigma * random.normal()) }
        let factor = mean * Double(steps) / max(drawn.reduce(0, +), .leastNormalMagnitude)
        durations = drawn.map { $0 * factor }
        let gap = mean / (load * Double(replicas))
        var time = 0.0
        arrivals = (0..<steps).map { _ in
            time += gap * random.exponential()
            return time
        }
    }
}

/// Random numbers that a seed repeats (SplitMix64).
struct BenchRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Of mean 1.
    mutating func exponential() -> Double { -log(1 - Double.random(in: 0..<1, using: &self)) }

    /// Of mean 0 and deviation 1 (Box and Muller).
    mutating func normal() -> Double {
        (2 * exponential()).squareRoot() * cos(2 * .pi * Double.random(in: 0..<1, using: &self))
    }
}
