extension ReplicaSet {
    /// What there is, for those who watch.
    public struct Summary: Hashable, Sendable {
        public var desired: Int
        /// Replicas that can take work and were not told to stop.
        public var ready: Int
        /// All that run.
        public var existing: Int
        public var trouble: Trouble?
    }

    /// The place that has failed most often of those without a ready replica.
    public struct Trouble: Hashable, Sendable {
        /// In a row.
        public var failures: Int
        public var last: End
        /// When it is tried again; nil: a replica is starting.
        public var nextTry: Duration?

        /// As in `exited with status 1 three times in a row: no such file; next try in 1.6 s`.
        public func description(now: Duration) -> String {
            guard case .failure(let what, let detail) = last else { return "" }
            var text = what
            switch failures {
            case ...1: break
            case 2: text += " twice in a row"
            case 3: text += " three times in a row"
            default: text += " \(failures) times in a row"
            }
            if let detail { text += ": \(detail)" }
            guard let nextTry else { return text + "; trying again" }
            let tenths = max(0, Int(((nextTry - now).inSeconds * 10).rounded(.up)))
            return text + "; next try in \(tenths / 10).\(tenths % 10) s"
        }
    }

    public var summary: Summary {
        var summary = Summary(desired: desired, ready: 0, existing: draining.count, trouble: nil)
        for place in places {
            var nextTry: Duration?
            switch place.content {
            case .waiting(let until): nextTry = until
            case .replica(let replica):
                summary.existing += 1
                if case .ready = replica.phase {
                    summary.ready += 1
                    continue
                }
            }
            if let last = place.last, place.failures > summary.trouble?.failures ?? 0 {
                summary.trouble = Trouble(failures: place.failures, last: last, nextTry: nextTry)
            }
        }
        return summary
    }
}
