import Basics
import Foundation
import Testing

@testable import Evaluation

/// Features of `classes` clusters, standardised or not, from a keyed stream.
func clusters(
  samples: Int, width: Int, classes: Int, seed: UInt64, spread: Double = 1
) -> FeatureSet {
  var centres = RandomStream(RandomKey(seed: 0, "centres"))
  let centre = (0..<classes * width).map { _ in centres.normal() * spread }
  var stream = RandomStream(RandomKey(seed: seed, "clusters"))
  var set = FeatureSet(width: width)
  var labels: [Int32] = []
  for i in 0..<samples {
    let label = i % classes
    labels.append(Int32(label))
    for c in 0..<width { set.features.append(Float(centre[label * width + c] + stream.normal())) }
    set.ids.append(Int64(i))
  }
  set.labels = .classes(labels)
  return set
}

@Suite struct ConvergedProbeTests {
  @Test func lbfgsFindsAnIllConditionedMinimum() {
    // Sum of i (x_i - i)^2 / 2, condition 200, and a quartic on top.
    var x = [Double](repeating: 0, count: 200)
    let minimum = LBFGS(tolerance: 1e-9).minimise(&x) { x, g in
      var value = 0.0
      for i in x.indices {
        let (w, d) = (Double(i + 1), x[i] - Double(i))
        value += w * d * d / 2 + d * d * d * d
        g[i] = w * d + 4 * d * d * d
      }
      return value
    }
    #expect(minimum.isConverged)
    #expect(minimum.iterations < 300)
    for i in x.indices { #expect(abs(x[i] - Double(i)) < 1e-8) }
  }

  @Test func lbfgsSaysWhenItDidNotArrive() {
    var x = [100.0, 100.0]
    let minimum = LBFGS(tolerance: 1e-12, iterationLimit: 2).minimise(&x) { x, g in
      g = [400 * x[0] * x[0] * x[0], x[1]]
      return 100 * x[0] * x[0] * x[0] * x[0] + x[1] * x[1] / 2
    }
    #expect(!minimum.isConverged)
    #expect(minimum.iterations == 2)
  }

  /// The gradient of the objective, by central differences at the solution's scale: the fit is a minimum of the
  /// stated function, bias unpenalised.
  @Test(arguments: [2, 5]) func logisticFitMinimisesTheStatedObjective(classes: Int) throws {
    let set = clusters(samples: 300, width: 6, classes: classes, seed: 4, spread: 0.5)
    let x = Standardisation(of: set.features, width: 6).apply(to: set.features)
    guard case .classes(let labels) = set.labels else { return }
    let fit = fitConverged(
      features: x, width: 6, targets: .classes(labels, count: classes), l2: 0.01)
    #expect(fit.minimum.isConverged)
    func objective(_ head: LinearHead) -> Double {
      let outputs = head.outputs(for: x)
      var total = 0.0
      for r in labels.indices {
        let row =
          classes == 2
          ? [0, Double(outputs[r])] : (0..<classes).map { Double(outputs[r * classes + $0]) }
        let top = row.max()!
        total += top + log(row.reduce(0) { $0 + exp($1 - top) }) - row[Int(labels[r])]
      }
      let squares = head.weight.reduce(0.0) { $0 + Double($1) * Double($1) }
      return total / Double(labels.count) + 0.005 * squares
    }
    #expect(abs(objective(fit.head) - fit.minimum.value) < 1e-6)
    for i in fit.head.parameters.indices {
      var (up, down) = (fit.head, fit.head)
      up.parameters[i] += 0.05
      down.parameters[i] -= 0.05
      let slope = (objective(up) - objective(down)) / 0.1
      #expect(abs(slope) < 2e-4, "parameter \(i): slope \(slope)")
      #expect(objective(up) > fit.minimum.value && objective(down) > fit.minimum.value)
    }
  }

  /// Ridge against its closed form: one feature by hand, many by the gradient and by L-BFGS on the same function.
  @Test func ridgeIsItsClosedForm() {
    let one = fitConverged(
      features: [-1, 0, 1], width: 1, targets: .values([1, 2, 6]), l2: 0.5)
    // covariance 5/3, variance 2/3: w = (5/3) / (2/3 + 1/2) = 10/7, bias = the mean, 3.
    #expect(abs(one.head.weight[0] - 10 / 7) < 1e-6)
    #expect(abs(one.head.bias[0] - 3) < 1e-6)

    var stream = RandomStream(RandomKey(seed: 1, "ridge"))
    let (rows, width) = (80, 7)
    let x = (0..<rows * width).map { _ in Float(stream.normal()) }
    let y = (0..<rows).map { r in x[r * width] * 2 - x[r * width + 3] + Float(stream.normal()) + 5 }
    let ridge = fitConverged(features: x, width: width, targets: .values(y), l2: 0.03)
    var p = [Double](repeating: 0, count: width + 1)
    let minimum = LBFGS(tolerance: 1e-10).minimise(&p) { p, g in
      var value = 0.0
      for i in g.indices { g[i] = i < width ? 0.03 * p[i] : 0 }
      for i in 0..<width { value += 0.015 * p[i] * p[i] }
      for r in 0..<rows {
        var residual = p[width] - Double(y[r])
        for c in 0..<width { residual += p[c] * Double(x[r * width + c]) }
        value += residual * residual / Double(2 * rows)
        for c in 0..<width { g[c] += residual * Double(x[r * width + c]) / Double(rows) }
        g[width] += residual / Double(rows)
      }
      return value
    }
    #expect(minimum.isConverged)
    for i in 0...width { #expect(abs(Double(ridge.head.parameters[i]) - p[i]) < 1e-6) }
  }

  @Test func standardisationUnfolds() {
    let set = clusters(samples: 50, width: 3, classes: 2, seed: 1)
    var features = set.features.map { $0 * 7 + 100 }
    for r in 0..<50 { features[r * 3 + 1] = 42 }  // a constant column
    let scaling = Standardisation(of: features, width: 3)
    let scaled = scaling.apply(to: features)
    #expect(scaling.scale[1] == 0)
    for c in [0, 2] {
      let column = (0..<50).map { Double(scaled[$0 * 3 + c]) }
      #expect(abs(column.reduce(0, +) / 50) < 1e-5)
      #expect(abs(column.reduce(0) { $0 + $1 * $1 } / 50 - 1) < 1e-4)
    }
    let head = LinearHead(width: 3, outputCount: 2, seed: 0)
    let a = head.outputs(for: scaled)
    let b = scaling.unfolded(head).outputs(for: features)
    #expect(relativeError(b, a) < 1e-5)
  }

  @Test func validationKeepsGroupsWhole() {
    let groups = (0..<100).map { Int64($0 % 7) }
    let split = ValidationSplit(samples: 100, groups: groups, seed: 1)
    let fit = Set(split.fit.map { groups[$0] })
    let validation = Set(split.validation.map { groups[$0] })
    #expect(fit.isDisjoint(with: validation) && !fit.isEmpty && !validation.isEmpty)
    #expect((split.fit + split.validation).sorted() == Array(0..<100))
    #expect(split.validation.count >= 20)
    #expect(split != ValidationSplit(samples: 100, groups: groups, seed: 2))

    let plain = ValidationSplit(samples: 100, groups: nil, seed: 1)
    #expect(plain.validation.count == 20 && plain.fit.count == 80)
    let one = ValidationSplit(samples: 1, groups: nil, seed: 1)
    #expect(one.fit == [0] && one.validation.isEmpty)
    // A small group and a huge one: one of them always stays to fit on.
    for seed in 0..<8 {
      let two = ValidationSplit(
        samples: 100, groups: [0] + [Int64](repeating: 1, count: 99), seed: UInt64(seed))
      #expect(!two.fit.isEmpty && !two.validation.isEmpty)
    }
    let oneGroup = ValidationSplit(samples: 10, groups: [Int64](repeating: 5, count: 10), seed: 1)
    #expect(oneGroup.validation.count == 2)
  }

  /// Much noise, few samples: a strong penalty must win; clear clusters: near-perfect on fresh samples.
  @Test func thePenaltyIsPickedOnValidation() throws {
    let task = EvaluationTask(.classes(3), metric: .accuracy)
    let noisy = clusters(samples: 60, width: 40, classes: 3, seed: 1, spread: 0.2)
    let picked = try ConvergedProbe.fit(noisy, task: task, seed: 0)
    #expect(picked.tried.map(\.l2) == ConvergedProbe.penalties)
    let best = picked.tried.map(\.score).max()!
    #expect(picked.l2 == picked.tried.first { $0.score == best }!.l2)

    var clear = clusters(samples: 300, width: 8, classes: 3, seed: 2, spread: 3)
    var fresh = clusters(samples: 300, width: 8, classes: 3, seed: 3, spread: 3)
    // Far from standard: the head is for raw features.
    clear.features = clear.features.map { $0 * 0.01 + 30 }
    fresh.features = fresh.features.map { $0 * 0.01 + 30 }
    let probe = try ConvergedProbe.fit(clear, task: task, seed: 0)
    #expect(try score(probe.head.outputs(for: fresh.features), fresh.labels, for: task) > 0.98)
  }

  @Test func regressionRanks() throws {
    var stream = RandomStream(RandomKey(seed: 1, "regression"))
    func set(_ rows: Int) -> FeatureSet {
      let x = (0..<rows * 5).map { _ in Float(stream.normal()) }
      let y = (0..<rows).map { x[$0 * 5] - 2 * x[$0 * 5 + 1] + 0.1 * Float(stream.normal()) }
      return FeatureSet(
        width: 5, features: x, labels: .values(y), ids: (0..<Int64(rows)).map { $0 })
    }
    let task = EvaluationTask(.regression, metric: .spearman)
    let probe = try ConvergedProbe.fit(set(200), task: task, seed: 0)
    let test = set(100)
    #expect(try score(probe.head.outputs(for: test.features), test.labels, for: task) > 0.97)
  }
}
