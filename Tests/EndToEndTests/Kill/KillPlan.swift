import MillraceTesting

/// What is killed when, by a seed: after so much has happened, services, workers, or both at once.
struct KillPlan: Sendable, CustomStringConvertible {
    struct Kill: Sendable {
        /// In orders submitted and results kept, of all that there will be.
        var after: Int
        var services: [String]
        var workers: Int
    }

    private(set) var kills: [Kill] = []

    init(total: Int, services: [String], using random: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 4...6, using: &random) {
            let after = Int.random(in: 0..<total * 19 / 20, using: &random)
            let victims: [String]
            let workers: Int
            switch Int.random(in: 0..<7, using: &random) {
            case 0...1: (victims, workers) = ([], Int.random(in: 1...2, using: &random))
            case 2: (victims, workers) = (services, 0)
            // As if the machine had lost its power, but for what the disk has not kept.
            case 3: (victims, workers) = (services, .max)
            default:
                victims = services.randomElement(using: &random).map { [$0] } ?? []
                workers = Int.random(in: 0...1, using: &random)
            }
            kills.append(Kill(after: after, services: victims, workers: workers))
        }
        kills.sort { $0.after < $1.after }
    }

    var description: String {
        kills.map { kill in
            "after \(kill.after): "
                + (kill.services + [kill.workers == .max ? "all workers" : "\(kill.workers) workers"]).joined(
                    separator: " + ")
        }.joined(separator: "; ")
    }
}
