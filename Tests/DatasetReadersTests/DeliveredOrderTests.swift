// The vectors of datasets.md 2.5 and 2.7 that follow from counts and shard numbers alone.

import Basics
import Foundation
import Testing

@testable import DatasetReaders

@Suite struct DeliveredOrderTests {
  @Test func hashesSortKeys() {
    let digest = { (text: String) in
      hexadecimal(Array(text.utf8).withUnsafeBytes { Digest.of($0, .md5) })
    }
    #expect(digest("train0") == "9318f9213195ac5c50b1ddb3c7d5aacd")
    #expect(digest("train1") == "bc4e69093cdfd6aa4aaacd2f8ed0e730")
    #expect(DeliveredOrder.hashedRows(10, split: "train") == [6, 5, 4, 0, 8, 3, 1, 9, 7, 2])
  }

  @Test func shardsInterleave() {
    let order = DeliveredOrder.rows(5000, split: "train", shards: 37)
    #expect(
      Array(order.prefix(20)) == [
        1680, 1456, 4223, 4093, 3017, 2896, 4352, 2784, 499, 837, 3475, 1647, 4397, 546, 3365, 4679,
        538, 4125, 2913, 2484,
      ])
    #expect(order.sorted() == Array(0..<5000))
  }

  @Test(
    arguments: [
      ("train", 1_000_000, 4, [16399, 634903, 206287, 470425, 871483, 825427]),
      ("validation", 100_000, 1, [78030, 65370, 68813, 28410, 89653, 74278]),
      ("validation_ood", 600_000, 2, [173127, 83466, 382707, 359908, 121031, 480677]),
    ] as [(String, Int, Int, [Int32])])
  func genomics(split: String, count: Int, shards: Int, begins: [Int32]) {
    #expect(
      Array(DeliveredOrder.rows(count, split: split, shards: shards).prefix(6)) == begins)
  }

  /// Eleven million rows: order and splits (datasets.md 2.5 and 2.7).
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["METAMAE_LONG_TESTS"] != nil, "minutes in debug"))
  func higgs() {
    let order = DeliveredOrder.rows(11_000_000, split: "train", shards: 64)
    #expect(
      Array(order.prefix(6)) == [8_932_533, 2_329_218, 16_399, 10_671_350, 3_214_470, 2_168_705])
    #expect(Array(order[16...18]) == [6_941_931, 2_167_982, 71_209])
    #expect(Array(order.suffix(2)) == [8_861_721, 8_736_645])
    let tables = HeadAndTail(first: order.count)
    let pretraining = PermutedTable(order[tables.head])
    #expect(pretraining.head.count == 8_910_000)
    #expect(pretraining.head.prefix(3) == [2_072_765, 9_488_951, 5_817_704])
    #expect(pretraining.head.last == 8_265_842)
    let transfer = PermutedTable(order[tables.tail])
    #expect((transfer.head.count, transfer.tail.count) == (990_000, 109_999))
    #expect(transfer.head.prefix(3) == [3_703_530, 6_083_222, 10_020_521])
    #expect(transfer.tail.prefix(3) == [10_126_484, 7_548_679, 8_885_458])
    #expect(transfer.tail.last == 8_370_795)
  }
}
