"""What a step of each workload takes, counted: `benches/run count [WORKLOAD…]`, which has PyTorch.

Runs one step of the peer (`peers/NAME.py`) and counts the floating-point operations of its matrix products and convolutions (by
their definition, with PyTorch's formulas), the operations that it calls, and the bytes of their operands and results, were each
read and written once. What one call of oneDNN does at once, as all steps of an LSTM, is counted by its parts. The share of the
machine's peak is then steps a second × GFLOP ÷ the GFLOP/s of a large product (README.md).
"""

import importlib
import sys
from pathlib import Path

import torch
from compare import LOOPS
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry


class Operations(TorchDispatchMode):
    """Counts operations that compute something, the arithmetic of products, and the bytes of what they take and give."""

    def __init__(self):
        super().__init__()
        self.calls = self.bytes = self.flops = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        tensors = [t for t in tree_leaves((args, kwargs, out)) if isinstance(t, torch.Tensor)]
        views = func.is_view or "detach" in str(func) or "alias" in str(func)
        if not views:
            self.calls += 1
            self.bytes += sum(t.numel() * t.element_size() for t in tensors)
        if func.overloadpacket in flop_registry:
            self.flops += flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def counted(name):
    torch.manual_seed(0)
    step = importlib.import_module(name).make_step()
    step()  # optimizers make their state at the first
    with torch.backends.mkldnn.flags(enabled=False), Operations() as operations:
        step()
    return operations.flops, operations.calls, operations.bytes


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
    print(f"{'':12}{'GFLOP':>9}{'operations':>12}{'MB':>9}  a step")
    for name in sys.argv[1:] or LOOPS:
        flops, calls, moved = counted(name)
        print(f"{name:12}{flops / 1e9:9.3f}{calls:12}{moved / 1e6:9.1f}", flush=True)
