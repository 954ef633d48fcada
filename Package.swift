// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours is built alike: Swift 6 mode, warnings are errors, imports say what they expose.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// A module of a ring; the folder under `Sources/` is the ring (checked by `Scripts/check-rings.py`).
func module(_ name: String, in folder: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, path: "Sources/\(folder)", swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", resources: resources, swiftSettings: strict)
}

let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let grdb: Target.Dependency = .product(name: "GRDB", package: "GRDB.swift")
let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let httpClient: Target.Dependency = .product(name: "AsyncHTTPClient", package: "async-http-client")
let subprocess: Target.Dependency = .product(name: "Subprocess", package: "swift-subprocess")
let crypto: Target.Dependency = .product(name: "Crypto", package: "swift-crypto")
let httpTypes: Target.Dependency = .product(name: "HTTPTypes", package: "swift-http-types")
let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let deque: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")

let package = Package(
    name: "millrace",
    products: [.executable(name: "millrace", targets: ["millrace"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: []),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // C: system libraries and thin wrappers of system calls.
        .target(name: "CLinux", path: "Sources/C/CLinux"),
        .target(name: "CVips", path: "Sources/C/CVips"),
        .target(name: "CPostgres", path: "Sources/C/CPostgres"),
        .target(name: "CKafka", path: "Sources/C/CKafka"),
        .target(name: "CBench", dependencies: ["CKafka"], path: "Sources/C/CBench"),
        module("Platform", in: "C/Platform", ["CLinux", deque]),
        // Core: values and decisions.
        module("MillraceCore", in: "Core", []),
        // Ports: what the services need of the outside.
        module("MillracePorts", in: "Ports", ["MillraceCore"]),
        // Adapters: one outside thing each.
        module("SQLiteBus", in: "Adapters/SQLiteBus", ["MillracePorts", "MillraceCore", "Platform", grdb]),
        module("SQLiteStore", in: "Adapters/SQLiteStore", ["MillracePorts", "MillraceCore", "Platform", grdb]),
        module(
            "KafkaBus", in: "Adapters/KafkaBus",
            ["MillracePorts", "MillraceCore", "Platform", "CKafka", deque, logging]),
        module(
            "PostgresStore", in: "Adapters/PostgresStore",
            ["MillracePorts", "MillraceCore", "Platform", "CPostgres", deque]),
        module(
            "FileImages", in: "Adapters/FileImages", ["MillracePorts", "MillraceCore", "Platform", crypto]),
        module("ImageTasks", in: "Adapters/ImageTasks", ["MillracePorts", "MillraceCore", "CVips", "Platform"]),
        module("CommandTasks", in: "Adapters/CommandTasks", ["MillracePorts", "MillraceCore", "Platform", "CLinux"]),
        module(
            "ProcessFleet", in: "Adapters/ProcessFleet",
            ["MillracePorts", "MillraceCore", "Platform", "CLinux", logging]),
        module("BenchTasks", in: "Adapters/BenchTasks", ["MillracePorts", "MillraceCore", "Platform"]),
        module(
            "LinuxUsage", in: "Adapters/LinuxUsage", ["MillracePorts", "MillraceCore", "Platform"]),
        // Services: consume, decide in Core, perform, commit.
        module("ServiceSupport", in: "Services/Support", ["MillracePorts", "MillraceCore", logging, lifecycle]),
        module(
            "ProxyServer", in: "Services/ProxyServer",
            [
                "ServiceSupport", "MillracePorts", "MillraceCore", logging, lifecycle, hummingbird, crypto, httpTypes,
                nioCore, .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ]),
        module(
            "Orchestrator", in: "Services/Orchestrator",
            ["ServiceSupport", "MillracePorts", "MillraceCore", logging, lifecycle]),
        module(
            "MonitorSystem", in: "Services/MonitorSystem",
            ["ServiceSupport", "MillracePorts", "MillraceCore", logging, lifecycle]),
        module(
            "MonitorResources", in: "Services/MonitorResources",
            ["ServiceSupport", "MillracePorts", "MillraceCore", logging, lifecycle]),
        module(
            "Worker", in: "Services/Worker", ["ServiceSupport", "MillracePorts", "MillraceCore", logging, lifecycle]),
        // App: settings, the one place that picks adapters, the command.
        module(
            "MillraceApp", in: "App/MillraceApp",
            [
                "SQLiteBus", "KafkaBus", "SQLiteStore", "PostgresStore", "FileImages", "ImageTasks", "CommandTasks",
                "BenchTasks", "ProcessFleet",
                "LinuxUsage", "ProxyServer",
                "Orchestrator", "MonitorSystem", "MonitorResources", "Worker", "ServiceSupport", "MillracePorts",
                "MillraceCore", "Platform", "CBench", logging,
                lifecycle, httpClient, nioCore, grdb, .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Yams", package: "Yams"),
            ]),
        .executableTarget(
            name: "millrace", dependencies: ["MillraceApp"], path: "Sources/App/millrace", swiftSettings: strict),
        // Testing: clocks, seeds, fixtures, a conformance suite per port.
        module("MillraceTesting", in: "Testing", ["MillracePorts", "MillraceCore"]),
        tests("CoreTests", ["MillraceCore", "MillraceTesting"]),
        tests("SQLiteBusTests", ["SQLiteBus", "MillracePorts", "MillraceCore", "MillraceTesting", grdb]),
        tests(
            "SQLiteStoreTests", ["SQLiteStore", "MillracePorts", "MillraceCore", "MillraceTesting", "Platform", grdb]),
        tests(
            "KafkaBusTests",
            ["KafkaBus", "MillracePorts", "MillraceCore", "MillraceTesting", "Platform", "CKafka", logging]),
        tests("PostgresStoreTests", ["PostgresStore", "MillracePorts", "MillraceCore", "MillraceTesting", "Platform"]),
        tests("FileImagesTests", ["FileImages", "MillracePorts", "MillraceCore", "MillraceTesting", "Platform"]),
        tests("ImageTasksTests", ["ImageTasks", "MillracePorts", "MillraceCore", "MillraceTesting"]),
        tests(
            "ProxyServerTests",
            [
                "ProxyServer", "MillracePorts", "MillraceCore", "MillraceTesting", hummingbird, logging, lifecycle,
                httpTypes,
                nioCore, .product(name: "HummingbirdTesting", package: "hummingbird"),
            ]),
        tests(
            "AppTests",
            [
                "MillraceApp", "MillracePorts", "MillraceCore", "MillraceTesting",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        tests(
            "EndToEndTests",
            [
                "millrace", "MillraceApp", "MillracePorts", "MillraceCore", "MillraceTesting", "Platform", "SQLiteBus",
                "SQLiteStore", "FileImages", "KafkaBus", grdb, logging,
            ]),
        tests("BenchTasksTests", ["BenchTasks", "MillracePorts", "MillraceCore", "MillraceTesting"]),
        tests(
            "LinuxUsageTests",
            ["LinuxUsage", "MillracePorts", "MillraceCore", "MillraceTesting", "Platform", "CLinux"]),
        tests(
            "ServicesTests",
            [
                "Orchestrator", "MonitorSystem", "MonitorResources", "Worker", "MillracePorts", "MillraceCore",
                "MillraceTesting", logging, lifecycle,
            ]),
        tests("PlatformTests", ["Platform", "MillraceTesting"]),
        tests("CommandTasksTests", ["CommandTasks", "MillracePorts", "MillraceCore", "MillraceTesting", "Platform"]),
        tests(
            "ProcessFleetTests",
            ["ProcessFleet", "MillracePorts", "MillraceCore", "MillraceTesting", "Platform", logging]),
        tests("PortsTests", ["MillracePorts", "MillraceCore", "MillraceTesting"]),
    ]
)
