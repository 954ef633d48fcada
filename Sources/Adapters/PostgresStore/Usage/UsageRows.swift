internal import MillraceCore

/// Samples as rows of `resource_usage`: one for each resource that was read.
struct UsageRows {
    struct Row {
        var order: Int64
        var task: Int64
        var resource: Int32
        var step: Int32
        var value: Double
        var at: Timestamp
        var seconds: Double
    }

    private(set) var rows: [Row] = []
    /// How many samples were of orders that are not known.
    private(set) var unknown = 0
    /// What they were of.
    private(set) var unknownOrders: Set<OrderID> = []
    /// Of orders that are known: others bring no tasks.
    private(set) var unknownTasks: Set<TaskName> = []

    init(_ samples: [UsageSample], _ numbers: UsageNumbers) {
        rows.reserveCapacity(samples.count * Resource.allCases.count)
        // Most samples of a batch are of few tasks: the last one's number is at hand.
        var last: (name: TaskName, number: Int64)?
        for sample in samples {
            let task: Int64?
            if let last, last.name == sample.task {
                task = last.number
            } else {
                task = numbers[sample.task]
                last = task.map { (sample.task, $0) }
            }
            guard let order = numbers[sample.step.order] else {
                unknown += 1
                unknownOrders.insert(sample.step.order)
                continue
            }
            // No order has a step of a number that does not fit.
            guard let task, let step = Int32(exactly: sample.step.index) else {
                unknown += 1
                if task == nil { unknownTasks.insert(sample.task) }
                continue
            }
            for resource in Resource.allCases {
                // What is no number would make every sum that it is in one that is none.
                guard let value = sample[resource], value.isFinite, sample.seconds.isFinite else { continue }
                rows.append(
                    Row(
                        order: order, task: task, resource: Int32(resource.rawValue), step: step, value: value,
                        at: sample.at, seconds: sample.seconds))
            }
        }
    }

    static let columns = "order_id, task_id, resource_id, step, value, timestamp, seconds"

    // MARK: The binary format of COPY

    /// ‘PGCOPY’, flags and the length of what else the header has: nothing.
    private static let signature: [UInt8] =
        Array("PGCOPY\n".utf8) + [0xFF, 0x0D, 0x0A, 0x00] + .init(repeating: 0, count: 8)
    /// A count of columns, and for each its length and bytes.
    private static let rowLength = 2 + 5 * (4 + 8) + 2 * (4 + 4)

    var copyData: [UInt8] {
        let length = Self.signature.count + rows.count * Self.rowLength + 2
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            var writer = CopyWriter(place: UnsafeMutableRawBufferPointer(buffer))
            writer.write(Self.signature)
            for row in rows {
                writer.write(Int16(7))
                writer.writeColumn(row.order)
                writer.writeColumn(row.task)
                writer.writeColumn(row.resource)
                writer.writeColumn(row.step)
                writer.writeColumn(row.value.bitPattern)
                writer.writeColumn(row.at.sincePostgresEpoch)
                writer.writeColumn(row.seconds.bitPattern)
            }
            writer.write(Int16(-1))
            count = writer.offset
        }
    }

    /// The same as one statement, which leaves out what is there already.
    var insertion: Statement {
        Statement(
            """
            INSERT INTO resource_usage (\(Self.columns)) SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT DO NOTHING
            """, rows.map(\.order), rows.map(\.task), rows.map(\.resource), rows.map(\.step), rows.map(\.value),
            rows.map(\.at), rows.map(\.seconds))
    }
}

/// Writes in network byte order. The buffer has room for all: its size is the sum of what is written.
private struct CopyWriter {
    let place: UnsafeMutableRawBufferPointer
    var offset = 0

    mutating func write(_ bytes: [UInt8]) {
        UnsafeMutableRawBufferPointer(rebasing: place[offset...]).copyBytes(from: bytes)
        offset += bytes.count
    }

    mutating func write<Number: FixedWidthInteger>(_ number: Number) {
        place.storeBytes(of: number.bigEndian, toByteOffset: offset, as: Number.self)
        offset += MemoryLayout<Number>.size
    }

    mutating func writeColumn<Number: FixedWidthInteger>(_ number: Number) {
        write(Int32(MemoryLayout<Number>.size))
        write(number)
    }
}
