internal import MillraceCore
public import MillracePorts

/// Opens the same store each time it is called, as a process does that starts anew; fresh at the first call.
public typealias OpenOrderStore = @Sendable () async throws -> any OrderStore

/// What every ``OrderStore`` promises.
public enum OrderStoreConformance {
    public static let promises: [ConformancePromise<OpenOrderStore>] = inserting + listing + monitoring

    /// An order as a test submits it. Its hash is `content`, so that equal texts are equal orders.
    public static func sample(
        _ id: String, content: String = "content", tasks: [String] = ["resize", "blur"], at time: Int64 = 1_000_000
    ) throws -> NewOrder {
        let calls = try tasks.map { TaskCall(try TaskName($0), parameters: ["width": 64, "note": "ä\"\n"]) }
        let image = ImageReference.content(sha256: String(repeating: "ab", count: 32))
        return NewOrder(
            order: Order(id: try OrderID(id), image: image, tasks: calls), contentHash: content,
            submittedAt: Timestamp(microseconds: time), traceparent: "00-\(String(repeating: "1", count: 32))-2-01")
    }

    static let inserting: [ConformancePromise<OpenOrderStore>] = [
        ConformancePromise("a new order is accepted, and read as it was submitted") { open in
            let store = try await open()
            let new = try sample("a", tasks: ["resize", "blur", "resize"])
            try expect(try await store.insert([new]), equals: [.inserted])
            let record = try await store.order(new.order.id)
            try expect(record?.order, equals: new.order)
            try expect(record?.submittedAt, equals: new.submittedAt)
            let progress = OrderProgress(id: new.order.id, tasks: new.order.tasks.map(\.name))
            try expect(record?.progress, equals: progress)
            try expect(try await store.order(OrderID("b")) == nil, "an order was found that is not there")
        },
        ConformancePromise("the same order again is the same order") { open in
            let store = try await open()
            let new = try sample("a")
            _ = try await store.insert([new])
            try expect(try await store.insert([new]), equals: [.same(isPublished: false)])
            try await store.markPublished([new.order.id])
            try expect(try await store.insert([new]), equals: [.same(isPublished: true)])
            try expect(try await store.orders(state: nil, limit: 10, after: nil).count, equals: 1)
        },
        ConformancePromise("another order under an id is a conflict and changes nothing") { open in
            let store = try await open()
            let new = try sample("a")
            _ = try await store.insert([new])
            let other = try sample("a", content: "other", tasks: ["edges"])
            try expect(try await store.insert([other]), equals: [.conflict])
            try expect(try await store.order(new.order.id)?.order, equals: new.order)
            try expect(try await store.insert([new]), equals: [.same(isPublished: false)])
        },
        ConformancePromise("one conflict in an array takes none") { open in
            let store = try await open()
            _ = try await store.insert([sample("b"), sample("c")])
            let array = [try sample("a"), try sample("b"), try sample("c", content: "other"), try sample("d")]
            let insertions: [Insertion] = [.inserted, .same(isPublished: false), .conflict, .inserted]
            try expect(try await store.insert(array), equals: insertions)
            for id in ["a", "d"] { try expect(try await store.order(OrderID(id)) == nil, "\(id) was taken") }
            try expect(try await store.unpublished(limit: 10).map(\.order.id.text), equals: ["b", "c"])
        },
        ConformancePromise("an order twice in an array is one order, or a conflict with itself") { open in
            let store = try await open()
            try expect(
                try await store.insert([sample("a"), sample("a")]), equals: [.inserted, .same(isPublished: false)])
            try expect(
                try await store.insert([sample("b"), sample("b", content: "other")]), equals: [.inserted, .conflict])
            try expect(try await store.orders(state: nil, limit: 10, after: nil).map(\.order.id.text), equals: ["a"])
            try expect(try await store.insert([]), equals: [])
        },
        ConformancePromise("concurrent inserts of one id give one order") { open in
            let store = try await open()
            let insertions = try await withThrowingTaskGroup(of: [Insertion].self) { group in
                for number in 0..<32 {
                    group.addTask {
                        try await store.insert([sample("a"), sample("a\(number)")])
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try expect(insertions.filter { $0 == .inserted }.count, equals: 33)
            try expect(insertions.filter { $0 == .same(isPublished: false) }.count, equals: 31)
            try expect(try await store.orders(state: nil, limit: 100, after: nil).count, equals: 33)
        },
        ConformancePromise("an unpublished order is found after reopening, the oldest first") { open in
            let store = try await open()
            let orders = try ["c", "a", "b", "d"].map { try sample($0) }
            for order in orders { _ = try await store.insert([order]) }
            try await store.markPublished([OrderID("a"), OrderID("unknown")])
            await store.close()
            let reopened = try await open()
            try expect(try await reopened.unpublished(limit: 2), equals: [orders[0], orders[2]])
            try await reopened.markPublished([OrderID("c"), OrderID("b"), OrderID("d")])
            try expect(try await reopened.unpublished(limit: 2), equals: [])
        },
        ConformancePromise("what one handle wrote another one reads") { open in
            let (one, other) = (try await open(), try await open())
            try expect(try await one.insert([sample("a")]), equals: [.inserted])
            try expect(try await other.insert([sample("a")]), equals: [.same(isPublished: false)])
            try expect(try await other.insert([sample("a", content: "other")]), equals: [.conflict])
            try await other.markPublished([OrderID("a")])
            try expect(try await one.unpublished(limit: 1), equals: [])
        },
        ConformancePromise("a closed store says so") { open in
            let store = try await open()
            await store.close()
            await store.close()
            let write = try await failure(OrderStoreError.self) { _ = try await store.insert([sample("a")]) }
            try expect(write.code, equals: .closed)
            let read = try await failure(OrderStoreError.self) { _ = try await store.order(OrderID("a")) }
            try expect(read.code, equals: .closed)
        },
    ]

    static let listing: [ConformancePromise<OpenOrderStore>] = [
        ConformancePromise("listing pages neither repeat nor miss, the newest first") { open in
            let store = try await open()
            for number in 1...7 { _ = try await store.insert([sample("o\(number)")]) }
            var ids: [String] = []
            var cursor: Int64?
            while true {
                let page = try await store.orders(state: nil, limit: 3, after: cursor)
                guard let last = page.last else { break }
                ids += page.map(\.order.id.text)
                cursor = last.number
                // What comes while pages are turned is newer than all of them.
                _ = try await store.insert([sample("later\(ids.count)")])
            }
            try expect(ids, equals: (1...7).reversed().map { "o\($0)" })
            try expect(try await store.orders(state: nil, limit: 0, after: nil).count, equals: 0)
        },
        ConformancePromise("a listing by state has the orders in that state") { open in
            let store = try await open()
            let states: [String: OrderEnd?] = [
                "finished": .finished, "failed": .failed(reason: "r"), "cancelled": .cancelled(reason: "c"),
                "running": nil,
            ]
            var changes = MonitorChanges()
            for number in 1...2 {
                _ = try await store.insert([sample("accepted\(number)")])
                for (name, end) in states.sorted(by: { $0.key < $1.key }) {
                    let new = try sample("\(name)\(number)")
                    _ = try await store.insert([new])
                    var progress = new.pending
                    _ = progress.start(at: Timestamp(microseconds: 2))
                    if let end { _ = progress.end(end, at: Timestamp(microseconds: 3)) }
                    changes.orders[new.order.id] = progress
                    changes.steps[new.order.id] = [0, 1]
                }
            }
            try await store.saveMonitor(MonitorSave(changes: changes, tasks: [], offsets: [:]), expected: [:])
            for state in OrderState.allCases {
                let found = try await store.orders(state: state, limit: 10, after: nil)
                try expect(found.map(\.order.id.text), equals: ["\(state)2", "\(state)1"])
                try expect(found.allSatisfy { $0.progress.state == state }, "\(state) has others")
                let next = try await store.orders(state: state, limit: 10, after: found.first?.number)
                try expect(next.map(\.order.id.text), equals: ["\(state)1"])
            }
        },
    ]
}

extension NewOrder {
    /// Its progress before anything has happened.
    var pending: OrderProgress { OrderProgress(id: order.id, tasks: order.tasks.map(\.name)) }
}
