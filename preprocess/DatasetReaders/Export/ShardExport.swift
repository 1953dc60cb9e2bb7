// `metamae-prep export`: a split of shards as files that other tools read, values as stored: one .npz (ArrayExport) or
// tars as WebDataset has them (TarExport). Beside them description.json says what the values mean; a folder appears
// whole or not at all.

import Basics
import CSystem
import Foundation
import Glibc
import ShardFormat

public struct ShardExport {
  public enum Format: String, CaseIterable, Sendable { case npz, webdataset }

  public struct Report: Encodable, Sendable {
    public var directory: String
    public var files: [String]
    public var samples: Int
    public var bytes: Int
  }

  public static let descriptionName = "description.json"
  private let format: Format
  private let output: String
  private let observer: any BuildObserver

  /// - Parameter output: OUT/DATASET/SPLIT is made below it.
  public init(_ format: Format, output: String, observer: any BuildObserver) {
    (self.format, self.output, self.observer) = (format, output, observer)
  }

  /// Exports one split.
  /// - Throws: usage when the folder is there; badData for a damaged split; inputOutput and tryAgain as they come.
  ///   Nothing half-written is left.
  public func run(_ split: String) throws -> Report {
    let reader = try ShardReader(directory: split)
    let manifest = reader.manifest
    let folder = "\(output)/\(manifest.dataset)/\(manifest.split)"
    guard !Files.exists(folder) else {
      throw Failure(
        .usage, at: folder, "is there already",
        remedy: "Remove it, or choose another --out.")
    }
    let needed = manifest.sampleCount * manifest.recordBytes * (format == .npz ? 2 : 1)
    let beside = folder + unfinishedSuffix
    try Files.remove(beside)
    try Files.createFolder(beside)
    do {
      let free = try Files.freeBytes(at: beside)
      guard free >= needed else {
        throw Failure(
          .tryAgain, at: output,
          "expected about \(megabytes(needed)) of free space, found \(megabytes(free))",
          remedy: "Make room, or choose an --out on another file system.")
      }
      let progress = { (block: Int) throws in
        guard cs_stop_requested() == 0 else {
          throw Failure(
            .interrupted, at: "metamae-prep", "interrupted", remedy: "Nothing was written.")
        }
        observer.progress(.storing, done: block, total: manifest.blockCount)
      }
      let (files, samples) =
        switch format {
        case .npz: try ArrayExport(reader, folder: beside, progress: progress).write()
        case .webdataset: try TarExport(reader, folder: beside, progress: progress).write()
        }
      try describe(manifest, samples, files, in: beside)
      let bytes = try files.reduce(0) { try $0 + Files.size(beside + "/" + $1) }
      try Files.sync(folder: beside)
      guard !DiskFault.strikes(), rename(beside, folder) == 0 else {
        throw Failure.system(errno, at: folder, "cannot rename")
      }
      try Files.sync(folder: Files.parent(of: folder))
      return Report(directory: folder, files: files, samples: samples, bytes: bytes)
    } catch {
      try? Files.remove(beside)
      rmdir(Files.parent(of: folder))
      rmdir(output)
      throw error
    }
  }

  private struct Description: Encodable {
    let format: String
    let dataset: String
    let split: String
    let samples: Int
    let files: [String]
    let inputs: [InputDescription]
    let transforms: [Transform]
    let task: TaskDescription
    let sampling: Sampling?
    let provenance: Provenance
  }

  private func describe(_ manifest: Manifest, _ samples: Int, _ files: [String], in folder: String)
    throws
  {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let text = try encoder.encode(
      Description(
        format: format.rawValue, dataset: manifest.dataset, split: manifest.split,
        samples: samples, files: files, inputs: manifest.inputs, transforms: manifest.transforms,
        task: manifest.task, sampling: manifest.sampling, provenance: manifest.provenance))
    try Files.writeAtomically(
      String(decoding: text, as: UTF8.self) + "\n", to: folder + "/" + Self.descriptionName)
  }
}

/// Blocks of a split one after the other, each decoded once.
struct BlockWalk {
  let reader: ShardReader
  let progress: (Int) throws -> Void

  /// Calls `body` with each block's number, its count of samples and its bytes.
  func forEach(
    _ blocks: Range<Int>, _ body: (Int, Int, UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    let manifest = reader.manifest
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, manifest.samplesPerBlock * manifest.recordBytes), alignment: 64)
    defer { block.deallocate() }
    for k in blocks {
      try progress(k)
      try reader.decode(block: k, into: block)
      try body(k, manifest.sampleCount(ofBlock: k), block)
    }
  }
}

extension Manifest {
  /// The blocks of a segment.
  func blocks(ofSegment segment: Int) -> Range<Int> {
    let first = segments![segment].firstBlock
    return first..<(first + (segments![segment].rowCount + samplesPerBlock - 1) / samplesPerBlock)
  }
}

extension ElementType {
  /// numpy's type string.
  var numpyCode: String {
    switch self {
    case .uint8: "|u1"
    case .uint16: "<u2"
    case .int32: "<i4"
    case .int64: "<i8"
    case .float32: "<f4"
    }
  }
}

extension NPYHeader {
  /// The head of a .npy file, version 1: padded so that the data begin at a multiple of 64.
  static func bytes(_ code: String, _ shape: [Int]) -> [UInt8] {
    let extents = shape.map { "\($0)," }.joined(separator: " ")
    var text = "{'descr': '\(code)', 'fortran_order': False, 'shape': (\(extents)), }"
    while (10 + text.utf8.count + 1) % 64 != 0 { text += " " }
    let count = text.utf8.count + 1
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(count & 255), UInt8(count >> 8)]
      + Array(text.utf8) + [0x0A]
  }
}
