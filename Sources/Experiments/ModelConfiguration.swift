// What a sample looks like and how large the networks are: Table 7 of the paper as plain values.

/// One input of a sample, cut into tokens over a grid (method.md, "Inputs").
public struct InputSpecification: Codable, Equatable, Sendable {
  public enum Kind: String, Codable, Sendable { case image, series, tokens }

  public var kind: Kind
  /// image (C, H, W), series (C, L), tokens (L).
  public var shape: [Int]
  /// image (p, q), series (p), tokens (1).
  public var patch: [Int]
  /// Rows of the embedding table; 0 unless `kind` is tokens.
  public var vocabulary: Int

  public init(kind: Kind, shape: [Int], patch: [Int] = [1], vocabulary: Int = 0) {
    self.kind = kind
    self.shape = shape
    self.patch = patch
    self.vocabulary = vocabulary
  }

  /// Tokens along each axis: image (H/p, W/q), else one number.
  public var grid: [Int] {
    switch kind {
    case .image: [shape[1] / patch[0], shape[2] / patch[1]]
    case .series: [shape[1] / patch[0]]
    case .tokens: [shape[0]]
    }
  }

  public var tokenCount: Int {
    switch kind {
    case .image: (shape[1] / patch[0]) * (shape[2] / patch[1])
    case .series: shape[1] / patch[0]
    case .tokens: shape[0]
    }
  }

  public var channelCount: Int { kind == .tokens ? 1 : shape[0] }

  /// Values in one token; 0 for integer tokens.
  public var tokenWidth: Int { kind == .tokens ? 0 : shape[0] * product(patch) }

  /// Values in one sample.
  public var valueCount: Int { product(shape) }

  /// A plain loop: these are asked for in every step, and a generic `reduce` allocates.
  private func product(_ sizes: [Int]) -> Int {
    var count = 1
    for size in sizes { count *= size }
    return count
  }
}

/// Width, heads and depth of one Transformer.
public struct TransformerSize: Codable, Equatable, Sendable {
  public var width: Int
  public var heads: Int
  public var layers: Int

  public init(width: Int, heads: Int, layers: Int) {
    self.width = width
    self.heads = heads
    self.layers = layers
  }

  public var headWidth: Int { width / heads }
  /// MLP ratio 2 (Table 7).
  public var hiddenWidth: Int { 2 * width }
}

/// Encoder f, decoder g and projector h over the given inputs.
public struct ModelConfiguration: Codable, Equatable, Sendable {
  public var inputs: [InputSpecification]
  public var encoder: TransformerSize
  public var decoder: TransformerSize
  public var projectorHidden: Int
  public var projectorOut: Int
  /// P_drop of the encoder; the decoder has none.
  public var dropout: Float

  public init(
    inputs: [InputSpecification],
    encoder: TransformerSize = TransformerSize(width: 256, heads: 8, layers: 12),
    decoder: TransformerSize = TransformerSize(width: 128, heads: 4, layers: 4),
    projectorHidden: Int = 1024, projectorOut: Int = 128, dropout: Float = 0
  ) {
    self.inputs = inputs
    self.encoder = encoder
    self.decoder = decoder
    self.projectorHidden = projectorHidden
    self.projectorOut = projectorOut
    self.dropout = dropout
  }

  /// T: tokens of a sample, the class token left out.
  public var tokenCount: Int {
    var count = 0
    for input in inputs { count += input.tokenCount }
    return count
  }

  /// Where each input's tokens start in the concatenation.
  public var tokenStarts: [Int] {
    var starts = [0]
    for input in inputs { starts.append(starts.last! + input.tokenCount) }
    return starts
  }
}
