import Basics
import Testing

@testable import Evaluation

@Suite struct MetricsTests {
  @Test func theSpecificationsVectors() throws {
    let f1 = try Metrics.weightedF1(labels: [0, 0, 0, 1, 1, 2], predicted: [0, 0, 1, 1, 2, 2])
    #expect(abs(f1 - 0.677778) < 1e-6)
    let rho = try Metrics.spearman([0.1, 0.4, 0.4, -1, 2.5, 0.3], [1, 3, 2, 0, 5, 5])
    #expect(abs(rho - 0.735294) < 1e-6)
  }

  @Test func ranksShareTheirAverage() {
    #expect(Metrics.averageRanks([3, 1, 3, 2, 3]) == [4, 1, 4, 2, 4])
    #expect(Metrics.averageRanks([]) == [])
  }

  @Test func paddingIsCountedOrNot() throws {
    let labels: [Int32] = [0, 1, 2, 3, 3, 3]
    let predicted: [Int32] = [0, 1, 1, 3, 3, 0]
    let all = try Metrics.tokenAccuracy(labels: labels, predicted: predicted)
    let real = try Metrics.tokenAccuracy(labels: labels, predicted: predicted, leavingOut: 3)
    #expect(all == 4.0 / 6)
    #expect(real == 2.0 / 3)
    #expect(throws: Failure.self) {
      try Metrics.tokenAccuracy(labels: [3], predicted: [3], leavingOut: 3)
    }
  }

  /// What has no answer in the formula has one here, or a clear error.
  @Test func undefinedCasesAreDefined() throws {
    #expect(try Metrics.spearman([1, 1, 1], [1, 2, 3]) == 0)
    #expect(try Metrics.pearson([0.1, 0.1, 0.1], [1, 2, 3]) == 0)
    #expect(try Metrics.weightedF1(labels: [0, 0], predicted: [1, 1]) == 0)
    #expect(try Metrics.auroc(labels: [0, 1, 1, 0], scores: [2, 2, 2, 2]) == 0.5)
    #expect(throws: Failure.self) { try Metrics.accuracy(labels: [], predicted: []) }
    #expect(throws: Failure.self) { try Metrics.pearson([1], [1]) }
    #expect(throws: Failure.self) { try Metrics.spearman([1, .nan], [1, 2]) }
    #expect(throws: Failure.self) { try Metrics.auroc(labels: [1, 1], scores: [1, 2]) }
    #expect(throws: Failure.self) { try Metrics.auroc(labels: [1, 2], scores: [1, 2]) }
  }
}
