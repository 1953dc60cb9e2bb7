// The linear evaluation against PyTorch, scikit-learn and scipy: order and initial head given, weights, bias, logits
// and metric come out the same.

import Basics
import Foundation
import TensorCore
import Testing

@testable import Evaluation

@Suite struct GoldenProbeTests {
  static let tolerance = 1e-4

  @Test(arguments: GoldenCase.all(".safetensors"))
  func agrees(_ golden: GoldenCase) throws {
    let archive = try TensorArchive(path: golden.path)
    guard let kind = archive.metadata["kind"] else { return }  // an objective: GoldenObjectiveTests
    print("golden \(golden.testDescription): probe, \(kind)")
    let classes = try #require(Int(archive.metadata["classes"] ?? ""))
    let isRegression = kind == "regression"
    func integers(_ name: String) throws -> [Int32] { try archive.integers(name).map(Int32.init) }
    let targets: ProbeTargets =
      isRegression
      ? .values(try archive.floats("train.y")) : .classes(try integers("train.y"), count: classes)
    let order = try integers("order")
    let shape = try #require(archive.entries["order"]).shape
    let head = try trainProbe(
      from: LinearHead(
        width: try #require(archive.entries["train.x"]).shape[1], outputCount: targets.outputCount,
        weight: try archive.floats("init.weight"), bias: try archive.floats("init.bias")),
      features: try archive.floats("train.x"), targets: targets,
      settings: ProbeSettings(
        learningRate: 1e-2, weightDecay: 1e-4, epochs: shape[0],
        batch: try #require(Int(archive.metadata["batch"] ?? ""))),
      order: { Array(order[$0 * shape[1]..<($0 + 1) * shape[1]]) })
    let logits = head.outputs(for: try archive.floats("test.x"))
    let task = EvaluationTask(
      isRegression ? .regression : .classes(classes), metric: isRegression ? .spearman : .accuracy)
    let labels: Labels =
      isRegression ? .values(try archive.floats("test.y")) : .classes(try integers("test.y"))
    for (name, found) in [("weight", head.weight), ("bias", head.bias), ("logits", logits)] {
      let error = relativeError(found.map(Double.init), try archive.doubles(name))
      #expect(error <= Self.tolerance, "\(name): relative error \(error)")
    }
    let metric = try score(logits, labels, for: task)
    let expected = try #require(Double(archive.metadata["metric"] ?? ""))
    #expect(abs(metric - expected) <= Self.tolerance, "metric \(metric), expected \(expected)")
  }

  private struct MetricCase: Decodable {
    let metric: String
    let value: Double
    let a, b, scores: [Double]?
    let labels, predicted: [Int32]?
  }

  @Test(arguments: GoldenCase.all("metrics.json"))
  func metricsAgree(_ golden: GoldenCase) throws {
    print("golden \(golden.testDescription)")
    let cases = try JSONDecoder().decode([MetricCase].self, from: Data(try Files.read(golden.path)))
    #expect(!cases.isEmpty)
    for c in cases {
      let value =
        switch c.metric {
        case "spearman": try Metrics.spearman(c.a!, c.b!)
        case "pearson": try Metrics.pearson(c.a!, c.b!)
        case "weighted_f1": try Metrics.weightedF1(labels: c.labels!, predicted: c.predicted!)
        case "accuracy": try Metrics.accuracy(labels: c.labels!, predicted: c.predicted!)
        case "auroc": try Metrics.auroc(labels: c.labels!, scores: c.scores!)
        default: Double.nan
        }
      #expect(abs(value - c.value) <= 1e-9, "\(c.metric): \(value), expected \(c.value)")
    }
  }
}
