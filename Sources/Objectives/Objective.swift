// What every pretraining objective is: a loss on one mini-batch and its gradient in the parameters.

import Experiments
import Networks
import TensorCore

/// The losses of one step.
public struct StepLoss: Equatable, Sendable {
  /// What is minimised (eq. 5 for MetaMAE).
  public var loss: Double
  /// The reconstruction part (line 9); nil where nothing is reconstructed.
  public var reconstruction: Double?
  /// The task contrast before its weight (line 10); nil for all but MetaMAE.
  public var contrast: Double?
}

public protocol Objective<R>: AnyObject {
  associatedtype R: Real

  /// Reads the tokens, draws and keys of `bench` and leaves the gradient in it.
  func gradient() -> StepLoss

  /// The part of the flat parameter buffer that this objective trains; the optimizer leaves the rest alone.
  var trained: Range<Int> { get }
}

/// The objective of that name on a bench whose network was made for it.
public func objective<R: Real>(_ name: ObjectiveName, on bench: Workbench<R>) -> any Objective<R> {
  switch name {
  case .metamae: MetaMAE(bench)
  case .mae: MAE(bench)
  case .maeLinear: MAELinear(bench)
  case .emix: EMix(bench)
  case .shed: ShED(bench)
  case .capri: Capri(bench)
  }
}
