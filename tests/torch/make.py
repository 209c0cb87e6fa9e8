"""Writes the files of this folder with PyTorch: what `load` is tested on, and what PyTorch's networks answer.

    pip install torch safetensors && python make.py
"""
import collections
import os
import pathlib
import pickle
import zipfile

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

HERE = pathlib.Path(__file__).parent
torch.manual_seed(0)

# Every layer whose layout matters; running statistics that are not their first values.
net = nn.Sequential(
    nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.LeakyReLU(0.2), nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1),
    nn.Flatten(), nn.Linear(3 * 8 * 8, 5), nn.BatchNorm1d(5),
)
for _ in range(3):
    net(torch.randn(6, 1, 4, 4))
net.eval()
x = torch.randn(3, 1, 4, 4)
torch.save(net.state_dict(), HERE / "net.pt")
save_file(net.state_dict(), HERE / "net.safetensors")
opt = torch.optim.Adam(net.parameters())
torch.save({"epoch": 3, "lr": 1e-3, "note": "a run", "G": net.state_dict(), "opt": opt.state_dict()}, HERE / "nested.pt")
# As the examples of PyTorch and DataParallel name them.
torch.save(collections.OrderedDict(("module.main." + k, v) for k, v in net.state_dict().items()), HERE / "prefix.pt")
emb = nn.Embedding(4, 3)
torch.save({"x": x, "y": net(x).detach(), "labels": torch.tensor([2, 0, 2]), "rows": emb(torch.tensor([2, 0, 2])).detach()}, HERE / "answers.pt")
torch.save(emb.state_dict(), HERE / "embedding.pt")
normed = nn.Sequential(spectral_norm(nn.Linear(3, 2)), spectral_norm(nn.ConvTranspose2d(2, 3, 2)), weight_norm(nn.Linear(2, 2)))
torch.save(normed.state_dict(), HERE / "norms.pt")
old = nn.Sequential(nn.utils.spectral_norm(nn.Linear(3, 2)))
old.eval()
at = torch.randn(2, 3)
torch.save({**old.state_dict()}, HERE / "old_norm.pt")
torch.save({"x": at, "y": old(at).detach()}, HERE / "old_norm_answers.pt")

a = torch.arange(12.0).reshape(3, 4)
torch.save({"turned": a.t(), "part": a[1:, 2:], "wide": a[:, ::2], "half": a[0].half(), "bfloat": a[0].bfloat16(),
            "double": a[0].double(), "mask": a[0] > 1, "long": torch.tensor([-3, 2**31 - 1]), "byte": a[0].byte(),
            "scalar": torch.tensor(2.5), "none": torch.zeros(0, 3), "size": a.shape, "param": nn.Parameter(a[0])}, HERE / "views.pt")

# What is refused.
torch.save(nn.Linear(2, 2), HERE / "module.pt")
torch.save({"z": torch.zeros(2, dtype=torch.complex64)}, HERE / "complex.pt")
torch.save({"w": torch.zeros(2)}, HERE / "before_1_6.pt", _use_new_zipfile_serialization=False)
torch.jit.script(nn.Linear(2, 2)).save(HERE / "script.pt")


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/saddle-was-here",)


with zipfile.ZipFile(HERE / "evil.pt", "w") as archive:
    archive.writestr("archive/data.pkl", pickle.dumps({"w": Evil()}, protocol=2))
    archive.writestr("archive/version", "3\n")
