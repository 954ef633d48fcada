import ImageTasks
import MillraceCore
import MillracePorts

/// What `millrace.yaml` says: the tasks, and settings by their keys.
struct ConfigFile: Sendable {
    var tasks: [TaskName: TaskDefinition]
    var settings: [String: String]
    /// librdkafka's own, by their names.
    var kafkaProperties: [String: String] = [:]

    /// Without a file: the built-in tasks, as they come.
    static func builtin(scaling: ScalingSettings = ScalingSettings()) throws(InvalidValue) -> ConfigFile {
        var tasks: [TaskName: TaskDefinition] = [:]
        for name in BuiltinTasks.names {
            let task = try TaskName(name)
            tasks[task] = TaskDefinition(
                name: task, kind: .builtin(name), parameters: BuiltinTasks.defaults(of: name), scaling: scaling)
        }
        return ConfigFile(tasks: tasks, settings: [:])
    }

    /// - Throws: the first field that cannot be meant, by its path.
    init(yaml: String) throws(InvalidValue) {
        guard case .object(let fields) = try JSONValue(yaml: yaml) else {
            throw InvalidValue(field: "", "must be a mapping of settings")
        }
        var scaling = ScalingSettings()
        if let value = fields["scaling"] { scaling = try ScalingSettings(value, over: scaling, at: "scaling") }
        settings = [:]
        if let value = fields["kafka"] { kafkaProperties = try Self.kafkaProperties(value) }
        for (key, value) in fields where !["tasks", "scaling", "kafka"].contains(key) {
            guard Setting.all.contains(where: { $0.key == key }) else {
                let known = (Setting.all.map(\.key) + ["tasks", "scaling", "kafka"]).sorted().joined(separator: ", ")
                throw InvalidValue(field: key, "is not a setting; those are \(known)")
            }
            guard let text = value.asSettingText else { throw InvalidValue(field: key, "must be one value") }
            settings[key] = text
        }
        guard let value = fields["tasks"] else {
            tasks = try ConfigFile.builtin(scaling: scaling).tasks
            return
        }
        guard case .object(let definitions) = value, !definitions.isEmpty else {
            throw InvalidValue(field: "tasks", "must be a mapping of names to tasks")
        }
        tasks = [:]
        for (name, definition) in definitions {
            let task = try Self.at("tasks.\(name)") { () throws(InvalidValue) in try TaskName(name) }
            tasks[task] = try TaskDefinition(name: task, definition, scaling: scaling, at: "tasks.\(name)")
        }
    }

    init(tasks: [TaskName: TaskDefinition], settings: [String: String]) {
        self.tasks = tasks
        self.settings = settings
    }

    /// `kafka: { properties: { security.protocol: ssl } }`; which there are is librdkafka's to say.
    private static func kafkaProperties(_ value: JSONValue) throws(InvalidValue) -> [String: String] {
        guard case .object(let fields) = value else { throw InvalidValue(field: "kafka", "must be a mapping") }
        for key in fields.keys where key != "properties" {
            throw InvalidValue(field: "kafka.\(key)", "is not a field; that is properties")
        }
        guard case .object(let given)? = fields["properties"] else {
            throw InvalidValue(field: "kafka.properties", "must be a mapping of librdkafka's properties")
        }
        var properties: [String: String] = [:]
        for (name, value) in given {
            guard let text = value.asSettingText else {
                throw InvalidValue(field: "kafka.properties.\(name)", "must be one value")
            }
            properties[name] = text
        }
        return properties
    }

    fileprivate static func at<Value>(
        _ field: String, _ body: () throws(InvalidValue) -> Value
    ) throws(InvalidValue) -> Value {
        do throws(InvalidValue) { return try body() } catch { throw InvalidValue(field: field, error.problem) }
    }
}

extension TaskDefinition {
    init(name: TaskName, _ value: JSONValue, scaling: ScalingSettings, at path: String) throws(InvalidValue) {
        guard case .object(let fields) = value else { throw InvalidValue(field: path, "must be a mapping") }
        var kind: Kind?
        var definition = TaskDefinition(name: name, kind: .command([]), scaling: scaling)
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            let field = "\(path).\(key)"
            switch key {
            case "builtin":
                guard let builtin = value.asString, BuiltinTasks.all.contains(builtin) else {
                    throw InvalidValue(field: field, "must be one of \(BuiltinTasks.names.joined(separator: ", "))")
                }
                guard kind == nil else { throw InvalidValue(field: path, "has both builtin and command") }
                kind = .builtin(builtin)
                definition.parameters.merge(BuiltinTasks.defaults(of: builtin)) { given, _ in given }
            case "command":
                guard let words = value.asArray?.compactMap(\.asString), words.count == value.asArray?.count,
                    let first = words.first, !first.isEmpty
                else { throw InvalidValue(field: field, "must be a list of texts: the executable and its arguments") }
                guard kind == nil else { throw InvalidValue(field: path, "has both builtin and command") }
                kind = .command(words)
            case "parameters":
                guard let given = value.asObject else { throw InvalidValue(field: field, "must be a mapping") }
                definition.parameters.merge(given) { _, given in given }
            case "timeout":
                guard let text = value.asSettingText, let timeout = Duration(text: text), timeout > .zero else {
                    throw InvalidValue(field: field, "must be a duration such as 60s or 10m, above 0")
                }
                definition.timeout = timeout
            case "retries":
                guard let retries = value.asInteger, (0...100).contains(retries) else {
                    throw InvalidValue(field: field, "must be a whole number from 0 to 100")
                }
                definition.retries = retries
            case "scaling":
                definition.scaling = try ScalingSettings(value, over: scaling, at: field)
            default:
                throw InvalidValue(
                    field: field,
                    "is not a field of a task; those are builtin, command, parameters, timeout, retries, scaling")
            }
        }
        guard let kind else { throw InvalidValue(field: path, "needs builtin or command") }
        definition.kind = kind
        do throws(InvalidValue) {
            try BuiltinTasks.runner(for: definition)?.validate(definition.parameters)
        } catch {
            throw InvalidValue(field: "\(path).parameters.\(error.field)", error.problem)
        }
        self = definition
    }
}

extension ScalingSettings {
    init(_ value: JSONValue, over base: ScalingSettings, at path: String) throws(InvalidValue) {
        guard case .object(let fields) = value else { throw InvalidValue(field: path, "must be a mapping") }
        var settings = base
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            let field = "\(path).\(key)"
            func whole() throws(InvalidValue) -> Int {
                guard let number = value.asInteger else { throw InvalidValue(field: field, "must be a whole number") }
                return number
            }
            switch key {
            case "policy":
                guard let policy = value.asString.flatMap(Policy.init) else {
                    let names = Policy.allCases.map(\.rawValue).joined(separator: ", ")
                    throw InvalidValue(field: field, "must be one of \(names)")
                }
                settings.policy = policy
            case "ordersPerReplica": settings.ordersPerReplica = try whole()
            case "min": settings.min = try whole()
            case "max": settings.max = try whole()
            case "maxPartitions": settings.maxPartitions = try whole()
            case "idleTimeout":
                guard let text = value.asSettingText, let timeout = Duration(text: text) else {
                    throw InvalidValue(field: field, "must be a duration such as 30s or 5m")
                }
                settings.idleTimeout = timeout
            default:
                throw InvalidValue(
                    field: field,
                    "is not a field; those are policy, ordersPerReplica, min, max, idleTimeout, maxPartitions")
            }
        }
        do throws(InvalidValue) { try settings.validate() } catch {
            throw InvalidValue(field: "\(path).\(error.field)", error.problem)
        }
        self = settings
    }
}

extension JSONValue {
    /// A scalar as one would have typed it.
    var asSettingText: String? {
        switch self {
        case .string(let text): text
        case .integer(let number): String(number)
        case .number(let number): String(number)
        case .bool(let value): String(value)
        case .null: ""
        case .array, .object: nil
        }
    }
}
