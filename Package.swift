// swift-tools-version: 6.2
// The rooms of the house and who may use whom. Read from top to bottom: nothing knows what stands below it.
// Build with `--explicit-target-dependency-import-check error` (scripts/build does): an arrow that is not
// declared here does not compile.
import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// A room: a library target of ours.
func room(_ name: String, _ uses: [String] = [], in folder: String = "Sources") -> Target {
  .target(
    name: name, dependencies: uses.map { .byName(name: $0) }, path: "\(folder)/\(name)",
    swiftSettings: strict)
}

/// One of the four programs: parse, load, call one function, report.
func program(_ name: String, _ uses: [String], in folder: String = "Sources") -> Target {
  .executableTarget(
    name: name, dependencies: uses.map { .byName(name: $0) }, path: "\(folder)/\(name)",
    swiftSettings: strict)
}

/// The door to one C library.
func library(_ name: String, pkgConfig: String, apt: String) -> Target {
  .systemLibrary(
    name: name, path: "Sources/Libraries/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
}

/// The tests of a room; `TestSupport` is always there.
func tests(_ name: String, _ uses: [String], resources: [Resource] = []) -> Target {
  .testTarget(
    name: name, dependencies: (uses + ["TestSupport"]).map { .byName(name: $0) },
    path: "Tests/\(name)", resources: resources, swiftSettings: strict)
}

let package = Package(
  name: "metamae",
  targets: [
    library("COpenBLAS", pkgConfig: "openblas", apt: "libopenblas-dev"),
    library("CLMDB", pkgConfig: "lmdb", apt: "liblmdb-dev"),
    library("CZstd", pkgConfig: "libzstd", apt: "libzstd-dev"),
    library("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
    library("CCrypto", pkgConfig: "libcrypto", apt: "libssl-dev"),
    library("CXXHash", pkgConfig: "libxxhash", apt: "libxxhash-dev"),
    library("CArchive", pkgConfig: "libarchive", apt: "libarchive-dev"),
    library("CZlib", pkgConfig: "zlib", apt: "zlib1g-dev"),
    library("CSndfile", pkgConfig: "sndfile", apt: "libsndfile1-dev"),
    library("CFFTW", pkgConfig: "fftw3", apt: "libfftw3-dev"),
    library("CLibJPEG", pkgConfig: "libjpeg", apt: "libjpeg62-turbo-dev"),
    library("CLibPNG", pkgConfig: "libpng", apt: "libpng-dev"),
    library("CLibTIFF", pkgConfig: "libtiff-4", apt: "libtiff-dev"),
    library("CLibHDF5", pkgConfig: "hdf5", apt: "libhdf5-dev"),
    library("CMPI", pkgConfig: "ompi-c", apt: "libopenmpi-dev"),
    library("CSamplerate", pkgConfig: "samplerate", apt: "libsamplerate0-dev"),

    .target(
      name: "CSystem", path: "Sources/CSystem",
      cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-gdwarf-4"])]),
    .target(
      name: "CStructArrays", dependencies: ["CLibHDF5"], path: "Sources/CStructArrays",
      cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-gdwarf-4"])]),
    .target(
      name: "CImages", dependencies: ["CLibJPEG", "CLibPNG", "CLibTIFF"], path: "Sources/CImages",
      cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-gdwarf-4"])]),
    .target(
      name: "CMessages", dependencies: ["CMPI"], path: "Sources/CMessages",
      cSettings: [.unsafeFlags(["-Wall", "-Wextra", "-Werror", "-gdwarf-4"])]),
    .target(
      name: "CKernels", path: "Sources/CKernels",
      exclude: ["attention.inc", "kernels.inc", "products.inc", "table.inc", "variant.h"],
      cSettings: [
        .unsafeFlags([
          "-O3", "-ffast-math", "-fno-finite-math-only", "-mprefer-vector-width=512", "-Wall",
          "-Wextra", "-Werror", "-gdwarf-4",
        ])
      ]),

    .target(
      name: "CShuffle", path: "Sources/CShuffle",
      cSettings: [.unsafeFlags(["-O3", "-Wall", "-Wextra", "-Werror", "-gdwarf-4"])]),

    room("Basics", ["CSystem", "CCrypto", "CXXHash"]),
    room("Experiments", ["Basics", "CYAML"]),
    room("ShardFormat", ["Basics", "CSystem", "CLMDB", "CZstd", "CShuffle"]),
    room(
      "DatasetReaders",
      [
        "Basics", "Experiments", "ShardFormat", "CArchive", "CZlib", "CSndfile", "CFFTW",
        "CSamplerate", "CImages", "CSystem", "CStructArrays",
      ],
      in: "preprocess"),
    room("DataLoading", ["Basics", "ShardFormat", "CSystem", "CShuffle"]),
    room("TensorCore", ["Basics", "COpenBLAS", "CKernels"]),
    room("MessagePassing", ["Basics", "CMessages", "TensorCore"]),
    room("Networks", ["Basics", "Experiments", "TensorCore"]),
    room("Objectives", ["Basics", "Experiments", "TensorCore", "Networks"]),
    room("Optimizers", ["Basics", "TensorCore"]),
    room(
      "Training",
      [
        "Basics", "Experiments", "CSystem", "ShardFormat", "DataLoading", "TensorCore", "Networks",
        "Objectives", "Optimizers",
      ]),
    room(
      "Evaluation",
      [
        "Basics", "Experiments", "ShardFormat", "DataLoading", "Training", "TensorCore", "Networks",
        "Objectives", "Optimizers",
      ]),
    room("Reports", ["Basics", "Experiments"]),

    program(
      "metamae-prep", ["Basics", "ShardFormat", "DatasetReaders", "Reports"], in: "preprocess"),
    program(
      "metamae-train",
      [
        "Basics", "DataLoading", "Experiments", "TensorCore", "MessagePassing", "Training",
        "Evaluation", "Reports",
      ]),
    program(
      "metamae-eval", ["Basics", "Experiments", "TensorCore", "Training", "Evaluation", "Reports"]),
    program(
      "metamae-bench",
      [
        "Basics", "Experiments", "ShardFormat", "DataLoading", "TensorCore", "Networks",
        "Objectives", "Optimizers", "Training", "Evaluation", "DatasetReaders",
      ]),

    .target(
      name: "TestSupport", dependencies: ["Basics", "ShardFormat", "CArchive"],
      path: "Tests/TestSupport"),
    tests("BasicsTests", ["Basics"]),
    tests("DataLoadingTests", ["Basics", "CSystem", "ShardFormat", "DataLoading"]),
    tests("ShardFormatTests", ["Basics", "ShardFormat"]),
    .testTarget(
      name: "GoldenTests",
      dependencies: [
        "Basics", "Experiments", "TensorCore", "Networks", "Objectives", "Optimizers",
        "Evaluation", "TestSupport",
      ], path: "Tests/GoldenTests", exclude: ["golden"], swiftSettings: strict),
    tests("NetworksTests", ["Basics", "Experiments", "TensorCore", "Networks"]),
    .testTarget(
      name: "DatasetReadersTests",
      dependencies: [
        "Basics", "CSystem", "ShardFormat", "DatasetReaders", "CArchive", "CSndfile", "TestSupport",
      ], path: "Tests/DatasetReadersTests", exclude: ["fixtures"], swiftSettings: strict),
    tests(
      "EndToEndTests",
      [
        "Basics", "Experiments", "ShardFormat", "metamae-prep", "metamae-train", "metamae-eval",
        "metamae-bench",
      ]),
    .target(name: "CAllocations", path: "Tests/CAllocations"),
    tests(
      "ObjectivesTests",
      [
        "Basics", "Experiments", "TensorCore", "Networks", "Objectives", "Optimizers",
        "CAllocations",
      ]),
    tests("ExperimentsTests", ["Basics", "Experiments"]),
    tests(
      "TrainingTests",
      [
        "Basics", "CSystem", "DataLoading", "Experiments", "ShardFormat", "TensorCore",
        "MessagePassing", "Training", "metamae-train",
      ]),
    tests("TensorCoreTests", ["Basics", "TensorCore"]),
    tests(
      "EvaluationTests",
      [
        "Basics", "Experiments", "ShardFormat", "TensorCore", "Evaluation", "metamae-eval",
        "metamae-train",
      ]),
    tests("ReportsTests", ["Basics", "Experiments", "Reports"]),
  ]
)
