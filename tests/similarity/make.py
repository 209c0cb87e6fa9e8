"""Writes `scikit_image.json`: what scikit-image says about the structural similarity of some pictures.

    python -m pip install scikit-image==0.26.0 && python tests/similarity/make.py

The pictures are formulas, the same as in the test in `src/notebook/compare/similarity.rs`. The settings are those of Wang et
al. (2004): Gaussian weights with a standard deviation of 1.5 pixels, population variances, a range of 255.
"""

import json
from pathlib import Path

import numpy
from skimage.metrics import structural_similarity


def picture(name, width, height):
    y, x = numpy.mgrid[0:height, 0:width]
    texture = (x * x * 7 + y * y * 13 + x * y * 5) % 256
    slope = (3 * x + 2 * y) % 256
    spot = (x >= 8) & (x < 14) & (y >= 6) & (y < 11)
    pictures = {
        "slope": slope,
        "texture": texture,
        "texture, a little lighter": numpy.minimum(texture, 235) + 20,
        "negative": 255 - texture,
        "stripes": 255 * ((x // 3) % 2),
        "stripes, one pixel on": 255 * (((x + 1) // 3) % 2),
        "grey": numpy.full_like(x, 100),
        "light": numpy.full_like(x, 180),
        "slope with a spot": numpy.where(spot, 255, slope),
    }
    return pictures[name].astype(numpy.float64)


PAIRS = [
    ("slope", "slope", 24, 17),
    ("texture", "texture, a little lighter", 40, 30),
    ("texture", "negative", 40, 30),
    ("stripes", "stripes, one pixel on", 33, 12),
    ("grey", "light", 16, 16),
    ("slope", "slope with a spot", 48, 20),
    ("slope", "texture", 11, 64),
]

cases = []
for a, b, width, height in PAIRS:
    mean, full = structural_similarity(
        picture(a, width, height),
        picture(b, width, height),
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    points = [(0, 0), (width - 1, 0), (width // 2, height // 2), (3, height - 2), (10, 8)]
    at = [[x, y, float(full[y, x])] for x, y in points]
    cases.append({"a": a, "b": b, "width": width, "height": height, "mean": float(mean), "at": at})

text = ",\n".join(json.dumps(case) for case in cases)
Path(__file__).with_name("scikit_image.json").write_text(f"[\n{text}\n]\n")
