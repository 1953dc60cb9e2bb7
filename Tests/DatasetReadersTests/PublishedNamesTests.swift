// What datasets.md prints of the sets and no small file of theirs would show: classes in order, who is tested on,
// constants, record files, metrics.

import Basics
import ShardFormat
import Testing

@testable import DatasetReaders

@Suite struct PublishedNamesTests {
  private func numbers(_ text: String) -> [Int] { text.split(separator: " ").map { Int($0)! } }

  /// Section 8.4.
  @Test func speakersOfAudioMNIST() {
    #expect(
      AudioMNISTReader.training
        == numbers(
          "28 56 7 19 35 1 6 16 23 34 46 53 36 57 9 24 37 2 8 17 29 39 48 54 43 58 14 25 38 3 10 20"
            + " 30 40 49 55 12 47 59 15 27 41 4 11 21 31 44 50"))
    #expect(AudioMNISTReader.tested == numbers("26 52 60 18 32 42 5 13 22 33 45 51"))
  }

  /// Sections 8.5 and 8.6.
  @Test func spokenClasses() {
    #expect(
      FluentSpeechReader.locations.joined(separator: ", ") == "none, kitchen, bedroom, washroom")
    #expect(
      FluentSpeechReader.actions.joined(separator: ", ")
        == "change language, activate, deactivate, increase, decrease, bring")
    #expect(
      FluentSpeechReader.objects.joined(separator: ", ")
        == "none, music, lights, volume, heat, lamp, newspaper, juice, socks, shoes, Chinese,"
        + " Korean, English, German")
    #expect(
      GoogleSpeechReader.words.joined(separator: ", ")
        == "eight, right, happy, three, yes, up, no, stop, on, four, nine, zero, down, go, six, two,"
        + " left, five, off, seven, one, cat, bird, marvin, wow, tree, dog, sheila, bed, house,"
        + " follow, visual, backward, forward, learn, _background_noise_")
  }

  /// Section 8.1, step 6.
  @Test(
    arguments: [
      (.libriSpeech, -22.924, 12.587), (.audioMNIST, -90.293, 11.799),
      (.fluentLocations, -31.809, 13.127), (.fluentActions, -31.809, 13.127),
      (.fluentObjects, -31.809, 13.127), (.googleSpeech, -46.847, 19.151),
      (.voxCeleb1, -37.075, 19.776),
    ] as [(SpeechSet, Double, Double)])
  func decibels(set: SpeechSet, mean: Double, deviation: Double) {
    let expected = Transform(scale: [Float(1 / deviation)], shift: [Float(-mean / deviation)])
    #expect(set.transform == expected)
  }

  /// Section 4.
  @Test func activitiesOfPAMAP2() {
    #expect(PAMAP2Reader.activities.map(\.id) == numbers("1 2 3 4 5 6 7 12 13 16 17 24"))
    #expect(
      PAMAP2Reader.activities.map(\.name).joined(separator: " | ")
        == "lying | sitting | standing | walking | running | cycling | Nordic walking |"
        + " ascending stairs | descending stairs | vacuum cleaning | ironing | rope jumping")
  }

  /// Sections 9.3 and 9.9.
  @Test func pictureClasses() {
    #expect(
      CIFAR10Reader.classes.joined(separator: ", ")
        == "airplane, automobile, bird, cat, deer, dog, frog, horse, ship, truck")
    #expect(
      WaferMapReader.classes.joined(separator: " | ")
        == "none | random | donut | scratch | center | loc | edge-loc | edge-ring | near-full")
  }

  /// Section 2.5, step 3.
  @Test func recordFilesOfGenomics() {
    let tables: [GenomicsReader.Table] = [.pretraining, .inDistribution, .outOfDistribution]
    #expect(tables.map(\.split) == ["train", "validation", "validation_ood"])
    #expect(tables.map(\.shardCount) == [4, 1, 2])
    #expect(tables.map(\.codes) == [0..<10, 0..<10, 10..<70])
  }

  /// Section 1.1: classes and metrics.
  @Test(
    arguments: [
      (.pfam, "classes", 2, "accuracy"), (.scop, "classes", 1195, "accuracy"),
      (.stability, "regression", 1, "spearman"), (.fluorescence, "regression", 1, "spearman"),
      (.secondaryStructure, "token-classes", 4, "token_accuracy"),
    ] as [(ProteinSet, String, Int, String)])
  func proteinTasks(set: ProteinSet, kind: String, classes: Int, metric: String) {
    let task = set.task(clans: [4, 9])
    #expect((task.kind, task.classes, task.metric) == (kind, classes, metric))
  }
}
