/// What is metered. The numbers are those of the store's `resources` table, and never change: models learn them.
public enum Resource: Int, CaseIterable, Hashable, Comparable, Sendable {
    case cpu = 1
    case ram = 2
    case disk = 3

    /// As in the `resources` table, in URLs and in CSV.
    public var name: String {
        switch self {
        case .cpu: "cpu"
        case .ram: "ram"
        case .disk: "disk"
        }
    }

    /// CPU in cores (CPU seconds a second), RAM in bytes that are resident, DISK in bytes read and written a second.
    public var unit: String {
        switch self {
        case .cpu: "cores"
        case .ram: "bytes"
        case .disk: "bytes/s"
        }
    }

    public init?(name: String) {
        guard let resource = Self.allCases.first(where: { $0.name == name }) else { return nil }
        self = resource
    }

    public static func < (a: Resource, b: Resource) -> Bool { a.rawValue < b.rawValue }
}
