"""Which operators a program of torch.export, or TorchScript, may name.

They compute tensors from tensors, and nothing else: none reads or writes a file, takes an address,
starts a thread of its own or skips the checks of another. In-place forms (`add_`) go with theirs.
https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/native_functions.yaml
"""

from __future__ import annotations


def words(text: str) -> list[str]:
    """Return the words of a text: a list that can be read."""
    return text.split()


_ATEN = frozenset(
    words(
        """
        __and__ __iand__ __ior__ __ixor__ __lshift__ __or__ __rshift__ __xor__
        _adaptive_avg_pool2d _adaptive_avg_pool3d _assert_async _assert_scalar
        _assert_tensor_metadata _conj _convolution _fft_c2c _fft_c2r _fft_r2c _fused_rms_norm
        _log_softmax _native_batch_norm_legit _native_batch_norm_legit_functional
        _native_batch_norm_legit_no_training _prelu_kernel _reshape_alias _safe_softmax
        _scaled_dot_product_attention_math _scaled_dot_product_efficient_attention
        _scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu
        _shape_as_tensor _softmax _to_copy _trilinear _unique2 _unsafe_view
        _upsample_bicubic2d_aa _upsample_bilinear2d_aa _upsample_nearest_exact1d
        _upsample_nearest_exact2d _upsample_nearest_exact3d _weight_norm _weight_norm_interface
        abs absolute acos acosh adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
        adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d add addbmm addcdiv addcmul
        addmm addmv addr affine_grid_generator alias alias_copy all alpha_dropout amax amin
        aminmax angle any arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax
        argmin argsort argwhere as_strided as_strided_copy asin asinh atan atan2 atanh
        atleast_1d atleast_2d atleast_3d avg_pool1d avg_pool2d avg_pool3d baddbmm batch_norm
        bilinear binary_cross_entropy_with_logits bitwise_and bitwise_left_shift bitwise_not
        bitwise_or bitwise_right_shift bitwise_xor block_diag bmm broadcast_tensors broadcast_to
        bucketize cartesian_prod cat cdist ceil celu chain_matmul channel_shuffle chunk clamp
        clamp_max clamp_min clip clone col2im column_stack combinations complex concat
        concatenate conj constant_pad_nd contiguous conv1d conv2d conv3d conv_transpose1d
        conv_transpose2d conv_transpose3d convolution copy copysign cos cosh cosine_similarity
        count_nonzero cross cummax cummin cumprod cumsum deg2rad detach detach_copy diag
        diag_embed diagflat diagonal diagonal_copy diff dim div divide dot dropout dsplit dstack
        einsum elu embedding embedding_bag empty empty_like empty_permuted empty_strided eq
        equal erf erfc erfinv exp exp2 expand expand_as expand_copy expm1 eye
        fake_quantize_per_channel_affine fake_quantize_per_tensor_affine feature_alpha_dropout
        feature_dropout fft_fft fft_fft2 fft_fftn fft_fftshift fft_ifft fft_ifft2 fft_ifftn
        fft_ifftshift fft_irfft fft_irfft2 fft_irfftn fft_rfft fft_rfft2 fft_rfftn fill fix
        flatten flip fliplr flipud float_power floor floor_divide fmax fmin fmod frac
        frobenius_norm full full_like gather gcd ge gelu ger glu greater greater_equal
        grid_sampler grid_sampler_2d grid_sampler_3d group_norm gru gru_cell gt hamming_window
        hann_window hardshrink hardsigmoid hardswish hardtanh heaviside hsplit hstack hypot i0
        im2col imag index index_add index_copy index_fill index_put index_select inner
        instance_norm inverse is_complex is_floating_point is_nonzero isclose isfinite isin
        isinf isnan isneginf isposinf isreal item kron kthvalue layer_norm lcm le leaky_relu
        lerp less less_equal lgamma lift lift_fresh lift_fresh_copy linalg_cross linalg_det
        linalg_inv linalg_matmul linalg_matrix_norm linalg_multi_dot linalg_norm linalg_vecdot
        linalg_vector_norm linear linspace log log10 log1p log2 log_sigmoid log_sigmoid_forward
        log_softmax logaddexp logaddexp2 logcumsumexp logical_and logical_not logical_or
        logical_xor logit logspace logsumexp lstm lstm_cell lt masked_fill masked_scatter
        masked_select matmul max max_pool1d max_pool1d_with_indices max_pool2d
        max_pool2d_with_indices max_pool3d max_pool3d_with_indices maximum mean median meshgrid
        min minimum mish mm mode moveaxis movedim msort mul multiply mv nan_to_num nanmean
        nansum narrow narrow_copy native_batch_norm native_channel_shuffle native_dropout
        native_group_norm native_layer_norm ne neg negative new_empty new_empty_strided new_full
        new_ones new_zeros nonzero nonzero_numpy norm norm_except_dim not_equal numel one_hot
        ones ones_like outer pad pairwise_distance permute permute_copy pixel_shuffle
        pixel_unshuffle polar positive pow prelu prod rad2deg rand rand_like randint randn
        randn_like ravel real reciprocal reflection_pad1d reflection_pad2d reflection_pad3d relu
        relu6 remainder repeat repeat_interleave replication_pad1d replication_pad2d
        replication_pad3d reshape reshape_as resolve_conj resolve_neg rms_norm rnn_relu
        rnn_relu_cell rnn_tanh rnn_tanh_cell roll rot90 round row_stack rrelu rsqrt rsub
        scalar_tensor scaled_dot_product_attention scatter scatter_add scatter_reduce
        searchsorted select select_copy select_scatter selu sgn sigmoid sign signbit silu sin
        sinc sinh size slice slice_copy slice_scatter softmax softplus softshrink sort
        special_erf special_erfc special_exp2 special_expit special_expm1 special_log1p
        special_log_softmax special_logit special_softmax special_xlog1py special_xlogy split
        split_copy split_with_sizes split_with_sizes_copy sqrt square squeeze squeeze_copy stack
        std std_mean stft stride sub subtract sum swapaxes swapdims sym_constrain_range
        sym_constrain_range_for_size sym_is_contiguous sym_numel sym_size sym_storage_offset
        sym_stride t t_copy take take_along_dim tan tanh tensor_split tensordot threshold tile
        to topk trace transpose transpose_copy tril tril_indices triu triu_indices true_divide
        trunc type_as unbind unbind_copy unflatten unfold unfold_copy unique_consecutive
        unique_dim unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze unsqueeze_copy
        upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d
        upsample_nearest2d upsample_nearest3d upsample_trilinear3d vander var var_mean vdot view
        view_as view_as_complex view_as_complex_copy view_as_real view_as_real_copy view_copy
        vsplit vstack where xlogy zero zeros zeros_like
        """
    )
)
_PRIMS = frozenset(
    words(
        """
        abs acos acosh add asin asinh atan atanh broadcast_in_dim ceil convert_element_type cos
        cosh div eq erf exp floor ge gt iota le log lt mul ne neg pow reshape resize rsqrt sin
        sinh sqrt squeeze sub sum tan tanh transpose trunc where
        """
    )
)
_OTHERS = {"torchvision": frozenset({"nms"})}
_PYTHON = frozenset(
    words(
        """
        abs add and_ ceil eq floor floordiv ge getitem gt index invert le lshift lt mod mul ne
        neg not_ or_ pos pow round rshift sub truediv trunc
        """
    )
)
_SYMBOLIC = frozenset(
    words(
        """
        sym_float sym_int sym_ite sym_max sym_min sym_not sym_sqrt sym_sum
        """
    )
)

SCRIPT = frozenset(
    words(
        """
        Bool Byte Char Complex Delete Double Float FloatImplicit Half Int IntImplicit Long
        Scalar ScalarImplicit Short __contains__ __derive_index __getitem__ __is__ __isnot__
        __not__ __range_length _set_item append backward_compatible bool ceil clear copy cpu
        degrees device dict dim dtype element_size extend find float floor format get get_device
        insert int is_contiguous is_cuda items join keys len list lower ord pop radians remove
        replace reverse sizes split str strip tensor type update upper values warn
        """
    )
)
"""What TorchScript has besides: lists, dictionaries, words and numbers."""


def is_aten(name: str) -> bool:
    """Return whether `conv2d`, or `relu_`, is one of torch's own operators that may be named."""
    return name in _ATEN or (name.endswith("_") and not name.endswith("__") and name[:-1] in _ATEN)


def may_be_named(target: str) -> bool:
    """Return whether a node of an exported program may call `torch.ops.aten.conv2d.default`."""
    parts = target.split(".")
    if parts[:2] == ["torch", "ops"] and len(parts) == 5:
        namespace, name = parts[2:4]
        if namespace == "aten":
            return is_aten(name)
        return name in (_PRIMS if namespace == "prims" else _OTHERS.get(namespace, ()))
    if len(parts) == 2:
        allowed = {"_operator": _PYTHON, "math": _PYTHON, "torch": _SYMBOLIC}.get(parts[0], ())
        return parts[1] in allowed
    return False


def other_may_be_named(namespace: str, name: str) -> bool:
    """Return whether TorchScript may call `ops.torchvision.nms`."""
    return name in _OTHERS.get(namespace, ())
