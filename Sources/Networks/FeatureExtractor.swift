// Frozen features (method.md): all tokens in, no mask, no dropout, the class token left out.

import Basics
import Experiments
import TensorCore

public final class FeatureExtractor<R: Real>: @unchecked Sendable {
  private let network: Network
  /// Kept alive: lanes hold bare pointers into it.
  private let parameters: ParameterBuffer<R>
  private let lanes: [Lane<R>]
  private let slices: [EncoderPass<R>]
  private let order: [Int32]
  private let latents: [Storage<R>]
  /// The batch to encode: fill it, then call `pooled` or `perToken`.
  public let tokens: TokenBatch<R>

  public var width: Int { network.encoder.size.width }
  public var tokenCount: Int { network.configuration.tokenCount }

  /// - Parameters:
  ///   - capacity: the most samples of one call.
  ///   - tokens: a batch of that capacity which somebody else fills; nil: one of its own.
  public init(
    _ network: Network, _ parameters: ParameterBuffer<R>, capacity: Int, lanes laneCount: Int,
    tokens: TokenBatch<R>? = nil
  ) {
    self.network = network
    self.parameters = parameters
    precondition(tokens.map { $0.capacity == capacity } ?? true, "a batch of another capacity")
    self.tokens = tokens ?? TokenBatch(network.configuration.inputs, capacity: capacity)
    let nothing = ParameterBuffer<R>(network.table)
    lanes = (0..<laneCount).map { _ in
      Lane(weights: parameters, gradient: nothing, scratch: Arena())
    }
    let tokenCount = network.configuration.tokenCount
    // As many slices for each lane, of at most about 2048 rows.
    let most = max(1, 2048 / (1 + tokenCount)) * laneCount
    let sliceCount = (capacity + most - 1) / most * laneCount
    let perSlice = max(1, (capacity + sliceCount - 1) / max(sliceCount, 1))
    order = (0..<perSlice).flatMap { _ in (0..<Int32(tokenCount)) }
    let codes: Storage<R> = positionCodes(
      width: network.encoder.size.width, network.configuration.inputs, R.self)
    slices = lanes.map { _ in
      EncoderPass(
        network.encoder, samples: 0..<perSlice, keptCount: tokenCount, codes: codes,
        keepsActivations: false)
    }
    latents = lanes.map { _ in
      Storage(count: perSlice * (1 + tokenCount) * network.encoder.size.width)
    }
  }

  /// Means over each sample's tokens, [count, width], of the first `count` samples of `tokens`.
  public func pooled(count: Int, into features: UnsafeMutablePointer<R>) {
    encode(count) { sample, rows in
      let out = features + sample * self.width
      R.zero(self.width, out)
      R.columnSums(self.tokenCount, self.width, rows, out)
      R.scale(self.width, 1 / R(self.tokenCount), out)
    }
  }

  /// The tokens themselves, [count, T, width].
  public func perToken(count: Int, into features: UnsafeMutablePointer<R>) {
    let size = tokenCount * width
    encode(count) { sample, rows in (features + sample * size).update(from: rows, count: size) }
  }

  /// Calls `take` with each sample's [T, width] rows. A slice is always whole: what lies past `count` is computed
  /// from whatever the batch held before and dropped.
  private func encode(_ count: Int, _ take: (Int, UnsafePointer<R>) -> Void) {
    precondition(count <= tokens.capacity, "\(count) samples, room for \(tokens.capacity)")
    let perSlice = slices[0].samples.count
    let sliceCount = (count + perSlice - 1) / perSlice
    inLanes(lanes.count) { index in
      let pass = slices[index]
      let latent = Matrix(latents[index].base, pass.rowCount, width)
      for slice in stride(from: index, to: sliceCount, by: lanes.count) {
        // the last slice is moved back so that it stays inside the batch
        let start = max(0, min(slice * perSlice, tokens.capacity - perSlice))
        pass.move(to: start..<start + perSlice)
        network.encoder.forward(tokens, pass, order: order, keys: nil, into: latent, lanes[index])
        for sample in slice * perSlice..<min((slice + 1) * perSlice, count) {
          take(sample, latent.row((sample - start) * (1 + tokenCount) + 1))
        }
      }
    }
  }
}
