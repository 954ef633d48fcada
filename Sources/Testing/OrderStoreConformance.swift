internal import MillraceCore
public import MillracePorts

/// Opens the same store each time it is called, as a process does that starts anew; fresh at the first call.
public typealias OpenOrderStore = @Sendable () async throws -> any OrderStore

/// What every ``OrderStore`` promises.
public enum OrderStoreConformance {
    public static let promises: [Promise<OpenOrderStore>] = inserting + listing + monitoring

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

    static let inserting: [Promise<OpenOrderStore>] = [
        Promise("a new order is accepted, and read as it was submitted") { open in
            let store = try await open()
            let new = try sample("a", tasks: ["resize", "blur", "resize"])
            try expectEqual(try await store.insert([new]), [.inserted])
            let record = try await store.order(new.order.id)
            try expectEqual(record?.order, new.order)
            try expectEqual(record?.submittedAt, new.submittedAt)
            let progress = OrderProgress(id: new.order.id, tasks: new.order.tasks.map(\.name))
            try expectEqual(record?.progress, progress)
            try expect(try await store.order(OrderID("b")) == nil, "an order was found that is not there")
        },
        Promise("the same order again is the same order") { open in
            let store = try await open()
            let new = try sample("a")
            _ = try await store.insert([new])
            try expectEqual(try await store.insert([new]), [.same(isPublished: false)])
            try await store.markPublished([new.order.id])
            try expectEqual(try await store.insert([new]), [.same(isPublished: true)])
            try expectEqual(try await store.orders(state: nil, limit: 10, after: nil).count, 1)
        },
        Promise("another order under an id is a conflict and changes nothing") { open in
            let store = try await open()
            let new = try sample("a")
            _ = try await store.insert([new])
            let other = try sample("a", content: "other", tasks: ["edges"])
            try expectEqual(try await store.insert([other]), [.conflict])
            try expectEqual(try await store.order(new.order.id)?.order, new.order)
            try expectEqual(try await store.insert([new]), [.same(isPublished: false)])
        },
        Promise("one conflict in an array takes none") { open in
            let store = try await open()
            _ = try await store.insert([sample("b"), sample("c")])
            let array = [try sample("a"), try sample("b"), try sample("c", content: "other"), try sample("d")]
            let insertions: [Insertion] = [.inserted, .same(isPublished: false), .conflict, .inserted]
            try expectEqual(try await store.insert(array), insertions)
            for id in ["a", "d"] { try expect(try await store.order(OrderID(id)) == nil, "\(id) was taken") }
            try expectEqual(try await store.unpublished(limit: 10).map(\.order.id.text), ["b", "c"])
        },
        Promise("an order twice in an array is one order, or a conflict with itself") { open in
            let store = try await open()
            try expectEqual(
                try await store.insert([sample("a"), sample("a")]), [.inserted, .same(isPublished: false)])
            try expectEqual(
                try await store.insert([sample("b"), sample("b", content: "other")]), [.inserted, .conflict])
            try expectEqual(try await store.orders(state: nil, limit: 10, after: nil).map(\.order.id.text), ["a"])
            try expectEqual(try await store.insert([]), [])
        },
        Promise("concurrent inserts of one id give one order") { open in
            let store = try await open()
            let insertions = try await withThrowingTaskGroup(of: [Insertion].self) { group in
                for number in 0..<32 {
                    group.addTask {
                        try await store.insert([sample("a"), sample("a\(number)")])
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try expectEqual(insertions.filter { $0 == .inserted }.count, 33)
            try expectEqual(insertions.filter { $0 == .same(isPublished: false) }.count, 31)
            try expectEqual(try await store.orders(state: nil, limit: 100, after: nil).count, 33)
        },
        Promise("an unpublished order is found after reopening, the oldest first") { open in
            let store = try await open()
            let orders = try ["c", "a", "b", "d"].map { try sample($0) }
            for order in orders { _ = try await store.insert([order]) }
            try await store.markPublished([OrderID("a"), OrderID("unknown")])
            await store.close()
            let reopened = try await open()
            try expectEqual(try await reopened.unpublished(limit: 2), [orders[0], orders[2]])
            try await reopened.markPublished([OrderID("c"), OrderID("b"), OrderID("d")])
            try expectEqual(try await reopened.unpublished(limit: 2), [])
        },
        Promise("what one handle wrote another one reads") { open in
            let (one, other) = (try await open(), try await open())
            try expectEqual(try await one.insert([sample("a")]), [.inserted])
            try expectEqual(try await other.insert([sample("a")]), [.same(isPublished: false)])
            try expectEqual(try await other.insert([sample("a", content: "other")]), [.conflict])
            try await other.markPublished([OrderID("a")])
            try expectEqual(try await one.unpublished(limit: 1), [])
        },
        Promise("a closed store says so") { open in
            let store = try await open()
            await store.close()
            await store.close()
            let write = try await failure(StoreError.self) { _ = try await store.insert([sample("a")]) }
            try expectEqual(write.code, .closed)
            let read = try await failure(StoreError.self) { _ = try await store.order(OrderID("a")) }
            try expectEqual(read.code, .closed)
        },
    ]

    static let listing: [Promise<OpenOrderStore>] = [
        Promise("listing pages neither repeat nor miss, the newest first") { open in
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
            try expectEqual(ids, (1...7).reversed().map { "o\($0)" })
            try expectEqual(try await store.orders(state: nil, limit: 0, after: nil).count, 0)
        },
        Promise("a listing by state has the orders in that state") { open in
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
                try expectEqual(found.map(\.order.id.text), ["\(state)2", "\(state)1"])
                try expect(found.allSatisfy { $0.progress.state == state }, "\(state) has others")
                let next = try await store.orders(state: state, limit: 10, after: found.first?.number)
                try expectEqual(next.map(\.order.id.text), ["\(state)1"])
            }
        },
    ]
}

extension NewOrder {
    /// Its progress before anything has happened.
    var pending: OrderProgress { OrderProgress(id: order.id, tasks: order.tasks.map(\.name)) }
}
