import MillraceCore
import MillracePorts
import MillraceTesting
import Testing

@testable import LinuxUsage

@Suite struct PodTests {
    private let target = MeteringTarget(node: "n", kind: .pod(uid: PodLayout.uid))

    private func with(
        _ layout: PodLayout, _ body: (CgroupTree, () throws -> UsageCounters) async throws -> Void
    ) async throws {
        try await withTemporaryFolder { folder in
            let tree = try CgroupTree(folder, layout.version)
            // Others on the node.
            try tree.group("/system.slice/ssh.service", cpu: 1, ram: 1, processes: 3)
            let other = layout.pod.replacing("7b11", with: "7b12")
            try tree.group(other + "/" + layout.container(PodLayout.ids[2]), cpu: 9, ram: 9, processes: 1)
            let sampler = UsageSampler(LinuxUsageRoots(cgroup: folder))
            try await body(tree) {
                guard let reading = sampler.read([target]).first?.reading else { throw Broken("no reading") }
                return try reading.get().counters
            }
        }
    }

    private func makePod(_ tree: CgroupTree, _ layout: PodLayout) throws -> (worker: String, sandbox: String) {
        let worker = layout.pod + "/" + layout.container(PodLayout.ids[0])
        let sandbox = layout.pod + "/" + layout.container(PodLayout.ids[1])
        try tree.group(layout.pod, cpu: 1100, ram: 60 << 20, inactive: 5, processes: 0)
        try tree.group(worker, cpu: 1000, ram: 50 << 20, inactive: 7, io: (4096, 8192), processes: 1)
        try tree.group(sandbox, cpu: 100, ram: 300_000, processes: 1)
        try tree.group(layout.pod + "/crio-conmon-\(PodLayout.ids[0]).scope", cpu: 1, ram: 9, processes: 1)
        return (worker, sandbox)
    }

    @Test("the worker's container is found and read", arguments: PodLayout.all)
    func container(_ layout: PodLayout) async throws {
        try await with(layout) { tree, read in
            let (worker, _) = try makePod(tree, layout)
            let expected = UsageCounters(
                cpu: .microseconds(1000), ram: 50 << 20, diskRead: 4096, diskWritten: 8192)
            #expect(try read() == expected)
            try tree.group(worker, cpu: 2500, ram: 40 << 20, io: (5000, 9000), processes: 4)
            #expect(
                try read()
                    == UsageCounters(cpu: .microseconds(2500), ram: 40 << 20, diskRead: 5000, diskWritten: 9000))
        }
    }

    @Test("a group that never read or wrote has 0 bytes; one without such counters has none", arguments: PodLayout.all)
    func disk(_ layout: PodLayout) async throws {
        try await with(layout) { tree, _ in
            try tree.group("/idle", cpu: 1, ram: 2, io: (0, 0), processes: 1)
            try tree.group("/none", cpu: 1, ram: 2, io: nil, processes: 1)
            var idle = CgroupProbe("/idle", under: tree.root)
            #expect(try idle.read().counters.diskRead == 0)
            #expect(try idle.read().counters.diskWritten == 0)
            var none = CgroupProbe("/none", under: tree.root)
            #expect(try none.read().counters == UsageCounters(cpu: .microseconds(1), ram: 2))
            var absent = CgroupProbe("/absent", under: tree.root)
            let error = #expect(throws: UsageSourceError.self) { try absent.read() }
            #expect(error?.code == .gone)
        }
    }

    @Test("a container that is started anew is found again, and a pod that ends is gone", arguments: PodLayout.all)
    func restart(_ layout: PodLayout) async throws {
        try await with(layout) { tree, read in
            let (worker, sandbox) = try makePod(tree, layout)
            #expect(try read().cpu == .microseconds(1000))
            // Files that are open can still be read in this tree, unlike in the kernel's: none are kept open here.
            let sampler = UsageSampler(LinuxUsageRoots(cgroup: tree.root), DescriptorBudget(of: 0))
            func readAnew() throws -> UsageCounters? { try sampler.read([target]).first?.reading.get().counters }
            #expect(try readAnew()?.cpu == .microseconds(1000))
            try tree.remove(worker)
            for _ in 0..<16 { _ = try readAnew() }
            #expect(try readAnew()?.cpu == .microseconds(1100), "the sandbox alone is not the worker")
            let next = layout.pod + "/" + layout.container(PodLayout.ids[2])
            try tree.group(next, cpu: 7, ram: 30 << 20, processes: 2)
            for _ in 0..<16 { _ = try readAnew() }
            #expect(try readAnew()?.cpu == .microseconds(7))
            try tree.remove(sandbox)
            try tree.remove(layout.pod)
            let error = #expect(throws: UsageSourceError.self) { try readAnew() }
            #expect(error?.code == .gone)
            #expect(error?.reason.contains(PodLayout.uid) == true)
        }
    }

    @Test("of a pod with several containers the sum is read, of one without a sandbox its only one")
    func severalContainers() async throws {
        let layout = PodLayout.all[0]
        try await with(layout) { tree, read in
            let (worker, sandbox) = try makePod(tree, layout)
            try tree.group(layout.pod + "/" + layout.container(PodLayout.ids[2]), cpu: 5, ram: 9 << 20, processes: 2)
            #expect(try read().cpu == .microseconds(1100))
            try tree.remove(layout.pod + "/" + layout.container(PodLayout.ids[2]))
            try tree.remove(sandbox)
            try tree.group(worker, cpu: 1001, ram: 50 << 20, processes: 1)
            for _ in 0..<16 { _ = try read() }
            #expect(try read().cpu == .microseconds(1001))
        }
    }

    @Test("a pod that comes later is found, though it is looked for more and more seldom")
    func late() async throws {
        let layout = PodLayout.all[0]
        try await with(layout) { tree, read in
            for _ in 0..<40 { #expect(throws: UsageSourceError.self) { try read() } }
            _ = try makePod(tree, layout)
            let found = (0..<33).contains { _ in (try? read()) != nil }
            #expect(found)
        }
    }

    @Test("a uid is a name and no path", arguments: ["", ".", "..", "/", "../../etc", "*", "x/y"])
    func names(_ uid: String) async throws {
        try await with(PodLayout.all[2]) { tree, _ in
            _ = try makePod(tree, PodLayout.all[2])
            let reading = UsageSampler(LinuxUsageRoots(cgroup: tree.root))
                .read([MeteringTarget(node: "n", kind: .pod(uid: uid))]).first?.reading
            let error = #expect(throws: UsageSourceError.self) { try reading?.get() }
            #expect(error?.code == .gone)
        }
    }

    @Test(
        "container names",
        arguments: [
            ("cri-containerd-\(PodLayout.ids[0]).scope", true), ("crio-\(PodLayout.ids[0]).scope", true),
            (PodLayout.ids[0], true), ("crio-conmon-\(PodLayout.ids[0]).scope", false), ("init.scope", false),
            ("system.slice", false), ("", false), ("abc", false),
        ])
    func containerNames(_ name: String, _ isContainer: Bool) {
        #expect(PodContainer.isContainer(name) == isContainer)
    }
}
