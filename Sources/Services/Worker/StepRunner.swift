import Logging
import MillraceCore
import MillracePorts

/// Runs one step, once: finds the result that is there, or runs the task and puts its result there; then reports.
struct StepRunner {
    let service: WorkerService
    let outbox: Outbox
    let watch: TimeoutWatch

    private var settings: WorkerSettings { service.settings }

    /// - Returns: the receipt of all that was reported of the step.
    /// - Throws: `MessageError` for a step that is not this task's; nothing else than the bus's errors otherwise: a step
    ///   that fails is reported as failed.
    func run(_ message: StepMessage, trace: String?) async throws(MessageError) -> Receipt {
        guard message.call.name == settings.task.name else {
            throw MessageError(
                "step \(message.step) is of the task \(message.call.name), not \(settings.task.name)",
                order: message.workOrder.id)
        }
        var generator = SystemRandomNumberGenerator()
        let run = RunID(using: &generator)
        do {
            if service.runner.leavesOutput, let report = try await service.images.report(of: message.key) {
                return try await self.report(message, report, trace)
            }
            return try await self.run(message, run, trace)
        } catch let error as BusError {
            return Receipt { .failure(error) }
        } catch let error as ImageStoreError where error.code == .full {
            await service.images.abandon(run, of: message.key)
            return await fail(message, failure("\(error)", run, at: settings.now()), trace)
        } catch {
            // The disk that results are kept on fails, or the replica is ended by force: the step is neither done nor
            // failed, and will be read again.
            await service.images.abandon(run, of: message.key)
            return Receipt {
                .failure(BusError(.unavailable, "keeping the result of \(message.key)", cause: "\(error)"))
            }
        }
    }

    private func run(_ message: StepMessage, _ run: RunID, _ trace: String?) async throws -> Receipt {
        var folder = ""
        if service.runner.leavesOutput {
            let (place, unended) = try await service.images.begin(run, of: message.key)
            guard unended < settings.maximumDeaths else {
                let reason = "step \(message.step) (\(settings.task.name)) ended its worker \(unended) times"
                return try await end(message, failure(reason, run, at: settings.now()), trace)
            }
            folder = place
        }
        let reading = service.meter.begin()
        let startedAt = settings.now()
        _ = try await service.bus.send(
            [
                outbox.record(
                    .stepStarted(
                        .init(
                            step: message.key, task: settings.task.name, run: run, instance: settings.instance,
                            at: startedAt)),
                    trace: trace),
                outbox.record(
                    .start(
                        .init(
                            step: message.key, task: settings.task.name, run: run, target: service.meter.target,
                            at: startedAt, uptime: reading.atStart.uptime, counters: reading.atStart.counters)),
                    node: service.meter.target.node, trace: trace),
            ], urgency: .relaxed)
        let (outcome, attempt, children) = try await attempts(message, folder: folder)
        var totals = service.meter.end(reading, children: children)
        // Clocks of two machines may differ by more than a step has waited.
        totals.waiting = message.readyAt.map { max(.zero, startedAt - $0) }
        let report = RunReport(
            run: run, attempt: attempt, outcome: outcome, startedAt: startedAt, finishedAt: settings.now(),
            totals: totals, instance: settings.instance)
        return try await end(message, report, trace)
    }

    /// Runs attempts until one ends the step.
    /// - Throws: `CancellationError` when the replica is ended by force: the step is not failed, and will be run again.
    private func attempts(
        _ message: StepMessage, folder: String
    ) async throws -> (StepOutcome, attempt: Int, children: RunTotals?) {
        let input: String
        do {
            input = try await service.images.path(of: message.input)
        } catch {
            return (.failed(reason: "the input \(message.input) cannot be read: \(error)"), 1, nil)
        }
        let parameters = settings.task.parameters.merging(message.call.parameters) { _, order in order }
        var totals: RunTotals?
        var attempt = 1
        while true {
            let request = TaskRequest(
                step: message.key, task: settings.task.name, attempt: attempt, parameters: parameters, input: input,
                folder: folder)
            do throws(TaskError) {
                let result = try await runWithTimeout(request)
                let output = result.file.map { ImageReference.output(message.key, file: $0) } ?? message.input
                return (.finished(output: output), attempt, totals.adding(result.children))
            } catch {
                try Task.checkCancellation()
                totals = totals.adding(error.children)
                guard error.code == .temporary, attempt <= settings.task.retries else {
                    let tries = attempt > 1 ? " (after \(attempt) attempts)" : ""
                    return (.failed(reason: error.reason + tries), attempt, totals)
                }
                service.logger.warning("\(message.key) failed for now (attempt \(attempt)): \(error.reason)")
                // 1 s, twice as long each time, at most a minute: a retry in place keeps its replica.
                try? await settings.sleep(.seconds(min(60, 1 << min(attempt - 1, 6))))
                attempt += 1
            }
        }
    }

    private func runWithTimeout(_ request: TaskRequest) async throws(TaskError) -> TaskResult {
        let (result, wasCut) = await watch.watching { [runner = service.runner] () -> Result<TaskResult, TaskError> in
            do throws(TaskError) { return .success(try await runner.run(request)) } catch { return .failure(error) }
        }
        guard wasCut, case .failure(let error) = result else { return try result.get() }
        // A run that was cut off still says what its processes consumed.
        let timeout = settings.task.timeout.inSeconds
        throw TaskError(
            .permanent, "it took longer than its timeout of \(timeout) s", children: error.children)
    }

    private func failure(_ reason: String, _ run: RunID, at time: Timestamp) -> RunReport {
        RunReport(
            run: run, attempt: 1, outcome: .failed(reason: reason), startedAt: time, finishedAt: time,
            totals: RunTotals(), instance: settings.instance)
    }

    /// Reports a failure whose result could not be kept.
    private func fail(_ message: StepMessage, _ report: RunReport, _ trace: String?) async -> Receipt {
        do throws(BusError) { return try await self.report(message, report, trace) } catch {
            return Receipt { .failure(error) }
        }
    }

    private func end(_ message: StepMessage, _ report: RunReport, _ trace: String?) async throws -> Receipt {
        guard service.runner.leavesOutput else { return try await self.report(message, report, trace) }
        return try await self.report(message, try await service.images.end(message.key, with: report), trace)
    }

    /// Reports a step's end: in this order, and each time alike.
    private func report(_ message: StepMessage, _ report: RunReport, _ trace: String?) async throws(BusError) -> Receipt
    {
        var records = [
            outbox.record(.progress(.init(order: message.workOrder, step: message.step, report: report)), trace: trace),
            outbox.record(
                .halt(.init(step: message.key, run: report.run, totals: report.totals, at: report.finishedAt)),
                node: service.meter.target.node, trace: trace),
        ]
        switch report.outcome {
        case .finished where message.isLast:
            records.append(
                outbox.record(.orderEnded(message.workOrder.id, .finished, at: report.finishedAt), trace: trace))
        case .failed(let reason):
            let end = OrderEnd.failed(reason: "step \(message.step) (\(message.call.name)): \(reason)")
            records.append(outbox.record(.orderEnded(message.workOrder.id, end, at: report.finishedAt), trace: trace))
        case .finished: break
        }
        records.append(
            outbox.record(
                .stepEnded(.init(step: message.key, task: message.call.name, report: report)), trace: trace))
        return try await service.bus.send(records)
    }
}

extension RunTotals? {
    /// The sum of what is known of both; the larger peak.
    fileprivate func adding(_ more: RunTotals?) -> RunTotals? {
        guard let self else { return more }
        guard let more else { return self }
        func sum<Value: AdditiveArithmetic>(_ a: Value?, _ b: Value?) -> Value? {
            guard let a, let b else { return a ?? b }
            return a + b
        }
        return RunTotals(
            cpu: sum(self.cpu, more.cpu), peakRAM: [self.peakRAM, more.peakRAM].compactMap { $0 }.max(),
            diskRead: sum(self.diskRead, more.diskRead), diskWritten: sum(self.diskWritten, more.diskWritten))
    }
}
