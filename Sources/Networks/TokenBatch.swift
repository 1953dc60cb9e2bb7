// A mini-batch cut into tokens (method.md, "Inputs"): what the encoder embeds and the reconstruction loss aims at.

import Experiments
import TensorCore

/// How a stored value becomes a number: `stored * scale[c] + shift[c]` for channel c.
public struct ChannelScaling<R: Real>: Sendable {
  public let scale: [R]
  public let shift: [R]

  public init(scale: [R], shift: [R]) {
    precondition(scale.count == shift.count)
    self.scale = scale
    self.shift = shift
  }

  public static func identity(channels: Int) -> ChannelScaling {
    ChannelScaling(
      scale: .init(repeating: 1, count: channels), shift: .init(repeating: 0, count: channels))
  }
}

/// The type a sample's values are stored in.
public enum StoredType: Sendable { case uint8, uint16, int32, int64, float32, float64 }

/// The tokens of `capacity` samples, input by input. Continuous inputs: rows of patch values in target order (row,
/// column, channel; channel fastest). Token inputs: the integers.
public final class TokenBatch<R: Real>: @unchecked Sendable {
  public let inputs: [InputSpecification]
  public let capacity: Int
  private let values: [Storage<R>]
  private let integers: [UnsafeMutablePointer<Int32>]
  let orders: [[Int32]]

  public init(_ inputs: [InputSpecification], capacity: Int) {
    self.inputs = inputs
    self.capacity = capacity
    values = inputs.map {
      Storage(count: $0.kind == .tokens ? 0 : capacity * $0.tokenCount * $0.tokenWidth)
    }
    integers = inputs.map { input in
      let count = input.kind == .tokens ? capacity * input.tokenCount : 0
      let pointer = UnsafeMutablePointer<Int32>.allocate(capacity: max(count, 1))
      pointer.initialize(repeating: 0, count: max(count, 1))
      return pointer
    }
    orders = inputs.map { input in
      // channel-first value (c, k) of the stored weights stands at k C + c of a target-ordered token
      let channels = input.channelCount
      let steps = input.tokenWidth / max(channels, 1)
      return (0..<input.tokenWidth).map {
        Int32($0 % max(steps, 1) * channels + $0 / max(steps, 1))
      }
    }
  }

  deinit {
    for pointer in integers { pointer.deallocate() }
  }

  /// Patch values of input `k`: [capacity T_k, token width].
  public func patches(_ k: Int) -> Matrix<R> {
    Matrix(values[k].base, capacity * inputs[k].tokenCount, inputs[k].tokenWidth)
  }

  /// Integers of token input `k`: [capacity T_k].
  public func identifiers(_ k: Int) -> UnsafeMutablePointer<Int32> { integers[k] }

  /// Cuts one stored sample of input `k` into tokens: image (C, H, W), series (C, L), tokens (L).
  /// - Returns: the place of the first token outside the vocabulary, nil when all is well.
  public func fill(
    sample: Int, input k: Int, from stored: UnsafeRawPointer, as type: StoredType,
    _ scaling: ChannelScaling<R>
  ) -> Int? {
    let input = inputs[k]
    if input.kind == .tokens {
      let out = integers[k] + sample * input.tokenCount
      for t in 0..<input.tokenCount {
        let value =
          switch type {
          case .uint8: Int(stored.load(fromByteOffset: t, as: UInt8.self))
          case .uint16: Int(stored.loadUnaligned(fromByteOffset: 2 * t, as: UInt16.self))
          case .int32: Int(stored.loadUnaligned(fromByteOffset: 4 * t, as: Int32.self))
          case .int64: Int(stored.loadUnaligned(fromByteOffset: 8 * t, as: Int64.self))
          default: preconditionFailure("token inputs are stored as integers")
          }
        guard value >= 0 && value < input.vocabulary else { return t }
        out[t] = Int32(value)
      }
      return nil
    }
    let out = values[k].base + sample * input.tokenCount * input.tokenWidth
    let image = input.kind == .image
    let (height, width) = image ? (input.shape[1], input.shape[2]) : (1, input.shape[1])
    let (p, q) = image ? (input.patch[0], input.patch[1]) : (1, input.patch[0])
    let cut =
      switch type {
      case .uint8: R.patchifyU8
      case .uint16: R.patchifyU16
      case .float32: R.patchifyF32
      case .float64: R.patchifyF64
      default:
        preconditionFailure("continuous inputs are stored as bytes, 16-bit integers or floats")
      }
    cut(input.channelCount, height, width, p, q, stored, scaling.scale, scaling.shift, out)
    return nil
  }
}
