// The hyperparameters of one step: Table 8 and Algorithm 1's inputs as plain values.

/// Which loss trains the encoder.
public enum ObjectiveName: String, Codable, CaseIterable, Sendable {
  case metamae, mae
  case maeLinear = "mae-linear"
  case emix, shed, capri
}

/// Masking, adaptation and contrast of one training step.
public struct ObjectiveSettings: Codable, Equatable, Sendable {
  public var maskRatio: Double
  /// alpha, the step of the latent (eq. 2).
  public var innerLearningRate: Float
  /// k, how often the latent is adapted (Table 15).
  public var innerSteps: Int
  /// r, the chance of a masked neighbour to join the inner loss.
  public var nearbyRatio: Float
  /// Leaves out the gradient through the inner gradient.
  public var firstOrder: Bool
  /// lambda (eq. 5).
  public var contrastWeight: Float
  /// tau (eq. 3).
  public var temperature: Float
  /// Share of tokens that ShED swaps, Capri and the linear MAE blank.
  public var corruptionRate: Double

  public init(
    maskRatio: Double, innerLearningRate: Float = 0.5, innerSteps: Int = 1,
    nearbyRatio: Float = 0.1,
    firstOrder: Bool = false, contrastWeight: Float = 1, temperature: Float = 0.5,
    corruptionRate: Double = 0.15
  ) {
    self.maskRatio = maskRatio
    self.innerLearningRate = innerLearningRate
    self.innerSteps = innerSteps
    self.nearbyRatio = nearbyRatio
    self.firstOrder = firstOrder
    self.contrastWeight = contrastWeight
    self.temperature = temperature
    self.corruptionRate = corruptionRate
  }

  /// Tokens that stay: `int(T * (1 - mask ratio))`, in double and truncated, as the authors' code.
  public func keptCount(of tokenCount: Int) -> Int { Int(Double(tokenCount) * (1 - maskRatio)) }

  /// Tokens that are moved or blanked: `ceil(rate * T)`.
  public func corruptedCount(of tokenCount: Int) -> Int {
    Int((Double(tokenCount) * corruptionRate).rounded(.up))
  }
}
