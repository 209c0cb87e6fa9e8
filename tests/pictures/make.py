"""Writes the tables and archives of pictures beside this file, with pyarrow (26.0.1), Pillow and Python's zipfile:

    python make.py

Seven pictures of 2 × 2 pixels, the i-th in the colour [20 i, 255 − 20 i, 7 i], labels i mod 3.
"""

import io
import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

HERE = Path(__file__).parent
COUNT = 7


def png(i):
    out = io.BytesIO()
    Image.new("RGB", (2, 2), (20 * i, 255 - 20 * i, 7 * i)).save(out, "PNG")
    return out.getvalue()


pictures = [png(i) for i in range(COUNT)]
labels = [i % 3 for i in range(COUNT)]
struct = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
images = pa.array([{"bytes": p, "path": f"{i}.png"} for i, p in enumerate(pictures)], struct)
# As Hugging Face's `datasets` writes a table.
feature = {"_type": "ClassLabel", "names": ["cat", "dog", "eel"]}
meta = {"huggingface": json.dumps({"info": {"features": {"image": {"_type": "Image"}, "label": feature}}})}
hub = pa.table({"image": images, "label": pa.array(labels, pa.int64())}).replace_schema_metadata(meta)
pq.write_table(hub, HERE / "hub.parquet", row_group_size=4)
pq.write_table(hub, HERE / "zstd.parquet", compression="zstd")
# Plain columns, pages of version 2 with one value or two each, texts as labels.
texts = pa.array(["cde"[label] for label in labels])
plain = pa.table({"id": pa.array(range(COUNT)), "img": pa.array(pictures, pa.binary()), "class": texts})
pages = {"data_page_version": "2.0", "data_page_size": 64, "write_batch_size": 1}
pq.write_table(plain, HERE / "plain.parquet", compression="none", use_dictionary=["class"], **pages)
pq.write_table(plain, HERE / "gzip.parquet", compression="gzip", use_dictionary=False, **pages)
pq.write_table(plain, HERE / "pages.parquet", compression="snappy", use_dictionary=False, data_page_size=64, write_batch_size=1)
pq.write_table(plain.select(["id", "class"]), HERE / "numbers.parquet")
holes = pa.table({"image": pa.array([{"bytes": pictures[0], "path": None}, None, {"bytes": pictures[2], "path": ""}], struct)})
pq.write_table(holes, HERE / "holes.parquet")
lists = pa.table({"image": pa.array([[p] for p in pictures], pa.list_(pa.binary()))})
pq.write_table(lists, HERE / "lists.parquet")


def archive(name, files, **options):
    with zipfile.ZipFile(HERE / name, "w", **options) as out:
        for path, content in files:
            # A date that does not change.
            about = zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0))
            about.compress_type = options["compression"]
            with out.open(about, "w", force_zip64=True) as file:
                file.write(content)


files = [(f"set/{'cde'[labels[i]]}/{i}.png", p) for i, p in enumerate(pictures)]
junk = [("__MACOSX/set/c/._0.png", b"junk"), ("set/c/.hidden.png", b"junk"), ("set/notes.txt", b"no picture")]
archive("deflated.zip", files + junk, compression=zipfile.ZIP_DEFLATED)
archive("stored.zip", [(f"{i}.png", p) for i, p in enumerate(pictures)], compression=zipfile.ZIP_STORED)
