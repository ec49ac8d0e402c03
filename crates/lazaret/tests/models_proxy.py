"""What unmodified clients see of the proxies of model updates: huggingface_hub and pip.

  models_proxy.py make FOLDER              makes the models and packages that the hub of the test holds
  models_proxy.py online|offline URL FOLDER   asks the proxy at URL; prints one line that begins with `ok: ` for each thing shown
"""

import hashlib
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

MARK = b"no byte of this leaves"


class Attack:
    def __reduce__(self):
        return os.system, ("true",)


def make(folder):
    padding = MARK.decode() * 20_000
    numbers = bytes(range(256)) * 4_000
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(numbers)], "data_offsets": [0, len(numbers)]}}).encode()
    files = {
        "hub/org/model/config.json": json.dumps({"model_type": "bert", "hidden_size": 8}).encode(),
        "hub/org/model/model.safetensors": struct.pack("<Q", len(header)) + header + numbers,
        "hub/org/mixed/model.safetensors": struct.pack("<Q", len(header)) + header + numbers,
        "hub/org/mixed/pytorch_model.bin": pickle.dumps([padding, Attack()], protocol=2),
        "packages/goodmodel/goodmodel-1.0-py3-none-any.whl": wheel("goodmodel", {"weights.pkl": pickle.dumps([1.0, 2.0])}),
        "packages/badmodel/badmodel-1.0-py3-none-any.whl": wheel(
            "badmodel", {"weights.pkl": pickle.dumps([padding, Attack()], protocol=2)}
        ),
    }
    for name, content in files.items():
        place = Path(folder, name)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def wheel(name, data):
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}/__init__.py": b"VERSION = '1.0'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files |= {f"{name}/{file}": content for file, content in data.items()}
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    files[f"{info}/RECORD"] = record.encode()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file, content in files.items():
            archive.writestr(file, content)
    return packed.getvalue()


def pip(url, package, target):
    command = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install", "--no-cache-dir"]
    command += ["--no-deps", "--index-url", f"{url}/-/pypi/simple/", "--target", str(target), package]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return ran.returncode, ran.stdout + ran.stderr


def ask(mode, url, folder):
    url, folder = url.rstrip("/"), Path(folder)
    made, home = folder / "made", folder / f"home-{mode}"
    os.environ |= {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    from huggingface_hub import HfApi, hf_hub_download, snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    weights = (made / "hub/org/model/model.safetensors").read_bytes()
    digest = hashlib.sha256(weights).hexdigest()

    info = HfApi().model_info("org/model")
    assert info.sha == "0123456789abcdef0123456789abcdef01234567", info
    assert sorted(file.rfilename for file in info.siblings) == ["config.json", "model.safetensors"], info
    print("ok: model_info tells the commit and the files")

    place = Path(hf_hub_download("org/model", "model.safetensors"))
    assert place.read_bytes() == weights
    assert place.parent.name == info.sha and place.resolve().name == digest, place
    print("ok: hf_hub_download gets a file under its commit and its SHA-256")

    snapshot = Path(snapshot_download("org/model", cache_dir=home / "other"))
    assert sorted(file.name for file in snapshot.iterdir()) == ["config.json", "model.safetensors"]
    print("ok: snapshot_download gets a repository whole")

    half = home / "resumed" / "models--org--model" / "blobs" / f"{digest}.incomplete"
    half.parent.mkdir(parents=True)
    half.write_bytes(weights[: len(weights) // 2])
    resumed = hf_hub_download("org/model", "model.safetensors", cache_dir=home / "resumed")
    assert Path(resumed).read_bytes() == weights
    print("ok: a download that was broken off is ended")

    try:
        hf_hub_download("org/mixed", "pytorch_model.bin")
        raise SystemExit("a pickle that starts programs was given out")
    except GatedRepoError as error:
        told = str(error)
        expected = ["Receipt 0", "pickle.dangerous-call"] if mode == "online" else ["offline", "was not cleared before"]
        assert all(word in told for word in expected), told
    print("ok: a blocked pickle raises GatedRepoError with the reason")

    try:
        snapshot_download("org/mixed")
        raise SystemExit("a repository with a blocked file was given out whole")
    except GatedRepoError:
        pass
    kept = [file for file in home.rglob("*") if file.is_file() and MARK in file.read_bytes()]
    assert not kept, kept
    print("ok: nothing of the blocked file is on the client's disk")

    try:
        HfApi().model_info("org/none")
        raise SystemExit("a repository that is not there was told of")
    except (RepositoryNotFoundError, GatedRepoError):
        pass
    print("ok: a repository that is not there is not")

    code, said = pip(url, "goodmodel", folder / f"good-{mode}")
    assert code == 0 and (folder / f"good-{mode}/goodmodel/weights.pkl").is_file(), said
    print("ok: pip installs a wheel that was cleared")

    code, said = pip(url, "badmodel", folder / f"bad-{mode}")
    assert code != 0 and not (folder / f"bad-{mode}").exists(), said
    assert mode == "offline" or ("pickle.dangerous-call" in said and "Receipt 0" in said), said
    print("ok: pip is not given a wheel with a pickle that starts programs, and says why")


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2])
    else:
        ask(*sys.argv[1:])
