extension ProcessForest {
    /// The process at a tree's top.
    public struct Root: Hashable, Sendable {
        public var tree: Int
        public var pid: Int32
        public var startTicks: Int

        public init(tree: Int, pid: Int32, startTicks: Int) {
            self.tree = tree
            self.pid = pid
            self.startTicks = startTicks
        }
    }

    /// What a look at a process tells.
    public struct Sighting: Hashable, Sendable {
        public var parent: Int32
        public var startTicks: Int

        public init(parent: Int32, startTicks: Int) {
            self.parent = parent
            self.startTicks = startTicks
        }
    }

    /// What is to be done with the trees, in this order: a parent joins before its children.
    public enum Change: Hashable, Sendable {
        case joins(tree: Int, pid: Int32, seen: Sighting, as: ProcessTree.Entry)
        case leaves(tree: Int, pid: Int32)
        case turns(tree: Int, pid: Int32, isForeign: Bool)
    }
}
