extension ProcessTree {
    /// What was read of one process.
    public struct Reading: Hashable, Sendable {
        /// From the last look at it: it may have got another.
        public var parent: Int
        /// Its own CPU time, in nanoseconds.
        public var cpu: Int64?
        /// That of the children that it has reaped, in clock ticks.
        public var reapedTicks: Int
        /// Resident, in bytes.
        public var ram: Int?
        /// Bytes, those of reaped children included.
        public var io: ProcessIO?

        public init(parent: Int, cpu: Int64?, reapedTicks: Int, ram: Int?, io: ProcessIO?) {
            self.parent = parent
            self.cpu = cpu
            self.reapedTicks = reapedTicks
            self.ram = ram
            self.io = io
        }
    }

    /// How a process becomes a member.
    public enum Entry: Hashable, Sendable {
        /// All that it has ever counted is the tree's.
        case whole
        /// What it counts from now on is the tree's.
        case fromNow
        /// It is another tree's: nothing of it is this one's, not even when it is reaped here.
        case foreign
    }
}
