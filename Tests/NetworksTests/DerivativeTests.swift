// Every parameter's gradient, the slope in the latent and its directional derivative against central differences in
// Double: seven digits where float would give three. Dropout is on in the encoder, so its backward pass is checked too.

import Basics
import Experiments
import TensorCore
import Testing

@testable import Networks

/// A small model with its data, masks and passes.
private final class Fixture {
  let network: Network
  let parameters: ParameterBuffer<Double>
  let gradient: ParameterBuffer<Double>
  let lane: Lane<Double>
  let batch: TokenBatch<Double>
  let encoding: EncoderPass<Double>
  let decoding: DecoderPass<Double>
  let latent: Storage<Double>
  var order: [Int32] = []
  var keys: [RandomKey] = []
  static let samples = 3

  /// - Parameters:
  ///   - layers: the decoder's blocks.
  ///   - keepsAdjoints: a decoder pass for slopes and second derivatives, or for gradients.
  init(
    _ inputs: [InputSpecification], layers: Int, dropout: Float = 0.2, keepsAdjoints: Bool = true
  ) {
    let model = ModelConfiguration(
      inputs: inputs, encoder: TransformerSize(width: 12, heads: 3, layers: 2),
      decoder: TransformerSize(width: 8, heads: 2, layers: layers), projectorHidden: 10,
      projectorOut: 6, dropout: dropout)
    network = Network(model)
    parameters = ParameterBuffer(network.table)
    gradient = ParameterBuffer(network.table)
    lane = Lane(weights: parameters, gradient: gradient, scratch: Arena())
    batch = TokenBatch(inputs, capacity: Self.samples)
    var stream = RandomStream(RandomKey(seed: 5, "test"))
    network.initialise(parameters, seed: 3)
    for slot in network.table.slots {
      for i in parameters[slot].indices { parameters[slot][i] += 0.1 * stream.normal() }
    }
    let kept = max(2, model.tokenCount / 3)
    for k in inputs.indices {
      for i in 0..<batch.patches(k).count { batch.patches(k).base[i] = stream.normal() }
      if inputs[k].kind == .tokens {
        for i in 0..<Self.samples * inputs[k].tokenCount {
          batch.identifiers(k)[i] = Int32(stream.below(inputs[k].vocabulary))
        }
      }
    }
    for sample in 0..<Self.samples {
      var own = [Int32](repeating: 0, count: model.tokenCount)
      own.withUnsafeMutableBufferPointer { stream.permutation(into: $0) }
      order += own
      keys.append(RandomKey(seed: 1, "dropout", UInt64(sample)))
    }
    encoding = EncoderPass(
      network.encoder, samples: 0..<Self.samples, keptCount: kept,
      codes: positionCodes(width: 12, inputs, Double.self))
    decoding = DecoderPass(
      network.decoder, samples: 0..<Self.samples, keptCount: kept,
      codes: positionCodes(width: 8, inputs, Double.self), keepsAdjoints: keepsAdjoints)
    decoding.plan(
      order: order, keptCount: kept, weights: inputs.indices.map { 0.3 + 0.2 * Double($0) }
    ) { sample, token in (sample + token) % 3 != 0 }
    latent = Storage(count: encoding.rowCount * 12)
  }

  var z: Matrix<Double> { Matrix(latent.base, encoding.rowCount, 12) }

  func encode() {
    network.encoder.forward(batch, encoding, order: order, keys: keys, into: z, lane)
  }

  /// Loss from whatever stands in `latent`.
  func decoderLoss() -> Double { network.decoder.loss(of: z, batch, decoding, lane) }

  func loss() -> Double {
    encode()
    return decoderLoss()
  }

  func clear() { gradient.base.update(repeating: 0, count: network.table.count) }

  /// Central difference of `f` in one number.
  func difference(_ number: UnsafeMutablePointer<Double>, _ f: () -> Double) -> Double {
    let h = 1e-5
    let before = number.pointee
    number.pointee = before + h
    let up = f()
    number.pointee = before - h
    let down = f()
    number.pointee = before
    return (up - down) / (2 * h)
  }

  /// A few elements of each parameter, with their names.
  func probes(_ names: (String) -> Bool) -> [(name: String, at: Int)] {
    network.table.slots.filter { names($0.name) }.flatMap { slot in
      Set([0, slot.count / 2, slot.count - 1]).sorted().map { (slot.name, slot.offset + $0) }
    }
  }
}

private let series = InputSpecification(kind: .series, shape: [2, 12], patch: [2])
private let image = InputSpecification(kind: .image, shape: [3, 6, 4], patch: [3, 2])
private let tokens = InputSpecification(kind: .tokens, shape: [7], vocabulary: 11)

@Suite struct DerivativeTests {
  static let cases: [[InputSpecification]] = [
    [series], [image], [tokens], [image, tokens], [series, tokens, image],
  ]

  @Test(arguments: cases, [1, 2])
  func gradientOfTheLoss(inputs: [InputSpecification], layers: Int) {
    let fixture = Fixture(inputs, layers: layers, keepsAdjoints: false)
    fixture.clear()
    _ = fixture.loss()
    let dLatent = Storage<Double>(count: fixture.z.count)
    let d = Matrix(dLatent.base, fixture.z.rows, fixture.z.columns)
    fixture.network.decoder.gradient(of: fixture.decoding, into: d, fixture.lane)
    fixture.network.encoder.backward(
      d, fixture.batch, fixture.encoding, keys: fixture.keys, fixture.lane)
    let gradient = Array(fixture.gradient.storage.buffer)
    for probe in fixture.probes({ !$0.hasPrefix("projector") }) {
      let found = gradient[probe.at]
      let expected = fixture.difference(fixture.parameters.base + probe.at) { fixture.loss() }
      #expect(
        abs(found - expected) <= 1e-7 * max(1, abs(expected)),
        "\(probe.name): \(found), \(expected)")
    }
  }

  @Test(arguments: cases, [1, 2])
  func slopeInTheLatent(inputs: [InputSpecification], layers: Int) {
    let fixture = Fixture(inputs, layers: layers)
    _ = fixture.loss()
    let slope = Storage<Double>(count: fixture.z.count)
    let d = Matrix(slope.base, fixture.z.rows, fixture.z.columns)
    fixture.network.decoder.slope(of: fixture.decoding, into: d, fixture.lane)
    for i in stride(from: 0, to: fixture.z.count, by: 17) {
      let expected = fixture.difference(fixture.latent.base + i) { fixture.decoderLoss() }
      #expect(abs(slope.base[i] - expected) <= 1e-7 * max(1, abs(expected)), "element \(i)")
    }
  }

  /// Second order: <slope, v> differentiated in the latent and in every decoder parameter and table.
  @Test(arguments: cases, [1, 2])
  func directionalDerivativeOfTheSlope(inputs: [InputSpecification], layers: Int) {
    let fixture = Fixture(inputs, layers: layers)
    fixture.encode()
    let count = fixture.z.count
    var stream = RandomStream(RandomKey(seed: 9, "direction"))
    let (v, slope, second) = (
      Storage<Double>(count: count), Storage<Double>(count: count), Storage<Double>(count: count)
    )
    for i in 0..<count { v.base[i] = stream.normal() }
    func matrix(_ s: Storage<Double>) -> Matrix<Double> {
      Matrix(s.base, fixture.z.rows, fixture.z.columns)
    }
    func slopeAlong() -> Double {
      _ = fixture.decoderLoss()
      fixture.network.decoder.slope(of: fixture.decoding, into: matrix(slope), fixture.lane)
      return Double.dot(count, slope.base, v.base)
    }
    _ = slopeAlong()
    fixture.clear()
    fixture.network.decoder.directionalDerivative(
      of: fixture.decoding, along: matrix(v), fixture.batch,
      DecoderTangents(fixture.network.decoder, sampleCount: Fixture.samples),
      adding: matrix(second), fixture.lane)
    var largest = 0.0
    for i in stride(from: 0, to: count, by: 17) {
      let expected = fixture.difference(fixture.latent.base + i, slopeAlong)
      largest = max(largest, abs(expected))
      #expect(abs(second.base[i] - expected) <= 1e-6 * max(1, abs(expected)), "latent \(i)")
    }
    #expect(largest > 1e-3, "the second derivative is not nothing, or this test proves nothing")
    for probe in fixture.probes({
      $0.contains("dec") || $0 == "mask_token" || $0.contains("patch_embed")
    }) {
      let expected = fixture.difference(fixture.parameters.base + probe.at, slopeAlong)
      let found = fixture.gradient.base[probe.at]
      #expect(
        abs(found - expected) <= 1e-6 * max(1, abs(expected)),
        "\(probe.name): \(found), \(expected)")
    }
  }
}
