import MillraceCore
import MillracePorts

/// What `GET /v1/orders/{id}/usage` gives: the order's steps with their totals, then samples.
struct OrderUsageDocument {
    var record: OrderRecord
    var series: [UsageSeries]

    var encoded: [UInt8] {
        var writer = JSONWriter(capacity: 1024 + 200 * series.reduce(0) { $0 + $1.points.count })
        let progress = record.progress
        writer.beginObject()
        writer.field("order", record.order.id.text)
        writer.field("state", progress.state.rawValue)
        writer.field("submittedAt", record.submittedAt)
        writer.field("startedAt", orNull: progress.startedAt)
        writer.field("finishedAt", orNull: progress.finishedAt)
        writer.key("steps")
        writer.beginArray()
        for (index, step) in progress.steps.enumerated() {
            writer.beginObject()
            writer.field("step", index)
            writer.field("task", step.task.text)
            writer.field("state", step.state.rawValue)
            writer.field("startedAt", orNull: step.startedAt)
            writer.field("finishedAt", orNull: step.finishedAt)
            writer.key("usage")
            writer.totals(step.totals)
            writer.endObject()
        }
        writer.endArray()
        writer.key("samples")
        writer.beginArray()
        for series in series {
            let start = progress.steps.indices.contains(series.step) ? progress.steps[series.step].startedAt : nil
            for point in series.points { writer.sample(point, of: series, since: start) }
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }
}

/// What `GET /v1/tasks/{task}/usage` gives: what to expect of a step of the task, and how far each step is from that.
struct TaskUsageDocument {
    var task: TaskName
    var steps: [FinishedStep]
    var samples: [StepSeries]
    /// So many of the samples' steps are told in full.
    var shown: Int
    var decisions: [ScalingDecision]

    var encoded: [UInt8] {
        let usage = TaskUsage(steps.map(\.totals))
        var writer = JSONWriter(capacity: 4096 + 512 * steps.count)
        writer.beginObject()
        writer.field("task", task.text)
        writer.key("expected")
        writer.beginObject()
        for quantity in TaskUsage.Quantity.allCases {
            writer.key(quantity.rawValue)
            if let spread = usage.expected[quantity] { writer.distribution(spread) } else { writer.null() }
        }
        writer.endObject()
        writer.key("steps")
        writer.beginArray()
        for step in steps { write(step, usage, to: &writer) }
        writer.endArray()
        writeProfiles(to: &writer)
        writer.key("samples")
        writer.beginArray()
        for step in samples.prefix(shown) {
            for series in step.series {
                for point in series.points {
                    writer.sample(point, of: series, since: step.startedAt, in: step.step.order)
                }
            }
        }
        writer.endArray()
        writer.key("decisions")
        writer.beginArray()
        for decision in decisions { writer.decision(decision) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    private func write(_ step: FinishedStep, _ usage: TaskUsage, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("order", step.step.order.text)
        writer.field("step", step.step.index)
        writer.field("startedAt", step.startedAt)
        writer.field("finishedAt", step.finishedAt)
        writer.key("usage")
        writer.totals(step.totals)
        writer.key("difference")
        writer.beginObject()
        for quantity in TaskUsage.Quantity.allCases {
            writer.field(quantity.rawValue, orNull: usage.difference(quantity, of: step.totals))
        }
        writer.endObject()
        writer.endObject()
    }

    private func writeProfiles(to writer: inout JSONWriter) {
        writer.key("profile")
        writer.beginObject()
        for resource in Resource.allCases {
            let profile = UsageProfile(
                samples.map { step in
                    (step.startedAt, step.series.first { $0.resource == resource }?.points ?? [])
                })
            writer.key(resource.name)
            writer.beginArray()
            for point in profile.points {
                writer.beginObject()
                writer.field("second", point.second)
                writer.field("seconds", point.seconds)
                writer.field("p5", point.p5)
                writer.field("median", point.median)
                writer.field("p95", point.p95)
                writer.field("steps", point.steps)
                writer.endObject()
            }
            writer.endArray()
        }
        writer.endObject()
    }
}

extension JSONWriter {
    fileprivate mutating func sample(
        _ point: UsagePoint, of series: UsageSeries, since start: Timestamp?, in order: OrderID? = nil
    ) {
        beginObject()
        if let order { field("order", order.text) }
        field("step", series.step)
        field("task", series.task.text)
        field("resource", series.resource.name)
        field("unit", series.resource.unit)
        field("at", point.at)
        field("second", orNull: start.map { (point.at - $0).inSeconds })
        field("seconds", point.seconds)
        field("value", point.value)
        field("low", point.low)
        field("high", point.high)
        endObject()
    }

    fileprivate mutating func distribution(_ spread: Distribution) {
        beginObject()
        field("count", spread.count)
        field("min", spread.minimum)
        field("p5", spread.p5)
        field("median", spread.median)
        field("p95", spread.p95)
        field("max", spread.maximum)
        endObject()
    }

    mutating func decision(_ decision: ScalingDecision) {
        beginObject()
        field("from", decision.from)
        field("to", decision.to)
        field("reason", decision.reason)
        field("at", decision.at)
        endObject()
    }
}
