// kernel/attention/PASS/HEADS-heads/TOKENS-tokens: the four passes in the shapes of the presets, heads 32 wide:
// 8 heads over the kept tokens (encoder), 4 over all of them (decoder; only there are tangents).

import Basics
import Experiments
import TensorCore

extension KernelCases {
  private enum Pass: String, CaseIterable {
    case forward, backward, tangent
    case backwardTangent = "backward-tangent"

    /// Products of tokens x tokens x head width that the pass is made of.
    var products: Int {
      switch self {
      case .forward: 2
      case .backward, .tangent: 4
      case .backwardTangent: 8
      }
    }
  }

  static var attention: [BenchCase] {
    let presets = PretrainingPreset.all
    let kept = Set(presets.map { $0.settings.keptCount(of: $0.model.tokenCount) + 1 })
    let whole = Set(presets.map { $0.model.tokenCount + 1 })
    return kept.sorted().flatMap { tokens in
      [Pass.forward, .backward].map { attention($0, heads: 8, tokens: tokens) }
    }
      + whole.sorted().flatMap { tokens in
        Pass.allCases.map { attention($0, heads: 4, tokens: tokens) }
      }
  }

  private static func attention(_ pass: Pass, heads: Int, tokens: Int) -> BenchCase {
    let samples = max(1, rows / tokens)
    let width = 32
    return repeated(
      "kernel/attention/\(pass.rawValue)/\(heads)-heads/\(tokens)-tokens",
      operations: Double(pass.products * 2 * samples * heads * width * tokens * tokens)
    ) {
      let operands = AttentionOperands(
        samples: samples, tokens: tokens, heads: heads, headWidth: width)
      try operands.check()
      operands.tangent()
      return {
        switch pass {
        case .forward: operands.forward()
        case .backward: operands.backward()
        case .tangent: operands.tangent()
        case .backwardTangent: operands.backwardTangent()
        }
      }
    }
  }
}

/// Inputs, outputs, adjoints and tangents of one attention.
private struct AttentionOperands {
  let geometry: AttentionGeometry
  let query, keyValue, queryTangent, keyValueTangent: RandomMatrix
  let adjoint, adjointTangent, output, queryAdjoint, keyValueAdjoint: RandomMatrix
  let shares, shareTangents, workspace: Storage<Float>
  let width: Int

  init(samples: Int, tokens: Int, heads: Int, headWidth: Int) {
    let rows = samples * tokens
    width = heads * headWidth
    let stride = (tokens + 15) & ~15
    geometry = AttentionGeometry(
      samples: samples, tokens: tokens, heads: heads, width: headWidth, starts: nil, ldq: width,
      ldkv: 2 * width, ldo: width, ldp: stride)
    (query, queryTangent) = (RandomMatrix(rows, width), RandomMatrix(rows, width))
    (keyValue, keyValueTangent) = (RandomMatrix(rows, 2 * width), RandomMatrix(rows, 2 * width))
    (adjoint, adjointTangent) = (RandomMatrix(rows, width), RandomMatrix(rows, width))
    (output, queryAdjoint) = (RandomMatrix(rows, width), RandomMatrix(rows, width))
    keyValueAdjoint = RandomMatrix(rows, 2 * width)
    shares = Storage(count: rows * heads * stride)
    shareTangents = Storage(count: rows * heads * stride)
    workspace = Storage(count: Float.attentionWorkspace(.exact, geometry))
  }

  func forward() {
    Float.attention(
      .exact, geometry, query.base, keyValue.base, keyValue.base + width, shares.base, output.base,
      workspace.base)
  }

  func backward() {
    Float.attentionBackward(
      .exact, geometry, query.base, keyValue.base, keyValue.base + width, shares.base, adjoint.base,
      queryAdjoint.base, keyValueAdjoint.base, keyValueAdjoint.base + width, workspace.base)
  }

  func tangent() {
    Float.attentionTangent(
      .exact, geometry, query.base, keyValue.base, keyValue.base + width, queryTangent.base,
      keyValueTangent.base, keyValueTangent.base + width, shares.base, shareTangents.base,
      output.base, workspace.base)
  }

  func backwardTangent() {
    Float.attentionBackwardTangent(
      .exact, geometry, query.base, keyValue.base, keyValue.base + width, queryTangent.base,
      keyValueTangent.base, keyValueTangent.base + width, shares.base, shareTangents.base,
      adjoint.base, adjointTangent.base, queryAdjoint.base, keyValueAdjoint.base,
      keyValueAdjoint.base + width, workspace.base)
  }

  /// The forward pass against plain loops, first sample and head; DerivativeTests hold the others.
  func check() throws {
    forward()
    let (tokens, w) = (Int(geometry.tokens), Int(geometry.width))
    for i in 0..<tokens {
      let scores = (0..<tokens).map { j in
        (0..<w).reduce(0.0) {
          $0 + Double(query.base[i * width + $1]) * Double(keyValue.base[j * 2 * width + $1])
        } / Double(w).squareRoot()
      }
      let exponentials = scores.map { exponential($0 - scores.max()!) }
      let total = exponentials.reduce(0, +)
      for c in 0..<w {
        let expected = (0..<tokens).reduce(0.0) {
          $0 + exponentials[$1] / total * Double(keyValue.base[$1 * 2 * width + width + c])
        }
        guard abs(expected - Double(output.base[i * width + c])) < 1e-4 else {
          throw Failure(
            .internalError, at: "attention, row \(i), column \(c)",
            "expected \(expected), found \(output.base[i * width + c])")
        }
      }
    }
  }
}
