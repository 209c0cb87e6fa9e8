"""Makes the files that src/data/numpy_tests.rs reads, with NumPy itself: `python make.py` in this folder."""

import numpy as np

grid = np.arange(6).reshape(2, 3)
np.save("f4.npy", grid.astype("<f4") / 4)
np.save("f8_big_endian.npy", grid.astype(">f8") / 4)
np.save("f2.npy", np.array([0.5, -2.0, 6e-8, 65504.0, np.inf], "<f2"))
np.save("i8.npy", grid.astype("<i8") - 3)
np.save("i2_big_endian.npy", grid.astype(">i2") - 3)
np.save("u1.npy", np.array([0, 255], "u1"))
np.save("too_large.npy", np.array([2**40]))
np.save("bool.npy", grid % 2 == 0)
np.save("fortran.npy", np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)))
np.save("scalar.npy", np.float32(2.5))
np.save("empty.npy", np.zeros((0, 3), "<f4"))
np.save("complex.npy", np.array([1j]))
np.savez("stored.npz", x=grid.astype("<f4"), y=np.array([1, 0]))
np.savez_compressed("packed.npz", x=np.zeros((100, 100), "<f4"), y=np.array([1, 0]))
