/// All processes of a machine, and which of them belong to which metered tree: as a value.
///
/// Each process belongs to the nearest root above it. One that was seen there stays, even when its parent has ended. A
/// tree is known by a number that no other tree ever has.
public struct ProcessForest: Sendable {
    struct Entry: Sendable {
        let pid: Int32
        var seen: Sighting
        /// The tree whose root it is.
        var root: Int?
        /// The tree to which it belongs: its own, if it is a root.
        var owner: Int?
        /// Of a root: the tree in which it is a foreigner.
        var above: Int?
        var isNew = true
        var isSettled = false
        var isDoubtful = false
    }

    /// One in so many of the processes that belong to no tree are looked at again at each sweep: their pids may have
    /// been used again since the last one, or their parents may be others.
    static let rotation: Int32 = 16

    /// By pid.
    private(set) var entries: [Entry] = []
    private var lastEntries: [Entry] = []
    private var trees: Set<Int> = []
    private var newTrees: Set<Int> = []
    private var chain: [Int] = []
    private var turn: Int32 = 0
    private var changes: [Change] = []

    public init() {}

    /// The next sweep looks at it again: its pid is another process's, or nobody's.
    public mutating func doubt(_ pid: Int32) {
        if let index = index(of: pid) { entries[index].isDoubtful = true }
    }

    /// The next sweep looks at all of them again: so long after the last one any pid may be another process's.
    public mutating func doubtAll() {
        for index in entries.indices { entries[index].isDoubtful = true }
    }

    /// Takes the processes that are there now.
    /// - Parameters:
    ///   - pids: ascending.
    ///   - roots: nil: the same as at the last sweep.
    ///   - look: looks at one that was not there at the last sweep; nil: it is gone already, or cannot be looked at.
    public mutating func sweep(
        _ pids: [Int32], roots: [Root]?, look: (Int32) -> Sighting?
    ) -> [Change] {
        changes.removeAll(keepingCapacity: true)
        merge(pids, look)
        if let roots { mark(roots) }
        for index in entries.indices where !entries[index].isSettled { settle(index) }
        newTrees.removeAll(keepingCapacity: true)
        return changes
    }

    private mutating func merge(_ pids: [Int32], _ look: (Int32) -> Sighting?) {
        swap(&entries, &lastEntries)
        entries.removeAll(keepingCapacity: true)
        turn = (turn + 1) % Self.rotation
        var last = 0
        for pid in pids {
            while last < lastEntries.count, lastEntries[last].pid < pid { last += 1 }
            guard last < lastEntries.count, lastEntries[last].pid == pid else {
                if let seen = look(pid) { entries.append(Entry(pid: pid, seen: seen)) }
                continue
            }
            var entry = lastEntries[last]
            if entry.isDoubtful || (entry.owner == nil && pid % Self.rotation == turn) {
                guard let seen = look(pid) else { continue }
                if seen.startTicks != entry.seen.startTicks {
                    entry = Entry(pid: pid, seen: seen)
                } else if seen.parent != entry.seen.parent {
                    entry.seen = seen
                    entry.isSettled = false
                }
                entry.isDoubtful = false
            }
            entries.append(entry)
        }
    }

    /// Writes the roots into the entries, all of which are to be settled anew.
    private mutating func mark(_ roots: [Root]) {
        let before = trees
        trees = Set(roots.map(\.tree))
        newTrees = trees.subtracting(before)
        for index in entries.indices {
            entries[index].root = nil
            entries[index].isSettled = false
        }
        for root in roots {
            guard let index = index(of: root.pid), entries[index].seen.startTicks == root.startTicks else { continue }
            entries[index].root = root.tree
        }
    }

    // MARK: To whom a process belongs

    /// Settles an entry and those above it, the uppermost first.
    private mutating func settle(_ index: Int) {
        chain.removeAll(keepingCapacity: true)
        var next: Int? = index
        while let index = next, !entries[index].isSettled {
            // Set at once: pids that are used again may make a loop.
            entries[index].isSettled = true
            chain.append(index)
            next = parent(of: index)
        }
        while let index = chain.popLast() { assign(index, parent(of: index).flatMap { entries[$0].owner }) }
    }

    /// A parent is older than its children: one that is not has the pid of one that has ended.
    private func parent(of index: Int) -> Int? {
        guard let parent = self.index(of: entries[index].seen.parent), parent != index,
            entries[parent].seen.startTicks <= entries[index].seen.startTicks
        else { return nil }
        return parent
    }

    private mutating func assign(_ index: Int, _ found: Int?) {
        let entry = entries[index]
        entries[index].isNew = false
        let above = entry.above.flatMap { trees.contains($0) ? $0 : nil }
        let before = entry.owner.flatMap { trees.contains($0) ? $0 : nil }
        if let root = entry.root {
            entries[index].owner = root
            entries[index].above = found ?? above ?? before.flatMap { $0 == root ? nil : $0 }
            let member = before == root ? above : before
            move(entry, from: member, wasForeign: before == root, to: entries[index].above, as: .foreign)
            return
        }
        // A tree that is new takes what is below it; else a process stays where it was.
        let owner = before.map { before in found.map { newTrees.contains($0) ? $0 : before } ?? before } ?? found
        let isWhole = entry.isNew || owner.map(newTrees.contains) == true
        entries[index].owner = owner
        entries[index].above = nil
        move(
            entry, from: before ?? above, wasForeign: before == nil && above != nil, to: owner,
            as: isWhole ? .whole : .fromNow)
    }

    private mutating func move(
        _ entry: Entry, from before: Int?, wasForeign: Bool, to tree: Int?, as kind: ProcessTree.Entry
    ) {
        if let tree, before == tree {
            let isForeign = kind == .foreign
            if isForeign != wasForeign { changes.append(.turns(tree: tree, pid: entry.pid, isForeign: isForeign)) }
            return
        }
        if let before { changes.append(.leaves(tree: before, pid: entry.pid)) }
        if let tree { changes.append(.joins(tree: tree, pid: entry.pid, seen: entry.seen, as: kind)) }
    }

    private func index(of pid: Int32) -> Int? {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].pid < pid { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && entries[low].pid == pid ? low : nil
    }
}
