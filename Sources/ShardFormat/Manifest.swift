// manifest.json: what a split's shards hold, written last. docs/formats.md specifies every field.

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
  public var sha256: String
  public var firstBlock: Int
  public var blockCount: Int

  public init(file: String, bytes: Int, sha256: String, firstBlock: Int, blockCount: Int) {
    self.file = file
    self.bytes = bytes
    self.sha256 = sha256
    self.firstBlock = firstBlock
    self.blockCount = blockCount
  }
}

/// Where the data came from.
public struct Provenance: Codable, Equatable, Sendable {
  public struct RawFile: Codable, Equatable, Sendable {
    public var name: String
    public var bytes: Int
    /// Of a file its SHA-256; of a tree that of its files' SHA-256 values in record order.
    public var sha256: String
    /// Of a tree: how many files make records.
    public var files: Int?
    /// Of a tree: SHA-256 over the lines "size name" in record order.
    public var listing: String?

    public init(
      name: String, bytes: Int, sha256: String, files: Int? = nil, listing: String? = nil
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
        known.rawFiles[k].sha256 = ""
      }
      return known
    }
    return known(self) == known(other)
  }
}

public struct Manifest: Codable, Equatable, Sendable {
  public static let currentVersion = 1
  public static let fileName = "manifest.json"

  public var formatVersion = Manifest.currentVersion
  public var dataset: String
  public var split: String
  public var inputs: [InputDescription]
  public var fields: [Field]
  public var task: TaskDescription
  /// One an input.
  public var transforms: [Transform]
  public var statistics: [ChannelStatistics]
  /// Records; time rows for a windowed set.
  public var sampleCount: Int
  public var samplesPerBlock: Int
  public var blockCount: Int
  public var sampling: Sampling?
  public var segments: [Segment]?
  public var shards: [ShardEntry]
  public var provenance: Provenance

  public init(
    dataset: String, split: String, inputs: [InputDescription], fields: [Field],
    task: TaskDescription,
    transforms: [Transform], statistics: [ChannelStatistics] = [], sampleCount: Int,
    samplesPerBlock: Int,
    sampling: Sampling? = nil, segments: [Segment]? = nil, shards: [ShardEntry] = [],
    provenance: Provenance
  ) {
    self.dataset = dataset
    self.split = split
    self.inputs = inputs
    self.fields = fields
    self.task = task
    self.transforms = transforms
    self.statistics = statistics
    self.sampleCount = sampleCount
    self.samplesPerBlock = samplesPerBlock
    self.sampling = sampling
    self.segments = segments
    self.shards = shards
    self.provenance = provenance
    blockCount = 0
    blockCount =
      segments.map { $0.reduce(0) { $0 + Self.blocks($1.rowCount, samplesPerBlock) } }
      ?? Self.blocks(sampleCount, samplesPerBlock)
  }

  private static func blocks(_ rows: Int, _ perBlock: Int) -> Int {
    (rows + perBlock - 1) / perBlock
  }

  /// Samples to a block so that a block holds about 64 KiB before compression.
  public static func standardSamplesPerBlock(recordBytes: Int) -> Int {
    max(1, (64 << 10) / max(recordBytes, 1))
  }

  // MARK: Layout of a block

  /// Bytes of one record over all fields.
  public var recordBytes: Int { fields.reduce(0) { $0 + $1.byteCount } }

  /// Records (time rows) in a block: all blocks are full but the last, of a windowed set the last of each segment.
  public func sampleCount(ofBlock block: Int) -> Int {
    precondition(block >= 0 && block < blockCount, "block \(block) of \(blockCount)")
    guard let segments else { return min(samplesPerBlock, sampleCount - block * samplesPerBlock) }
    let segment = segments[segmentIndex(ofBlock: block)]
    return min(samplesPerBlock, segment.rowCount - (block - segment.firstBlock) * samplesPerBlock)
  }

  /// The segment a block belongs to, by bisection.
  public func segmentIndex(ofBlock block: Int) -> Int {
    guard let segments else { preconditionFailure("no segments in a set of fixed records") }
    var (low, high) = (0, segments.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if segments[middle].firstBlock <= block { low = middle } else { high = middle }
    }
    return low
  }

  /// Bytes of a decoded block.
  public func byteCount(ofBlock block: Int) -> Int { sampleCount(ofBlock: block) * recordBytes }

  /// Where a field's values begin in a decoded block: field after field, all samples of a field together.
  public func offset(ofField field: Int, inBlock block: Int) -> Int {
    fields[..<field].reduce(0) { $0 + $1.byteCount } * sampleCount(ofBlock: block)
  }

  public func fieldIndex(_ name: String) -> Int? { fields.firstIndex { $0.name == name } }

  // MARK: Order

  /// Samples of an epoch: records, or windows.
  public var epochLength: Int { sampling?.perEpoch ?? sampleCount }

  /// Storage position p holds the record with ordinal `storageOrder[p]`: a constant of the format.
  public var storageOrder: KeyedPermutation {
    KeyedPermutation(
      count: UInt64(max(sampleCount, 1)), key: RandomKey(seed: 0x4D65_7461, "storage"))
  }

  /// A window: rows `start ..< start + sampling.length` of a segment.
  public struct Window: Equatable, Sendable {
    public var segment: Int
    public var start: Int

    public init(segment: Int, start: Int) {
      self.segment = segment
      self.start = start
    }
  }

  /// The fixed windows of a train or test split (datasets.md section 4): RandomState(0), segment then start, the
  /// splits one after the other from one stream.
  public func fixedWindows() -> [Window] {
    guard let sampling, let segments, sampling.fixed else {
      preconditionFailure("\(dataset)/\(split) has no fixed windows")
    }
    var stream = MersenneTwister(numpySeed: 0)
    func draw(_ rowCounts: [Int], _ count: Int) -> [Window] {
      (0..<count).map { _ in
        let segment = stream.integer(below: rowCounts.count)
        return Window(
          segment: segment, start: stream.integer(below: rowCounts[segment] - sampling.length))
      }
    }
    for earlier in sampling.preceding { _ = draw(earlier.rowCounts, earlier.count) }
    return draw(segments.map(\.rowCount), sampling.perEpoch)
  }

  /// Whose rows each fixed window is cut from, as numbers in the order of first appearance: what a split by group must
  /// keep together; nil for sets without fixed windows.
  public func windowGroups() -> [Int64]? {
    guard let segments, sampling?.fixed == true else { return nil }
    var numbers: [String: Int64] = [:]
    for segment in segments where numbers[segment.group] == nil {
      numbers[segment.group] = Int64(numbers.count)
    }
    let ofSegment = segments.map { numbers[$0.group]! }
    return fixedWindows().map { ofSegment[$0.segment] }
  }
}
