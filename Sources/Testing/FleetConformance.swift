public import MillraceCore
public import MillracePorts

/// What a suite needs of a fleet under test.
public struct FleetFixture: Sendable {
    public var fleet: any Fleet
    /// Two tasks that it knows, without replicas yet, and one that it does not know.
    public var tasks: (TaskName, TaskName)
    public var unknown: TaskName
    /// The replicas of a task that exist, oldest first.
    public var instances: @Sendable (TaskName) async throws -> [String]
    /// Ends a replica as a crash would.
    public var crash: @Sendable (TaskName, String) async throws -> Void
    /// Gives a replica a step, and lets it finish that; the fleet is told by `mark`.
    public var beginStep: @Sendable (TaskName, String) async throws -> Void
    public var endStep: @Sendable (TaskName, String) async throws -> Void
    /// Whether it can choose which replicas stop.
    public var choosesWhomToStop: Bool

    public init(
        fleet: any Fleet, tasks: (TaskName, TaskName), unknown: TaskName, choosesWhomToStop: Bool = true,
        instances: @escaping @Sendable (TaskName) async throws -> [String],
        crash: @escaping @Sendable (TaskName, String) async throws -> Void,
        beginStep: @escaping @Sendable (TaskName, String) async throws -> Void,
        endStep: @escaping @Sendable (TaskName, String) async throws -> Void
    ) {
        self.fleet = fleet
        self.tasks = tasks
        self.unknown = unknown
        self.choosesWhomToStop = choosesWhomToStop
        self.instances = instances
        self.crash = crash
        self.beginStep = beginStep
        self.endStep = endStep
    }

    /// The first status of a task that is as wished; reads `changes()` until it comes.
    @discardableResult
    func wait(_ task: TaskName, _ what: String, _ isWished: (FleetStatus) -> Bool) async throws -> FleetStatus {
        for await status in fleet.changes() where status.task == task && isWished(status) { return status }
        throw Broken("the changes ended before \(task) had \(what)")
    }

    func scale(_ task: TaskName, to replicas: Int) async throws {
        try await fleet.scale(task, to: replicas)
        try await wait(task, "\(replicas) replicas, all ready") {
            $0.desired == replicas && $0.ready == replicas && $0.existing == replicas
        }
    }
}

/// The specification of ``Fleet``.
public enum FleetConformance {
    public static let promises: [Promise<FleetFixture>] = wishes + steps + readers

    // MARK: Wishes

    static let wishes: [Promise<FleetFixture>] = [
        Promise("a task that was never scaled has no replicas and no problem") { fixture in
            try expectEqual(
                try await fixture.fleet.status(of: fixture.tasks.0),
                FleetStatus(task: fixture.tasks.0, ready: 0, existing: 0, desired: 0))
        },
        Promise("scaling brings so many replicas, up and down to none") { fixture in
            for replicas in [1, 3, 2, 0, 1, 0] { try await fixture.scale(fixture.tasks.0, to: replicas) }
            try expectEqual(try await fixture.instances(fixture.tasks.0), [], "replicas that are left")
        },
        Promise("asking again for the same changes nothing") { fixture in
            try await fixture.scale(fixture.tasks.0, to: 2)
            let before = try await fixture.instances(fixture.tasks.0)
            for _ in 0..<3 { try await fixture.fleet.scale(fixture.tasks.0, to: 2) }
            try expectEqual(try await fixture.instances(fixture.tasks.0), before, "replicas")
            try expectEqual(try await fixture.fleet.status(of: fixture.tasks.0).existing, 2, "existing")
        },
        Promise("a wish is known as soon as it is taken") { fixture in
            try await fixture.fleet.scale(fixture.tasks.0, to: 2)
            try expectEqual(try await fixture.fleet.status(of: fixture.tasks.0).desired, 2, "desired")
            try await fixture.fleet.scale(fixture.tasks.0, to: 0)
            try expectEqual(try await fixture.fleet.status(of: fixture.tasks.0).desired, 0, "desired")
        },
        Promise("fewer than none is none") { fixture in
            try await fixture.scale(fixture.tasks.0, to: 1)
            try await fixture.fleet.scale(fixture.tasks.0, to: -1)
            try await fixture.wait(fixture.tasks.0, "no replica") { $0.desired == 0 && $0.existing == 0 }
        },
        Promise("tasks are scaled apart from each other") { fixture in
            try await fixture.scale(fixture.tasks.0, to: 1)
            try await fixture.scale(fixture.tasks.1, to: 2)
            try await fixture.scale(fixture.tasks.0, to: 0)
            try expectEqual(try await fixture.fleet.status(of: fixture.tasks.1).ready, 2, "ready of the other")
        },
        Promise("replicas have names of their own") { fixture in
            try await fixture.scale(fixture.tasks.0, to: 3)
            try await fixture.scale(fixture.tasks.1, to: 2)
            let names = try await fixture.instances(fixture.tasks.0) + fixture.instances(fixture.tasks.1)
            try expectEqual(Set(names).count, 5, "different names in \(names)")
        },
        Promise("an unknown task is refused") { fixture in
            try await refuses(.unknownTask) { try await fixture.fleet.scale(fixture.unknown, to: 1) }
            try await refuses(.unknownTask) { _ = try await fixture.fleet.status(of: fixture.unknown) }
        },
        Promise("a crashed replica is replaced by another") { fixture in
            try await fixture.scale(fixture.tasks.0, to: 2)
            let before = try await fixture.instances(fixture.tasks.0)
            try await fixture.crash(fixture.tasks.0, before[0])
            for await status in fixture.fleet.changes() where status.ready == 2 {
                let after = try await fixture.instances(fixture.tasks.0)
                guard !after.contains(before[0]), after.count == 2 else { continue }
                return try expect(after.contains(before[1]), "the other replica is gone too")
            }
            throw Broken("the changes ended before there was another replica")
        },
    ]

    // MARK: Steps

    static let steps: [Promise<FleetFixture>] = [
        Promise("a running step is finished before its replica goes") { fixture in
            let task = fixture.tasks.0
            try await fixture.scale(task, to: 1)
            let instance = try await only(fixture, task)
            try await fixture.beginStep(task, instance)
            try await fixture.fleet.scale(task, to: 0)
            let status = try await fixture.fleet.status(of: task)
            try expectEqual(status, FleetStatus(task: task, ready: 0, existing: 1, desired: 0), "while it finishes")
            try await fixture.endStep(task, instance)
            try await fixture.wait(task, "no replica") { $0.existing == 0 }
        },
        Promise("scaling up while one finishes brings a new one, and takes nothing back") { fixture in
            let task = fixture.tasks.0
            try await fixture.scale(task, to: 1)
            let instance = try await only(fixture, task)
            try await fixture.beginStep(task, instance)
            try await fixture.fleet.scale(task, to: 0)
            try await fixture.fleet.scale(task, to: 1)
            try await fixture.wait(task, "a ready one beside the old one") { $0.ready == 1 && $0.existing == 2 }
            try await fixture.endStep(task, instance)
            try await fixture.wait(task, "the new one only") { $0.ready == 1 && $0.existing == 1 }
            try expect(try await only(fixture, task) != instance, "the old replica is back")
        },
        Promise("idle replicas go first, the newest among them") { fixture in
            guard fixture.choosesWhomToStop else { return }
            let task = fixture.tasks.0
            // One after another, so that there is no doubt which is newer.
            for replicas in 1...4 { try await fixture.scale(task, to: replicas) }
            let all = try await fixture.instances(task)
            try await fixture.beginStep(task, all[1])
            try await fixture.beginStep(task, all[3])
            try await fixture.fleet.scale(task, to: 3)
            try await fixture.wait(task, "three") { $0.existing == 3 }
            try expectEqual(try await fixture.instances(task), [all[0], all[1], all[3]], "after one went")
            try await fixture.fleet.scale(task, to: 2)
            try await fixture.wait(task, "two") { $0.existing == 2 }
            try expectEqual(try await fixture.instances(task), [all[1], all[3]], "after two went")
            try await fixture.endStep(task, all[1])
            try await fixture.scale(task, to: 1)
            try expectEqual(try await fixture.instances(task), [all[3]], "the one with a step")
            try await fixture.endStep(task, all[3])
        },
        Promise("marks of what is not there are passed over") { fixture in
            await fixture.fleet.mark("nobody", of: fixture.tasks.0, idle: true)
            await fixture.fleet.mark("nobody", of: fixture.unknown, idle: false)
            try await fixture.scale(fixture.tasks.0, to: 1)
        },
    ]

    // MARK: Readers

    static let readers: [Promise<FleetFixture>] = [
        Promise("a reader begins with the latest of each task") { fixture in
            try await fixture.scale(fixture.tasks.0, to: 1)
            try await fixture.scale(fixture.tasks.1, to: 2)
            var ready: [TaskName: Int] = [:]
            for await status in fixture.fleet.changes() {
                ready[status.task] = status.ready
                if ready.count == 2 { break }
            }
            try expectEqual(ready, [fixture.tasks.0: 1, fixture.tasks.1: 2], "ready")
        },
        Promise("a slow reader gets the latest only") { fixture in
            let slow = fixture.fleet.changes()
            for replicas in [1, 2, 1, 3] { try await fixture.scale(fixture.tasks.0, to: replicas) }
            var statuses = slow.makeAsyncIterator()
            try expectEqual(await statuses.next()?.ready, 3, "the first that it reads")
        },
        Promise("several readers get each change") { fixture in
            let (a, b) = (fixture.fleet.changes(), fixture.fleet.changes())
            try await fixture.scale(fixture.tasks.0, to: 1)
            for stream in [a, b] {
                let found = await stream.first { $0.ready == 1 }
                try expect(found != nil, "a reader was not told")
            }
        },
        Promise("shutting down ends all replicas, then the streams, and refuses what comes after") { fixture in
            try await fixture.scale(fixture.tasks.0, to: 2)
            try await fixture.scale(fixture.tasks.1, to: 1)
            let stream = fixture.fleet.changes()
            await fixture.fleet.shutdown()
            for task in [fixture.tasks.0, fixture.tasks.1] {
                try expectEqual(
                    try await fixture.fleet.status(of: task),
                    FleetStatus(task: task, ready: 0, existing: 0, desired: 0))
            }
            var last: [TaskName: FleetStatus] = [:]
            for await status in stream { last[status.task] = status }
            try expect(last.values.allSatisfy { $0.existing == 0 }, "the last that was told: \(last)")
            try await refuses(.closed) { try await fixture.fleet.scale(fixture.tasks.0, to: 1) }
            await fixture.fleet.shutdown()
        },
        Promise("shutting down lets running steps finish") { fixture in
            let task = fixture.tasks.0
            try await fixture.scale(task, to: 1)
            let instance = try await only(fixture, task)
            try await fixture.beginStep(task, instance)
            async let shutdown: Void = fixture.fleet.shutdown()
            try await fixture.wait(task, "a replica that finishes") { $0.desired == 0 && $0.existing == 1 }
            try await fixture.endStep(task, instance)
            await shutdown
            try expectEqual(try await fixture.instances(task), [], "replicas that are left")
        },
    ]

    private static func only(_ fixture: FleetFixture, _ task: TaskName) async throws -> String {
        let instances = try await fixture.instances(task)
        guard let instance = instances.first, instances.count == 1 else { throw Broken("replicas: \(instances)") }
        return instance
    }

    private static func refuses(_ code: FleetError.Code, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as FleetError {
            return try expectEqual(error.code, code, "the error")
        }
        throw Broken("it was not refused as \(code)")
    }
}
