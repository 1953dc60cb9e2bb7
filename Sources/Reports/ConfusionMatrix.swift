// What a probe takes for what: counts of (true class, predicted class), as a run directory keeps them for its report.
public struct ConfusionMatrix: Codable, Equatable, Sendable {
  public var dataset: String
  public var probe: String
  /// Of the classes; fewer than the classes where the set names none.
  public var names: [String]
  /// One row a true class, one column a predicted one.
  public var counts: [[Int]]

  /// - Precondition: as many labels as predictions, all from 0 to `classes` - 1.
  public init(
    dataset: String, probe: String, classes: Int, names: [String], labels: [Int32],
    predicted: [Int32]
  ) {
    precondition(labels.count == predicted.count, "labels and predictions differ in number")
    self.dataset = dataset
    self.probe = probe
    self.names = names
    counts = .init(repeating: .init(repeating: 0, count: classes), count: classes)
    for i in labels.indices { counts[Int(labels[i])][Int(predicted[i])] += 1 }
  }

  public func name(of index: Int) -> String {
    names.indices.contains(index) ? names[index] : "\(index)"
  }
}
