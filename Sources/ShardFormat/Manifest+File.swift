// Reading and writing manifest.json, and what a reader must reject.

import Basics
import Foundation

extension Manifest {
  /// Stable bytes: sorted keys, snake case, one trailing newline.
  public func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return try Array(encoder.encode(self)) + [UInt8(ascii: "\n")]
  }

  /// The commit of a build: after this the split exists.
  public func write(to directory: String) throws {
    try encoded().withUnsafeBytes {
      try Files.writeAtomically($0, to: directory + "/" + Self.fileName)
    }
  }

  /// - Throws: missingInput when there is no finished split in the folder, badData for a manifest that is not one.
  public init(directory: String) throws {
    let path = directory + "/" + Self.fileName
    guard Files.exists(path) else {
      throw Failure(
        .missingInput, at: directory, "expected a split with \(Self.fileName), found none",
        remedy: "Build it with: metamae-prep build-shards --dataset NAME --raw RAW --out OUT")
    }
    let bytes = try Files.read(path)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    struct Version: Decodable { let formatVersion: Int }
    guard let version = try? decoder.decode(Version.self, from: Data(bytes)) else {
      throw Self.damaged(path, "it is no JSON manifest")
    }
    guard Self.knownVersions.contains(version.formatVersion) else {
      let known = Self.knownVersions
      throw Failure(
        .badData, at: path,
        "expected format version \(known.lowerBound) to \(known.upperBound), found \(version.formatVersion)",
        remedy: "Rebuild the shards with this version's metamae-prep.")
    }
    do {
      self = try decoder.decode(Manifest.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw Self.damaged(path, Self.describe(error))
    }
    if let reason = inconsistency { throw Self.damaged(path, reason) }
  }

  private static func damaged(_ path: String, _ reason: String) -> Failure {
    Failure(
      .badData, at: path, reason,
      remedy: "The manifest is damaged. Rebuild it with: metamae-prep build-shards")
  }

  private static func describe(_ error: DecodingError) -> String {
    func path(_ context: DecodingError.Context) -> String {
      context.codingPath.map(\.stringValue).joined(separator: ".")
    }
    switch error {
    case .keyNotFound(let key, _): return "the field '\(key.stringValue)' is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      return "the field '\(path(context))' is not as specified"
    @unknown default: return "it cannot be decoded"
    }
  }

  /// The first thing that does not fit, nil when all does. Bounds everything that lengths are computed from.
  private var inconsistency: String? {
    let most = 1 << 40
    guard sampleCount > 0, sampleCount <= most, samplesPerBlock > 0, samplesPerBlock <= 1 << 24
    else {
      return "sample counts are out of range"
    }
    guard !inputs.isEmpty, transforms.count == inputs.count else {
      return "inputs and transforms do not match"
    }
    for field in fields {
      var bytes = field.type.byteCount
      for size in field.shape {
        guard size > 0, size <= 1 << 28, bytes <= (1 << 30) / size else {
          return "field '\(field.name)' has an impossible shape"
        }
        bytes *= size
      }
    }
    guard recordBytes > 0, recordBytes * samplesPerBlock <= 1 << 31 else {
      return "blocks are too large"
    }
    for k in inputs.indices where fieldIndex("input.\(k)") == nil {
      return "field 'input.\(k)' is missing"
    }
    for (k, input) in inputs.enumerated() {
      guard ["image", "series", "tokens"].contains(input.kind), input.shape.allSatisfy({ $0 > 0 }),
        input.shape.count == ["image": 3, "series": 2, "tokens": 1][input.kind]
      else { return "input \(k) is not as specified" }
    }
    var expectedBlocks = (sampleCount + samplesPerBlock - 1) / samplesPerBlock
    if let segments {
      guard let sampling, !segments.isEmpty else { return "segments without sampling" }
      var block = 0
      for (k, segment) in segments.enumerated() {
        guard segment.rowCount > sampling.length, segment.rowCount <= most,
          segment.firstBlock == block
        else {
          return "segment \(k) is not as specified"
        }
        block += (segment.rowCount + samplesPerBlock - 1) / samplesPerBlock
      }
      guard sampling.length > 0, sampling.perEpoch > 0 else { return "sampling is out of range" }
      guard segments.reduce(0, { $0 + $1.rowCount }) == sampleCount else {
        return "segments do not add up to \(sampleCount) rows"
      }
      expectedBlocks = block
    } else if sampling != nil {
      return "sampling without segments"
    }
    guard blockCount == expectedBlocks else {
      return "expected \(expectedBlocks) blocks, found \(blockCount)"
    }
    var block = 0
    for shard in shards {
      guard shard.firstBlock == block, shard.blockCount > 0, !shard.file.contains("/"),
        shard.bytes > 0
      else {
        return "shard '\(shard.file)' is not as specified"
      }
      guard (formatVersion == 1 ? shard.sha256 : shard.xxh128) != nil else {
        return "shard '\(shard.file)' has no checksum"
      }
      block += shard.blockCount
    }
    return block == blockCount ? nil : "the shards hold \(block) of \(blockCount) blocks"
  }
}
