import MillraceCore
import MillraceTesting
import Platform
import Testing

/// A folder that looks like `/sys/fs/cgroup` of a node.
struct CgroupTree {
    enum Version: Sendable { case one(cpu: String), two }

    let root: String
    let version: Version

    init(_ root: String, _ version: Version) throws {
        self.root = root
        self.version = version
        switch version {
        case .one(let cpu):
            for name in [cpu, "memory", "blkio", "systemd"] { try Files.makeFolder("\(root)/\(name)") }
        case .two: try write("cpu io memory pids\n", "cgroup.controllers")
        }
    }

    func write(_ text: String, _ path: String) throws {
        let file = root + "/" + path
        try Files.makeFolder(String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)]))
        try Files.write(Array(text.utf8), to: file)
    }

    /// Makes a group with these counters, or gives it others; `io` nil: the kernel tells none.
    func group(_ path: String, cpu: Int, ram: Int, inactive: Int = 0, io: (Int, Int)? = (0, 0), processes: Int) throws {
        let ids = (0..<processes).map { "\($0 + 100)\n" }.joined()
        switch version {
        case .one(let name):
            try write("\(cpu * 1000)\n", "\(name)\(path)/cpuacct.usage")
            try write("\(ram + inactive)\n", "memory\(path)/memory.usage_in_bytes")
            try write("cache 5\ninactive_file 1\ntotal_inactive_file \(inactive)\n", "memory\(path)/memory.stat")
            try write("\(ram * 2)\n", "memory\(path)/memory.max_usage_in_bytes")
            try write(ids, "memory\(path)/cgroup.procs")
            guard let io else { return }
            let text = "8:0 Read \(io.0)\n8:0 Write \(io.1)\n8:0 Total \(io.0 + io.1)\nTotal \(io.0 + io.1)\n"
            try write(text, "blkio\(path)/blkio.throttle.io_service_bytes_recursive")
        case .two:
            let path = String(path.dropFirst())
            try write("usage_usec \(cpu)\nuser_usec 1\nsystem_usec 2\n", "\(path)/cpu.stat")
            try write("\(ram + inactive)\n", "\(path)/memory.current")
            try write("anon 1\nfile 2\ninactive_file \(inactive)\nactive_file 4\n", "\(path)/memory.stat")
            try write("\(ram * 2)\n", "\(path)/memory.peak")
            try write(ids, "\(path)/cgroup.procs")
            guard let io else { return }
            let text = io == (0, 0) ? "" : "8:0 rbytes=\(io.0) wbytes=\(io.1) rios=1 wios=1 dbytes=0 dios=0\n"
            try write(text, "\(path)/io.stat")
        }
    }

    func remove(_ path: String) throws {
        switch version {
        case .one(let cpu): for name in [cpu, "memory", "blkio"] { try Files.remove("\(root)/\(name)\(path)") }
        case .two: try Files.remove(root + path)
        }
    }
}

/// How kubelets and runtimes name a pod's groups.
struct PodLayout: Sendable, CustomTestStringConvertible {
    static let uid = "0f6a5c1e-9d1c-4c8f-8a35-3a3f9f0c7b11"
    private static let escaped = uid.map { $0 == "-" ? "_" : String($0) }.joined()
    static let ids = ["3c5ff4a3c6b1", "aa00c4d5e6f7", "99887766554433"].map { $0 + String(repeating: "0", count: 50) }

    var testDescription: String
    var version: CgroupTree.Version
    var pod: String
    /// What the name of a container's group is made of.
    var container: @Sendable (String) -> String

    static let all = [
        PodLayout(
            testDescription: "v2, systemd, containerd", version: .two,
            pod: "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod\(escaped).slice"
        ) { "cri-containerd-\($0).scope" },
        PodLayout(
            testDescription: "v2, systemd, CRI-O, guaranteed", version: .two,
            pod: "/kubepods.slice/kubepods-pod\(escaped).slice"
        ) { "crio-\($0).scope" },
        PodLayout(testDescription: "v2, cgroupfs", version: .two, pod: "/kubepods/besteffort/pod\(uid)") { $0 },
        PodLayout(
            testDescription: "v2, kind", version: .two,
            pod: """
                /system.slice/docker-\(ids[2]).scope/kubelet.slice/kubelet-kubepods.slice/\
                kubelet-kubepods-besteffort.slice/kubelet-kubepods-besteffort-pod\(escaped).slice
                """
        ) { "cri-containerd-\($0).scope" },
        PodLayout(
            testDescription: "v1, cgroupfs", version: .one(cpu: "cpuacct"), pod: "/kubepods/burstable/pod\(uid)"
        ) { $0 },
        PodLayout(
            testDescription: "v1, systemd, docker", version: .one(cpu: "cpu,cpuacct"),
            pod: "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod\(escaped).slice"
        ) { "docker-\($0).scope" },
    ]
}
