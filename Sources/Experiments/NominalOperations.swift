// How many floating-point operations a step or a feature takes by the shapes alone: what benchmarks divide by their
// seconds. The same formula counts PyTorch's side (docs/performance.md); whatever is cleverly left out counts as done.

extension ModelConfiguration {
  /// Matrix products of one pretraining step: a linear map and its gradient are 3 forward products, in MetaMAE's
  /// decoder (two passes, their gradients, the tangents of both) 9.
  /// - Parameter keptCount: tokens that MAE's and MetaMAE's encoder sees, the class token left out; the baselines' sees
  ///   all.
  public func nominalOperations(of objective: ObjectiveName, keptCount: Int, batch: Int) -> Double {
    let embedding = inputs.reduce(0) { $0 + $1.tokenCount * 2 * $1.tokenWidth * encoder.width * 2 }
    let step: Int
    switch objective {
    case .metamae, .mae:
      let isMeta = objective == .metamae
      step =
        3 * encoder.nominalOperations(rows: keptCount + 1)
        + (isMeta ? 9 : 3) * decoder.nominalOperations(rows: tokenCount + 1)
        + decoderHeads(isMeta: isMeta)
    case .emix, .shed, .capri, .maeLinear:
      let passes = objective == .emix ? 2 : 1
      step =
        passes * 3 * encoder.nominalOperations(rows: tokenCount + 1) + 3 * head(of: objective)
    }
    return Double(batch) * Double(step + embedding)
  }

  private func decoderHeads(isMeta: Bool) -> Int {
    inputs.reduce(0) { sum, input in
      let head = input.kind == .tokens ? encoder.width : input.tokenWidth
      let prediction = 2 * head * decoder.width * (isMeta ? 6 : 3)
      let vocabulary = 2 * input.vocabulary * encoder.width * (isMeta ? 4 : 3)
      return sum + input.tokenCount * (prediction + vocabulary)
    }
  }

  /// A sample's forward products between a baseline's encoder and its loss, all tokens counted.
  private func head(of objective: ObjectiveName) -> Int {
    let width = encoder.width
    switch objective {
    case .metamae, .mae: return 0
    case .emix: return 2 * 2 * width * 128
    case .shed: return 2 * width * 2 * tokenCount
    case .capri: return 2 * width * (width + tokenCount) * tokenCount
    case .maeLinear:
      return inputs.reduce(0) { $0 + 2 * width * ($1.tokenWidth + $1.vocabulary) * $1.tokenCount }
    }
  }

  /// Matrix products of one sample's frozen features: the encoder over all tokens, and the embedding.
  public var nominalFeatureOperations: Double {
    let embedding = inputs.reduce(0) { $0 + 2 * $1.tokenWidth * encoder.width * $1.tokenCount }
    return Double(encoder.nominalOperations(rows: tokenCount + 1) + embedding)
  }
}

extension TransformerSize {
  /// One forward pass of a sample of `rows` tokens: 8 d^2 weights a block at MLP ratio 2, scores and mixing.
  fileprivate func nominalOperations(rows: Int) -> Int {
    layers * (2 * 8 * width * width * rows + 4 * rows * rows * width)
  }
}

extension PretrainingPreset {
  /// One step at the paper's batch size and model.
  public func nominalOperations(of objective: ObjectiveName) -> Double {
    let model = model
    return model.nominalOperations(
      of: objective, keptCount: settings.keptCount(of: model.tokenCount), batch: batch)
  }
}
