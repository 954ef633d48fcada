import Glibc
import Platform

/// Where texts of the kernel's are read into: one buffer for all files of a thread.
final class Scratch {
    /// The longest texts are a cgroup's `memory.stat`, about 3 KiB, and `io.stat`, 100 bytes a device. One that fills
    /// it is taken for cut off.
    static let size = 64 << 10
    let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: size)

    deinit { buffer.deallocate() }
}

/// How many descriptors may be kept open yet.
final class DescriptorBudget {
    private var left: Int

    /// Raises this process's limit, once, and takes at most half of it: the other half is for whatever else it does.
    init() {
        left = Self.limit / 2
    }

    /// For tests.
    init(of left: Int) {
        self.left = left
    }

    private static let limit = Descriptors.raiseLimit(to: 65_536)

    func take() -> Bool {
        guard left > 0 else { return false }
        left -= 1
        return true
    }

    func giveBack() { left += 1 }
}

/// A file of the kernel's that is read again and again: kept open while there are descriptors, since opening one anew
/// costs more than reading it; else opened each time.
final class KernelFile {
    let path: String
    private let budget: DescriptorBudget
    private var kept: CInt = -1

    init(_ path: String, _ budget: DescriptorBudget) {
        self.path = path
        self.budget = budget
    }

    deinit { close() }

    func close() {
        guard kept >= 0 else { return }
        Glibc.close(kept)
        kept = -1
        budget.giveBack()
    }

    /// Its text, or an errno. The text is valid until the next one is read.
    func read(_ scratch: Scratch) -> Result<UnsafeBufferPointer<UInt8>, SystemError> {
        if kept >= 0 { return text(of: kept, scratch) }
        let file: CInt
        do { file = try Files.open(path, O_RDONLY) } catch { return .failure(error) }
        if budget.take() {
            kept = file
            return text(of: file, scratch)
        }
        defer { Glibc.close(file) }
        return text(of: file, scratch)
    }

    private func text(of file: CInt, _ scratch: Scratch) -> Result<UnsafeBufferPointer<UInt8>, SystemError> {
        while true {
            let count = pread(file, scratch.buffer.baseAddress, Scratch.size, 0)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .failure(.last("reading \(path)")) }
            guard count < Scratch.size else { return .failure(SystemError(EFBIG, "reading \(path)")) }
            return .success(UnsafeBufferPointer(rebasing: scratch.buffer[..<count]))
        }
    }
}
