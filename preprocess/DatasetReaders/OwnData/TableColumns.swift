// Columns of a user's table as numbers: what each column is, found in the data; its statistics, from the training part.

import Basics
import Glibc

/// One column and the numbers it becomes.
struct TableColumn: Codable, Equatable, Sendable {
  enum Kind: String, Codable, Sendable { case numeric, categorical }

  /// Categories of a column; more are an identifier or a text, not a category.
  static let mostCategories = 64

  let name: String
  let kind: Kind
  /// Of a numeric column over the training rows that have a value.
  var mean = 0.0
  var deviation = 1.0
  /// Whether a numeric column lacks values somewhere: a second number says so, row by row.
  var hasMissing = false
  /// Of a categorical column: the training rows' values, ascending; each is a number of its own, 0 or 1.
  var categories: [String] = []

  /// How many numbers it becomes.
  var width: Int { kind == .categorical ? categories.count : hasMissing ? 2 : 1 }

  /// The names of these numbers.
  var features: [String] {
    switch kind {
    case .categorical: categories.map { "\(name)=\($0)" }
    case .numeric: [name] + (hasMissing ? ["\(name) is missing"] : [])
    }
  }

  /// Stores the numbers of a value: standardised, a missing one as the mean; 0 and 1 for categories.
  func store(_ value: [UInt8]?, into target: UnsafeMutableRawPointer) {
    func put(_ number: Float, _ place: Int) {
      target.storeBytes(of: number, toByteOffset: 4 * place, as: Float.self)
    }
    switch kind {
    case .numeric:
      put(value.map { Float(((Self.number($0) ?? mean) - mean) / deviation) } ?? 0, 0)
      if hasMissing { put(value == nil ? 1 : 0, 1) }
    case .categorical:
      let text = value.map { String(decoding: $0, as: UTF8.self) }
      for (place, category) in categories.enumerated() { put(category == text ? 1 : 0, place) }
    }
  }

  /// The finite number that a whole field is.
  static func number(_ text: [UInt8]) -> Double? {
    let ended = text + [0]
    let (value, length) = DecimalText.number(at: ended)
    return length == text.count && value.isFinite ? value : nil
  }
}

/// What the columns of a table turn out to be.
struct TableSurvey {
  private struct Found {
    var isNumeric = true
    var hasMissing = false
    var values: Set<String> = []
    var count = 0.0
    var mean = 0.0
    var squares = 0.0
  }

  private let names: [String]
  private var found: [Found]

  init(_ names: [String]) {
    self.names = names
    found = names.map { _ in Found() }
  }

  /// First pass, all rows: is it a number, is it ever missing?
  mutating func look(_ values: ArraySlice<[UInt8]?>) {
    for (column, value) in values.enumerated() {
      guard let value else {
        found[column].hasMissing = true
        continue
      }
      if found[column].isNumeric && TableColumn.number(value) == nil {
        found[column].isNumeric = false
      }
    }
  }

  /// Second pass, training rows only (Welford's running mean and squares).
  mutating func learn(_ values: ArraySlice<[UInt8]?>) {
    for (column, value) in values.enumerated() {
      guard let value else { continue }
      if found[column].isNumeric {
        let number = TableColumn.number(value)!
        found[column].count += 1
        let difference = number - found[column].mean
        found[column].mean += difference / found[column].count
        found[column].squares += difference * (number - found[column].mean)
      } else if found[column].values.count <= TableColumn.mostCategories {
        found[column].values.insert(String(decoding: value, as: UTF8.self))
      }
    }
  }

  /// - Throws: badData for a column with too many categories, or without any value to train on.
  func columns(_ place: String) throws -> [TableColumn] {
    try zip(names, found).map { name, found in
      if found.isNumeric {
        guard found.count > 0 else {
          throw Failure(
            .badData, at: place,
            "column '\(name)': expected values in the training part, found none",
            remedy: "Leave it out with --drop.")
        }
        let deviation = (found.squares / found.count).squareRoot()
        return TableColumn(
          name: name, kind: .numeric, mean: found.mean, deviation: deviation > 0 ? deviation : 1,
          hasMissing: found.hasMissing)
      }
      guard (1...TableColumn.mostCategories).contains(found.values.count) else {
        throw Failure(
          .badData, at: place,
          "column '\(name)': expected numbers, or at most \(TableColumn.mostCategories) categories,"
            + " found \(found.values.isEmpty ? "none" : "more") in the training part",
          remedy: "Leave it out with --drop, or make it the --label.")
      }
      return TableColumn(
        name: name, kind: .categorical,
        categories: found.values.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }
  }
}
