import MillraceCore
import MillracePorts
import Platform

/// A pod's one worker container.
final class PodTarget: TargetMeter {
    /// So many readings of the pod as a whole, then it is looked again whether the container can be told.
    private static let patience = 16

    let uid: String
    private var place: Place?
    private var files: CgroupFiles?
    private var readsOfWhole = 0
    /// Ticks until it is looked for again, and how many it was the last time.
    private var pause = 0
    private var lastPause = 0

    private struct Place {
        var pod: String
        var hierarchies: CgroupHierarchies
        var budget: DescriptorBudget
    }

    init(uid: String) {
        self.uid = uid
    }

    // MARK: Search

    var isFound: Bool { place != nil }

    /// Whether it is to be looked for at this tick: more and more seldom.
    func isDue() -> Bool {
        guard place == nil else { return false }
        pause -= 1
        return pause < 0
    }

    func found(_ path: String, in hierarchies: CgroupHierarchies, _ budget: DescriptorBudget) {
        place = Place(pod: path, hierarchies: hierarchies, budget: budget)
        (pause, lastPause) = (0, 0)
        choose()
    }

    func notFound() {
        lastPause = min(32, lastPause * 2 + 1)
        pause = lastPause
    }

    private func choose() {
        guard let place else { return }
        let container = PodContainer.choose(in: place.pod, place.hierarchies)
        readsOfWhole = 0
        let path = place.pod + (container.map { "/" + $0 } ?? "")
        if files?.path != path { files = CgroupFiles(path, in: place.hierarchies, place.budget) }
    }

    // MARK: Readings

    func read(_ scratch: Scratch) -> Result<UsageReading, UsageSourceError> {
        if files?.path == place?.pod {
            readsOfWhole += 1
            if readsOfWhole >= Self.patience { choose() }
        }
        guard let first = files?.read(scratch) else { return .failure(missing) }
        guard case .failure(let error) = first, error.code == .gone else { return first }
        // The container may have been started anew.
        files = nil
        choose()
        guard let second = files?.read(scratch) else { return .failure(missing) }
        guard case .failure(let error) = second, error.code == .gone else { return second }
        place = nil
        files = nil
        return .failure(missing)
    }

    private lazy var missing: UsageSourceError =
        UsageSourceError(
            .gone,
            """
            no control group of pod \(uid) is here: it has ended, it is on another node, or this process does not see \
            the node's control groups
            """)
}

/// Which of the groups within a pod's is the worker's.
enum PodContainer {
    /// In bytes; a sandbox has a few hundred KiB, a worker never so little.
    private static let sandboxLimit = 4 << 20

    /// The name of the only container's group beside the sandbox's; nil when that cannot be told, which leaves the pod
    /// as a whole.
    static func choose(in pod: String, _ hierarchies: CgroupHierarchies) -> String? {
        guard let tree = hierarchies.trees.first,
            let names = try? Files.names(in: tree + pod, foldersOnly: true).filter(isContainer), !names.isEmpty
        else { return nil }
        let scratch = Scratch()
        let sizes = names.map { name -> (name: String, ram: Int, processes: Int) in
            let files = CgroupFiles(pod + "/" + name, in: hierarchies, .none)
            let ram = (try? files.read(scratch).get())?.counters.ram
            let processes = try? Files.read("\(tree)\(pod)/\(name)/cgroup.procs").count { $0 == UInt8(ascii: "\n") }
            return (name, ram ?? .max, processes ?? .max)
        }
        guard let least = sizes.min(by: { $0.ram < $1.ram }) else { return nil }
        // A sandbox is one process that sleeps, in less memory than anything else; not every runtime has one, and it is
        // alone while the worker is started anew.
        if sizes.count == 1 { return least.processes > 1 || least.ram >= sandboxLimit ? least.name : nil }
        guard least.processes <= 1 else { return nil }
        let others = sizes.filter { $0.name != least.name }
        return others.count == 1 ? others.first?.name : nil
    }

    /// `cri-containerd-ID.scope`, `crio-ID.scope`, `docker-ID.scope`, or the bare id. Others are helpers'
    /// (`crio-conmon-…`).
    static func isContainer(_ name: String) -> Bool {
        var id = Substring(name)
        if id.hasSuffix(".scope") {
            id = id.dropLast(6)
            for prefix in ["cri-containerd-", "crio-", "docker-"] where id.hasPrefix(prefix) {
                id = id.dropFirst(prefix.count)
                break
            }
        }
        return id.utf8.count >= 12
            && id.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
    }
}
