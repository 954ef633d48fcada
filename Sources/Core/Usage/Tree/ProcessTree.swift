/// A process and its descendants, summed up into counters that never fall though processes come and go: as a value, fed
/// with what was read of each member.
///
/// Members are to be read in their order, in which parents come before their children. Then what a child had counted is
/// never in two places: a child that ends between the two reads is missing for a moment, and owed until it turns up in
/// its parent's counters at the next reading. See ``TreeCounter``.
public struct ProcessTree: Sendable {
    private struct Member: Sendable {
        let pid: Int
        var parent: Int
        var isForeign: Bool
        var hasEnded = false
        var ram: Int?
        var cpu = TreeCounter.Part()
        var read = TreeCounter.Part()
        var written = TreeCounter.Part()
    }

    private var members: [Member]
    private var anyEnded = false
    private var cpu: TreeCounter
    private var read = TreeCounter(rounding: 0)
    private var written = TreeCounter(rounding: 0)
    private let tick: Int64

    /// - Parameters:
    ///   - root: the process id at the top, the first member.
    ///   - ticksPerSecond: of the kernel's clock ticks.
    public init(root: Int, ticksPerSecond: Int64) {
        members = [Member(pid: root, parent: 0, isForeign: false)]
        tick = 1_000_000_000 / max(1, ticksPerSecond)
        cpu = TreeCounter(rounding: 2 * tick)
    }

    public var count: Int { members.count }
    public func pid(at index: Int) -> Int { members[index].pid }
    public func index(of pid: Int) -> Int? { members.firstIndex { $0.pid == pid } }
    /// Whether it is a member that is another tree's.
    public func isForeign(_ pid: Int) -> Bool { index(of: pid).map { members[$0].isForeign } ?? false }

    // MARK: Members

    /// Adds a member at the end; its parent has to be one already.
    public mutating func add(_ pid: Int, parent: Int, as entry: Entry) {
        var member = Member(pid: pid, parent: parent, isForeign: entry == .foreign)
        member.cpu.startsNow = entry == .fromNow
        member.read.startsNow = entry == .fromNow
        member.written.startsNow = entry == .fromNow
        members.append(member)
    }

    /// A member becomes another tree's, or this one's again. What it counted before stays where it was.
    public mutating func setForeign(_ isForeign: Bool, at index: Int) {
        guard members[index].isForeign != isForeign else { return }
        members[index].isForeign = isForeign
        if isForeign {
            keepValues(of: members[index])
        } else {
            dropValues(of: members[index])
        }
    }

    /// Removes a member that lives on elsewhere; what it counted so far stays here.
    public mutating func remove(at index: Int) {
        keep(members[index])
        if members[index].isForeign { dropValues(of: members[index]) }
        members.remove(at: index)
    }

    // MARK: Readings

    /// Takes what was read of a member; nil: it has ended and was reaped.
    public mutating func record(_ reading: Reading?, at index: Int) {
        guard let reading else {
            members[index].hasEnded = true
            anyEnded = true
            return
        }
        members[index].parent = reading.parent
        members[index].ram = reading.ram
        let reaped = Int64(reading.reapedTicks) &* tick
        cpu.record(reading.cpu.map { $0 &+ reaped }, absorbing: reaped, in: &members[index].cpu)
        let io = (read: reading.io.map { Int64($0.read) }, written: reading.io.map { Int64($0.written) })
        read.record(io.read, absorbing: io.read ?? 0, in: &members[index].read)
        written.record(io.written, absorbing: io.written ?? 0, in: &members[index].written)
    }

    /// A member lives, but nothing of it could be read this time.
    public mutating func miss(at index: Int) {
        members[index].ram = nil
        cpu.record(nil, absorbing: 0, in: &members[index].cpu)
        read.record(nil, absorbing: 0, in: &members[index].read)
        written.record(nil, absorbing: 0, in: &members[index].written)
    }

    /// The sums, when all members were read. A counter that one of them did not tell is nil. Members that have ended
    /// are no more: ``removeEnded(_:)`` tells which.
    public mutating func total() -> UsageCounters {
        if anyEnded { bequeath() }
        var sums = (cpu: Int64(0), ram: 0, read: Int64(0), written: Int64(0))
        var isMissing = (cpu: false, ram: false, read: false, written: false)
        for index in members.indices where !members[index].hasEnded {
            cpu.settle(&members[index].cpu)
            read.settle(&members[index].read)
            written.settle(&members[index].written)
            let member = members[index]
            sums.cpu &+= member.cpu.owed
            sums.read &+= member.read.owed
            sums.written &+= member.written.owed
            if member.isForeign { continue }
            sums.cpu &+= member.cpu.value ?? 0
            sums.ram &+= member.ram ?? 0
            sums.read &+= member.read.value ?? 0
            sums.written &+= member.written.value ?? 0
            isMissing.cpu = isMissing.cpu || member.cpu.isMissing
            isMissing.ram = isMissing.ram || member.ram == nil
            isMissing.read = isMissing.read || member.read.isMissing
            isMissing.written = isMissing.written || member.written.isMissing
        }
        return UsageCounters(
            cpu: isMissing.cpu ? nil : .nanoseconds(cpu.total(sums.cpu)), ram: isMissing.ram ? nil : sums.ram,
            diskRead: isMissing.read ? nil : Int(read.total(sums.read)),
            diskWritten: isMissing.written ? nil : Int(written.total(sums.written)))
    }

    /// Removes the members that have ended, and tells their indices, the last one first.
    public mutating func removeEnded(_ removed: (Int) -> Void) {
        guard anyEnded else { return }
        anyEnded = false
        for index in members.indices.reversed() where members[index].hasEnded {
            members.remove(at: index)
            removed(index)
        }
    }

    // MARK: Heirs

    /// What members that have ended had counted is owed by their heirs; where there is none it is carried on.
    private mutating func bequeath() {
        for index in members.indices where members[index].hasEnded {
            let member = members[index]
            // Reaped, its counters are in the heir's: what is another tree's must not count there.
            if member.isForeign { dropValues(of: member) }
            guard let heir = heir(of: member) else {
                keep(member)
                continue
            }
            members[heir].cpu.newlyOwed &+= (member.cpu.value ?? 0) &+ member.cpu.owed
            members[heir].read.newlyOwed &+= (member.read.value ?? 0) &+ member.read.owed
            members[heir].written.newlyOwed &+= (member.written.value ?? 0) &+ member.written.owed
        }
    }

    /// The nearest ancestor that lives.
    private func heir(of member: Member) -> Int? {
        var parent = member.parent
        // No chain is longer than there are members; one that is has a loop, from a pid that was used again.
        for _ in members.indices {
            guard let index = index(of: parent) else { return nil }
            if !members[index].hasEnded { return index }
            parent = members[index].parent
        }
        return nil
    }

    private mutating func keep(_ member: Member) {
        cpu.keep(member.cpu)
        read.keep(member.read)
        written.keep(member.written)
    }

    private mutating func keepValues(of member: Member) {
        cpu.keepValue(of: member.cpu)
        read.keepValue(of: member.read)
        written.keepValue(of: member.written)
    }

    private mutating func dropValues(of member: Member) {
        cpu.dropValue(of: member.cpu)
        read.dropValue(of: member.read)
        written.dropValue(of: member.written)
    }
}
