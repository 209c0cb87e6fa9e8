"""Writes the files of this folder with NumPy and Python's safetensors: what the readers of src/data are tested on.

    pip install numpy safetensors && python make.py
"""
import pathlib
import numpy as np
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).parent
np.save(HERE / "fortran_big_endian.npy", np.asfortranarray(np.arange(6).reshape(2, 3).astype(">f8")))
np.save(HERE / "half.npy", np.array([1.5, -2.0, 65504.0, 2.0**-24, np.inf], np.float16))
np.save(HERE / "scalar.npy", np.float32(0.1))
np.save(HERE / "long.npy", np.array([[-3], [2**31 - 1]], np.int64))
np.save(HERE / "too_long.npy", np.array([2**31], np.int64))
np.save(HERE / "text.npy", np.array(["a"]))
np.savez_compressed(HERE / "several.npz", ones=np.ones((40, 30), np.float32), mask=np.array([True, False]))
np.savez(HERE / "stored.npz", small=np.array([7, 200], np.uint8))
save_file({"b": np.array([[1.5, -2.0]]), "a": np.array([1, 2, 3])}, HERE / "python.safetensors", {"by": "python"})
