import Platform

/// Finds the control groups of pods: one bounded walk of the tree for all that are looked for.
final class PodFinder {
    /// More folders than this are not looked into in one walk: a node of 500 pods has about 2,000.
    private static let folderLimit = 8192
    /// kind puts a node's root into a container of another node, with the kubelet's own group in between.
    private static let depthLimit = 8

    private let root: String
    private let budget: DescriptorBudget
    private var pods: [PodTarget] = []
    private var foldersLeft = 0

    init(_ root: String, _ budget: DescriptorBudget) {
        self.root = root
        self.budget = budget
    }

    /// The pods that are to be read from now on.
    func keep(_ pods: [PodTarget]) { self.pods = pods }

    /// Looks for those that are not found yet, and due.
    func search() {
        guard !pods.isEmpty else { return }
        let due = pods.filter { $0.isDue() }
        guard !due.isEmpty else { return }
        let hierarchies = CgroupHierarchies(root)
        // By the names that their groups end with: `pod<uid>` where the kubelet makes folders, `-pod<uid>.slice` where
        // systemd does, which takes `-` for a level.
        var wanted: [String: PodTarget] = [:]
        for pod in due {
            wanted["pod\(pod.uid)"] = pod
            wanted["pod\(pod.uid.map { $0 == "-" ? "_" : String($0) }.joined()).slice"] = pod
        }
        foldersLeft = Self.folderLimit
        for tree in hierarchies.trees {
            walk(tree, "", 0) { path, key in
                guard let pod = wanted[key] else { return }
                pod.found(path, in: hierarchies, budget)
            }
        }
        for pod in due where !pod.isFound { pod.notFound() }
    }

    private func walk(_ tree: String, _ path: String, _ depth: Int, _ found: (String, String) -> Void) {
        guard depth < Self.depthLimit, let names = try? Files.names(in: tree + path, foldersOnly: true) else { return }
        for name in names {
            guard foldersLeft > 0 else { return }
            foldersLeft -= 1
            let below = path + "/" + name
            if let key = Self.podKey(name) {
                found(below, key)
            } else {
                walk(tree, below, depth + 1, found)
            }
        }
    }

    /// The end of a pod's name, from `pod` on; nil for a group that is none of a pod.
    private static func podKey(_ name: String) -> String? {
        if name.hasPrefix("pod") { return name }
        guard name.hasSuffix(".slice"), let last = name.split(separator: "-").last, last.hasPrefix("pod") else {
            return nil
        }
        return String(last)
    }
}
