"""Class activation maps of one layer, in plain arithmetic.

Eigen-CAM  Muhammad and Yeasin, 2020: the activations' first principal component
Grad-CAM   Selvaraju et al., 2017: activations weighted by the mean gradient of a score
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def eigen_cam(activations: npt.ArrayLike) -> Floats:
    """Return the map of a layer's activations. Shapes: (C, H, W) → (H, W), 0 to 1.

    The projection of every place's channels, taken from their mean, on the direction in which they
    differ most. A principal component has no sign of its own: it is turned so that the few places
    that stand out are bright, that is, so that its skewness is positive.
    """
    x = np.asarray(activations, np.float64)
    c, h, w = x.shape
    flat = x.reshape(c, h * w).T
    flat = flat - flat.mean(0)
    _, _, directions = np.linalg.svd(flat, full_matrices=False)
    along = flat @ directions[0]
    if float((along**3).mean()) < 0:
        along = -along
    return scaled(along.reshape(h, w))


def grad_cam(activations: npt.ArrayLike, gradients: npt.ArrayLike) -> Floats:
    """Return relu(Σ_c mean(gradient of c) · activation of c). Shapes: (C, H, W) both → (H, W)."""
    a, g = np.asarray(activations, np.float64), np.asarray(gradients, np.float64)
    weights = g.mean(axis=(1, 2))
    return scaled(np.maximum(np.tensordot(weights, a, axes=1), 0))


def scaled(values: Floats) -> Floats:
    """Return values from 0 to 1; all 0 where they are all the same."""
    low, high = float(values.min()), float(values.max())
    out: Floats = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return out


def correlation(a: Floats, b: Floats) -> float:
    """Return Pearson's r of two maps of one shape; 0 where one of them is flat."""
    x, y = a.reshape(-1) - a.mean(), b.reshape(-1) - b.mean()
    norm = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float(x @ y) / norm if norm else 0.0


def enlarged(values: Floats, wh: tuple[int, int]) -> Floats:
    """Return a map at another size, bilinear, cell centres on pixel centres. (H, W) → (h, w)."""
    w, h = wh
    rows, columns = values.shape
    ys = np.clip((np.arange(h) + 0.5) * rows / h - 0.5, 0, rows - 1)
    xs = np.clip((np.arange(w) + 0.5) * columns / w - 0.5, 0, columns - 1)
    y0, x0 = np.floor(ys).astype(int), np.floor(xs).astype(int)
    y1, x1 = np.minimum(y0 + 1, rows - 1), np.minimum(x0 + 1, columns - 1)
    fy, fx = (ys - y0)[:, None], (xs - x0)[None]
    top = values[y0][:, x0] * (1 - fx) + values[y0][:, x1] * fx
    bottom = values[y1][:, x0] * (1 - fx) + values[y1][:, x1] * fx
    out: Floats = top * (1 - fy) + bottom * fy
    return out
