import MillraceCore
import MillraceTesting
import Testing

/// Texts as kernels write them, and broken ones.
@Suite struct KernelTextTests {
    private func parse<Value>(_ text: String, _ parser: (UnsafeBufferPointer<UInt8>) -> Value?) -> Value? {
        Array(text.utf8).withUnsafeBufferPointer(parser)
    }

    private static let stat =
        "1234 (worker) S 17 1234 1234 0 -1 4194560 1832 90 3 0 12 5 230 41 20 -5 7 0 98765 178290688 2044 "
        + "18446744073709551615 1 1 0 0 0 0 0 4096 81928 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"

    @Test("a process's line gives its counters")
    func stat() throws {
        let stat = try #require(parse(Self.stat, ProcessStat.init))
        #expect(stat.state == UInt8(ascii: "S"))
        #expect(stat.parent == 17)
        #expect(stat.ownTicks == 17)
        #expect(stat.reapedTicks == 271)
        #expect(stat.threads == 7)
        #expect(stat.startTicks == 98765)
        #expect(stat.residentPages == 2044)
        #expect(!stat.isZombie)
    }

    @Test(
        "a name may contain anything",
        arguments: ["", ")", ") R 1 (", " ) Z 9 9 9", "\n", "a b (c) d", "\u{FFFD}é", "0 0 0 0 0 0"])
    func names(_ name: String) throws {
        let text = Self.stat.replacing("(worker)", with: "(\(name))")
        let stat = try #require(parse(text, ProcessStat.init))
        #expect(stat == parse(Self.stat, ProcessStat.init))
    }

    @Test("a process without its first thread is no zombie while others go on")
    func leaderless() throws {
        let text = Self.stat.replacing(") S ", with: ") Z ")
        #expect(try #require(parse(text, ProcessStat.init)).isZombie == false)
        #expect(try #require(parse(text, ProcessStat.init)).hasNoLeader)
        let dead = text.replacing(" -5 7 0 ", with: " -5 1 0 ")
        #expect(try #require(parse(dead, ProcessStat.init)).isZombie)
    }

    @Test("a line that is cut off before its last field of ours is none, wherever that is")
    func truncated() throws {
        let text = Array(Self.stat.utf8)
        let whole = try #require(parse(Self.stat, ProcessStat.init))
        for count in 0..<text.count {
            let stat = text[..<count].withUnsafeBufferPointer(ProcessStat.init)
            #expect(stat == nil || stat == whole, "cut off after \(count) bytes")
        }
    }

    @Test(
        "numbers that are none of a kernel are nil, and trap nowhere",
        arguments: ["98765", "2044", "230", "41", "17", "12"],
        ["-1", "", "x", "9223372036854775808", "18446744073709551615", "99999999999999999999999999", "1e3"])
    func numbers(_ field: String, _ value: String) {
        #expect(parse(Self.stat.replacing(" \(field) ", with: " \(value) "), ProcessStat.init) == nil)
    }

    @Test("bytes of a process are those of the disk layer")
    func io() throws {
        let text = """
            rchar: 323934931
            wchar: 323929600
            syscr: 632687
            syscw: 632675
            read_bytes: 4096
            write_bytes: 323932160
            cancelled_write_bytes: 7

            """
        let io = try #require(parse(text, ProcessIO.init))
        #expect(io.read == 4096)
        #expect(io.written == 323_932_160)
        for count in 0..<text.utf8.count {
            let cut = parse(String(text.prefix(count)), ProcessIO.init)
            #expect(cut == nil || cut == io, "cut off after \(count) bytes")
        }
        #expect(parse("", ProcessIO.init) == nil)
        #expect(parse("read_bytes: 1\n", ProcessIO.init) == nil)
        #expect(parse("read_bytes: 99999999999999999999\nwrite_bytes: 1\n", ProcessIO.init) == nil)
    }

    @Test("the last id that was given out")
    func lastPid() {
        #expect(parse("0.20 0.18 0.12 1/80 11206\n", lastPidOfLoadAverage) == 11206)
        for text in ["", "\n", "0.20 0.18 0.12 1/80 1120", "0.20 0.18 0.12 1/80 x\n"] {
            #expect(parse(text, lastPidOfLoadAverage) == nil)
        }
    }

    @Test("files of one number")
    func number() {
        #expect(parse("0\n", CgroupText.number) == 0)
        #expect(parse("4194304\n", CgroupText.number) == 4_194_304)
        for text in ["", "\n", "max\n", "12", "12 \n", "-1\n", " 12\n", "99999999999999999999\n"] {
            #expect(parse(text, CgroupText.number) == nil, "\(text)")
        }
    }

    @Test("CPU time of a group")
    func cpu() {
        let text = "usage_usec 1215632\nuser_usec 813\nsystem_usec 402\nnr_periods 0\n"
        #expect(parse(text, CgroupText.cpuMicroseconds) == 1_215_632)
        #expect(parse("user_usec 1\nusage_usec 5\n", CgroupText.cpuMicroseconds) == 5)
        for text in ["", "usage_usec", "usage_usec ", "usage_usec 12", "usage_usec x\n", "xusage_usec 12\n"] {
            #expect(parse(text, CgroupText.cpuMicroseconds) == nil, "\(text)")
        }
    }

    @Test("the working set leaves out what can be taken back, and is never less than nothing")
    func memory() {
        let two = "anon 4096\nfile 8192\ninactive_anon 1\nactive_anon 2\ninactive_file 6144\nactive_file 1\n"
        #expect(parse(two, CgroupText.inactiveFile) == 6144)
        let one = "cache 1\ninactive_file 5\nhierarchical_memory_limit 9223372036854771712\ntotal_inactive_file 77\n"
        #expect(parse(one, CgroupText.totalInactiveFile) == 77)
        #expect(parse("", CgroupText.inactiveFile) == nil)
        #expect(parse("total_inactive_file", CgroupText.totalInactiveFile) == nil)
        #expect(CgroupText.workingSet(current: 10, inactiveFile: 4) == 6)
        #expect(CgroupText.workingSet(current: 4, inactiveFile: 10) == 0)
    }

    @Test("bytes of a group are those of all devices; without devices they are 0")
    func ioStat() throws {
        let text = """
            8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0
            8:0 rbytes=90430464 wbytes=299008000 rios=8950 wios=1252 dbytes=50331648 dios=3021
            7:0
            253:0 rbytes=1 wbytes=2 rios=1 wios=1 dbytes=0 dios=0 cost.usage=77

            """
        let bytes = try #require(parse(text, CgroupText.ioStat))
        #expect(bytes == (1_459_200 + 90_430_464 + 1, 314_773_504 + 299_008_000 + 2))
        #expect(try #require(parse("", CgroupText.ioStat)) == (0, 0))
        #expect(parse("8:0 rbytes=12", CgroupText.ioStat) == nil)
        #expect(parse("8:0 rbytes=x wbytes=1\n", CgroupText.ioStat) == nil)
        #expect(parse("8:0 rbytes=99999999999999999999 wbytes=1\n", CgroupText.ioStat) == nil)
        let huge = "8:0 rbytes=1152921504606846976 wbytes=1\n"
        #expect(parse(huge + huge, CgroupText.ioStat) == nil)
    }

    @Test("bytes of a v1 group: each once")
    func blkio() throws {
        let text = """
            8:0 Read 4096
            8:0 Write 8192
            8:0 Sync 12288
            8:0 Async 0
            8:0 Discard 0
            8:0 Total 12288
            253:16 Read 1
            253:16 Write 2
            253:16 Total 3
            Total 12291

            """
        #expect(try #require(parse(text, CgroupText.blkio)) == (4097, 8194))
        #expect(try #require(parse("Total 0\n", CgroupText.blkio)) == (0, 0))
        #expect(try #require(parse("", CgroupText.blkio)) == (0, 0))
        for text in ["8:0 Read 12", "8:0 Read\n8:0 Write x", "8:0 Read x\n", "8:0 Write 99999999999999999999\n"] {
            #expect(parse(text, CgroupText.blkio) == nil, "\(text)")
        }
    }

    @Test("any bytes give an answer", arguments: 0..<50 as Range<UInt64>)
    func garbage(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet = Array("0123456789 \n:=()RrbyteswTal_-Z".utf8)
        for _ in 0..<100 {
            let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
            }
            bytes.withUnsafeBufferPointer { text in
                _ = (ProcessStat(text), ProcessIO(text), lastPidOfLoadAverage(text), CgroupText.number(text))
                _ = (CgroupText.cpuMicroseconds(text), CgroupText.inactiveFile(text), CgroupText.ioStat(text))
                _ = CgroupText.blkio(text)
            }
        }
    }
}
