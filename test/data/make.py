"""Writes the NumPy files of this folder. The readers are tested against these: bytes that NumPy made, not nndsl.

Entry k of every array is k / 2 - 3 as a number of the type (integers: k - 3 or, unsigned, k; booleans: k is odd).
"""

import pathlib
import warnings

import numpy as np
from numpy.lib import format as npy

folder = pathlib.Path(__file__).parent
shape = (3, 4)
k = np.arange(12).reshape(shape)
floats, signed, unsigned = k / 2 - 3, k - 3, k

for kind in ["f2", "f4", "f8"]:
    for order in "<>":
        np.save(folder / f"{kind}-{'little' if order == '<' else 'big'}.npy", floats.astype(order + kind))
for kind in ["i1", "i2", "i4", "i8"]:
    np.save(folder / f"{kind}.npy", signed.astype(kind))
    np.save(folder / f"{kind}-big.npy", signed.astype(">" + kind))
for kind in ["u1", "u2", "u4", "u8"]:
    np.save(folder / f"{kind}.npy", unsigned.astype(kind))
np.save(folder / "b1.npy", k % 2 == 1)
np.save(folder / "fortran.npy", np.asfortranarray(np.arange(24, dtype="<f4").reshape(2, 3, 4)))
np.save(folder / "scalar.npy", np.float64(2.5))
np.save(folder / "empty.npy", np.zeros((0, 4), dtype="f4"))
np.save(folder / "text.npy", np.array(["cat", "dog"]))
np.save(folder / "objects.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
np.save(folder / "complex.npy", np.array([1j]))
np.save(folder / "records.npy", np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")]))
np.save(folder / "huge-integer.npy", np.array([[0], [2**53 + 1]], dtype="i8"))
np.save(folder / "nan.npy", np.array([[0, 1], [2, np.nan]], dtype="f4"))

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for version in [(2, 0), (3, 0)]:
        with open(folder / f"version-{version[0]}.npy", "wb") as file:
            npy.write_array(file, floats.astype("<f4"), version=version)

x = floats.astype("f4")
y = np.array([0, 1, 1], dtype="i8")
np.savez(folder / "plain.npz", x=x, y=y, extra=y)
np.savez_compressed(folder / "compressed.npz", x=x, y=y)

# Archives as other writers make them: 64-bit sizes, and sizes that follow a file since they were not known before it.
import io
import zipfile


class Stream(io.RawIOBase):
    """A file that cannot be sought in, such as a pipe."""

    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


small = io.BytesIO()
np.save(small, np.arange(6, dtype="f4").reshape(3, 2))
with zipfile.ZipFile(folder / "zip64.npz", "w") as archive, archive.open("x.npy", "w", force_zip64=True) as member:
    member.write(small.getvalue())
for name, method in (("streamed", zipfile.ZIP_STORED), ("streamed-deflated", zipfile.ZIP_DEFLATED)):
    with open(folder / f"{name}.npz", "wb") as file, zipfile.ZipFile(Stream(file), "w", method) as archive:
        with archive.open("x.npy", "w") as member:
            member.write(small.getvalue())
        archive.writestr("readme.txt", "hello")
