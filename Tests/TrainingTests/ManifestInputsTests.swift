import Basics
import Experiments
import Foundation
import ShardFormat
import TestSupport
import Testing

@testable import Training

@Suite struct ManifestInputsTests {
  private func manifest() throws -> Manifest {
    let bench = try Bench()
    return try SyntheticSplit.records(12, in: bench.folder + "/s")
  }

  private func message(_ manifest: Manifest) -> String? {
    let failure = #expect(throws: Failure.self) {
      _ = try manifest.storage(of: manifest.specifications(at: "s"), at: "s")
    }
    #expect(failure?.kind == .badData)
    return failure?.description
  }

  @Test func inputsAndTransforms() throws {
    let manifest = try manifest()
    let inputs = try manifest.specifications(at: "s")
    #expect(inputs[0] == InputSpecification(kind: .image, shape: [3, 4, 4], patch: [2, 2]))
    #expect(inputs[1].vocabulary == 125)
    let storage = try manifest.storage(of: inputs, at: "s")
    #expect(storage[0].type == .uint8)
    let scaling = storage[0].scaling
    #expect(scaling.scale == [Float](repeating: 1 / 255, count: 3))
    #expect(scaling.shift == [Float](repeating: 0, count: 3))
    #expect(storage[1].type == .int32)
  }

  @Test func windowsCountTheirLength() throws {
    let bench = try Bench()
    let manifest = try SyntheticSplit.windows(
      rowCounts: [40, 30], length: 8, perEpoch: 20, fixed: false, in: bench.folder + "/w")
    let storage = try manifest.storage(of: manifest.specifications(at: "s"), at: "s")
    #expect(storage[0].type == .float32)
    #expect(storage[0].scaling.scale.count == 2)
  }

  struct Change: Sendable {
    let message: String
    let apply: @Sendable (inout Manifest) -> Void
  }

  private static let changes: [Change] = [
    Change(message: "s: input 0: expected 48 values a sample for [3, 4, 4], found 36") {
      $0.fields[0].shape = [3, 4, 3]
    },
    Change(message: "s: input 0 of kind image cannot be stored as int64") {
      $0.fields[0].type = .int64
    },
    Change(message: "s: input 1 of kind tokens cannot be stored as float32") {
      $0.fields[1].type = .float32
    },
    Change(message: "s: input 0: expected a transform for 1 or 3 channels, found 2") {
      $0.transforms[0].scale = [1, 2]
    },
    Change(message: "s: input 0: expected image, series or tokens, found 'sound'") {
      $0.inputs[0].kind = "sound"
    },
    Change(message: "s: expected a field 'input.1', found none") { $0.fields.remove(at: 1) },
  ]

  @Test(arguments: changes) func whatDoesNotFitIsNamed(change: Change) throws {
    var changed = try manifest()
    change.apply(&changed)
    #expect(message(changed) == change.message)
  }
}
