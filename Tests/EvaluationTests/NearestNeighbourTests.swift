import Basics
import Testing

@testable import Evaluation

@Suite struct NearestNeighbourTests {
  /// By hand: angles decide, lengths don't, the nearer vote weighs more.
  @Test func votesByAngle() throws {
    let train = FeatureSet(
      width: 2, features: [1, 0, 10, 1, 0, 1, 1, 1], labels: .classes([0, 0, 1, 2]),
      ids: [0, 1, 2, 3])
    let test = FeatureSet(
      width: 2, features: [5, 0, 0, 0.1, 3, 3], labels: .classes([0, 1, 2]), ids: [0, 1, 2])
    let predicted = try nearestNeighbourPredictions(
      train: train, test: test, task: EvaluationTask(.classes(3), metric: .accuracy), neighbours: 2)
    #expect(predicted == .classes([0, 1, 2]))
  }

  /// Of classes with equal votes the smaller wins, wherever their samples stand.
  @Test func equalVotes() throws {
    for labels in [[2, 1], [1, 2]] as [[Int32]] {
      let train = FeatureSet(
        width: 2, features: [1, 0, 1, 0], labels: .classes(labels), ids: [0, 1])
      let test = FeatureSet(width: 2, features: [3, 0], labels: .classes([0]), ids: [0])
      let predicted = try nearestNeighbourPredictions(
        train: train, test: test, task: EvaluationTask(.classes(3), metric: .accuracy),
        neighbours: 2)
      #expect(predicted == .classes([1]))
    }
  }

  @Test func regressionIsAWeightedMean() throws {
    let train = FeatureSet(
      width: 2, features: [1, 0, 1, 0, 0, 1], labels: .values([2, 4, 100]), ids: [0, 1, 2])
    let test = FeatureSet(width: 2, features: [2, 0], labels: .values([0]), ids: [0])
    let predicted = try nearestNeighbourPredictions(
      train: train, test: test, task: EvaluationTask(.regression, metric: .spearman), neighbours: 2)
    #expect(predicted == .values([3]))
    // Similarities 1 and 0.8: weights 1 and exp(-0.2 / 0.07) = 0.0574, so (0.0574 * 100) / 1.0574 = 5.43.
    let uneven = try nearestNeighbourPredictions(
      train: FeatureSet(width: 2, features: [1, 0, 0.8, 0.6], labels: .values([0, 100])),
      test: test, task: EvaluationTask(.regression, metric: .spearman))
    guard case .values(let values) = uneven else { return }
    #expect(abs(values[0] - 5.43) < 0.01)
  }

  @Test func tokensAreRefused() {
    let set = FeatureSet(width: 1, rowsPerSample: 2, features: [1, 1], labels: .classes([0, 1]))
    #expect(throws: Failure.self) {
      try nearestNeighbourPredictions(
        train: set, test: set,
        task: EvaluationTask(.tokenClasses(2, padding: nil), metric: .tokenAccuracy))
    }
  }
}
