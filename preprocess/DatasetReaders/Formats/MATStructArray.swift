// MATLAB v7.3 struct arrays (HDF5), an element of a member at a time: datasets.md section 3. libhdf5 reads files on disk
// only (one within an archive is unpacked for it) and trusts much of what it finds: use it in a process of a build, which
// may die.

import Basics
import CStructArrays
import Glibc

final class MATStructArray {
  enum Element: Equatable {
    /// Rows and columns as MATLAB sees them, row after row.
    case numbers(rows: Int, columns: Int, [UInt8])
    case text(String)
    case empty
  }

  static let mostValues = 1 << 24

  let place: String
  private let handle: UnsafeMutableRawPointer
  private var fields: [String: (handle: UnsafeMutableRawPointer, count: Int)] = [:]

  /// - Parameter scratch: where a file within an archive is unpacked to; gone from the folder before the first read.
  /// - Throws: badData when it is no HDF5 file; inputOutput or tryAgain when it cannot be unpacked.
  init(_ entry: RawEntry, scratch: String) throws {
    place = entry.place
    let isPacked = !entry.inside.isEmpty
    defer { if isPacked { unlink(scratch) } }
    if isPacked { try Self.unpack(entry, to: scratch) }
    guard let handle = csa_open(isPacked ? scratch : entry.file) else {
      throw Failure(
        .badData, at: entry.place,
        "expected a MATLAB 7.3 (HDF5) file, found none, or a damaged one",
        remedy: "Get the file again.")
    }
    self.handle = handle
  }

  private static func unpack(_ entry: RawEntry, to path: String) throws {
    let stream = try entry.open()
    let file = try FileWriter(path)
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { bytes.deallocate() }
    while true {
      let count = try stream.read(into: bytes)
      if count == 0 { return }
      try file.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
    }
  }

  deinit {
    for field in fields.values { csa_field_close(field.handle) }
    csa_close(handle)
  }

  /// How many elements a member has.
  /// - Throws: badData when there is no such member of references.
  func count(_ member: String) throws -> Int { try field(member).count }

  private func field(_ member: String) throws -> (handle: UnsafeMutableRawPointer, count: Int) {
    if let found = fields[member] { return found }
    var field: UnsafeMutableRawPointer?
    let count = csa_field_open(handle, "/data/" + member, &field)
    guard count > 0, let field else {
      throw Failure(
        .badData, at: place, "expected references in /data/\(member), found none")
    }
    fields[member] = (field, Int(count))
    return (field, Int(count))
  }

  func element(_ member: String, _ row: Int) throws -> Element {
    let field = try field(member).handle
    var kind: Int32 = 0
    var extents: (UInt64, UInt64) = (0, 0)
    let code = withUnsafeMutableBytes(of: &extents) {
      csa_element(field, Int64(row), &kind, $0.assumingMemoryBound(to: UInt64.self).baseAddress)
    }
    let total = extents.0.multipliedReportingOverflow(by: extents.1)
    guard code == 0, !total.overflow, total.partialValue <= UInt64(Self.mostValues) else {
      throw complaint(member, row)
    }
    let count = Int(total.partialValue)
    if kind == Int32(CSA_EMPTY) || count == 0 { return .empty }
    if kind == Int32(CSA_TEXT) {
      var units = [UInt16](repeating: 0, count: count)
      guard csa_units(field, Int64(row), &units, UInt64(count)) == 0 else {
        throw complaint(member, row)
      }
      return .text(String(decoding: units, as: UTF16.self))
    }
    var values = [UInt8](repeating: 0, count: count)
    guard csa_bytes(field, Int64(row), &values, UInt64(count)) == 0 else {
      throw complaint(member, row)
    }
    // Stored columns x rows.
    let (columns, rows) = (Int(extents.0), Int(extents.1))
    var transposed = values
    for y in 0..<rows {
      for x in 0..<columns { transposed[y * columns + x] = values[x * rows + y] }
    }
    return .numbers(rows: rows, columns: columns, transposed)
  }

  private func complaint(_ member: String, _ row: Int) -> Failure {
    Failure(
      .badData, at: "\(place), \(member) \(row)",
      "expected text, numbers in two dimensions or nothing, found something else or damage")
  }
}
