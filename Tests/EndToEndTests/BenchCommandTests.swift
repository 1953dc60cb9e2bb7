// The built metamae-bench: names are a contract, a case's JSON, and mistakes.

import Foundation
import TestSupport
import Testing

@Suite struct BenchCommandTests {
  private func bench(_ words: String...) throws -> ProgramRun {
    try ProgramRun("metamae-bench", words)
  }

  @Test func namesOfCases() throws {
    let run = try bench("list")
    #expect(run.code == 0, "\(run.messages)")
    let names = run.output.split(separator: "\n").map(String.init)
    #expect(Set(names).count == names.count)
    let expected = [
      "step/metamae/pamap2", "step/mae/mscoco", "kernel/product/forward/256x256",
      "kernel/attention/backward-tangent/4-heads/65-tokens", "kernel/layernorm/backward/256",
      "kernel/gelu/forward/512", "kernel/softmax/65", "kernel/cross-entropy/30522",
      "kernel/adamw/7000000", "features/pamap2", "probe/paper/50000x256x12", "prep/cifar10",
      "prep/higgs", "load/wafer-map/1-workers",
    ]
    for name in expected { #expect(names.contains(name), "\(name)") }
    for objective in ["metamae", "mae", "mae-linear", "emix", "shed", "capri"] {
      #expect(names.count { $0.hasPrefix("step/\(objective)/") } == 9)
    }
  }

  private struct Report: Decodable {
    struct Case: Decodable {
      let name: String
      let count: Int
      let medianSeconds, minSeconds: Double
      let gflops, peakShare, valuesPerSecond, bytesPerSecond: Double?
    }
    struct Machine: Decodable { let peakGflops: Double }
    let machine: Machine
    let cases: [Case]
  }

  /// Operations where they say something, else values or bytes a second.
  @Test func aCaseAsJSON() throws {
    let run = try bench(
      "run", "kernel/softmax/65", "kernel/*/forward/64x128", "--repeats", "3", "--json")
    #expect(run.code == 0, "\(run.messages)")
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let report = try decoder.decode(Report.self, from: Data(run.output.utf8))
    #expect(report.cases.map(\.name) == ["kernel/softmax/65", "kernel/product/forward/64x128"])
    #expect(report.cases.allSatisfy { $0.count == 3 && $0.minSeconds <= $0.medianSeconds })
    #expect(report.machine.peakGflops > 0)
    let (softmax, product) = (report.cases[0], report.cases[1])
    #expect(softmax.gflops == nil && softmax.peakShare == nil && softmax.valuesPerSecond! > 0)
    #expect(product.gflops! > 0 && product.valuesPerSecond == nil)
    #expect(abs(product.peakShare! - product.gflops! / report.machine.peakGflops) < 1e-9)
  }

  private struct Wait: Decodable {
    let preset: String
    let compute, wait, decode: Double
  }

  @Test func waitAsJSON() throws {
    let run = try bench("wait", "eurosat", "--steps", "2", "--json")
    #expect(run.code == 0, "\(run.messages)")
    let found = try JSONDecoder().decode([Wait].self, from: Data(run.output.utf8))
    #expect(found.map(\.preset) == ["eurosat"])
    #expect(found[0].compute > 0 && found[0].wait >= 0 && found[0].decode > 0)
  }

  @Test(arguments: [
    (["run", "kernel/softmx/65"], "kernel/softmx/65: no case of this name"),
    (["wait", "eurosta"], "eurosta: expected pamap2, higgs, eurosat"),
    (["run", "kernel/softmax/65", "--repeats", "0"], "--repeats"),
  ])
  func mistakes(_ words: [String], _ text: String) throws {
    let run = try ProgramRun("metamae-bench", words)
    #expect(run.code == 64)
    #expect(run.messages.contains(text), "\(run.messages)")
  }
}
