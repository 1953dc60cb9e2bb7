// numpy arrays: pickled ones (datasets.md section 3), and the header of .npy files.

import Basics
import Foundation

/// How the elements of an array are stored: numpy's type string, `<f4` and the like.
struct NumpyType: Equatable {
  /// i, u, f, b, S, U, O.
  let kind: Character
  /// Bytes of an element.
  let size: Int
  let isBigEndian: Bool

  /// - Parameter order: `<`, `>`, `|` or `=`, where it is apart from the code.
  init?(_ code: String, order: String? = nil) {
    var code = code[...]
    var sign = order ?? ""
    if let first = code.first, "<>|=".contains(first) {
      sign = String(code.removeFirst())
    }
    guard let kind = code.first, "iufbSUO".contains(kind) else { return nil }
    let digits = code.dropFirst()
    guard let count = kind == "O" ? 8 : Int(digits), count >= 0, count <= 1 << 20 else {
      return nil
    }
    self.kind = kind
    size = kind == "U" ? 4 * count : count
    isBigEndian = sign == ">"
  }

  /// The whole number at a place; nil for other types.
  func integer(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int? {
    guard kind == "i" || kind == "u" || kind == "b", [1, 2, 4, 8].contains(size) else { return nil }
    var value: UInt64 = 0
    for k in 0..<size {
      value = value << 8 | UInt64(bytes[offset + (isBigEndian ? k : size - 1 - k)])
    }
    if kind == "i", size < 8 {
      let shift = UInt64(64 - 8 * size)
      return Int(Int64(bitPattern: value << shift) >> Int64(shift))
    }
    return Int(truncatingIfNeeded: value)
  }
}

/// A pickled array: shape, type, whether its numbers stand column after column, and its data (a list for objects).
struct PickledArray {
  let shape: [Int]
  let type: NumpyType
  let isFortran: Bool
  let data: PickleValue
  var count: Int { shape.reduce(1, *) }
}

extension Pickle {
  /// - Returns: nil when the value is no array, or one whose parts contradict each other.
  func array(_ value: PickleValue) -> PickledArray? {
    guard let found = object(value), found.name.hasSuffix(".multiarray _reconstruct"),
      let state = items(found.state), state.count == 5, let extents = items(state[1]),
      let type = type(state[2])
    else { return nil }
    var shape: [Int] = []
    var count = 1
    for extent in extents {
      guard case .int(let size) = extent, size >= 0, size <= 1 << 40, shape.count < 32 else {
        return nil
      }
      shape.append(size)
      let product = count.multipliedReportingOverflow(by: size)
      guard !product.overflow, product.partialValue <= 1 << 40 else { return nil }
      count = product.partialValue
    }
    let isFortran =
      switch state[3] {
      case .bool(let flag): flag
      case .int(let number): number != 0
      default: false
      }
    let stored =
      type.kind == "O" ? items(state[4])?.count : withBytes(of: state[4]) { $0.count }
    guard stored == (type.kind == "O" ? count : count * type.size) else { return nil }
    return PickledArray(shape: shape, type: type, isFortran: isFortran, data: state[4])
  }

  func type(_ value: PickleValue) -> NumpyType? {
    guard let found = object(value), found.name.hasPrefix("numpy"), found.name.hasSuffix(" dtype"),
      let arguments = items(found.arguments), let code = arguments.first.flatMap(text)
    else { return nil }
    let state = items(found.state) ?? []
    return NumpyType(code, order: state.count > 1 ? text(state[1]) : nil)
  }

  /// An array of whole numbers or a list of them.
  func integers(_ value: PickleValue) -> [Int]? {
    if let array = array(value) {
      return withBytes(of: array.data) { bytes in
        let numbers = (0..<array.count).map { array.type.integer(bytes, at: $0 * array.type.size) }
        return numbers.contains(nil) ? nil : numbers.map { $0! }
      } ?? nil
    }
    guard let items = items(value) else { return nil }
    let numbers = items.map { item in if case .int(let number) = item { number } else { Int?.none }
    }
    return numbers.contains(nil) ? nil : numbers.map { $0! }
  }
}

/// The head of a .npy file.
struct NPYHeader {
  let type: NumpyType
  let isFortran: Bool
  let shape: [Int]
  /// Where the data begin.
  let byteCount: Int

  /// Bytes that hold every header of ours.
  static let mostBytes = 1 << 16

  /// - Parameter bytes: the file's beginning.
  /// - Throws: badData with what is wrong.
  init(_ bytes: UnsafeRawBufferPointer, at place: String) throws {
    func complain(_ found: String) -> Failure {
      Failure(.badData, at: place, "expected a .npy file, found \(found)")
    }
    guard bytes.count >= 12, bytes.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw complain("no .npy magic")
    }
    guard (1...3).contains(bytes[6]) else { throw complain("version \(bytes[6])") }
    let start = bytes[6] == 1 ? 10 : 12
    let length =
      bytes[6] == 1
      ? Int(bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self))
      : Int(bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))
    guard length <= Self.mostBytes - 12, start + length <= bytes.count else {
      throw complain("a header of \(length) bytes that is not there")
    }
    let text = String(decoding: bytes[start..<(start + length)], as: UTF8.self)
    guard let code = Self.field("descr", of: text, until: ",}")?.filter({ !"'\" ".contains($0) }),
      let order = Self.field("fortran_order", of: text, until: ",}"),
      let extents = Self.field("shape", of: text, until: ")"), let type = NumpyType(code)
    else { throw complain("the header '\(text.prefix(80))'") }
    let words = extents.split(whereSeparator: { "( ,".contains($0) })
    shape = words.compactMap { Int($0) }
    guard shape.count == words.count, shape.allSatisfy({ $0 >= 0 && $0 <= 1 << 40 }),
      type.kind != "O"
    else { throw complain("the header '\(text.prefix(80))'") }
    self.type = type
    isFortran = order.contains("True")
    byteCount = start + length
  }

  private static func field(_ name: String, of text: String, until ends: String) -> String? {
    guard let key = text.range(of: "'\(name)':") else { return nil }
    return String(text[key.upperBound...].prefix { !ends.contains($0) })
  }
}
