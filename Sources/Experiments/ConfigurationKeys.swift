// The one table of configuration keys: name, type, range, default, meaning and source. It feeds the parser, the checks,
// `metamae-train --keys`, the resolved configuration and the docs; nothing else lists keys.
import Basics

/// One key of a configuration.
public struct ConfigurationKey: Sendable {
  /// What a resumed run may do to it, and whether checkpoints carry it.
  public enum Role: Sendable {
    /// Decides what is computed: fixed for a run and carried by its checkpoints.
    case numbers
    /// Decides how it is computed: fixed for a run, not carried.
    case machine
    /// How long and how closely watched: free on resume, not carried.
    case upkeep
  }

  /// As in YAML and `--set`, dotted: `encoder.width`.
  public let name: String
  public let role: Role
  public let meaning: String
  /// Where the value comes from: a table of the paper, or ours.
  public let source: String
  let field: ConfigurationField

  /// Type and range as shown to a person: `whole number 1...1000000`.
  public var type: String { field.type }
}

extension ConfigurationKey {
  /// In the order in which a resolved configuration is written.
  public static let all: [ConfigurationKey] = [
    key(
      "dataset", .value(\.dataset, .name), "name of the set: the folder below --shards", "Table 16"),
    key(
      "split", .auto(\.split, .name),
      "folder of the set that is trained on; auto: pretrain, else train", "ours"),
    key(
      "mixture", .value(\.mixture, .mixture),
      "sets of the same inputs that are mixed by weight, dataset among them: pamap2:3,mine:1",
      "ours"),
    key("objective", .value(\.objective, .choice), "what trains the encoder", "section 3.1"),
    key(
      "steps", .value(\.steps, .whole(0...1_000_000_000)), "updates of the run", "Table 7", .upkeep),
    key("batch", .value(\.batch, .whole(1...65536)), "samples of one step", "Table 16"),
    key("seed", .value(\.seed, .seed), "root of all random numbers", "ours"),
    key(
      "learning_rate", .value(\.learningRate, .number(.positive)), "AdamW's rate, beta", "Table 7"),
    key(
      "weight_decay", .value(\.weightDecay, .number(.notNegative)), "AdamW's decoupled decay",
      "Table 7"),
    key(
      "schedule", .value(\.schedule, .choice),
      "the learning rate after the warm-up: constant, or half a cosine down to schedule_end",
      "ours"),
    key(
      "warmup", .value(\.warmup, .whole(0...1_000_000_000)),
      "steps in which the learning rate climbs in a straight line", "ours"),
    key(
      "schedule_end", .value(\.scheduleEnd, .number(.share)),
      "where the cosine ends, as a share of learning_rate", "ours"),
    key(
      "schedule_steps", .auto(\.scheduleSteps, .whole(1...1_000_000_000)),
      "step at which the cosine ends; auto: steps, as they are when the run starts", "ours"),
    key(
      "clip_norm", .optional(\.clipNorm, .number(.positive)),
      "largest norm of the whole gradient; a longer one is shortened to it", "ours"),
    key(
      "ema_decay", .optional(\.emaDecay, .number(.below)),
      "decay of a running mean of the parameters, kept in checkpoints as ema.safetensors", "ours"),
    key(
      "mask_ratio", .value(\.settings.maskRatio, .number(.between)),
      "share of tokens that are masked",
      "Table 8"),
    key(
      "inner_learning_rate", .value(\.settings.innerLearningRate, .number(.notNegative)),
      "alpha, the step of the latent", "Table 8, eq. 2"),
    key(
      "inner_steps", .value(\.settings.innerSteps, .whole(1...100)),
      "how often the latent is adapted",
      "Table 15"),
    key(
      "nearby_ratio", .value(\.settings.nearbyRatio, .number(.share)),
      "r, chance of a masked neighbour to join the inner loss", "Table 7"),
    key(
      "first_order", .value(\.settings.firstOrder, .flag),
      "leaves out the gradient through the inner gradient", "ours"),
    key(
      "contrast_weight", .value(\.settings.contrastWeight, .number(.notNegative)),
      "lambda, weight of the task contrast", "Table 8, eq. 5"),
    key(
      "temperature", .value(\.settings.temperature, .number(.positive)), "tau of the task contrast",
      "Table 7, eq. 3"),
    key(
      "corruption_rate", .value(\.settings.corruptionRate, .number(.proper)),
      "share of tokens that shed swaps, capri and mae-linear blank; mae-linear on a set of the "
        + "paper starts from Table 8's mask ratio", "section 3.1"),
    key("dropout", .value(\.dropout, .number(.below)), "P_drop of the encoder", "Table 8"),
    key(
      "encoder.width", .value(\.encoder.width, .whole(4...16384)), "d_model of the encoder",
      "Table 7"),
    key("encoder.heads", .value(\.encoder.heads, .whole(1...1024)), "attention heads", "Table 7"),
    key("encoder.layers", .value(\.encoder.layers, .whole(1...1024)), "blocks", "Table 7"),
    key(
      "decoder.width", .value(\.decoder.width, .whole(4...16384)), "d_model of the decoder",
      "Table 7"),
    key("decoder.heads", .value(\.decoder.heads, .whole(1...1024)), "attention heads", "Table 7"),
    key("decoder.layers", .value(\.decoder.layers, .whole(1...1024)), "blocks", "Table 8"),
    key(
      "projector.hidden", .value(\.projectorHidden, .whole(1...65536)), "hidden width of h_psi",
      "Table 7 as released"),
    key("projector.out", .value(\.projectorOut, .whole(1...65536)), "outputs of h_psi", "Table 7"),
    key(
      "patch", .auto(\.patch, .patches),
      "token size of each input, [8, 8] or [[16, 16], [1]]; auto: what the shards suggest",
      "Table 16"),
    key(
      "vocabulary", .auto(\.vocabulary, .whole(1...10_000_000)),
      "rows of the embedding table; auto: what the shards say", "Table 16"),
    key("shuffle", .value(\.shuffle, .choice), "how far samples are mixed within an epoch", "ours"),
    key(
      "on_bad_block", .value(\.onBadBlock, .choice), "what a damaged block does to the run", "ours"),
    key(
      "precision", .value(\.precision, .choice),
      "what matrix products multiply; bf16: rounded to 8 significant bits and added up in float32, "
        + "where the CPU can", "ours", .machine),
    key(
      "threads", .auto(\.threads, .whole(1...1024)),
      "threads of the computation; auto: one for each core granted", "ours", .machine),
    key(
      "accumulate", .value(\.accumulate, .whole(1...65536)),
      "parts that a batch is computed in, one after the other: memory for time, same result",
      "ours", .machine),
    key(
      "workers", .value(\.workers, .whole(1...256)), "processes that read and decode", "ours",
      .upkeep),
    key(
      "ring", .auto(\.ring, .whole(1...4096)),
      "slots that each worker may fill ahead; auto: the loader's choice", "ours", .upkeep),
    key(
      "worker_timeout", .value(\.workerTimeout, .number(.positive)),
      "seconds without progress after which a worker is replaced", "ours", .upkeep),
    key(
      "save_every", .value(\.saveEvery, .whole(0...1_000_000_000)),
      "steps between checkpoints; 0: only the last step", "ours", .upkeep),
    key(
      "keep_checkpoints", .value(\.keepCheckpoints, .whole(1...1_000_000)),
      "newest checkpoints that are kept", "ours", .upkeep),
    key(
      "log_every", .value(\.logEvery, .whole(1...1_000_000_000)),
      "steps between lines of metrics.jsonl",
      "ours", .upkeep),
    key(
      "rank_every", .value(\.rankEvery, .whole(0...1_000_000_000)),
      "steps between measures of the features' effective rank; 0: never", "ours", .upkeep),
    key(
      "probe_every", .value(\.probeEvery, .whole(0...1_000_000_000)),
      "steps between probes of the encoder on the transfer set; 0: never", "Figure 2", .upkeep),
    key(
      "probe_samples", .value(\.probeSamples, .whole(2...10_000_000)),
      "samples of train and of test that such a probe takes at most", "ours", .upkeep),
    key("probe", .value(\.probe, .choice), "the probe of probe_every", "ours", .upkeep),
  ]

  /// - Throws: a usage failure that names the nearest key.
  public static func find(_ name: String, at place: String) throws -> ConfigurationKey {
    if let key = all.first(where: { $0.name == name }) { return key }
    let hint = nearest(to: name, among: all.map(\.name)).map { "Did you mean '\($0)'?" }
    throw Failure(
      .usage, at: place, "unknown key '\(name)'",
      remedy: hint ?? "All keys: metamae-train --keys")
  }

  /// The table as `metamae-train --keys` prints it.
  public static var table: String {
    let standard = RunConfiguration(dataset: "NAME")
    return all.map { key in
      let text = key.name == "dataset" ? "needed" : "default \(key.field.text(standard))"
      return key.name.padded(to: 20) + "\(key.type), \(text) (\(key.source))\n"
        + String(repeating: " ", count: 20) + key.meaning
    }.joined(separator: "\n")
      + "\n\nSets of the paper start from their row of Table 8 instead of these defaults."
  }

  private static func key(
    _ name: String, _ field: ConfigurationField, _ meaning: String, _ source: String,
    _ role: Role = .numbers
  ) -> ConfigurationKey {
    ConfigurationKey(name: name, role: role, meaning: meaning, source: source, field: field)
  }
}
