"""Writes the files beside this one, which 44_in_and_out.ipynb reads, as others write theirs: with PyTorch (2.15), pyarrow (26.0),
NumPy, Pillow and Python's zipfile.

    python make.py

The digits are MNIST's, whose origin and licence stand in data/README.md.
"""

import gzip
import io
import json
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from PIL import Image
from torch import nn

HERE = Path(__file__).parent
DATA = HERE / "../../data"

# The first 60 of mnist_5000(): a folder for each digit in the archive, as a hub's table in the Parquet file.
pixels = np.frombuffer(gzip.open(DATA / "mnist-5000-images-idx3-ubyte.gz").read()[16:], np.uint8).reshape(-1, 28, 28)[:60]
labels = list(gzip.open(DATA / "mnist-5000-labels-idx1-ubyte.gz").read()[8:])[:60]


def png(picture):
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "PNG")
    return out.getvalue()


pictures = [png(picture) for picture in pixels]
with zipfile.ZipFile(HERE / "digits.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for i, (picture, label) in enumerate(zip(pictures, labels)):
        archive.writestr(zipfile.ZipInfo(f"digits/{label}/{i:04}.png"), picture)
struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
images = pa.array([{"bytes": p, "path": f"{i:04}.png"} for i, p in enumerate(pictures)], struct)
feature = {"_type": "ClassLabel", "names": [str(digit) for digit in range(10)]}
meta = {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}, "label": feature}}})}
table = pa.table({"image": images, "label": pa.array(labels, pa.int64())}).replace_schema_metadata(meta)
pq.write_table(table, HERE / "digits.parquet")

# A generator's weights among other things of a training, and what PyTorch's network answers.
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.Tanh(), nn.Linear(16, 2))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for _ in range(20):
    loss = (net(torch.randn(32, 2)) - 1).square().mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
net.eval()
x = torch.randn(8, 2)
torch.save({"epoch": 20, "G": net.state_dict(), "optimizer": opt.state_dict(), "x": x, "y": net(x).detach()}, HERE / "torch.pt")
# A whole network instead of its state dict: a pickled object.
torch.save(net, HERE / "whole.pt")


class Code:
    def __reduce__(self):
        return print, ("this file has run code",)


with zipfile.ZipFile(HERE / "code.pt", "w") as archive:
    archive.writestr(zipfile.ZipInfo("archive/data.pkl"), pickle.dumps({"0.weight": Code()}, protocol=2))
    archive.writestr(zipfile.ZipInfo("archive/version"), "3\n")
