"""What benches/gpu/run.py reads from cubecl's account of kernels."""

import importlib.util
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "benches" / "gpu" / "run.py"

# Of `CUBECL_DEBUG_LOG` with cubecl-runtime 0.11.3: three launches, between them the source of a kernel and a summary.
ACCOUNT = """\
[START_KERNEL_COMPILATION]
name: ElemwiseFuse
    | BlockLocal(3) | 12µs
| 7.752553ms | ElemwiseFuse_2079716c
| 31.949µs   | MatmulEntry | TensorArgs | DynamicScalar
| not measured | ReduceKernel | TensorArgs_224d3fdf
| Name                | Num Computed | Duration | Ratio |
| ElemwiseFuse_2079716c | 1          | 7.752553ms | 99 % |
"""


def test_a_launch_is_a_line_of_its_own():
    spec = importlib.util.spec_from_file_location("gpu_run", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert len(module.LAUNCH.findall(ACCOUNT)) == 3
