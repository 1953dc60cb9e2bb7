// The parameters of a model: one flat buffer, and a table that says where each published name stands in it. Layers
// know slots, not numbers, so a gradient, a moment or a checkpoint is one more buffer of the same layout.

import Basics
import Experiments
import TensorCore

/// Where one parameter stands in the flat buffer.
public struct ParameterSlot: Sendable, Equatable {
  public let name: String
  public let shape: [Int]
  public let offset: Int
  public let count: Int

  init(name: String, shape: [Int], offset: Int) {
    self.name = name
    self.shape = shape
    self.offset = offset
    count = shape.reduce(1, *)
    rows = shape[0]
    columns = count / max(rows, 1)
  }

  /// Rows and columns of a weight: the first axis, and all others together.
  let rows: Int
  let columns: Int

  /// The part of a weight that holds some of its rows.
  func rows(_ range: Range<Int>) -> ParameterSlot {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(name)")
    return ParameterSlot(
      name: name, shape: [range.count] + shape.dropFirst(),
      offset: offset + range.lowerBound * columns)
  }
}

/// The slots of a model in the order they were declared, each 64-byte aligned.
public struct ParameterTable: Sendable {
  public private(set) var slots: [ParameterSlot] = []
  public private(set) var count = 0
  /// Weights that have a place among the packed ones, and how many numbers those take.
  private(set) var packedSlots: [PackedSlot] = []
  private(set) var packedCount = 0

  mutating func add(_ name: String, _ shape: Int...) -> ParameterSlot { add(name, shape: shape) }

  mutating func add(_ name: String, shape: [Int]) -> ParameterSlot {
    let slot = ParameterSlot(name: name, shape: shape, offset: count)
    slots.append(slot)
    count += (slot.count + 15) & ~15
    return slot
  }
}

/// Where a weight [out, in] stands among the packed ones, once for each direction.
struct PackedSlot: Sendable {
  let weight: ParameterSlot
  /// W^T, for y = x W^T.
  let forward: Int
  /// W, for dx = dy W.
  let backward: Int
}

extension ParameterTable {
  mutating func pack(_ weight: ParameterSlot) -> PackedSlot {
    let forward = packedCount
    let backward = forward + Float.packedSize(weight.rows, weight.columns)
    packedCount = backward + Float.packedSize(weight.columns, weight.rows)
    let slot = PackedSlot(weight: weight, forward: forward, backward: backward)
    packedSlots.append(slot)
    return slot
  }
}

/// The blocks' weights as the right operands of products, laid out once a step and read by all lanes.
public final class PackedWeights<R: Real>: @unchecked Sendable {
  private let slots: [PackedSlot]
  private let storage: Storage<R>

  private let precision: ProductPrecision

  public init(_ table: ParameterTable, _ precision: ProductPrecision = .exact) {
    self.precision = precision
    slots = table.packedSlots
    storage = Storage(count: table.packedCount)
  }

  var base: UnsafeMutablePointer<R> { storage.base }

  /// Packs lane `lane`'s share of the weights; all lanes' shares are needed before the first product.
  public func update(from weights: ParameterBuffer<R>, lane: Int, lanes: Int) {
    for index in share(of: slots.count, lane: lane, lanes: lanes) {
      let (slot, weight) = (slots[index], slots[index].weight)
      let (out, width) = (weight.rows, weight.columns)
      R.pack(
        precision, true, out, width, weights.base + weight.offset, width, base + slot.forward)
      R.pack(
        precision, false, width, out, weights.base + weight.offset, width, base + slot.backward)
    }
  }
}

/// Numbers laid out by a parameter table: values, a gradient, or an optimizer's moments.
public final class ParameterBuffer<R: Real>: @unchecked Sendable {
  public let table: ParameterTable
  public let storage: Storage<R>

  public init(_ table: ParameterTable) {
    self.table = table
    storage = Storage(count: table.count)
  }

  public var base: UnsafeMutablePointer<R> { storage.base }

  public subscript(slot: ParameterSlot) -> UnsafeMutableBufferPointer<R> {
    UnsafeMutableBufferPointer(start: base + slot.offset, count: slot.count)
  }

  public subscript(name: String) -> UnsafeMutableBufferPointer<R>? {
    table.slots.first { $0.name == name }.map { self[$0] }
  }
}

/// What one lane computes with: the weights (shared), its own gradient, its own scratch.
public struct Lane<R: Real>: @unchecked Sendable {
  let weights: UnsafeMutablePointer<R>
  let gradient: UnsafeMutablePointer<R>
  public let scratch: Arena<R>
  /// Nil: products pack the weights themselves.
  private let packed: UnsafeMutablePointer<R>?

  public init(
    weights: ParameterBuffer<R>, gradient: ParameterBuffer<R>, scratch: Arena<R>,
    packed: PackedWeights<R>? = nil
  ) {
    self.weights = weights.base
    self.gradient = gradient.base
    self.scratch = scratch
    self.packed = packed?.base
  }

  /// The packed weight at that place.
  func panels(_ offset: Int?) -> UnsafePointer<R>? {
    guard let packed, let offset else { return nil }
    return UnsafePointer(packed + offset)
  }

  func vector(_ slot: ParameterSlot) -> UnsafeMutablePointer<R> { weights + slot.offset }
  func slope(_ slot: ParameterSlot) -> UnsafeMutablePointer<R> { gradient + slot.offset }

  func matrix(_ slot: ParameterSlot) -> Matrix<R> {
    Matrix(weights + slot.offset, slot.rows, slot.columns)
  }
  func slopeMatrix(_ slot: ParameterSlot) -> Matrix<R> {
    Matrix(gradient + slot.offset, slot.rows, slot.columns)
  }
}
