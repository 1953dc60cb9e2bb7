// How many floating-point operations a step or a feature takes by the shapes alone: what benchmarks divide by their
// seconds. The same formula counts PyTorch's side (docs/performance.md); whatever is cleverly left out counts as done.

extension ModelConfiguration {
  /// Matrix products of one pretraining step: a linear map and its gradient are 3 forward products, in MetaMAE's
  /// decoder (two passes, their gradients, the tangents of both) 9.
  /// - Parameters:
  ///   - keptCount: tokens the encoder sees, the class token left out.
  ///   - isMeta: MetaMAE; otherwise MAE.
  public func nominalOperations(keptCount: Int, batch: Int, isMeta: Bool) -> Double {
    let edges = inputs.reduce(0) { sum, input in
      let head = input.kind == .tokens ? encoder.width : input.tokenWidth
      let embedding = 2 * input.tokenWidth * encoder.width * 2
      let prediction = 2 * head * decoder.width * (isMeta ? 6 : 3)
      let vocabulary = 2 * input.vocabulary * encoder.width * (isMeta ? 4 : 3)
      return sum + input.tokenCount * (embedding + prediction + vocabulary)
    }
    let step =
      3 * encoder.nominalOperations(rows: keptCount + 1)
      + (isMeta ? 9 : 3) * decoder.nominalOperations(rows: tokenCount + 1) + edges
    return Double(batch) * Double(step)
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
  public func nominalOperations(isMeta: Bool) -> Double {
    let model = model
    return model.nominalOperations(
      keptCount: settings.keptCount(of: model.tokenCount), batch: batch, isMeta: isMeta)
  }
}
