/// One counter of a process tree, which never falls though its members come and go.
///
/// What a process has counted is passed on to whoever reaps it. A process that ended is expected to turn up in the
/// counter of its nearest ancestor that lives, its heir: what has not yet turned up there is owed, and stays in the
/// sum. What is still owed after one more reading of the heir was reaped by nobody of the tree: it is carried on for
/// good. Where a process that was lost cannot be told from others that nobody had seen, the sum is rather too small.
struct TreeCounter: Sendable {
    /// One member's part.
    struct Part: Sendable {
        /// At the last reading that was one.
        var value: Int64?
        /// Where that which it takes over from its children turns up.
        var absorbing: Int64 = 0
        /// What that has grown by since the reading before.
        var growth: Int64 = 0
        /// What children that have ended had counted, and this one's counter does not contain yet.
        var owed: Int64 = 0
        /// The same, new with this reading: it may have ended just after this one was read.
        var newlyOwed: Int64 = 0
        var isMissing = false
        /// Whether what it had counted when it was first read is not the tree's.
        var startsNow = false
    }

    /// What a counter may fall short by when it is rounded: 0 or two ticks, of user and of system time.
    let rounding: Int64
    /// May be negative: what is not the tree's, in values that contain it.
    private var carried: Int64 = 0
    private var highest: Int64 = 0

    init(rounding: Int64) {
        self.rounding = rounding
    }

    /// Takes a member's reading; nil: it could not be read.
    /// - Parameters:
    ///   - value: all that it and the children that it has reaped have counted.
    ///   - absorbing: the part of it in which reaped children's are.
    mutating func record(_ value: Int64?, absorbing: Int64, in part: inout Part) {
        part.isMissing = value == nil
        part.growth = 0
        guard let value else { return }
        if part.value != nil {
            part.growth = max(0, absorbing &- part.absorbing)
        } else if part.startsNow {
            carried &-= value
        }
        part.value = value
        part.absorbing = absorbing
    }

    /// A member has left, alive or not, and what it had counted stays with the tree.
    mutating func keep(_ part: Part) { carried &+= (part.value ?? 0) &+ part.owed }

    /// A member's value is no longer, or again, in the sum, which stays as it is.
    mutating func keepValue(of part: Part) { carried &+= part.value ?? 0 }
    mutating func dropValue(of part: Part) { carried &-= part.value ?? 0 }

    /// Settles with an heir, after all members were read.
    mutating func settle(_ part: inout Part) {
        guard !part.isMissing else {
            part.owed &+= part.newlyOwed
            part.newlyOwed = 0
            return
        }
        let old = max(0, part.owed &- part.growth)
        let new = max(0, part.newlyOwed &- max(0, part.growth &- part.owed))
        // As much as rounding hides may turn up later, and must not count twice then.
        let lost = max(0, old &- rounding)
        carried &+= lost
        part.owed = old &- lost &+ new
        part.newlyOwed = 0
    }

    /// The sum, given that of the members' parts; it never falls.
    mutating func total(_ sum: Int64) -> Int64 {
        highest = max(highest, sum &+ carried)
        return highest
    }
}
