import MillraceCore
import Yams

extension JSONValue {
    /// A YAML document as the JSON value that says the same.
    /// - Throws: `InvalidValue` that names the place.
    init(yaml text: String) throws(InvalidValue) {
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            throw InvalidValue(field: "", "is not valid YAML: \(error)")
        }
        self = try node.map { (node) throws(InvalidValue) in try JSONValue(node, at: "") } ?? .object([:])
    }

    private init(_ node: Node, at path: String) throws(InvalidValue) {
        switch node {
        case .mapping(let mapping):
            var fields: [String: JSONValue] = [:]
            for (key, value) in mapping {
                guard let name = key.string else { throw InvalidValue(field: path, "has a key that is not a text") }
                let place = path.isEmpty ? name : "\(path).\(name)"
                guard fields.updateValue(try JSONValue(value, at: place), forKey: name) == nil else {
                    throw InvalidValue(field: place, "is there twice")
                }
            }
            self = .object(fields)
        case .sequence(let sequence):
            var values: [JSONValue] = []
            for (index, value) in sequence.enumerated() { values.append(try JSONValue(value, at: "\(path)[\(index)]")) }
            self = .array(values)
        case .scalar(let scalar):
            // A quoted scalar is a text, whatever it looks like.
            guard scalar.style == .plain || scalar.style == .any else {
                self = .string(scalar.string)
                return
            }
            if node.null != nil {
                self = .null
            } else if let value = node.bool {
                self = .bool(value)
            } else if let value = node.int {
                self = .integer(value)
            } else if let value = node.float {
                self = .number(value)
            } else {
                self = .string(scalar.string)
            }
        case .alias:
            throw InvalidValue(field: path, "is an alias, which is not taken here")
        }
    }
}
