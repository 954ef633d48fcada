/// The last so many elements that were put in, so that a late duplicate of one is known for what it is.
struct RecentSet<Element: Hashable & Sendable>: Sendable {
    private var members: Set<Element> = []
    private var ring: [Element] = []
    private var next = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    func contains(_ element: Element) -> Bool { members.contains(element) }

    mutating func insert(_ element: Element) {
        guard members.insert(element).inserted else { return }
        if ring.count < limit {
            ring.append(element)
        } else {
            members.remove(ring[next])
            ring[next] = element
            next = (next + 1) % limit
        }
    }
}
