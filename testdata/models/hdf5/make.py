"""Writes the HDF5 files beside it with h5py 3.16: `python3 make.py`. They are small and inert."""
import ctypes
import glob
import json
import os
import pickle
import struct

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


def as_type(kind):
    """The bytes of a pickle as values of another type, filled up with zeroes."""
    kind = np.dtype(kind)
    return np.frombuffer(PICKLE.ljust(-(-len(PICKLE) // kind.itemsize) * kind.itemsize, b"\0"), kind)


def attributes(file):
    """hickle unpickles the attribute `type`, whatever it is of."""
    record = np.dtype([("a", "<i4"), ("b", "<f8")])
    for name, kind in [("i8", "<i8"), ("f8", "<f8"), ("big", ">i4"), ("record", record), ("letters", "S1"), ("complex", "<c16")]:
        file.attrs[name] = as_type(kind)
    file["kind"] = np.dtype("<i8")
    file.attrs.create("committed", as_type("<i8"), dtype=file["kind"])
    file.attrs["followed"] = np.bytes_(b"cos\nsystem\n(S'true'\ntR.and more")


def hickle(file):
    """hickle unpickles a dataset that has no type, whatever it is of."""
    file.attrs["HICKLE_VERSION"] = "5.0.3"
    file.create_dataset("data", data=as_type("<f4"))
    typed = file.create_dataset("typed", data=as_type("<f4"))
    typed.attrs["type"] = np.bytes_(b"array")


def unwritten(file):
    file.create_dataset("one", (), dtype=f"V{len(PICKLE)}", fillvalue=np.void(PICKLE))
    file.create_dataset("many", (4,), chunks=(2,), dtype=f"V{len(PICKLE)}", fillvalue=np.void(PICKLE))


def edges(file):
    """Chunks that lie only in part within their dataset, and are not packed."""
    library = ctypes.CDLL(glob.glob(os.path.dirname(h5py.__file__) + ".libs/libhdf5-*.so*")[0])
    library.H5Pset_chunk_opts.argtypes = [ctypes.c_int64, ctypes.c_uint]
    values = np.zeros(3, f"V{len(PICKLE)}")
    values[2] = np.void(PICKLE)
    for name, pack in [("shuffle", "set_shuffle"), ("gzip", "set_deflate"), ("check", "set_fletcher32")]:
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        how.set_chunk((2,))
        getattr(how, pack)()
        library.H5Pset_chunk_opts(how.id, 2)
        kind, space = h5py.h5t.py_create(values.dtype), h5py.h5s.create_simple((3,))
        h5py.h5d.create(file.id, name.encode(), kind, space, how).write(h5py.h5s.ALL, h5py.h5s.ALL, values)


def of_itself(file):
    file.create_dataset("rows", data=np.arange(6).reshape(2, 3))
    layout = h5py.VirtualLayout((2, 3), "i8")
    for row in range(2):
        layout[row] = h5py.VirtualSource(".", "rows", (2, 3))[row]
    file.create_virtual_dataset("virtual", layout)


def first_itself(file):
    layout = h5py.VirtualLayout((2, 3), "i8")
    layout[0] = h5py.VirtualSource(".", "rows", (2, 3))[0]
    layout[1] = h5py.VirtualSource("/etc/rows.h5", "rows", (2, 3))[1]
    file.create_dataset("rows", data=np.arange(6).reshape(2, 3))
    file.create_virtual_dataset("virtual", layout)


def shared(name, kind, version):
    """A message of one dataset that stands in the header of another: its shape is 1, its type 3."""
    with h5py.File(os.path.join(HERE, name), "w") as file:
        record = np.dtype([("b", f"V{len(PICKLE)}")] + [(name, "i4") for name in "cde"])
        values = np.zeros(1, record)
        values["b"] = np.void(PICKLE)
        for dataset in "xy":
            file.create_dataset(dataset, data=values, maxshape=(1,), chunks=(1,))
            values["b"] = np.void(b"")
        at, other = (h5py.h5o.get_info(file[dataset].id).addr for dataset in "xy")
    change = struct.pack("<BB6xQQ", 1, 0, 0, other) if version == 1 else struct.pack("<BBQ", 2, 2, other)
    with open(os.path.join(HERE, name), "r+b") as file:
        whole = bytearray(file.read())
        place, end = at + 16, at + 16 + struct.unpack_from("<I", whole, at + 8)[0]
        while place + 8 <= end:
            message, size, flags = struct.unpack_from("<HHB", whole, place)
            if message == kind:
                whole[place + 8 : place + 8 + len(change)], whole[place + 4] = change, flags | 2
            place += 8 + size
        file.seek(0)
        file.write(whole)


def moved():
    """A file that says that it begins where an innocent one does, which follows it."""
    make("moved.h5", lambda file: file.attrs.create("type", np.void(PICKLE)))
    make("rest.h5", lambda file: file.create_dataset("values", data=np.arange(3)))
    parts = []
    for name in ["moved.h5", "rest.h5"]:
        with open(os.path.join(HERE, name), "rb") as file:
            parts.append(file.read())
    os.remove(os.path.join(HERE, "rest.h5"))
    whole = bytearray(b"".join(parts))
    struct.pack_into("<Q", whole, 24, len(parts[0]))
    struct.pack_into("<Q", whole, 40, len(whole))
    with open(os.path.join(HERE, "moved.h5"), "wb") as file:
        file.write(whole)


make("attributes.h5", attributes)
make("attributes_new.h5", attributes, libver="latest")
make("hickle.h5", hickle)
make("unwritten.h5", unwritten)
make("unwritten_new.h5", unwritten, libver="latest")
make("edges.h5", edges, libver="latest")
make("of_itself.h5", of_itself, libver="latest")
make("first_itself.h5", first_itself, libver="latest")
shared("shared_shape.h5", 1, 2)
shared("shared_type.h5", 3, 2)
shared("shared_type_old.h5", 3, 1)
moved()
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
