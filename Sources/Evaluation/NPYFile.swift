// NumPy's .npy, version 1.0: what `metamae-eval features` writes and what reads it back. Little endian, C order.
// Rows are appended as they come; the header, written last, has a fixed size.

import Basics
import Glibc

/// The element types we write; the raw value is NumPy's descriptor.
public enum NPYElement: String, Sendable {
  case float32 = "<f4"
  case int64 = "<i8"

  public var byteCount: Int { self == .float32 ? 4 : 8 }
}

/// Writes one array row by row; the file appears whole under its name at `finish`, or not at all.
public final class NPYWriter {
  private static let headerSize = 128
  private let path: String
  private let element: NPYElement
  private let rowShape: [Int]
  private var descriptor: Int32
  private var byteCount = 0

  /// - Parameter rowShape: shape of one row; empty for a vector.
  public init(_ path: String, _ element: NPYElement, rowShape: [Int] = []) throws {
    self.path = path
    self.element = element
    self.rowShape = rowShape
    descriptor = open(path + unfinishedSuffix, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Failure.system(errno, at: path, "cannot create") }
    try [UInt8](repeating: 0, count: Self.headerSize).withUnsafeBytes { try write($0) }
    byteCount = 0
  }

  deinit {
    if descriptor >= 0 {
      close(descriptor)
      unlink(path + unfinishedSuffix)
    }
  }

  public func append(_ values: [Float]) throws {
    precondition(element == .float32, "floats for \(element.rawValue)")
    try values.withUnsafeBytes { try write($0) }
  }

  public func append(_ values: [Int64]) throws {
    precondition(element == .int64, "integers for \(element.rawValue)")
    try values.withUnsafeBytes { try write($0) }
  }

  /// Writes the header, syncs and renames.
  public func finish() throws {
    let rowBytes = rowShape.reduce(element.byteCount, *)
    precondition(rowBytes > 0 && byteCount % rowBytes == 0, "part of a row")
    let shape = ([byteCount / rowBytes] + rowShape).map(String.init)
    let tuple = shape.count == 1 ? "(\(shape[0]),)" : "(\(shape.joined(separator: ", ")))"
    let text = "{'descr': '\(element.rawValue)', 'fortran_order': False, 'shape': \(tuple), }"
    var header: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0]
    let length = Self.headerSize - 10
    header += [UInt8(length & 255), UInt8(length >> 8)]
    precondition(text.utf8.count < length, "a shape of \(shape.count) axes")
    header += Array(text.utf8)
    while header.count < Self.headerSize - 1 { header.append(UInt8(ascii: " ")) }
    header.append(UInt8(ascii: "\n"))
    guard pwrite(descriptor, header, header.count, 0) == header.count else {
      throw Failure.system(errno, at: path, "cannot write")
    }
    guard fsync(descriptor) == 0 else { throw Failure.system(errno, at: path, "cannot sync") }
    close(descriptor)
    descriptor = -1
    guard rename(path + unfinishedSuffix, path) == 0 else {
      let code = errno
      unlink(path + unfinishedSuffix)
      throw Failure.system(code, at: path, "cannot rename")
    }
    try Files.sync(folder: Files.parent(of: path))
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw Failure.system(errno, at: path, "cannot write") }
      done += count
    }
    byteCount += bytes.count
  }
}

/// An array read back.
public struct NPYFile: Sendable {
  public let shape: [Int]
  public let element: NPYElement
  private let bytes: [UInt8]
  private let start: Int

  /// - Throws: missing input; bad data for what is no .npy of our two types, or is cut short.
  public init(path: String) throws {
    bytes = try Files.read(path)
    func damaged(_ problem: String) -> Failure { Failure(.badData, at: path, problem) }
    guard bytes.count >= 10, Array(bytes[..<8]) == [0x93] + Array("NUMPY".utf8) + [1, 0] else {
      throw damaged("expected a NumPy array, version 1.0, found other bytes")
    }
    start = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
    guard start <= bytes.count else { throw damaged("truncated in its header") }
    let header = String(decoding: bytes[10..<start], as: UTF8.self)
    guard let match = header.firstMatch(of: #/'descr':\s*'([^']*)'/#),
      let element = NPYElement(rawValue: String(match.1)), header.contains("'fortran_order': False")
    else { throw damaged("expected float32 or int64 in C order, found \(header.prefix(80))") }
    guard let tuple = header.firstMatch(of: #/'shape':\s*\(([0-9, ]*)\)/#) else {
      throw damaged("no shape in its header")
    }
    var shape: [Int] = []
    var size = element.byteCount
    for part in tuple.1.split(separator: ",") {
      let text = part.filter { $0 != " " }
      if text.isEmpty { continue }
      let extent = Int(text) ?? -1
      let (product, overflow) = size.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow else { throw damaged("impossible shape (\(tuple.1))") }
      shape.append(extent)
      size = product
    }
    guard bytes.count - start == size else {
      throw damaged("expected \(size) bytes for shape \(shape), found \(bytes.count - start)")
    }
    self.shape = shape
    self.element = element
  }

  /// - Precondition: `element` is float32.
  public var floats: [Float] {
    precondition(element == .float32)
    return load(Float.self)
  }

  /// - Precondition: `element` is int64.
  public var integers: [Int64] {
    precondition(element == .int64)
    return load(Int64.self)
  }

  private func load<T: BitwiseCopyable>(_ type: T.Type) -> [T] {
    let count = (bytes.count - start) / MemoryLayout<T>.size
    return bytes.withUnsafeBytes { bytes in
      Array(unsafeUninitializedCapacity: count) { places, initialised in
        UnsafeMutableRawBufferPointer(places).copyMemory(from: .init(rebasing: bytes[start...]))
        initialised = count
      }
    }
  }
}
