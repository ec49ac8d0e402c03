"""Writes the HDF5 files beside it with h5py 3.16: `python3 make.py`. They are small and inert."""
import json
import os
import pickle

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
LAMBDA = {"class_name": "Lambda", "config": {"function": ["4wA=", None, None], "function_type": "lambda"}}
MODEL = json.dumps({"class_name": "Sequential", "config": {"layers": [LAMBDA]}})


def make(name, fill, **how):
    with h5py.File(os.path.join(HERE, name), "w", **how) as file:
        fill(file)


def model(attributes=0, text=MODEL):
    def fill(file):
        for number in range(attributes):
            file.attrs[f"a{number}"] = number
        file.attrs["model_config"] = text
        layers = file.create_group("layers")
        for number in range(20):
            layers.create_group(f"layer_{number}")
        layers["ext"] = h5py.ExternalLink("/etc/hostname", "/x")
        layers["soft"] = h5py.SoftLink("/layers/layer_1")

    return fill


def types(file):
    file.create_dataset("zip", data=np.zeros((50, 50)), compression="gzip", chunks=(10, 10))
    file.create_dataset("text", data=["a", "b"], dtype=h5py.string_dtype())
    file.create_dataset("pair", data=np.zeros(3, dtype=[("a", "f4"), ("b", "i8")]))
    file.create_dataset("none", data=h5py.Empty("f"))
    file["named"] = np.dtype("f8")
    file.create_dataset("shared", (3,), dtype=file["named"])
    file.create_group("circle")["self"] = file["/"]
    file.attrs["layer_names"] = np.array([b"dense", b"dense_1"])


def virtual(file):
    layout = h5py.VirtualLayout((4,), dtype="u1")
    layout[:] = h5py.VirtualSource("beside.h5", "x", (4,))
    file.create_virtual_dataset("v", layout)


def tables(file):
    file.attrs["TITLE"] = np.bytes_(b"A title.")
    file.create_dataset("values", (3,), dtype="u1").attrs["PSEUDOATOM"] = np.bytes_(b"object")


make("old.h5", model())
make("new.h5", model(), libver="latest")
make("dense.h5", model(30), libver="latest")
make("fixed_text.h5", model(30, np.bytes_(MODEL.ljust(9000).encode())), libver="latest")
make("user_block.h5", model(), userblock_size=512)
make("types.h5", types)
make("types_new.h5", types, libver="latest")
make("virtual.h5", virtual, libver="latest")
make("tables.h5", tables)
make("storage.h5", lambda file: file.create_dataset("e", (4,), dtype="u1", external=[("/etc/hostname", 0, 4)]))
make("claims.h5", lambda file: file.create_dataset("z", (1 << 40,), dtype="f4", chunks=(1 << 16,)))


class Runs:
    def __reduce__(self):
        return (os.system, ("true",))


PICKLE = pickle.dumps(Runs())
LONG = np.frombuffer(pickle.dumps([b"\1" * 9000, Runs()]), "u1")


def values(file):
    """Values that are bytes, each of which holds a pickle that runs a program."""
    one = np.frombuffer(PICKLE, "u1")
    file.create_dataset("bytes", data=one)
    file.create_dataset("packed", data=LONG, chunks=(1000,), compression="gzip", shuffle=True, fletcher32=True)
    file.create_dataset("lzf", data=LONG, chunks=(1000,), compression="lzf")
    file.create_dataset("growing", data=LONG, chunks=(50,), maxshape=(None,), compression="gzip")
    rows = np.zeros((5, 100), "u1")
    rows[3, : len(one)] = one
    file.create_dataset("rows", data=rows, chunks=(2, 30), maxshape=(None, None))
    file.create_dataset("opaque", data=np.void(PICKLE))
    file.create_dataset("text", data=np.array([b"x" * 90, PICKLE + b"\1"]))
    file["type"] = h5py.vlen_dtype("u1")
    file.create_dataset("any", (3,), dtype=file["type"])[1] = one
    file.attrs["attribute"] = np.void(PICKLE)


def usual(file):
    numbers = np.random.default_rng(1)
    pictures = numbers.integers(0, 256, (20, 8, 8, 3), dtype="u1")
    file.create_dataset("pictures", data=pictures, compression="gzip")
    file.create_dataset("more", data=pictures, compression="lzf", maxshape=(None, 8, 8, 3))
    file.create_dataset("genes", data=["CD8A", "(c)", "MZB1", "I'm"] * 30, dtype=h5py.string_dtype())
    file.create_dataset("names", data=np.array([b"GENE1234567", b"XIST1234567"] * 9))
    file.create_dataset("flags", data=np.array([True, False] * 9))
    file.create_dataset("never", (30,), dtype="u1", chunks=(3,))
    file.create_dataset("nothing", (30,), dtype=h5py.string_dtype())


def early(file):
    """Attributes that PyTables unpickles: every text that ends with a full stop, in protocols without a mark."""
    for name, text in [("none", b"N0"), ("mark", b"(0"), ("number", b"I1\n0"), ("zero", b"\x80\x00"), ("one", b"\x80\x01")]:
        file.attrs[name] = np.bytes_(text + b"cos\nsystem\n(S'true'\ntR.")


def prose(file):
    file.attrs["about"] = np.bytes_(b"Normal values of creatinine, in mg/dl. Taken in 2024.")
    file.attrs["title"] = np.bytes_(b"Chest.")


def axes(file):
    """Rows that grow along any axis, or may become longer than they are: the number of a chunk counts those to come."""
    one = np.frombuffer(PICKLE, "u1")
    rows = np.zeros((5, 100), "u1")
    rows[3, : len(one)] = one
    file.create_dataset("down", data=rows, chunks=(2, 30), maxshape=(None, 100))
    file.create_dataset("sideways", data=rows, chunks=(2, 30), maxshape=(5, None), compression="gzip")
    file.create_dataset("room", data=rows, chunks=(2, 30), maxshape=(9, 400), compression="gzip")
    deep = rows.reshape(5, 1, 100)
    file.create_dataset("deep", data=deep, chunks=(2, 1, 30), maxshape=(5, 1, None))
    file.create_dataset("middle", data=deep, chunks=(2, 1, 30), maxshape=(5, None, 100))


def late(file):
    """More than is held at once: the row that matters is one of the last, in a chunk of several rows."""
    one = np.frombuffer(PICKLE, "u1")
    rows = np.zeros((4000, 100), "u1")
    rows[3990, : len(one)] = one
    file.create_dataset("late", data=rows, chunks=(100, 30), compression="gzip")


def long(file):
    """A chunk that is longer than what is held at once."""
    values = np.zeros(40 << 20, "u1")
    values[: len(PICKLE)] = np.frombuffer(PICKLE, "u1")
    file.create_dataset("long", data=values, chunks=(40 << 20,), compression="gzip", compression_opts=9)


make("axes.h5", axes)
make("axes_new.h5", axes, libver="latest")
make("late.h5", late)
make("long.h5", long)
make("early.h5", early)
make("prose.h5", prose)
make("values.h5", values)
make("values_new.h5", values, libver="latest")
make("usual.h5", usual)
make("usual_new.h5", usual, libver="latest")
