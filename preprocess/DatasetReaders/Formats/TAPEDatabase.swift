// TAPE's second format (datasets.md section 3): an LMDB file of pickled dicts under the keys 0, 1, ..., and the count under
// num_examples. Nothing in it is executed.

import Basics
import ShardFormat

final class TAPEDatabase {
  let place: String
  /// Rows.
  let count: Int
  private let file: LMDBFile

  /// - Parameter entry: `data.mdb`, on disk as it is.
  /// - Throws: usage for one within an archive; badData for a damaged file or one without a count.
  init(_ entry: RawEntry) throws {
    place = entry.place
    guard entry.inside.isEmpty else {
      throw Failure(
        .usage, at: entry.place, "expected the LMDB file on disk, found it within an archive",
        remedy: "Unpack the archive first; an LMDB file is read at random.")
    }
    file = try LMDBFile(path: entry.file)
    guard let bytes = file.value("num_examples") else {
      throw Failure(
        .badData, at: place, "expected the key num_examples, found none",
        remedy: "The file is damaged, or not TAPE's.")
    }
    let pickle = try Pickle(FileBytes(borrowing: bytes, place: "\(place), num_examples"))
    guard case .int(let count) = pickle.root, (0...1 << 40).contains(count) else {
      throw Failure(.badData, at: place, "num_examples: expected a count, found another value")
    }
    self.count = count
  }

  /// Where a row is, for messages.
  func spot(_ row: Int) -> String { "\(place), row \(row)" }

  /// The dict of a row; it must not outlive this database.
  func row(_ row: Int) throws -> Pickle {
    guard let bytes = file.value(String(row)) else {
      throw Failure(
        .badData, at: place, "expected \(count) rows, found none under the key \(row)",
        remedy: "The file is damaged; get it again.")
    }
    return try Pickle(FileBytes(borrowing: bytes, place: spot(row)))
  }
}

extension Pickle {
  /// The numbers that a value is: one, a list or tuple of them, numpy's array or scalar; nil for others.
  func numbers(_ value: PickleValue) -> [Double]? {
    switch value {
    case .int(let number): return [Double(number)]
    case .float(let number): return [number]
    case .bool(let flag): return [flag ? 1 : 0]
    case .none, .bytes: return nil
    case .node: break
    }
    if let array = array(value) {
      return withBytes(of: array.data) { bytes in
        let numbers = (0..<array.count).map { array.type.number(bytes, at: $0 * array.type.size) }
        return numbers.contains(nil) ? nil : numbers.map { $0! }
      } ?? nil
    }
    if let scalar = scalar(value) { return [scalar] }
    guard let items = items(value) else { return nil }
    var found: [Double] = []
    for item in items {
      // One level: lists within lists are no labels.
      switch item {
      case .int(let number): found.append(Double(number))
      case .float(let number): found.append(number)
      default:
        guard let number = scalar(item) else { return nil }
        found.append(number)
      }
    }
    return found
  }

  /// `numpy.core.multiarray.scalar(dtype, bytes)`.
  private func scalar(_ value: PickleValue) -> Double? {
    guard let found = object(value), found.name.hasPrefix("numpy"),
      found.name.hasSuffix(".multiarray scalar"), let arguments = items(found.arguments),
      arguments.count == 2, let type = type(arguments[0])
    else { return nil }
    return withBytes(of: arguments[1]) { bytes in
      bytes.count == type.size ? type.number(bytes, at: 0) : nil
    } ?? nil
  }
}
