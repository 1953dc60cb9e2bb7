import Basics
import Foundation
import TensorCore
import Testing

/// The built program: exit codes and messages, word for word.
@Suite struct TrainCommandTests {
  private func run(_ arguments: [String]) throws -> (code: Int32, out: String, err: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
      .deletingLastPathComponent().appendingPathComponent("metamae-train")
    process.arguments = arguments
    let (out, err) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (out, err)
    try process.run()
    let bytes = out.fileHandleForReading.readDataToEndOfFile()
    let messages = err.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (
      process.terminationStatus, String(decoding: bytes, as: UTF8.self),
      String(decoding: messages, as: UTF8.self)
    )
  }

  /// `@` stands for the bench's folder, which holds c.yaml and a run that is half done.
  @Test(arguments: [
    ("--confg c", 64, "metamae-train: unknown option --confg\n  Did you mean --config?\n"),
    (
      "--run @/new", 64,
      "--config FILE is needed for a new run\n  To go on with a run: metamae-train --resume --run DIR --shards DIR\n"
    ),
    ("--config @/c.yaml", 64, "metamae-train: --run DIR is needed\n  See: metamae-train --help\n"),
    (
      "--config @/c.yaml --run @/new", 64,
      "metamae-train: --shards DIR is needed\n  See: metamae-train --help\n"
    ),
    (
      "--config @/none.yaml --run @/new", 66,
      "@/none.yaml: cannot open: No such file or directory\n"
    ),
    ("--config @ --run @/new", 64, "@: expected a file, found a folder\n"),
    (
      "--config @/c.yaml --run @/new --shards @/none", 66,
      "@/none: expected the folder that metamae-prep's --out named, found none\n"
    ),
    (
      "--config @/c.yaml --run @/new --set stepz=1", 64,
      "--set: unknown key 'stepz'\n  Did you mean 'steps'?\n"
    ),
    (
      "--config @/c.yaml --run @/new --set steps=x", 64,
      "--set steps: expected whole number 0 to 1000000000, found 'x'\n"
    ),
    (
      "--config @/c.yaml --run @/new --set encoder.heads=7", 64,
      "encoder.width: expected a multiple of encoder.heads (7), found 256\n"
    ),
    (
      "--config @/c.yaml --run @/new --set objective=emix --set batch=1", 64,
      "batch: expected at least 2, since the contrast of emix needs other samples, found 1\n"
    ),
    (
      "--config @/c.yaml --run @/new --workers 0", 64,
      "--workers: expected a whole number 1 to 256, found '0'\n"
    ),
    (
      "--config @/c.yaml --run @/new --on-bad-block x", 64,
      "--on-bad-block: expected fail or skip, found 'x'\n"
    ),
    (
      "--config @/c.yaml --run @/run --shards @", 64,
      "@/run: expected an empty or new run directory, found checkpoints in it\n  Use --resume to go on with that run, or choose another --run.\n"
    ),
    (
      "--resume --run @/none --shards @", 66,
      "@/none: expected a run directory to resume, found none\n"
    ),
    (
      "--resume --run @/run --shards @ --set seed=9", 64,
      "seed: the run has 0, asked for is 9\n  A resumed run keeps what decides its numbers; start a new run directory for other values.\n"
    ),
    (
      "--resume --run @/run --shards @ --config @/other.yaml", 64,
      "dataset: the run has fake, asked for is other\n"
    ),
  ]) func refuses(arguments: String, code: Int32, message: String) throws {
    let bench = try Bench()
    try bench.train(settings: ["steps=5"])
    try Files.writeAtomically("dataset: other\n", to: bench.folder + "/other.yaml")
    let before = try bench.tree()
    let words = arguments.replacingOccurrences(of: "@", with: bench.folder)
    let result = try run(words.split(separator: " ").map(String.init))
    let expected = message.replacingOccurrences(of: "@", with: bench.folder)
    #expect(result.code == code)
    #expect(result.err.hasPrefix("metamae-train: "))
    #expect(result.err.contains(expected), "\(result.err)")
    #expect(result.out.isEmpty)
    #expect(try bench.tree() == before)
    #expect(!Files.exists(bench.folder + "/new"))
  }

  @Test func answersHelpKeysAndVersion() throws {
    let help = try run(["--help"])
    #expect(help.code == 0)
    for option in [
      "config", "shards", "run", "workers", "set", "resume", "dry-run", "json", "keys",
    ] {
      #expect(help.out.contains("--\(option)"), "\(option)")
    }
    let keys = try run(["--keys"])
    #expect(keys.code == 0)
    for key in [
      "dataset", "objective", "steps", "batch", "seed", "learning_rate", "weight_decay",
      "mask_ratio", "inner_learning_rate", "inner_steps", "nearby_ratio", "first_order",
      "contrast_weight", "temperature", "dropout", "encoder.width", "encoder.heads",
      "encoder.layers", "decoder.width", "decoder.heads", "decoder.layers", "projector.hidden",
      "projector.out", "patch", "vocabulary", "corruption_rate", "split", "shuffle", "threads",
      "on_bad_block", "save_every", "keep_checkpoints", "log_every",
    ] { #expect(keys.out.contains("\n\(key) ") || keys.out.hasPrefix("\(key) "), "\(key)") }
    #expect(try run(["--version"]).out == "metamae-train \(metamaeVersion)\n")
  }

  /// Refused before anything is written where there is no instruction for it; else fixed for a run, whatever the workers.
  @Test func bfloat16WhereTheCPUHasIt() throws {
    let settings = ["--set", "precision=bf16", "--set", "steps=4"]
    let refused = try TrainingBench()
    let end = try refused.launch(refused.start + settings, wrapped: ["METAMAE_ISA=baseline"]).end()
    #expect(end.code == 64)
    #expect(end.messages.contains("precision: expected a CPU with avx512_bf16 for bf16"))
    #expect(!Files.exists(refused.run))
    guard ProductPrecision.bfloat16.isAvailable else { return }
    let benches = [try TrainingBench(), try TrainingBench(), try TrainingBench()]
    let ways = [settings, settings + ["--workers", "3"], ["--set", "steps=4"]]
    for (bench, way) in zip(benches, ways) {
      let end = try bench.launch(bench.start + way).end()
      #expect(end.code == 0, "\(end.messages)")
    }
    let bytes = try benches.map { try $0.bench.bytes(step: 4) }
    #expect(bytes[0] == bytes[1])
    #expect(bytes[0] != bytes[2])
    let other = try benches[0].launch(benches[0].resume + ["--set", "precision=float32"]).end()
    #expect(other.code == 64, "\(other.messages)")
    withExtendedLifetime(benches) {}
  }
}
