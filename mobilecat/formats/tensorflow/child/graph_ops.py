"""TensorFlow's ops that a model file may hold: those that compute, and do nothing else.

An allow-list: an op that is not here is refused before a graph is built. Building alone may already
run one, as TensorFlow folds constants and infers shapes: `ReadFile` of a constant name would become
a constant with a user's file in it, which then ships in the artifact.
"""

from __future__ import annotations

_GROUPS = {
    "arithmetic": """
        Abs AccumulateNV2 Acos Acosh Add AddN AddV2 Angle ApproximateEqual Asin Asinh Atan Atan2
        Atanh BitwiseAnd BitwiseOr BitwiseXor Bucketize Cast Ceil ClipByValue Complex ComplexAbs
        Conj Cos Cosh Cross Cumprod Cumsum CumulativeLogsumexp Digamma Div DivNoNan Equal Erf Erfc
        Erfinv EuclideanNorm Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual Imag Inv Invert
        IsFinite IsInf IsNan LeftShift Less LessEqual Lgamma Log Log1p LogicalAnd LogicalNot
        LogicalOr Maximum Minimum Mod Mul MulNoNan Ndtri Neg NextAfter NotEqual Polygamma
        PopulationCount Pow Real RealDiv Reciprocal RightShift Rint Round Rsqrt Sign Sin Sinh
        Sqrt Square SquaredDifference Sub Tan Tanh TruncateDiv TruncateMod Xdivy Xlog1py Xlogy
        """,
    "activations": """
        Elu LeakyRelu LogSoftmax Relu Relu6 Selu Sigmoid Softmax Softplus Softsign
        """,
    "reductions": """
        All Any ArgMax ArgMin Bincount DenseBincount HistogramFixedWidth InTopK InTopKV2 L2Loss Max
        Mean Min Prod SegmentMax SegmentMaxV2 SegmentMean SegmentMin SegmentMinV2 SegmentProd
        SegmentProdV2 SegmentSum SegmentSumV2 SoftmaxCrossEntropyWithLogits
        SparseSegmentMean SparseSegmentMeanWithNumSegments SparseSegmentSqrtN
        SparseSegmentSqrtNWithNumSegments SparseSegmentSum SparseSegmentSumWithNumSegments
        SparseSoftmaxCrossEntropyWithLogits Sum UnsortedSegmentMax UnsortedSegmentMin
        UnsortedSegmentProd UnsortedSegmentSum
        """,
    "matrices": """
        BandedTriangularSolve BatchMatMul BatchMatMulV2 BatchMatMulV3 Cholesky ConjugateTranspose
        Diag DiagPart Eig Einsum LogMatrixDeterminant Lu MatMul MatrixBandPart MatrixDeterminant
        MatrixDiag MatrixDiagPart MatrixDiagPartV2 MatrixDiagPartV3 MatrixDiagV2 MatrixDiagV3
        MatrixExponential MatrixInverse MatrixLogarithm MatrixSetDiag MatrixSetDiagV2
        MatrixSetDiagV3 MatrixSolve MatrixSolveLs MatrixSquareRoot MatrixTriangularSolve Qr
        SelfAdjointEig SelfAdjointEigV2 SparseMatMul Svd TridiagonalMatMul TridiagonalSolve
        """,
    "shapes": """
        BatchToSpace BatchToSpaceND Bitcast BroadcastArgs BroadcastGradientArgs BroadcastTo Concat
        ConcatOffset ConcatV2 Const DataFormatDimMap DataFormatVecPermute DeepCopy DepthToSpace
        DynamicPartition DynamicStitch Empty EnsureShape ExpandDims Fill Gather GatherNd GatherV2
        GuaranteeConst Identity IdentityN InvertPermutation LinSpace ListDiff LowerBound
        MirrorPad NthElement OneHot OnesLike Pack Pad PadV2 ParallelConcat ParallelDynamicStitch
        Placeholder PlaceholderV2 PlaceholderWithDefault PreventGradient Range Rank
        Reshape Reverse ReverseSequence ReverseV2 Roll ScatterNd ScatterNdNonAliasingAdd Select
        SelectV2 Shape ShapeN Size Slice Snapshot SpaceToBatch SpaceToBatchND SpaceToDepth Split
        SplitV Squeeze StopGradient StridedSlice TensorScatterAdd TensorScatterMax TensorScatterMin
        TensorScatterSub TensorScatterUpdate TensorStridedSliceUpdate Tile TopK TopKV2 Transpose
        Unique UniqueV2 UniqueWithCounts UniqueWithCountsV2 Unpack UnravelIndex UpperBound Where
        ZerosLike
        """,
    "networks": """
        AvgPool AvgPool3D BiasAdd BiasAddV1 BlockLSTM BlockLSTMV2 CTCBeamSearchDecoder
        CTCGreedyDecoder Conv Conv2D Conv2DBackpropInput Conv2DBackpropInputV2 Conv3D
        Conv3DBackpropInput Conv3DBackpropInputV2 CudnnRNN CudnnRNNV2 CudnnRNNV3
        DepthwiseConv2dNative Dilation2D FakeQuantWithMinMaxArgs FakeQuantWithMinMaxVars
        FakeQuantWithMinMaxVarsPerChannel FractionalAvgPool FractionalMaxPool FusedBatchNorm
        FusedBatchNormV2 FusedBatchNormV3 FusedPadConv2D FusedResizeAndPadConv2D GRUBlockCell LRN
        LSTMBlockCell MaxPool MaxPool3D MaxPoolV2 MaxPoolWithArgmax
        BatchNormWithGlobalNormalization Dequantize QuantizeAndDequantize QuantizeAndDequantizeV2
        QuantizeAndDequantizeV3 QuantizeAndDequantizeV4 QuantizeV2 QuantizedAdd QuantizedAvgPool
        QuantizedBiasAdd QuantizedConcat QuantizedConv2D QuantizedMatMul QuantizedMaxPool
        QuantizedMul QuantizedRelu QuantizedRelu6 QuantizedReshape QuantizeDownAndShrinkRange
        RequantizationRange Requantize
        """,
    "pictures": """
        AdjustContrast AdjustContrastv2 AdjustHue AdjustSaturation CombinedNonMaxSuppression
        CropAndResize DecodeAndCropJpeg DecodeBase64 DecodeBmp DecodeGif DecodeImage DecodeJpeg
        DecodePng DecodeRaw DecodeWebP DrawBoundingBoxes DrawBoundingBoxesV2 EncodeBase64 EncodeJpeg
        EncodePng ExtractGlimpse ExtractGlimpseV2 ExtractImagePatches ExtractJpegShape
        ExtractVolumePatches GenerateBoundingBoxProposals HSVToRGB ImageProjectiveTransformV2
        ImageProjectiveTransformV3 NonMaxSuppression NonMaxSuppressionV2 NonMaxSuppressionV3
        NonMaxSuppressionV4 NonMaxSuppressionV5 NonMaxSuppressionWithOverlaps RGBToHSV RandomCrop
        ResizeArea ResizeBicubic ResizeBilinear ResizeNearestNeighbor SampleDistortedBoundingBox
        SampleDistortedBoundingBoxV2 ScaleAndTranslate StatelessSampleDistortedBoundingBox
        """,
    "spectra": """
        FFT FFT2D FFT3D FFTND IFFT IFFT2D IFFT3D IRFFT IRFFT2D IRFFT3D RFFT RFFT2D RFFT3D Mfcc
        AudioSpectrogram
        """,
    "chance": """
        Multinomial ParameterizedTruncatedNormal RandomGamma RandomPoisson RandomPoissonV2
        RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt StatefulStandardNormalV2
        StatefulTruncatedNormal StatefulUniform StatefulUniformFullInt StatefulUniformInt
        StatelessMultinomial StatelessRandomGetAlg StatelessRandomGetKeyCounter
        StatelessRandomGetKeyCounterAlg StatelessRandomNormal StatelessRandomNormalV2
        StatelessRandomUniform StatelessRandomUniformFullInt StatelessRandomUniformFullIntV2
        StatelessRandomUniformInt StatelessRandomUniformIntV2 StatelessRandomUniformV2
        StatelessShuffle StatelessTruncatedNormal StatelessTruncatedNormalV2 TruncatedNormal
        """,
    "text, of feature columns and of what decodes pictures": """
        AsString ParseExample ParseExampleV2 ParseSingleExample ReduceJoin RegexFullMatch
        RegexReplace StaticRegexFullMatch StaticRegexReplace StringFormat StringJoin StringLength
        StringLower StringSplit StringSplitV2 StringStrip StringToHashBucketFast StringToNumber
        StringUpper Substr
        """,
    "flow": """
        Assert Case CheckNumerics CheckNumericsV2 Enter Exit If LoopCond Merge NextIteration NoOp
        PartitionedCall Print RefEnter RefExit RefIdentity RefMerge RefNextIteration RefSelect
        RefSwitch StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile Switch While
        """,
    "variables and lists, which live in memory": """
        Assign AssignAdd AssignAddVariableOp AssignSub AssignSubVariableOp AssignVariableOp
        DestroyResourceOp DisableCopyOnRead IsVariableInitialized ReadVariableOp ResourceGather
        ResourceGatherNd ScatterNdUpdate TemporaryVariable VarHandleOp VarIsInitializedOp Variable
        VariableShape VariableV2
        EmptyTensorList StackCloseV2 StackPopV2 StackPushV2 StackV2 TensorArrayCloseV3
        TensorArrayConcatV3 TensorArrayGatherV3 TensorArrayReadV3 TensorArrayScatterV3
        TensorArraySizeV3 TensorArraySplitV3 TensorArrayV3 TensorArrayWriteV3 TensorListConcatV2
        TensorListElementShape TensorListFromTensor TensorListGather TensorListGetItem
        TensorListLength TensorListPopBack TensorListPushBack TensorListReserve TensorListResize
        TensorListScatter TensorListScatterIntoExistingList TensorListScatterV2 TensorListSetItem
        TensorListSplit TensorListStack
        HashTable HashTableV2 InitializeTable InitializeTableV2 LookupTableFind LookupTableFindV2
        LookupTableImport LookupTableImportV2 LookupTableSize LookupTableSizeV2
        """,
    "sparse and ragged": """
        RaggedGather RaggedRange RaggedTensorFromVariant RaggedTensorToSparse RaggedTensorToTensor
        RaggedTensorToVariant SparseFillEmptyRows SparseReshape SparseTensorDenseMatMul
        SparseToDense DenseToDenseSetOperation
        """,
    "of TFLite, which TensorFlow never builds": "TFLite_Detection_PostProcess",
}
ALLOWED = frozenset(name for names in _GROUPS.values() for name in names.split())

RESTORING = frozenset({"RestoreV2"})
SAVING = frozenset({"SaveV2", "MergeV2Checkpoints", "ShardedFilename"})
"""What every SavedModel holds to read and write its own variables: allowed there alone."""

_FILES = "reads or writes files, or lists them"
_CODE = "runs code of its own"
_NETWORK = "speaks to other machines or processes"
_WHY = {
    _FILES: """
        ReadFile WriteFile MatchingFiles Save SaveSlices SaveV2 Restore RestoreSlice RestoreV2
        MergeV2Checkpoints ShardedFilename ShardedFilespec ImmutableConst LoadDataset SaveDataset
        SaveDatasetV2 FixedLengthRecordReader FixedLengthRecordReaderV2 TextLineReader
        TextLineReaderV2 TFRecordReader TFRecordReaderV2 WholeFileReader WholeFileReaderV2
        LMDBReader LMDBDataset FixedLengthRecordDataset FixedLengthRecordDatasetV2 TextLineDataset
        TFRecordDataset TFRecordDatasetV2 InitializeTableFromTextFile InitializeTableFromTextFileV2
        GenerateVocabRemapping LoadAndRemapMatrix CreateSummaryFileWriter WriteSummary PrintV2
        DebugIdentity DebugIdentityV2 DebugIdentityV3 SqlDataset CSVDataset CSVDatasetV2
        SnapshotDataset SnapshotDatasetV2 CacheDataset CacheDatasetV2 MatchingFilesDataset
        """,
    _CODE: "PyFunc PyFuncStateless EagerPyFunc XlaLaunch RemoteFusedGraphExecute TPUExecute",
    _NETWORK: """
        RpcCall RpcClient RpcServer RpcServerStart SendTPUEmbeddingGradients RemoteCall _Send _Recv
        _HostSend _HostRecv CollectiveReduce CollectiveGather CollectiveBcastSend
        CollectiveBcastRecv DataServiceDataset DataServiceDatasetV2 CreateSummaryDbWriter
        """,
}
_WHY_OF = {op: why for why, ops in _WHY.items() for op in ops.split()}


def refused_op(op: str, also: frozenset[str] = frozenset()) -> str:
    """Return why an op is refused, or ""; `also`: what is allowed besides."""
    if op in ALLOWED or op in also:
        return ""
    return _WHY_OF.get(op, "is not among the ops that only compute")
