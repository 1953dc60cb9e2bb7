import Basics
import Testing

@Suite struct KeyedPermutationTests {
  @Test(arguments: [1, 2, 3, 4, 5, 7, 16, 17, 100, 1000, 4097])
  func isABijectionAndInverts(count: UInt64) {
    let order = KeyedPermutation(count: count, key: RandomKey(seed: 7, "test", count))
    let images = (0..<count).map { order[$0] }
    #expect(images.sorted() == Array(0..<count))
    for index in 0..<count { #expect(order.inverse(order[index]) == index) }
  }

  @Test func depends() {
    let a = KeyedPermutation(count: 1000, key: RandomKey(seed: 1, "order"))
    let b = KeyedPermutation(count: 1000, key: RandomKey(seed: 2, "order"))
    let equal = (0..<1000).filter { a[UInt64($0)] == b[UInt64($0)] }.count
    #expect(equal < 10)
  }

  /// Every element is about equally likely at every place: chi-square over 2,000 keys, 15 degrees of freedom.
  @Test func isNearlyUniform() {
    var counts = [Int](repeating: 0, count: 16)
    for seed in 0..<2000 {
      counts[Int(KeyedPermutation(count: 16, key: RandomKey(seed: UInt64(seed), "u"))[3])] += 1
    }
    let chi = counts.reduce(0.0) { $0 + pow2(Double($1) - 125) / 125 }
    #expect(chi < 44, "chi-square \(chi), 0.9999 quantile 44")
  }

  private func pow2(_ x: Double) -> Double { x * x }
}
