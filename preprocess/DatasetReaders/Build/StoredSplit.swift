// A split on its way into shards: its manifest without the shards, and how a block is filled from decoded records.

import Basics
import Glibc
import ShardFormat

struct StoredSplit {
  /// The manifest but for its shards.
  let layout: Manifest
  private let content: SplitPlan.Content
  private let records: DecodedRecords
  private let order: KeyedPermutation
  private let labelCodes: [Int]?
  private let columns: [UInt8]

  init(
    _ plan: SplitPlan, dataset: String, statistics: [ChannelStatistics], provenance: Provenance,
    _ records: DecodedRecords
  ) {
    self.records = records
    content = plan.content
    labelCodes = plan.labelCodes
    columns = plan.columns
    let perBlock = Manifest.standardSamplesPerBlock(
      recordBytes: plan.fields.reduce(0) { $0 + $1.byteCount })
    var sampleCount = 0
    var sampling: Sampling?
    var segments: [Segment]?
    switch plan.content {
    case .records(let rows): sampleCount = rows.count
    case .windows(let plans, let windows):
      sampling = windows
      var block = 0
      segments = plans.map { plan in
        defer { block += (plan.rowCount + perBlock - 1) / perBlock }
        sampleCount += plan.rowCount
        return Segment(
          rowCount: plan.rowCount, firstBlock: block, label: plan.label, group: plan.group)
      }
    }
    layout = Manifest(
      dataset: dataset, split: plan.split, inputs: plan.inputs, fields: plan.fields,
      task: plan.task,
      transforms: zip(plan.transforms, statistics).map { transform, statistics in
        plan.isNormalised && !statistics.mean.isEmpty ? Self.normalising(statistics) : transform
      },
      statistics: statistics, sampleCount: sampleCount, samplesPerBlock: perBlock,
      sampling: sampling, segments: segments, provenance: provenance)
    order = layout.storageOrder
  }

  /// (value - mean) / deviation; a channel that never changes becomes 0.
  private static func normalising(_ statistics: ChannelStatistics) -> Transform {
    let scale = statistics.deviation.map { $0 > 0 ? 1 / $0 : 1 }
    return Transform(
      scale: scale.map { Float($0) },
      shift: zip(statistics.mean, scale).map { Float(-$0 * $1) })
  }

  /// The place of a code among those that the split says it has.
  private static func rank(of code: Int, in codes: [Int]) -> Int {
    var (low, high) = (0, codes.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if codes[middle] <= code { low = middle } else { high = middle }
    }
    precondition(codes[low] == code, "code \(code) is none of the split's")
    return low
  }

  /// Writes a decoded block: field after field, all samples of a field together.
  func fill(_ block: Int, _ target: UnsafeMutableRawBufferPointer) {
    let first = block * layout.samplesPerBlock
    let count = layout.sampleCount(ofBlock: block)
    switch content {
    case .windows(let segments, _):
      let k = layout.segmentIndex(ofBlock: block)
      let row = (block - layout.segments![k].firstBlock) * layout.samplesPerBlock
      memcpy(
        target.baseAddress!, records.record(segments[k].firstRow + row),
        count * records.recordBytes)
    case .records(let rows):
      for sample in 0..<count {
        let ordinal = Int(order[UInt64(first + sample)])
        var source = records.record(Int(rows[ordinal]))
        var left = records.recordBytes
        var column = ordinal * (layout.recordBytes - records.recordBytes)
        var start = 0
        for field in layout.fields {
          let bytes = field.byteCount
          let place = target.baseAddress! + start + sample * bytes
          if left == 0 {
            columns.withUnsafeBytes { _ = memcpy(place, $0.baseAddress! + column, bytes) }
            column += bytes
          } else if let labelCodes, field.name == "label" {
            let code = Int(source.loadUnaligned(as: Int32.self))
            place.storeBytes(of: Int32(Self.rank(of: code, in: labelCodes)), as: Int32.self)
            source += bytes
            left -= bytes
          } else {
            memcpy(place, source, bytes)
            source += bytes
            left -= bytes
          }
          start += count * bytes
        }
      }
    }
  }
}
