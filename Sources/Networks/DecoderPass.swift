// The memory of one decoder pass over a fixed range of samples, and which tokens its loss is taken at.

import Experiments
import TensorCore

/// Row numbers that are rewritten every step in the same memory.
final class IndexList: @unchecked Sendable {
  let base: UnsafeMutablePointer<Int32>
  private(set) var count = 0
  private let capacity: Int

  init(capacity: Int) {
    self.capacity = capacity
    base = .allocate(capacity: max(capacity, 1))
  }

  deinit { base.deallocate() }

  func removeAll() { count = 0 }

  func append(_ value: Int) {
    precondition(count < capacity, "more rows than planned")
    base[count] = Int32(value)
    count += 1
  }
}

/// The tokens a reconstruction loss is taken at, grouped by input.
public final class Selection: @unchecked Sendable {
  private let rowList: IndexList
  private let startList: IndexList
  private let orderList: IndexList
  private let targetList: IndexList
  private let numbers: IndexList
  private var ends: [Int]
  /// What one token's distance of each input counts: batch factor / (inputs x selected tokens in the whole batch).
  public private(set) var weights: [Double]

  init(samples: Int, inputs: Int, capacity: Int) {
    rowList = IndexList(capacity: capacity)
    startList = IndexList(capacity: samples + 1)
    orderList = IndexList(capacity: capacity)
    targetList = IndexList(capacity: capacity)
    numbers = IndexList(capacity: capacity)
    ends = .init(repeating: 0, count: inputs)
    weights = .init(repeating: 0, count: inputs)
  }

  var count: Int { rowList.count }
  /// Their rows of the decoder's sequence, [samples (1 + T)], sample by sample.
  var queries: RowSelection {
    RowSelection(
      rows: UnsafePointer(rowList.base), starts: UnsafePointer(startList.base), count: count)
  }
  /// Input by input, which of those rows it is.
  var order: UnsafePointer<Int32> { UnsafePointer(orderList.base) }
  /// Rows of the input's tokens in the batch.
  var targets: UnsafePointer<Int32> { UnsafePointer(targetList.base) }

  /// Copies; the array keeps its memory.
  fileprivate func weigh(_ values: [Double]) {
    for k in values.indices { weights[k] = values[k] }
  }

  func part(_ k: Int) -> Range<Int> { (k == 0 ? 0 : ends[k - 1])..<ends[k] }

  /// Selects the tokens of the samples for which `isSelected(sample, token)` holds; tokens are numbered over all
  /// inputs.
  fileprivate func fill(
    _ samples: Range<Int>, _ inputs: [InputSpecification], _ isSelected: (Int, Int) -> Bool
  ) {
    let tokenCount = inputs.reduce(0) { $0 + $1.tokenCount }
    // 1. rows, sample by sample; each selected row's number waits in `numbers` for the second round
    rowList.removeAll()
    startList.removeAll()
    for sample in samples {
      startList.append(rowList.count)
      let first = (sample - samples.lowerBound) * (1 + tokenCount) + 1
      for token in 0..<tokenCount {
        numbers.base[first + token] = -1
        if isSelected(sample, token) {
          numbers.base[first + token] = Int32(rowList.count)
          rowList.append(first + token)
        }
      }
    }
    startList.append(rowList.count)
    // 2. the same, input by input
    orderList.removeAll()
    targetList.removeAll()
    var start = 0
    for (k, input) in inputs.enumerated() {
      for sample in samples {
        let first = (sample - samples.lowerBound) * (1 + tokenCount) + 1 + start
        for token in 0..<input.tokenCount where numbers.base[first + token] >= 0 {
          orderList.append(Int(numbers.base[first + token]))
          targetList.append(sample * input.tokenCount + token)
        }
      }
      ends[k] = orderList.count
      start += input.tokenCount
    }
  }
}

public final class DecoderPass<R: Real>: @unchecked Sendable {
  /// Which samples of the batch the pass is about; the count is fixed, `move` shifts the range.
  public private(set) var samples: Range<Int>
  /// 1 + T.
  let tokens: Int
  private let blocks: [BlockActivations<R>]
  /// One a block when the pass keeps its adjoints for the second derivative, else none.
  private let blockAdjoints: [BlockAdjoints<R>]
  let norm: NormActivations<R>
  /// Adjoint of the final norm's output, [selected, d].
  let normed: Matrix<R>
  /// What each input's head says, [selected, token width], for tokens [selected, latent width].
  public let predictions: [Matrix<R>]
  /// The loss's slope in the predictions; for values over them, in the same memory.
  let slopes: [Matrix<R>]
  /// Adjoint of the embedded latent, [samples (1 + kept), d].
  let embedded: Matrix<R>
  let codes: Storage<R>
  let selection: Selection
  var latent: Matrix<R>?

  private let sourceList: IndexList
  private let placedList: IndexList
  private let absentList: IndexList
  private let inputs: [InputSpecification]
  private let memory: Storage<R>

  /// For each row of the sequence the latent's row that belongs there, -1: the mask token.
  var source: UnsafePointer<Int32> { UnsafePointer(sourceList.base) }
  /// For each latent row its row in the sequence.
  var placed: UnsafePointer<Int32> { UnsafePointer(placedList.base) }
  /// The sequence rows that hold the mask token.
  var absent: UnsafePointer<Int32> { UnsafePointer(absentList.base) }
  var absentCount: Int { absentList.count }

  var keepsAdjoints: Bool { !blockAdjoints.isEmpty }

  /// Block l's memory. The last block is asked for the selected tokens only.
  func activations(_ l: Int) -> BlockActivations<R> {
    l == blocks.count - 1 ? blocks[l].limited(to: selection.queries) : blocks[l]
  }

  func adjoints(_ l: Int) -> BlockAdjoints<R> { limited(blockAdjoints[l], l) }

  func limited(_ adjoints: BlockAdjoints<R>, _ l: Int) -> BlockAdjoints<R> {
    l == blocks.count - 1 ? adjoints.limited(to: selection.queries) : adjoints
  }

  func limited(_ tangents: BlockTangents<R>, _ l: Int) -> BlockTangents<R> {
    l == blocks.count - 1 ? tangents.limited(to: selection.queries) : tangents
  }

  /// - Parameters:
  ///   - codes: the decoder's position codes, [1 + T, d].
  ///   - keepsAdjoints: whether `slope` and `directionalDerivative` will be asked of this pass; else `gradient`.
  public init(
    _ decoder: Decoder, samples: Range<Int>, keptCount: Int, codes: Storage<R>, keepsAdjoints: Bool
  ) {
    self.samples = samples
    self.codes = codes
    inputs = decoder.inputs
    let size = decoder.size
    let tokens = 1 + inputs.reduce(0) { $0 + $1.tokenCount }
    self.tokens = tokens
    let rows = samples.count * tokens
    let latentRows = samples.count * (1 + keptCount)
    selection = Selection(samples: samples.count, inputs: inputs.count, capacity: rows)
    sourceList = IndexList(capacity: rows)
    placedList = IndexList(capacity: latentRows)
    absentList = IndexList(capacity: rows)
    let planned = Plan.memory { (allocate: (Int) -> UnsafeMutablePointer<R>) in
      func matrix(_ rows: Int, _ columns: Int) -> Matrix<R> {
        Matrix(allocate(rows * columns), rows, columns)
      }
      func perInput(_ columns: (InputSpecification) -> Int) -> [Matrix<R>] {
        decoder.inputs.map { matrix(samples.count * $0.tokenCount, columns($0)) }
      }
      return (
        blocks: (0..<size.layers).map { _ in
          BlockActivations<R>(
            samples: samples.count, tokens: tokens, size, keepsShares: true, allocate)
        },
        adjoints: (0..<(keepsAdjoints ? size.layers : 0)).map { _ in
          BlockAdjoints<R>(rows: rows, size, forWeights: false, allocate)
        },
        norm: NormActivations<R>(rows, size.width, allocate), normed: matrix(rows, size.width),
        predictions: perInput { $0.kind == .tokens ? decoder.latentWidth : $0.tokenWidth },
        wordSlopes: perInput { $0.kind == .tokens ? decoder.latentWidth : 0 },
        embedded: matrix(latentRows, size.width)
      )
    }
    memory = planned.memory
    let parts = planned.result
    blocks = parts.blocks
    blockAdjoints = parts.adjoints
    norm = parts.norm
    normed = parts.normed
    predictions = parts.predictions
    slopes = inputs.indices.map {
      decoder.inputs[$0].kind == .tokens ? parts.wordSlopes[$0] : parts.predictions[$0]
    }
    embedded = parts.embedded
  }

  /// Puts the memory to the service of other samples, as many as before.
  public func move(to samples: Range<Int>) {
    precondition(
      samples.count == self.samples.count, "a pass is made for \(self.samples.count) samples")
    self.samples = samples
  }

  /// Finds each token's place for this step.
  ///
  /// - Parameters:
  ///   - order: [samples, T] of the whole batch; the first `keptCount` of each row are the support set.
  ///   - weights: what one selected token of each input counts in the loss.
  ///   - isSelected: whether the loss is taken at (sample, token).
  public func plan(
    order: UnsafePointer<Int32>, keptCount: Int, weights: [Double], _ isSelected: (Int, Int) -> Bool
  ) {
    let tokenCount = tokens - 1
    sourceList.removeAll()
    placedList.removeAll()
    absentList.removeAll()
    for row in 0..<(samples.count * tokens) { sourceList.append(row % tokens == 0 ? 0 : -1) }
    for sample in samples {
      let local = sample - samples.lowerBound
      sourceList.base[local * tokens] = Int32(local * (1 + keptCount))
      placedList.append(local * tokens)
      let sorted = order + sample * tokenCount
      for j in 0..<keptCount {
        let row = local * tokens + 1 + Int(sorted[j])
        sourceList.base[row] = Int32(local * (1 + keptCount) + 1 + j)
        placedList.append(row)
      }
      for j in keptCount..<tokenCount { absentList.append(local * tokens + 1 + Int(sorted[j])) }
    }
    selection.fill(samples, inputs, isSelected)
    selection.weigh(weights)
  }
}

/// The memory of `directionalDerivative` over `sampleCount` samples: what the blocks keep of their tangent pass.
public final class DecoderTangents<R: Real>: @unchecked Sendable {
  let blocks: [BlockTangents<R>]
  private let memory: Storage<R>

  public init(_ decoder: Decoder, sampleCount: Int) {
    let tokens = 1 + decoder.inputs.reduce(0) { $0 + $1.tokenCount }
    let planned = Plan.memory { (allocate: (Int) -> UnsafeMutablePointer<R>) in
      (0..<decoder.size.layers).map { _ in
        BlockTangents<R>(samples: sampleCount, tokens: tokens, decoder.size, allocate)
      }
    }
    blocks = planned.result
    memory = planned.memory
  }
}
