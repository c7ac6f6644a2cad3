"""A test in Swift that runs the verified model on the device, on golden samples, and saves what it gives."""

from __future__ import annotations

XCTEST = """\
// Written by mlparity, beside VerifiedModel.swift. Add this file, VerifiedModel.swift, golden.json, golden.bin and the
// model to a test target of the app. The test fails where an output differs from the source's by more than the policy
// allows, and attaches device.npz, which `mlparity verify --device-outputs device.npz` reads.
import CoreML
import Foundation
import XCTest

final class VerifiedModelTests: XCTestCase {
    func testTheModelPredictsWhatItsSourceDoes() throws {
        let golden = try Golden(in: Bundle(for: VerifiedModelTests.self))
        let url = try XCTUnwrap(Bundle(for: VerifiedModelTests.self).url(
            forResource: golden.manifest.model, withExtension: "mlmodelc"))
        let model = try VerifiedModel.load(contentsOf: url)
        var saved = Saved()
        for sample in golden.manifest.samples {
            let inputs = try golden.inputs(of: sample, for: model)
            let start = Date()
            let found = try model.prediction(from: MLDictionaryFeatureProvider(dictionary: inputs))
            saved.seconds.append(Date().timeIntervalSince(start))
            for expected in sample.outputs {
                let output = try XCTUnwrap(found.featureValue(for: expected.name)?.multiArrayValue)
                let values = numbers(of: output)
                saved.add(values, shape: output.shape.map { $0.intValue }, as: expected.key)
                check(values, golden.values(of: expected), expected, in: sample.name)
            }
        }
        let archive = try saved.archive(for: golden.manifest)
        let attachment = XCTAttachment(data: archive, uniformTypeIdentifier: "public.data")
        attachment.name = "device.npz"
        attachment.lifetime = .keepAlways
        add(attachment)
    }

    private func check(_ found: [Double], _ wanted: [Double], _ output: Golden.Array, in sample: String) {
        XCTAssertEqual(found.count, wanted.count, "\\(sample), \\(output.name): another shape")
        var largest = 0.0
        for (own, other) in zip(found, wanted) where !(own == other || (own.isNaN && other.isNaN)) {
            let difference = abs(own - other)
            largest = max(largest, difference.isFinite ? difference : .infinity)
        }
        if let limit = output.limit {
            XCTAssertLessThanOrEqual(largest, limit, "\\(sample), \\(output.name): above the policy's limit")
        } else {
            XCTAssertTrue(largest.isFinite, "\\(sample), \\(output.name): NaN or infinite where the source is not")
        }
    }
}

/// Returns the values of an array in the order of its axes, whatever its strides.
private func numbers(of array: MLMultiArray) -> [Double] {
    let shape = array.shape.map { $0.intValue }
    return (0..<array.count).map { position in
        var rest = position
        var index = [NSNumber](repeating: 0, count: shape.count)
        for axis in shape.indices.reversed() {
            index[axis] = NSNumber(value: rest % shape[axis])
            rest /= shape[axis]
        }
        return array[index].doubleValue
    }
}

/// The samples, the source's outputs and the limits: golden.json says what lies where in golden.bin.
private struct Golden {
    struct Array: Decodable {
        let name: String
        let key: String
        let shape: [Int]
        let offset: Int
        let count: Int
        let limit: Double?
    }

    struct Sample: Decodable {
        let name: String
        let inputs: [Array]
        let outputs: [Array]
    }

    struct Manifest: Decodable {
        let model: String
        let setting: String
        let artifactSHA256: String
        let samplesSHA256: String
        let mlparityVersion: String
        let samples: [Sample]
    }

    let manifest: Manifest
    private let data: Data

    init(in bundle: Bundle) throws {
        let decoder = JSONDecoder()
        manifest = try decoder.decode(Manifest.self, from: Data(contentsOf: Golden.file("golden", "json", bundle)))
        data = try Data(contentsOf: Golden.file("golden", "bin", bundle))
    }

    private static func file(_ name: String, _ ending: String, _ bundle: Bundle) throws -> URL {
        try XCTUnwrap(bundle.url(forResource: name, withExtension: ending))
    }

    /// Returns numbers of golden.bin: doubles, the lowest byte first.
    func values(of array: Array) -> [Double] {
        (0..<array.count).map { position in
            var bits: UInt64 = 0
            for byte in 0..<8 {
                bits |= UInt64(data[data.startIndex + array.offset + 8 * position + byte]) << (8 * UInt64(byte))
            }
            return Double(bitPattern: bits)
        }
    }

    func inputs(of sample: Sample, for model: MLModel) throws -> [String: MLFeatureValue] {
        var found: [String: MLFeatureValue] = [:]
        for input in sample.inputs {
            let described = try XCTUnwrap(model.modelDescription.inputDescriptionsByName[input.name])
            let type = try XCTUnwrap(described.multiArrayConstraint).dataType
            let array = try MLMultiArray(shape: input.shape.map { NSNumber(value: $0) }, dataType: type)
            for (position, value) in values(of: input).enumerated() {
                array[position] = NSNumber(value: value)
            }
            found[input.name] = MLFeatureValue(multiArray: array)
        }
        return found
    }
}

/// Outputs as NumPy's `.npz`: a zip of uncompressed `.npy` files, the last of which says what ran.
private struct Saved {
    var seconds: [Double] = []
    private var files: [(name: String, data: Data)] = []

    mutating func add(_ values: [Double], shape: [Int], as key: String) {
        var body = Data()
        for value in values {
            body.append(contentsOf: bytes(value.bitPattern))
        }
        files.append((key + ".npy", npy(body, type: "<f8", shape: shape)))
    }

    func archive(for golden: Golden.Manifest) throws -> Data {
        let header: [String: Any] = [
            "artifact_sha256": golden.artifactSHA256, "setting": golden.setting, "provenance": "measured",
            "runtime": "Core ML", "platform": ProcessInfo.processInfo.operatingSystemVersionString,
            "samples_sha256": golden.samplesSHA256, "created": ISO8601DateFormatter().string(from: Date()),
            "mlparity_version": golden.mlparityVersion, "seconds": seconds, "version": 1,
        ]
        let text = try JSONSerialization.data(withJSONObject: header)
        return zipped(files + [(name: "mlparity.json.npy", data: npy(text, type: "|u1", shape: [text.count]))])
    }
}

/// Returns the bytes of a number, the lowest first.
private func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    (0..<(Number.bitWidth / 8)).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
}

// Source: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html (format version 1.0).
private func npy(_ body: Data, type: String, shape: [Int]) -> Data {
    let axes = shape.map { "\\($0)," }.joined(separator: " ")
    var text = "{'descr': '\\(type)', 'fortran_order': False, 'shape': (\\(axes)), }"
    text += String(repeating: " ", count: 63 - (text.utf8.count + 10) % 64) + "\\n"
    let magic: [UInt8] = [0x93] + Swift.Array("NUMPY".utf8) + [1, 0]
    return Data(magic + bytes(UInt16(text.utf8.count)) + Swift.Array(text.utf8)) + body
}

// Source: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (sections 4.3.7, 4.3.12 and 4.3.16).
private func zipped(_ files: [(name: String, data: Data)]) -> Data {
    var archive = Data(), directory = Data()
    for file in files {
        let name = Swift.Array(file.name.utf8), size = UInt32(file.data.count), start = UInt32(archive.count)
        // Version 2.0, names in UTF-8, stored, 1 January 1980.
        let common = bytes(UInt16(20)) + bytes(UInt16(0x800)) + bytes(UInt16(0)) + bytes(UInt16(0)) + bytes(UInt16(33))
            + bytes(checksum(file.data)) + bytes(size) + bytes(size) + bytes(UInt16(name.count)) + bytes(UInt16(0))
        archive.append(contentsOf: bytes(UInt32(0x0403_4b50)) + common + name)
        archive.append(file.data)
        directory.append(contentsOf: bytes(UInt32(0x0201_4b50)) + bytes(UInt16(20)) + common)
        directory.append(contentsOf: [UInt8](repeating: 0, count: 10) + bytes(start) + name)
    }
    let count = bytes(UInt16(files.count)), offset = bytes(UInt32(archive.count))
    let end = bytes(UInt32(0x0605_4b50)) + bytes(UInt32(0)) + count + count + bytes(UInt32(directory.count)) + offset
    return archive + directory + Data(end + bytes(UInt16(0)))
}

/// The cyclic redundancy check of zip files.
private func checksum(_ data: Data) -> UInt32 {
    var remainder: UInt32 = 0xffff_ffff
    for byte in data {
        remainder ^= UInt32(byte)
        for _ in 0..<8 {
            remainder = (remainder >> 1) ^ (remainder & 1 == 1 ? 0xedb8_8320 : 0)
        }
    }
    return ~remainder
}
"""
"""The test; all that it needs to know of a model lies in `golden.json` and `golden.bin` beside it."""
