internal import Glibc
internal import Logging
internal import MillraceCore
internal import Platform
internal import Synchronization

/// One replica's process, from its start to its end.
struct ReplicaProcess: Sendable {
    var name: String
    var child: ChildProcess
    var log: (number: Int, path: String)?
}

extension ProcessFleet {
    enum Action: Sendable {
        case start(TaskName, ReplicaSet.ID, ReplicaProcess)
        case signal(ReplicaProcess, CInt)
    }

    /// What a command comes to. A replica that is to be started is known from here on: it can be told to stop before
    /// its thread has started it.
    func action(for command: ReplicaSet.Command, of task: TaskName, _ state: inout State) -> Action? {
        switch command {
        case .spawn(let id):
            let replica = makeReplica(of: task, &state)
            state.replicas[task, default: [:]][id] = replica
            return .start(task, id, replica)
        case .terminate(let id): return state.replicas[task]?[id].map { .signal($0, SIGTERM) }
        case .kill(let id): return state.replicas[task]?[id].map { .signal($0, SIGKILL) }
        }
    }

    func perform(_ actions: [Action]) {
        for action in actions {
            switch action {
            case .start(let task, let id, let replica):
                NamedThread.start(replica.name) { self.live(task, id, replica) }
            case .signal(let replica, let signal):
                if signal == SIGKILL {
                    logger.warning("Killing a replica that has not stopped", metadata: replica.metadata)
                } else {
                    logger.debug("Telling a replica to stop", metadata: replica.metadata)
                }
                replica.child.signal(signal)
            }
        }
    }

    private func makeReplica(of task: TaskName, _ state: inout State) -> ReplicaProcess {
        var name: String
        repeat {
            // Six digits: that a name comes again long after is unlikely, and of two that live at once it cannot be.
            let digits = String(UInt32.random(in: 0..<1 << 24), radix: 16)
            name = "\(task)-" + String(repeating: "0", count: 6 - digits.count) + digits
        } while !state.names.insert(name).inserted
        let log = state.logs.take(task)
        var launch = Launch(
            command: [settings.executable] + settings.arguments(task, name), environment: settings.environment,
            workingDirectory: settings.workingDirectory)
        launch.environment[ProcessFleetSettings.instanceVariable] = name
        launch.output = .withErrors
        launch.errors = log.map { .appended(to: $0.path) } ?? .inherited
        launch.lifeline = lifeline
        launch.announcesReadiness = true
        return ReplicaProcess(name: name, child: ChildProcess(launch), log: log)
    }

    /// On the replica's thread.
    private func live(_ task: TaskName, _ id: ReplicaSet.ID, _ replica: ReplicaProcess) {
        var logStart = 0
        if let log = replica.log {
            ReplicaLogs.prepare(log.path)
            logStart = ReplicaLogs.size(of: log.path)
        }
        let end: ReplicaSet.End
        do {
            let exit = try replica.child.runBlocking {
                logger.debug("Started a replica", metadata: replica.metadata(["pid": "\($0)"]))
            } onReady: {
                perform(
                    state.withLock { state in
                        change(task, &state) {
                            $0.ready(id)
                            return []
                        }
                    })
            }
            let lastLine = replica.log.flatMap { ReplicaLogs.lastLine(of: $0.path, after: logStart) }
            end = exit.status == .exited(0) ? .success : .failure(what: "\(exit.status)", detail: lastLine)
        } catch {
            end = .failure(what: "could not be started", detail: "\(error)")
        }
        let (actions, wasTold) = state.withLock { state in
            state.replicas[task]?[id] = nil
            state.names.remove(replica.name)
            if let log = replica.log { state.logs.give(back: log.number, of: task) }
            let wasTold = state.sets[task]?.isDraining(id) ?? true
            return (change(task, &state) { $0.ended(id, end, now: now()) }, wasTold)
        }
        if case .failure(let what, let detail) = end, !wasTold {
            logger.warning(
                "A replica has failed", metadata: replica.metadata(["reason": "\(what)", "said": "\(detail ?? "")"]))
        } else {
            logger.debug("A replica is gone", metadata: replica.metadata)
        }
        perform(actions)
        finishIfOver()
    }
}

extension ReplicaProcess {
    var metadata: Logger.Metadata { metadata([:]) }

    func metadata(_ more: Logger.Metadata) -> Logger.Metadata {
        more.merging(["instance": "\(name)"]) { first, _ in first }
    }
}
