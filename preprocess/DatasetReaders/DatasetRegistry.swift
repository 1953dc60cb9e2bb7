// Every dataset that is read, by its name.

import Basics
import ShardFormat

/// The datasets that can be read.
public enum DatasetRegistry {
  public struct Entry: Sendable {
    public let name: String
    public let layout: String
    public let splits: [String]
    /// The options of `ReaderOptions` that it takes, as they are typed.
    var options: Set<String> = []
    let open: @Sendable (RawSource, ReaderOptions) throws -> any BuildableSet
  }

  /// What every reader of the user's own data takes.
  private static let own: Set<String> = [
    "name", "label", "task", "group-by", "test", "fraction", "seed", "files",
  ]
  private static let text: Set<String> = ["no-header", "columns"]

  public static let entries: [Entry] = [
    Entry(
      name: "pamap2",
      layout: "PAMAP2_Dataset/Protocol/subject101.dat ... subject109.dat, as a folder or zip",
      splits: ["pretrain", "train", "test"], open: { source, _ in try PAMAP2Reader(source) }),
    Entry(
      name: "series",
      layout: "your own *.csv, *.txt or *.npy, a row a moment; docs/your-data.md; or --format"
        + " pamap2: subject*.dat (time, activity id, channels)",
      splits: ["pretrain", "train", "test"],
      options: own.union(text).union([
        "format", "window", "stride", "per-epoch", "test-subjects", "no-normalise", "drop",
        "pattern",
      ]),
      open: { source, options in
        if options.format != nil { return try SeriesReader(source, options) }
        return try WindowsReader(source, options)
      }),
    Entry(
      name: "images",
      layout: "your own *.jpg, *.png, *.ppm or *.tif, folders as classes; docs/your-data.md",
      splits: ["train", "test"],
      options: own.union(["size", "channels", "no-normalise", "pattern", "index"]),
      open: { try ImagesReader($0, $1) }),
    Entry(
      name: "pairs",
      layout: "your own images with captions, in a table or a .txt beside each; docs/your-data.md",
      splits: ["train", "test"],
      options: own.union(text).union([
        "size", "channels", "no-normalise", "pattern", "index", "caption", "vocabulary",
      ]),
      open: { try PairsReader($0, $1) }),
    Entry(
      name: "npz", layout: "your own numpy arrays, *.npz or *.npy; docs/your-data.md",
      splits: ["train", "test"],
      options: own.union(["input", "kind", "channels-last", "no-normalise"]),
      open: { try ArraysReader($0, $1) }),
    Entry(
      name: "higgs", layout: "HIGGS.csv, HIGGS.csv.gz, a zip of either, or higgs-train.tfrecord-*",
      splits: ["pretrain", "train", "test"], open: { source, _ in try HIGGSReader(source) }),
    Entry(
      name: "cifar10",
      layout: "cifar-10-batches-bin/data_batch_1.bin ... data_batch_5.bin, test_batch.bin; or"
        + " cifar-10-batches-py/data_batch_1 ...",
      splits: ["train", "test"], open: { source, _ in try CIFAR10Reader(source) }),
    Entry(
      name: "genomics",
      layout:
        "genomics_ood-train.tfrecord-*, before_2011_in_tr.txt, or genomicsPretrain.csv (index,"
        + " domain, label, seq, seq_info)",
      splits: ["pretrain"], open: { source, _ in try GenomicsReader(source, .pretraining) }),
    Entry(
      name: "genomics-id",
      layout:
        "genomics_ood-validation.tfrecord-*, between_2011-2016_in_val.txt, or"
        + " genomicsTransferID.csv",
      splits: ["train", "test"], open: { source, _ in try GenomicsReader(source, .inDistribution) }),
    Entry(
      name: "genomics-ood",
      layout:
        "genomics_ood-validation_ood.tfrecord-*, between_2011-2016_ood_val.txt, or"
        + " genomicsTransferOOD.csv",
      splits: ["train", "test"],
      open: { source, _ in try GenomicsReader(source, .outOfDistribution) }),
    Entry(
      name: "pfam",
      layout:
        "pfam_train.json, pfam_valid.json (TAPE, or its .lmdb folders); --labels-from for classes",
      splits: ["pretrain", "train", "test"], options: ["labels-from"],
      open: { try ProteinReader($0, .pfam, $1) }),
    Entry(
      name: "scop",
      layout: "remote_homology_train.json, remote_homology_valid.json (TAPE, or .lmdb)",
      splits: ["train", "test"], open: { try ProteinReader($0, .scop, $1) }),
    Entry(
      name: "secondary-structure",
      layout: "secondary_structure_train.json, secondary_structure_valid.json (TAPE, or .lmdb)",
      splits: ["train", "test"], open: { try ProteinReader($0, .secondaryStructure, $1) }),
    Entry(
      name: "stability", layout: "stability_train.json, stability_valid.json (TAPE, or .lmdb)",
      splits: ["train", "test"], open: { try ProteinReader($0, .stability, $1) }),
    Entry(
      name: "fluorescence",
      layout: "fluorescence_train.json, fluorescence_valid.json (TAPE, or .lmdb)",
      splits: ["train", "test"], open: { try ProteinReader($0, .fluorescence, $1) }),
    Entry(
      name: "eurosat",
      layout: "AnnualCrop/AnnualCrop_1.tif ... SeaLake/, below any folder; or"
        + " eurosat-train.tfrecord-*",
      splits: ["pretrain", "train", "test"], open: { source, _ in try EuroSAT.open(source) }),
    Entry(
      name: "traffic-sign",
      layout: "GTSRB/Final_Training/Images/00000 ... 00042/*.ppm (GTSRB_Final_Training_Images.zip)",
      splits: ["train", "test"], options: ["format"],
      open: { try TrafficSignReader($0, $1) }),
    Entry(
      name: "cub", layout: "CUB_200_2011/images.txt, image_class_labels.txt, ..., images/",
      splits: ["train", "test"], open: { source, _ in try CUBReader(source) }),
    Entry(
      name: "dtd", layout: "dtd/labels/train1.txt, val1.txt, test1.txt, dtd/images/",
      splits: ["train", "test"], open: { source, _ in try DTDReader(source) }),
    Entry(
      name: "aircraft",
      layout: "fgvc-aircraft-2013b/data/images_variant_trainval.txt, ..., images_box.txt, images/",
      splits: ["train", "test"], open: { source, _ in try AircraftReader(source) }),
    Entry(
      name: "imagenet32",
      layout: "train/n01440764/*.JPEG, or ILSVRC2012_img_train.tar (a tar of tars); or ImageNet32's"
        + " train_data_batch_1 ... 10, pickled or .npz",
      splits: ["pretrain"], open: { source, _ in try ImageNet32.open(source) }),
    Entry(
      name: "libri-speech",
      layout: "LibriSpeech/SUBSET/SPEAKER/CHAPTER/*.flac (or .wav); --subsets for others or a part",
      splits: ["pretrain", "train", "test"], options: ["subsets"],
      open: { try LibriSpeechReader($0, $1) }),
    Entry(
      name: "audio-mnist", layout: "data/01 ... data/60, each D_NN_T.wav",
      splits: ["train", "test"], open: { source, _ in try AudioMNISTReader(source) }),
    Entry(
      name: "fluent-speech-loc", layout: "data/{train,valid,test}_data.csv and wavs/",
      splits: ["train", "test"],
      open: { source, _ in try FluentSpeechReader(source, .fluentLocations) }),
    Entry(
      name: "fluent-speech-act", layout: "data/{train,valid,test}_data.csv and wavs/",
      splits: ["train", "test"],
      open: { source, _ in try FluentSpeechReader(source, .fluentActions) }),
    Entry(
      name: "fluent-speech-obj", layout: "data/{train,valid,test}_data.csv and wavs/",
      splits: ["train", "test"],
      open: { source, _ in try FluentSpeechReader(source, .fluentObjects) }),
    Entry(
      name: "google-speech", layout: "WORD/*.wav and testing_list.txt (v0.02); --reference-leak",
      splits: ["train", "test"], options: ["reference-leak"],
      open: { try GoogleSpeechReader($0, $1) }),
    Entry(
      name: "voxceleb1", layout: "iden_split.txt and wav/idNNNNN/VIDEO/*.wav, in one or two trees",
      splits: ["train", "test"], open: { source, _ in try VoxCeleb1Reader(source) }),
    Entry(
      name: "audio", layout: "your own *.wav, *.flac, ...; docs/your-data.md",
      splits: ["train", "test"], options: own.union(["pattern", "index", "rate", "seconds"]),
      open: { try AudioReader($0, $1) }),
    Entry(
      name: "sequences",
      layout: "your own *.fasta, *.json, *.csv, *.tsv or *.txt; docs/your-data.md",
      splits: ["train", "test"],
      options: own.union(text).union(["sequence", "length", "alphabet"]),
      open: { try SequencesReader($0, $1) }),
    Entry(
      name: "table", layout: "your own *.csv or *.tsv; docs/your-data.md",
      splits: ["train", "test"], options: own.union(text).union(["drop"]),
      open: { try TableReader($0, $1) }),
    Entry(
      name: "vggflower", layout: "jpg/image_00001.jpg ..., imagelabels.mat",
      splits: ["train", "test"], open: { source, _ in try FlowersReader(source) }),
    Entry(
      name: "wafer-map", layout: "LSWMD.pkl, or WM811K.mat",
      splits: ["pretrain", "train", "test"], open: { source, _ in try WaferMapReader(source) }),
    Entry(
      name: "mscoco",
      layout: "train2017/, annotations/captions_train2017.json, instances_train2017.json",
      splits: ["pretrain"], options: ["vocabulary"],
      open: { try COCOReader($0, .pretraining, $1) }),
    Entry(
      name: "mismatched-caption", layout: "as mscoco, and the same of val2017",
      splits: ["train", "test"], options: ["vocabulary"],
      open: { try COCOReader($0, .mismatchedCaption, $1) }),
    Entry(
      name: "vqa",
      layout: "train2014/, val2014/, VQA v1: mscoco_train2014_annotations.json,"
        + " MultipleChoice_mscoco_train2014_questions.json, and of val2014",
      splits: ["train", "test"], options: ["vocabulary"], open: { try VQAReader($0, $1) }),
  ]

  /// The names of a dataset's splits, in the order in which they are reported.
  static func splits(of dataset: String) -> [String] {
    entries.first { $0.name == dataset }!.splits
  }

  /// - Throws: usage, with the nearest name, for a dataset that is not read, and for options it does not take.
  static func entry(_ name: String, _ options: ReaderOptions) throws -> Entry {
    guard let entry = entries.first(where: { $0.name == name }) else {
      let hint = nearest(to: name, among: entries.map(\.name)).map { "Did you mean \($0)?" }
      throw Failure(
        .usage, at: "--dataset", "unknown dataset '\(name)'",
        remedy: hint ?? "See: metamae-prep list")
    }
    if let option = options.given.first(where: { !entry.options.contains($0) }) {
      let takers = entries.filter { $0.options.contains(option) }.map(\.name)
      throw Failure(
        .usage, at: "--\(option)",
        "belongs to --dataset \(takers.joined(separator: ", ")), found --dataset \(name)",
        remedy: "The paper's sets are read exactly as the paper reads them.")
    }
    return entry
  }
}
