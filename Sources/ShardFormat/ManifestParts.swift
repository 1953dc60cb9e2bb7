// What a manifest consists of: fields, inputs, task, transforms, segments, shards, provenance (docs/formats.md).

import Basics
import Foundation

/// How one stored value is laid out: little endian.
public enum ElementType: String, Codable, Sendable {
  case uint8, uint16, int32, int64, float32

  public var byteCount: Int {
    switch self {
    case .uint8: 1
    case .uint16: 2
    case .int32, .float32: 4
    case .int64: 8
    }
  }
}

/// One field of a record: `input.0`, `input.1`, ..., `label`.
public struct Field: Codable, Equatable, Sendable {
  public var name: String
  public var type: ElementType
  public var shape: [Int]
  /// Whether the bytes of its numbers are stored apart, lowest first.
  public var byteShuffle: Bool

  /// Numbers of several bytes are stored with their bytes apart unless it is said otherwise.
  public init(_ name: String, _ type: ElementType, _ shape: [Int], byteShuffle: Bool? = nil) {
    self.name = name
    self.type = type
    self.shape = shape
    self.byteShuffle = byteShuffle ?? (type.byteCount > 1)
  }

  public var byteCount: Int { type.byteCount * shape.reduce(1, *) }
}

/// What an input means to a network (method.md, "Inputs").
public struct InputDescription: Codable, Equatable, Sendable {
  /// image, series or tokens.
  public var kind: String
  /// Of a sample as trained on: image (C, H, W), series (C, L), tokens (L).
  public var shape: [Int]
  /// The token size that Table 16 gives the set, or a sensible one.
  public var patch: [Int]
  /// Rows of the embedding table; 0 unless tokens.
  public var vocabulary: Int
  /// Letters of the vocabulary for people to read, where there are any.
  public var alphabet: [String]?

  public init(
    kind: String, shape: [Int], patch: [Int], vocabulary: Int = 0, alphabet: [String]? = nil
  ) {
    self.kind = kind
    self.shape = shape
    self.patch = patch
    self.vocabulary = vocabulary
    self.alphabet = alphabet
  }
}

/// What the labels are.
public struct TaskDescription: Codable, Equatable, Sendable {
  /// none, classes, regression or token-classes.
  public var kind: String
  public var classes: Int
  public var names: [String]
  /// accuracy, weighted_f1, spearman, token_accuracy; empty when there is no task.
  public var metric: String

  public init(kind: String, classes: Int, names: [String], metric: String) {
    self.kind = kind
    self.classes = classes
    self.names = names
    self.metric = metric
  }

  public static let none = TaskDescription(kind: "none", classes: 0, names: [], metric: "")
}

/// How an input's stored values become numbers: `stored * scale[c] + shift[c]`, one entry a channel or one for all.
public struct Transform: Codable, Equatable, Sendable {
  public var scale: [Float]
  public var shift: [Float]

  public init(scale: [Float] = [1], shift: [Float] = [0]) {
    self.scale = scale
    self.shift = shift
  }
}

/// Per-channel mean and standard deviation of an input over the training part, as stored; for people.
public struct ChannelStatistics: Codable, Equatable, Sendable {
  public var mean: [Double]
  public var deviation: [Double]

  public init(mean: [Double], deviation: [Double]) {
    self.mean = mean
    self.deviation = deviation
  }
}

/// A stretch of rows that windows are cut from.
public struct Segment: Codable, Equatable, Sendable {
  public var rowCount: Int
  public var firstBlock: Int
  public var label: Int
  /// Whose rows these are (a subject), for splits by group.
  public var group: String

  public init(rowCount: Int, firstBlock: Int, label: Int, group: String) {
    self.rowCount = rowCount
    self.firstBlock = firstBlock
    self.label = label
    self.group = group
  }
}

/// How samples are drawn from a windowed set.
public struct Sampling: Codable, Equatable, Sendable {
  /// Always "windows".
  public var kind: String
  /// Rows of a window.
  public var length: Int
  /// Windows of an epoch.
  public var perEpoch: Int
  /// Whether the windows are the fixed list of datasets.md section 4 (train and test) or drawn anew each epoch.
  public var fixed: Bool
  /// The splits drawn before this one from the fixed list's one stream: row counts of their segments, and how many.
  public var preceding: [PrecedingDraws]

  public struct PrecedingDraws: Codable, Equatable, Sendable {
    public var rowCounts: [Int]
    public var count: Int

    public init(rowCounts: [Int], count: Int) {
      self.rowCounts = rowCounts
      self.count = count
    }
  }

  public init(length: Int, perEpoch: Int, fixed: Bool, preceding: [PrecedingDraws] = []) {
    kind = "windows"
    self.length = length
    self.perEpoch = perEpoch
    self.fixed = fixed
    self.preceding = preceding
  }
}

/// One shard file.
public struct ShardEntry: Codable, Equatable, Sendable {
  public var file: String
  public var bytes: Int
  /// XXH3 of the file, 128 bits. In format version 1: nil.
  public var xxh128: String?
  /// In format version 1: SHA-256 of the file.
  public var sha256: String?
  public var firstBlock: Int
  public var blockCount: Int

  /// The entry of a file as it is now.
  /// - Parameter path: where it is; it may have another name than `file` until it is whole.
  public init(file: String, at path: String, blocks: Range<Int>) throws {
    self.file = file
    bytes = try Files.size(path)
    xxh128 = try Checksum.xxh128(file: path)
    firstBlock = blocks.lowerBound
    blockCount = blocks.count
  }

  /// What a file's checksum is and should be; nil when it is the same.
  public func difference(from path: String) throws -> String? {
    func difference(_ name: String, _ expected: String, _ found: String) -> String? {
      found == expected ? nil : "expected \(name) \(expected), found \(found)"
    }
    if let xxh128 { return try difference("XXH128", xxh128, Checksum.xxh128(file: path)) }
    return try difference("SHA-256", sha256 ?? "", Digest.sha256(file: path))
  }
}

/// Where the data came from.
public struct Provenance: Codable, Equatable, Sendable {
  public struct RawFile: Codable, Equatable, Sendable {
    public var name: String
    public var bytes: Int
    /// Of a file its SHA-256. In format version 1 of a tree that of its files' SHA-256 values in record order.
    public var sha256: String?
    /// Of a tree: XXH128 of its files' XXH128 values, 16 bytes each, in record order.
    public var xxh128: String?
    /// Of a tree: how many files make records.
    public var files: Int?
    /// Of a tree: SHA-256 over the lines "size name" in record order.
    public var listing: String?

    public init(
      name: String, bytes: Int, sha256: String? = nil, files: Int? = nil, listing: String? = nil
    ) {
      self.name = name
      self.bytes = bytes
      self.sha256 = sha256
      self.files = files
      self.listing = listing
    }
  }

  /// A record that the build left out.
  public struct Skipped: Codable, Equatable, Sendable {
    public var name: String
    public var problem: String

    public init(name: String, problem: String) {
      self.name = name
      self.problem = problem
    }
  }

  public var rawFiles: [RawFile]
  /// With `--on-bad-record skip`: what could not be decoded, of all splits.
  public var skipped: [Skipped]?
  public var options: [String: String]
  public var tool: String
  /// What a reader of the numbers should know: choices, discrepancies.
  public var notes: [String]

  public init(rawFiles: [RawFile] = [], options: [String: String] = [:], notes: [String] = []) {
    self.rawFiles = rawFiles
    self.options = options
    self.notes = notes
    tool = "metamae-prep \(metamaeVersion)"
  }

  /// Whether a build of the one would be a build of the other, as far as can be told before files are decoded: a tree
  /// is known by its list of names and sizes.
  public func isBuild(of other: Provenance) -> Bool {
    func known(_ provenance: Provenance) -> Provenance {
      var known = provenance
      known.skipped = nil
      for k in known.rawFiles.indices where known.rawFiles[k].listing != nil {
        (known.rawFiles[k].sha256, known.rawFiles[k].xxh128) = (nil, nil)
      }
      return known
    }
    return known(self) == known(other)
  }
}
