/// Rows for people: columns as wide as they need to be, numbers to the right.
struct Table {
    enum Side { case left, right }

    private let columns: [(title: String, side: Side)]
    private var rows: [[String]] = []

    init(_ columns: [(title: String, side: Side)]) { self.columns = columns }

    /// Cells that are missing at the end are empty.
    mutating func add(_ cells: [String]) {
        rows.append(cells.map(Wording.oneLine) + Array(repeating: "", count: max(0, columns.count - cells.count)))
    }

    /// The title and each row, without spaces at the ends of lines.
    var lines: [String] {
        let all = [columns.map { $0.title.uppercased() }] + rows
        let widths = columns.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { cells in
            var line = ""
            for (column, side) in columns.map(\.side).enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cells[column].count)
                line += (column == 0 ? "" : "  ") + (side == .left ? cells[column] + padding : padding + cells[column])
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
    }

    func show() {
        for line in lines { Output.line(line) }
    }
}
