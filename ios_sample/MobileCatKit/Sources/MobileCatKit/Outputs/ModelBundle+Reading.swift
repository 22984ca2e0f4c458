import Foundation

extension ModelBundle {
    /// The schema that this version reads.
    public static let schemaVersion = 1

    /// Read bundle.json's bytes. Errors: `.bundle`, with every missing key by its path.
    public init(json data: Data) throws {
        try self.init(JSONValue(document: data, called: "bundle.json"))
    }

    /// Errors: `.bundle`, with every missing key by its path.
    public init(_ json: JSONValue) throws {
        guard let object = json.object else {
            throw MobileCatError(
                .bundle, "This is not a bundle.json", [Problem("it is \(json.noun), not an object")]
            )
        }
        let root = JSONFields(path: "", object: object, report: JSONFields.Report())
        try Self.requireSchema(root)
        let spec = root.fields("spec")
        name = root.string("name")
        versions = root.texts("versions")
        headKind = spec.fields("head").string("kind")
        input = spec.optionalFields("input").flatMap(ImageInput.init)
        nms = (root.optionalFields("nms") ?? spec.optionalFields("nms")).map(NMS.init)
        labels = spec.strings("labels")
        landmarkNames = spec.strings("landmarks")
        inputs = root.list("inputs", TensorContract.init)
        outputs = root.list("outputs", TensorContract.init)
        artifacts = root.list("artifacts", Artifact.init)
        guard root.report.problems.isEmpty else {
            throw MobileCatError(
                .bundle, "bundle.json does not hold what this version reads; export it again",
                root.report.problems)
        }
    }

    private static func requireSchema(_ root: JSONFields) throws {
        let found = root.object["schema_version"]
        guard found?.whole != schemaVersion else { return }
        let what = found.map { $0.whole.map { "is \($0)" } ?? "is \($0.noun)" } ?? "is missing"
        throw MobileCatError(
            .bundle, "This bundle.json has another schema",
            [
                Problem(
                    "\(what); this version reads \(schemaVersion)", at: "schema_version",
                    fix: "export with the mobilecat that belongs to this MobileCatKit")
            ])
    }

}

extension JSONValue {
    /// Errors: `.bundle` for bytes that are no JSON.
    init(document data: Data, called name: String) throws {
        do {
            self = try JSONDecoder().decode(JSONValue.self, from: data)
        } catch let error as DecodingError {
            throw MobileCatError(
                .bundle, "\(name) is damaged",
                [Problem(Self.reason(error), fix: "export the bundle again")])
        }
    }

    private static func reason(_ error: DecodingError) -> String {
        guard case .dataCorrupted(let context) = error else { return "\(error)" }
        let cause = (context.underlyingError as NSError?)?.userInfo[NSDebugDescriptionErrorKey]
        return cause.map { "\($0)" } ?? context.debugDescription
    }
}

extension ModelBundle: Decodable {
    public init(from decoder: any Decoder) throws {
        try self.init(JSONValue(from: decoder))
    }
}

extension ModelBundle.TensorContract {
    init(_ fields: JSONFields) {
        name = fields.string("name")
        shape = fields.wholes("shape")
        dtype = fields.string("dtype")
        meaning = fields.optional("meaning", "text", \.string) ?? ""
    }
}

extension ModelBundle.ImageInput {
    init?(_ fields: JSONFields) {
        let sides = fields.wholes("size")
        resize = fields.named("resize", or: .stretch)
        rounding = fields.optional("rounding", "a rounding") { json in
            json.string.flatMap(Rounding.init(rawValue:))
        }
        pad = fields.whole("pad")
        guard sides.count == 2, let wh = try? SizeWH(Double(sides[0]), Double(sides[1])) else {
            if fields.object["size"] != nil {
                fields.report.problems.append(
                    Problem("is \(sides), not [width, height]", at: fields.path + "size"))
            }
            return nil
        }
        size = wh
    }
}

extension ModelBundle.NMS {
    init(_ fields: JSONFields) {
        scoreThreshold = fields.number("score_threshold")
        iouThreshold = fields.number("iou_threshold")
        maxDetections = fields.whole("max_detections")
        perClass = fields.bool("per_class")
        // Bundles of before there was a choice do not say.
        selection = fields.object["selection"] == nil ? .nms : fields.named("selection", or: .nms)
        overlap = fields.object["overlap"] == nil ? .iou : fields.named("overlap", or: .iou)
    }
}

extension ModelBundle.Artifact {
    init(_ fields: JSONFields) {
        file = fields.string("file")
        kind = fields.string("kind")
        format = fields.string("format")
        contract = fields.string("contract")
        precision = fields.string("precision")
        sha256 = fields.string("sha256")
        image = fields.optional("image", "text", \.string)
        inputs = fields.texts("inputs")
        outputs = fields.texts("outputs")
        outputDTypes = fields.object["output_dtypes"] == nil ? [:] : fields.texts("output_dtypes")
    }
}
