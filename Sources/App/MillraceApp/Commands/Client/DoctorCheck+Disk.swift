import Glibc
import MillraceCore
import Platform

// The data folder and the disk that it is on.
extension DoctorCheck {
    /// Below this, a bus that keeps ten minutes of records may fill the disk.
    private static let littleSpace = 1 << 30
    /// Below this, nothing can be promised.
    private static let noSpace = 64 << 20
    /// Each order waits for a few of these: above it, disks and not tasks are what takes time.
    private static let slowSync: Duration = .milliseconds(50)

    @Sendable static func dataFolder(_ settings: Settings) async -> [DoctorCheck] {
        let name = "data folder"
        let folder = settings.data
        guard Files.exists(folder) else {
            let parent = nearestFolder(folder)
            guard access(parent, W_OK | X_OK) == 0 else {
                return [
                    .fail(
                        name, "\(folder) is not there and cannot be made in \(parent): \(SystemError.text(of: errno))",
                        "name another folder with --data or MILLRACE_DATA", isUnreachable: true)
                ]
            }
            return [.ok(name, "\(folder) is not there yet: `millrace up` makes it")]
        }
        do throws(SystemError) {
            try probe(folder) { (_) throws(SystemError) in }
        } catch {
            return [
                .fail(
                    name, "\(error)", "make the folder writable for this user, or name another with --data",
                    isUnreachable: true)
            ]
        }
        return [.ok(name, "\(folder) can be written")]
    }

    @Sendable static func diskSpace(_ settings: Settings) async -> [DoctorCheck] {
        let name = "disk space"
        let folder = nearestFolder(settings.data)
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else {
            return [.warn(name, "\(SystemError.last("asking for the space of \(folder)"))", "look at the disk")]
        }
        let free = Int(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
        let detail = "\(Wording.bytes(free)) free for \(settings.data)"
        let remedy = "make room on the disk, or name a folder on another with --data"
        if free < noSpace { return [.fail(name, detail, remedy)] }
        return [free < littleSpace ? .warn(name, detail, remedy) : .ok(name, detail)]
    }

    @Sendable static func syncTime(_ settings: Settings) async -> [DoctorCheck] {
        guard Files.exists(settings.data) else { return [] }
        let name = "disk sync"
        let folder = settings.data
        // It blocks for as long as it takes.
        let median = await NamedThread.run("doctor-sync") { () -> Result<Duration, SystemError> in
            do throws(SystemError) { return .success(try medianSync(folder)) } catch { return .failure(error) }
        }
        switch median {
        case .failure(let error): return [.warn(name, "\(error)", "look at the disk")]
        case .success(let time):
            let detail = "fdatasync takes \(Double(time.microseconds) / 1000) ms, the median of \(syncs)"
            guard time > slowSync else { return [.ok(name, detail)] }
            return [.warn(name, detail, "orders wait for the disk: use a faster one, or look at who else uses it")]
        }
    }

    private static let syncs = 9

    private static func medianSync(_ folder: String) throws(SystemError) -> Duration {
        var times: [Duration] = []
        try probe(folder) { (file) throws(SystemError) in
            for _ in 0..<syncs {
                try Files.write([UInt8](repeating: 0, count: 4096), to: file, path: folder)
                let start = ContinuousClock.now
                guard fdatasync(file) == 0 else { throw .last("syncing a file in \(folder)") }
                times.append(ContinuousClock.now - start)
            }
        }
        return times.sorted()[syncs / 2]
    }

    /// Runs `body` with a new file in a folder, which is removed.
    private static func probe(
        _ folder: String, _ body: (CInt) throws(SystemError) -> Void
    ) throws(SystemError) {
        let path = "\(folder)/.doctor-\(OwnProcess.pid)"
        let file = try Files.open(path, O_WRONLY | O_CREAT | O_TRUNC)
        defer {
            close(file)
            unlink(path)
        }
        try body(file)
    }

    /// The folder itself, or the one above it that is there.
    static func nearestFolder(_ path: String) -> String {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
        while !Files.exists(String(path)) {
            guard let slash = path.lastIndex(of: "/") else { return "." }
            guard slash != path.startIndex else { return "/" }
            path = path[..<slash]
        }
        return String(path)
    }
}
