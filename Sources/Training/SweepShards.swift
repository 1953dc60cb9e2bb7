// The shards that a sweep needs: those that are there, or built from raw data, or a sentence that says what is missing.

import Basics
import Experiments

struct SweepShards {
  let folder: String
  private let raw: [String]
  private let limit: Int?
  private let jobs: Int?

  init(_ request: SweepRequest) {
    // Shards of a part of the records stand apart from those of all.
    folder =
      request.shards ?? request.output + "/shards" + (request.limit.map { "-limit-\($0)" } ?? "")
    raw = request.raw
    limit = request.limit
    jobs = request.jobs
  }

  /// The split that is trained on, as training would choose it; nil: none is there.
  func trainingSplit(of dataset: String, wanted: String?) -> String? {
    (wanted.map { [$0] } ?? ["pretrain", "train"]).map { "\(folder)/\(dataset)/\($0)" }
      .first { Files.exists($0 + "/manifest.json") }
  }

  /// - Parameter splits: of which all are needed, or with `any` one of them.
  /// - Returns: what is missing; nil when all is there.
  /// - Throws: interrupted when a stop was asked for during a build.
  func provide(_ dataset: String, splits: [String], any: Bool = false) throws -> String? {
    func isThere() -> Bool {
      let found = splits.map { Files.exists("\(folder)/\(dataset)/\($0)/manifest.json") }
      return any ? found.contains(true) : !found.contains(false)
    }
    if isThere() { return nil }
    let wanted = splits.joined(separator: any ? " or " : " and ")
    guard let source = rawData(of: dataset) else {
      let layout = try layout(of: dataset).map { " (\($0))" } ?? ""
      return "needs the raw data of \(dataset)\(layout): give --raw DIR, or --shards DIR with its "
        + "built splits (\(wanted)); there is no \(folder)/\(dataset)"
    }
    Console.note("\(dataset): building shards from \(source)")
    var arguments = ["build-shards", "--dataset", dataset, "--raw", source, "--out", folder]
    if let limit { arguments += ["--limit", "\(limit)"] }
    if let jobs { arguments += ["--jobs", "\(jobs)"] }
    let build = try ChildProgram("metamae-prep", arguments)
    guard build.code == 0 else { return "no shards of \(dataset): \(build.problem)" }
    return isThere() ? nil : "\(source) gave no split \(wanted) of \(dataset)"
  }

  /// `NAME=DIR` first, then a folder of the set's name below a `--raw`, then the `--raw` itself.
  private func rawData(of dataset: String) -> String? {
    let entry = DatasetCatalogue.entry(dataset)
    let names = [dataset] + (entry?.aliases ?? []) + (entry.map { [$0.pretrainedOn] } ?? [])
    for item in raw {
      let words = item.split(separator: "=", maxSplits: 1).map(String.init)
      if words.count == 2, names.contains(words[0]) { return words[1] }
    }
    let plain = raw.filter { !$0.contains("=") }
    for folder in plain {
      if let found = names.map({ folder + "/" + $0 }).first(where: Files.exists) { return found }
    }
    return plain.first(where: Files.exists)
  }

  private func layout(of dataset: String) throws -> String? {
    let list = try ChildProgram("metamae-prep", ["list"], quiet: true)
    for line in list.output.split(separator: "\n") {
      let words = line.split(separator: " ", omittingEmptySubsequences: true)
      guard words.first.map(String.init) == dataset,
        let splits = words.lastIndex(where: { ["pretrain", "train", "test"].contains($0) })
      else { continue }
      return words[(splits + 1)...].joined(separator: " ")
    }
    return nil
  }
}
