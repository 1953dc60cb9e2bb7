// manifest.json: what a split's shards hold, written last. docs/formats.md specifies every field.

import Basics
import Foundation

public struct Manifest: Codable, Equatable, Sendable {
  public static let currentVersion = 2
  /// Version 1 has SHA-256 where version 2 has XXH128.
  public static let knownVersions = 1...2
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
