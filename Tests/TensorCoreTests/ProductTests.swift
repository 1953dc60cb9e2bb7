// The products of a block against sums in double over what they are said to multiply, and attention in bfloat16 beside
// the exact one, in shapes that fill no tile, panel or pair.

import Basics
import Testing

@testable import TensorCore

@Suite struct ProductTests {
  /// Rows, columns and inner size of a product.
  struct Shape: CustomTestStringConvertible {
    let m, n, depth: Int
    var testDescription: String { "\(m) x \(n), over \(depth)" }
  }

  static let shapes: [Shape] = [
    Shape(m: 1, n: 1, depth: 1), Shape(m: 5, n: 3, depth: 2), Shape(m: 12, n: 32, depth: 64),
    Shape(m: 13, n: 33, depth: 31), Shape(m: 25, n: 15, depth: 33), Shape(m: 24, n: 70, depth: 257),
    Shape(m: 7, n: 129, depth: 1101), Shape(m: 40, n: 17, depth: 1),
  ]

  static let precisions = [ProductPrecision.exact, .bfloat16].filter(\.isAvailable)

  @Test(arguments: precisions, shapes)
  func equalsSums(_ precision: ProductPrecision, _ shape: Shape) {
    let arena = Arena<Float>(precision)
    let (m, n, depth) = (shape.m, shape.n, shape.depth)
    let a = Operand(m, depth, seed: 1)
    let b = Operand(depth, n, seed: 2)
    let old = Operand(m, n, seed: 3)
    let (aFlipped, bFlipped) = (a.transposed(), b.transposed())
    defer { withExtendedLifetime((a, b, aFlipped, bFlipped)) {} }
    for beta in [Float(0), 1] {
      let expected = sums(a, b, precision, adding: beta == 0 ? nil : old)
      func check(_ way: String, _ run: (Matrix<Float>) -> Void) {
        let c = old.copy()
        run(c.matrix)
        #expect(c.farthest(from: expected.sum, in: expected.size) < 2e-6, "\(way), beta \(beta)")
        #expect(c.marginsAreUntouched, "\(way)")
      }
      check("a b") { arena.multiply(a.matrix, b.matrix, into: $0, adding: beta) }
      check("a b^T") {
        arena.multiply(a.matrix, bFlipped.matrix.transposed, into: $0, adding: beta)
      }
      check("a^T b") {
        arena.multiply(aFlipped.matrix.transposed, b.matrix, into: $0, adding: beta)
      }
      for flipped in [false, true] {
        let packed = Storage<Float>(count: Float.packedSize(n, depth))
        let right = flipped ? bFlipped : b
        Float.pack(
          precision, flipped, n, depth, right.matrix.base, right.matrix.stride, packed.base)
        check("packed, flipped \(flipped)") {
          arena.multiply(a.matrix, packed: packed.base, into: $0, adding: beta)
        }
        withExtendedLifetime(packed) {}
      }
    }
  }

  @Test(.enabled(if: ProductPrecision.bfloat16.isAvailable), arguments: [1, 16, 17, 65, 100])
  func attentionInBFloat16IsNearTheExactOne(_ tokens: Int) {
    let exact = attention(tokens, .exact)
    let rounded = attention(tokens, .bfloat16)
    for (name, values) in exact {
      let other = rounded[name]!
      let error = zip(values, other).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
      let size = values.reduce(0.0) { $0 + Double($1 * $1) }
      #expect((error / max(size, 1e-12)).squareRoot() < 0.012, "\(name)")
      #expect(tokens == 1 || values != other, "\(name): nothing was rounded")
    }
  }

  /// Outputs, adjoints and tangents of all four passes, 2 samples of 3 heads of 20 numbers.
  private func attention(_ tokens: Int, _ precision: ProductPrecision) -> [String: [Float]] {
    let (samples, heads, width) = (2, 3, 20)
    let (rows, d, ld) = (samples * tokens, heads * width, (tokens + 15) & ~15)
    let geometry = AttentionGeometry(
      samples: samples, tokens: tokens, heads: heads, width: width, starts: nil, ldq: d,
      ldkv: 2 * d, ldo: d, ldp: ld)
    func operand(_ columns: Int, _ seed: UInt64) -> Operand {
      Operand(rows, columns, seed: seed, margin: 0)
    }
    let (q, kv, qt, kvt) = (operand(d, 1), operand(2 * d, 2), operand(d, 3), operand(2 * d, 4))
    let (dout, doutt) = (operand(d, 5), operand(d, 6))
    let (o, ot, dq, dkv) = (operand(d, 7), operand(d, 8), operand(d, 9), operand(2 * d, 10))
    let (dqt, dkvt) = (operand(d, 11), operand(2 * d, 12))
    let shares = Storage<Float>(count: rows * heads * ld)
    let tangents = Storage<Float>(count: rows * heads * ld)
    let room = Storage<Float>(count: Float.attentionWorkspace(precision, geometry))
    defer { withExtendedLifetime((q, kv, qt, kvt, dout, doutt, shares, tangents, room)) {} }
    let workspace = room.base
    Float.attention(precision, geometry, q.at, kv.at, kv.at + d, shares.base, o.at, workspace)
    Float.attentionBackward(
      precision, geometry, q.at, kv.at, kv.at + d, nil, dout.at, dq.at, dkv.at, dkv.at + d,
      workspace)
    Float.attentionTangent(
      precision, geometry, q.at, kv.at, kv.at + d, qt.at, kvt.at, kvt.at + d, shares.base,
      tangents.base, ot.at, workspace)
    Float.attentionBackwardTangent(
      precision, geometry, q.at, kv.at, kv.at + d, qt.at, kvt.at, kvt.at + d, shares.base,
      tangents.base, dout.at, doutt.at, dqt.at, dkvt.at, dkvt.at + d, workspace)
    return [
      "o": o.values, "dkv": dkv.values, "ot": ot.values, "dkvt": dkvt.values,
    ].merging(tokens == 1 ? [:] : ["dq": dq.values, "dqt": dqt.values]) { first, _ in first }
  }

  /// a b + old, and the sum of the products' sizes, which rounding is relative to.
  private func sums(
    _ a: Operand, _ b: Operand, _ precision: ProductPrecision, adding old: Operand?
  ) -> (sum: [Double], size: [Double]) {
    let (m, n, depth) = (a.matrix.rows, b.matrix.columns, a.matrix.columns)
    var sum = [Double](repeating: 0, count: m * n)
    var size = sum
    for i in 0..<m {
      for j in 0..<n {
        var (x, y) = (Double(old?[i, j] ?? 0), Double(abs(old?[i, j] ?? 0)))
        for p in 0..<depth {
          let product = value(a[i, p], precision) * value(b[p, j], precision)
          x += product
          y += abs(product)
        }
        (sum[i * n + j], size[i * n + j]) = (x, y)
      }
    }
    return (sum, size)
  }

  /// To the nearest number of 8 significant bits, ties to even.
  private func value(_ x: Float, _ precision: ProductPrecision) -> Double {
    guard precision == .bfloat16 else { return Double(x) }
    let bits = x.bitPattern
    return Double(Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000))
  }
}

/// A random matrix with `margin` numbers of NaN after each row, which nothing may read into a result or write to.
private final class Operand {
  let matrix: Matrix<Float>
  private let storage: Storage<Float>

  init(_ rows: Int, _ columns: Int, seed: UInt64, margin: Int = 3) {
    storage = Storage(count: rows * (columns + margin))
    matrix = Matrix(storage.base, rows, columns, stride: columns + margin)
    var stream = RandomStream(RandomKey(seed: seed, "operand"))
    for i in 0..<storage.count { storage.base[i] = .nan }
    for i in 0..<rows { for j in 0..<columns { matrix.row(i)[j] = Float(stream.normal()) } }
  }

  var at: UnsafeMutablePointer<Float> { storage.base }
  var values: [Float] { Array(storage.buffer) }
  subscript(i: Int, j: Int) -> Float { matrix.row(i)[j] }

  func copy() -> Operand {
    let other = Operand(matrix.rows, matrix.columns, seed: 0)
    for i in 0..<storage.count { other.storage.base[i] = storage.base[i] }
    return other
  }

  func transposed() -> Operand {
    let other = Operand(matrix.columns, matrix.rows, seed: 0)
    for i in 0..<matrix.rows {
      for j in 0..<matrix.columns { other.matrix.row(j)[i] = self[i, j] }
    }
    return other
  }

  /// The largest difference relative to `size`; infinite where a number is none.
  func farthest(from expected: [Double], in size: [Double]) -> Double {
    var worst = 0.0
    for i in 0..<matrix.rows {
      for j in 0..<matrix.columns {
        let k = i * matrix.columns + j
        let error = abs(Double(self[i, j]) - expected[k]) / size[k]
        worst = error.isFinite ? max(worst, error) : .infinity
      }
    }
    return worst
  }

  var marginsAreUntouched: Bool {
    (0..<matrix.rows).allSatisfy { i in
      (matrix.columns..<matrix.stride).allSatisfy { matrix.row(i)[$0].isNaN }
    }
  }
}
