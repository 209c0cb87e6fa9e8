"""The way back: networks that saddle saved go into PyTorch's by load_state_dict(strict=True), and answer the same.

    pip install torch && python back.py PATH/OF/saddle

tests/python/test_torch.py runs it. (That Python's safetensors reads our files is for tests/python/test_files.py; here they are read by
hand where it is missing.)
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

try:
    from safetensors.torch import load_file
except ImportError:

    def load_file(path):
        """Eight bytes with the length of the header, the header in JSON, the numbers."""
        content = path.read_bytes()
        start = 8 + int.from_bytes(content[:8], "little")
        header = json.loads(content[8:start])
        kinds = {"F32": torch.float32, "I64": torch.int64, "I32": torch.int32}
        return {
            name: torch.frombuffer(bytearray(content[start + entry["data_offsets"][0] : start + entry["data_offsets"][1]]), dtype=kinds[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()
            if name != "__metadata__"
        }


# Removed when the program ends.
kept = tempfile.TemporaryDirectory()
folder = pathlib.Path(kept.name)
script = folder / "save.rhai"
script.write_text(
    """
seed(0);
let G = sequential([conv2d(1, 4, 3, #{ padding: 1 }), batch_norm(4), leaky_relu(0.2),
    spectral_norm(conv_transpose2d(4, 3, 4, #{ stride: 2, padding: 1 })), flatten(), weight_norm(linear(192, 5)), batch_norm(5)]);
for _ in 0..3 { G(randn([8, 1, 4, 4])); }
G.eval();
let x = randn([3, 1, 4, 4]);
let E = embedding(4, 3);
G.save("FOLDER/g.pt"); G.save("FOLDER/g.safetensors"); E.save("FOLDER/e.pt");
save("FOLDER/answers.pt", #{ x: x, y: G(x).detach(), rows: E(int([2, 0])).detach() });
""".replace("FOLDER", str(folder))
)
subprocess.run([sys.argv[1], "run", script], check=True)
answers = torch.load(folder / "answers.pt", weights_only=True)
for state in [torch.load(folder / "g.pt", weights_only=True), load_file(folder / "g.safetensors")]:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.LeakyReLU(0.2),
        spectral_norm(nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1)), nn.Flatten(), weight_norm(nn.Linear(192, 5)), nn.BatchNorm1d(5),
    )
    net.load_state_dict(state, strict=True)
    net.eval()
    apart = (net(answers["x"]) - answers["y"]).abs().max().item()
    assert apart < 1e-5, apart
    print("largest difference of an output:", apart)
table = nn.Embedding(4, 3)
table.load_state_dict(torch.load(folder / "e.pt", weights_only=True), strict=True)
assert torch.equal(table(torch.tensor([2, 0])), answers["rows"])
print("PyTorch takes them, strictly")
