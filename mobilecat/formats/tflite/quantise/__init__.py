"""A finished float program with its weights or its arithmetic in fewer bits.

`recipe` says which; `weights` stores constants in fewer bits and computes in float; `integers`
computes in whole numbers, by ranges from calibration (`mobilecat.quantize`); `picture` lets the
preprocessing vanish in the scale of the picture; `kernels` says what LiteRT's kernels want.
"""
