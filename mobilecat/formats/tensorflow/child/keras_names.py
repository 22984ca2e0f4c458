"""What a Keras file may name: classes and functions that compute, and do nothing else.

An allow-list: what is not here is refused before anything is built, whatever Keras itself would do
with it. Left out on purpose: Lambda and all that holds Python; TFSMLayer, TorchModuleWrapper,
JaxLayer and FlaxLayer, which run another framework's file; layers that read a vocabulary from a
file; ops that take functions (Cond, Map, Scan, WhileLoop, …); ClassMethod and InstanceMethod, which
call by name.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LAYERS = _words(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
    AdditiveAttention AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D
    AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BatchNormalization
    BatchNormalizationV1 BatchNormalizationV2 Bidirectional CategoryEncoding CenterCrop Concatenate
    ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose
    Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose
    Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D Cropping2D
    Cropping3D CuDNNGRU CuDNNLSTM CutMix Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot
    Dropout ELU EinsumDense Embedding Equalization Flatten GRU GRUCell GRUCellV1 GRUCellV2 GRUV1
    GRUV2 GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
    GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D
    GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
    GroupNormalization GroupQueryAttention Identity InputLayer LSTM LSTMCell LSTMCellV1 LSTMCellV2
    LSTMV1 LSTMV2 LayerNormalization LeakyReLU LocallyConnected1D LocallyConnected2D Masking
    MaxNumBoundingBoxes MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum
    MelSpectrogram Minimum MixUp MultiHeadAttention Multiply Normalization PReLU Permute Pipeline
    RMSNormalization RNN RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter
    RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur
    RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective RandomPosterization
    RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth
    RandomZoom ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding STFTSpectrogram
    SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D SimpleRNN
    SimpleRNNCell Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D
    SpectralNormalization StackedRNNCells Subtract SyncBatchNormalization ThresholdedReLU
    TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D
    ZeroPadding2D ZeroPadding3D
    """
)
TENSORFLOW_LAYERS = frozenset({"TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"})
"""Of tf-keras: each holds one op, which is looked at too."""

MODELS = frozenset({"Functional", "Model", "Sequential"})

OPS = _words(
    """
    Abs Absolute Add All AllClose Amax Amin Angle Any Append Arange Arccos Arccosh Arcsin Arcsinh
    Arctan Arctan2 Arctanh Argmax Argmin Argpartition Argsort Array ArraySplit Average Bincount
    BitwiseAnd BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor
    BroadcastTo Cbrt Ceil Clip Concatenate Conj Conjugate Copy Corrcoef Correlate Cos Cosh
    CountNonzero Cross Cumprod Cumsum Deg2rad Diag Diagflat Diagonal Diff Digitize Divide
    DivideNoNan Dot Dsplit Dstack Einsum EmptyLike Equal Exp Exp2 ExpandDims Expm1 Fabs Flip Fliplr
    Flipud Floor FloorDivide Fmax Fmin Fmod Full FullLike Gcd Geomspace GetItem Greater GreaterEqual
    Heaviside Histogram Hsplit Hstack Hypot I0 Imag Inner IsIn Isclose Isfinite Isinf Isnan Isneginf
    Isposinf Isreal Kron Lcm Ldexp LeftShift Less LessEqual Linspace Log Log10 Log1p Log2 Logaddexp
    Logaddexp2 LogicalAnd LogicalNot LogicalOr LogicalXor Logspace Matmul Max Maximum Mean Median
    Meshgrid Min Minimum Mod Moveaxis Multiply NanToNum Nanargmax Nanargmin Nancumprod Nancumsum
    Nanmax Nanmean Nanmedian Nanmin Nanpercentile Nanprod Nanquantile Nanstd Nansum Nanvar Ndim
    Negative Nextafter Nonzero NotEqual OnesLike Outer Pad Percentile Power Prod Ptp Quantile
    Rad2deg Ravel Real Reciprocal Repeat Reshape RightShift Roll Rot90 Round SearchSorted Select
    Sign Signbit Sin Sinc Sinh Size Slogdet Sort Split Sqrt Square Squeeze Stack Std Subtract Sum
    Swapaxes Take TakeAlongAxis Tan Tanh Tensordot Tile Trace Transpose Trapezoid Tril Triu
    TrueDivide Trunc Unique UnravelIndex Vander Var Vdot View Vsplit Vstack Where ZerosLike
    Cast ConvertToTensor SaturateCast Scatter ScatterUpdate Slice SliceUpdate StopGradient Unstack
    AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm Celu Conv ConvTranspose DepthToSpace
    DepthwiseConv DotProductAttention Elu Fold Gelu Glu HardShrink HardSigmoid HardSilu HardTanh
    LayerNorm LeakyRelu LogSigmoid LogSoftmax MaxPool Moments MultiHot Normalize OneHot Polar
    RMSNorm Relu Relu6 Selu SeparableConv Sigmoid Silu SoftShrink Softmax Softplus Softsign
    SpaceToDepth SparsePlus SparseSigmoid Sparsemax Squareplus TanhShrink Threshold Unfold
    AffineTransform CropImages ExtractPatches GaussianBlur HSVToRGB MapCoordinates PadImages
    PerspectiveTransform RGBToGrayscale RGBToHSV Resize ScaleAndTranslate SobelEdges
    CDist Erf Erfc Erfinv FFT FFT2 IFFT2 IRFFT ISTFT Logdet Logsumexp RFFT Rsqrt STFT SegmentMax
    SegmentMin SegmentProd SegmentSum TopK ViewAsComplex ViewAsReal
    Cholesky CholeskyInverse Det Eig Eigh Inv Lstsq LuFactor MatrixRank Norm Pinv Qr SVD Solve
    SolveTriangular Rearrange
    """
)
"""Operations of Keras 3, which a functional model lists among its layers."""

INITIALIZERS = _words(
    """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal
    LecunUniform Ones Orthogonal OrthogonalInitializer RandomNormal RandomUniform STFT
    STFTInitializer TruncatedNormal VarianceScaling Zeros
    """
)
REGULARIZERS = frozenset({"L1", "L1L2", "L2", "OrthogonalRegularizer"})
CONSTRAINTS = frozenset({"MaxNorm", "MinMaxNorm", "NonNeg", "RadialConstraint", "UnitNorm"})
POLICIES = _words(
    """
    DTypePolicy DTypePolicyMap FloatDTypePolicy Policy PolicyV1 QuantizedDTypePolicy
    QuantizedFloat8DTypePolicy
    """
)
VALUES = frozenset(
    {
        *("__keras_tensor__", "__tensor__", "__numpy__", "__slice__", "__ellipsis__"),
        *("__tuple__", "__bytes__", "TensorShape"),
    }
)
"""Not classes: how plain values are written down."""

ACTIVATIONS = _words(
    """
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu
    linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus
    softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold
    """
)
INITIALIZER_WORDS = _words(
    """
    constant glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal lecun_uniform
    normal one ones orthogonal random_normal random_uniform stft truncated_normal uniform
    variance_scaling zero zeros
    """
)
REGULARIZER_WORDS = frozenset({"l1", "l1_l2", "l1l2", "l2", "orthogonal_regularizer"})
CONSTRAINT_WORDS = _words(
    "max_norm maxnorm min_max_norm non_neg nonneg radial_constraint unit_norm unitnorm"
)

_KERAS = frozenset({"keras", "tf_keras"})


def _modules(*names: str) -> frozenset[str]:
    return frozenset(f"{root}.{name}" for root in _KERAS for name in names)


def _ops(*names: str) -> frozenset[str]:
    return frozenset({"keras.ops", *(f"keras.src.ops.{n}" for n in names)})


OF_MODULES: tuple[tuple[frozenset[str], frozenset[str]], ...] = (
    (_modules("layers"), LAYERS),
    (_modules("layers", "src.layers.core.tf_op_layer"), TENSORFLOW_LAYERS),
    (
        _KERAS
        | _modules("models", "src.models.functional", "src.models.sequential", "src.models.model")
        | _modules("src.engine.functional", "src.engine.sequential", "src.engine.training")
        | _modules("engine.functional", "engine.sequential", "engine.training"),
        MODELS,
    ),
    (_ops("core", "numpy", "nn", "image", "math", "linalg", "einops"), OPS),
    (_modules("initializers") | {"tensorflow.python.ops.init_ops_v2"}, INITIALIZERS),
    (_modules("regularizers"), REGULARIZERS),
    (_modules("constraints"), CONSTRAINTS),
    (_KERAS | _modules("dtype_policies", "mixed_precision"), POLICIES),
    (_modules("src.applications.convnext"), frozenset({"LayerScale"})),
    (_modules("src.applications.inception_resnet_v2"), frozenset({"CustomScaleLayer"})),
)
"""Modules, with the classes that a file may name in them."""

WITHOUT_MODULE = (
    LAYERS
    | TENSORFLOW_LAYERS
    | MODELS
    | OPS
    | INITIALIZERS
    | REGULARIZERS
    | CONSTRAINTS
    | POLICIES
    | VALUES
)
"""What a file may name that names no modules, as HDF5 files do."""

REGISTERED = {"CustomScaleLayer": "Custom>CustomScaleLayer"}
"""Classes that Keras itself registers under another name than their own."""

FUNCTION_MODULES = frozenset({"builtins", "keras.activations", "tf_keras.activations"})

TENSORFLOW_FUNCTIONS = frozenset(
    f"{room}.{name}" if room else name
    for room, names in {
        "__operators__": "add eq ge getitem gt le lt ne",
        "": """
            abs add argmax argmin argsort batch_to_space boolean_mask broadcast_to cast
            clip_by_norm clip_by_value concat constant convert_to_tensor cos cosh cumsum divide
            dynamic_partition dynamic_stitch einsum ensure_shape equal exp expand_dims eye fill
            floor gather gather_nd greater greater_equal identity less less_equal linspace
            logical_and logical_not logical_or matmul maximum meshgrid minimum multiply negative
            norm not_equal one_hot ones ones_like pad pow range rank realdiv reduce_all reduce_any
            reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_sum repeat
            reshape reverse roll round scalar_mul scatter_nd searchsorted shape sigmoid sign sin
            sinh size slice sort space_to_batch split sqrt square squeeze stack stop_gradient
            strided_slice subtract tan tanh tensor_scatter_nd_add tensor_scatter_nd_max
            tensor_scatter_nd_min tensor_scatter_nd_update tensordot tile transpose truediv
            truncatediv truncatemod unstack where zeros zeros_like
            """,
        "math": """
            abs accumulate_n acos acosh add add_n angle argmax argmin asin asinh atan atan2 atanh
            ceil count_nonzero cos cosh cumprod cumsum cumulative_logsumexp divide divide_no_nan
            equal erf erfc erfcinv erfinv exp expm1 floor floordiv floormod greater greater_equal
            invert_permutation is_finite is_inf is_nan l2_normalize less less_equal log log1p
            log_sigmoid log_softmax logical_and logical_not logical_or logical_xor maximum minimum
            mod multiply multiply_no_nan negative not_equal pow reciprocal reciprocal_no_nan
            reduce_all reduce_any reduce_euclidean_norm reduce_logsumexp reduce_max reduce_mean
            reduce_min reduce_prod reduce_std reduce_sum reduce_variance rint round rsqrt
            scalar_mul segment_max segment_mean segment_min segment_prod segment_sum sigmoid sign
            sin sinh softmax softplus softsign sqrt square squared_difference subtract tan tanh
            top_k truediv unsorted_segment_max unsorted_segment_mean unsorted_segment_min
            unsorted_segment_prod unsorted_segment_sum xdivy xlogy
            """,
        "nn": """
            atrous_conv2d avg_pool avg_pool1d avg_pool2d avg_pool3d batch_normalization bias_add
            conv1d conv2d conv2d_transpose conv3d convolution crelu depth_to_space depthwise_conv2d
            elu gelu l2_loss l2_normalize leaky_relu local_response_normalization log_softmax lrn
            max_pool max_pool1d max_pool2d max_pool3d max_pool_with_argmax moments normalize_moments
            pool relu relu6 selu separable_conv2d sigmoid silu softmax softplus softsign
            space_to_depth swish tanh top_k zero_fraction
            """,
        "linalg": """
            band_part det diag diag_part einsum eye inv l2_normalize matmul matrix_transpose matvec
            norm normalize set_diag tensor_diag tensor_diag_part tensordot trace
            """,
        "image": """
            adjust_brightness adjust_contrast adjust_gamma adjust_hue adjust_saturation
            central_crop combined_non_max_suppression convert_image_dtype crop_and_resize
            crop_to_bounding_box extract_patches flip_left_right flip_up_down grayscale_to_rgb
            hsv_to_rgb non_max_suppression non_max_suppression_padded pad_to_bounding_box
            per_image_standardization resize resize_bilinear resize_nearest_neighbor
            resize_with_crop_or_pad resize_with_pad rgb_to_grayscale rgb_to_hsv rgb_to_yuv rot90
            transpose yuv_to_rgb
            """,
        "dtypes": "cast saturate_cast",
    }.items()
    for name in names.split()
)
"""What a TFOpLambda layer of tf-keras may call, by TensorFlow's own names."""
