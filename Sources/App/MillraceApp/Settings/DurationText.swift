import MillraceCore

extension Duration {
    /// Reads `30s`, `10m`, `1h`, `250ms`, `2d`, or a number of seconds.
    init?(text: String) {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)]
        let unit = units.first { text.hasSuffix($0.0) }
        let digits = unit.map { text.dropLast($0.0.count) } ?? text[...]
        guard let number = Double(digits), number.isFinite, number >= 0, number <= 1e9 else { return nil }
        self = .seconds(fraction: number * (unit?.1 ?? 1))
    }
}
