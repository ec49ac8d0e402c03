"""What unmodified clients see of the proxy of registries: skopeo and ORAS.

  oci_proxy.py push REGISTRY FOLDER [USER:PASSWORD]   pushes the artifacts of the test to a registry, without lazaret
  oci_proxy.py online|offline HOST FOLDER             pulls them through lazaret at HOST
  oci_proxy.py private HOST FOLDER USER:PASSWORD      pulls from a registry that wants to know who asks

Each prints one line that begins with `ok: ` for each thing shown.
"""

import base64
import gzip
import hashlib
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

MARK = b"no byte of this leaves"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
OLLAMA = "application/vnd.ollama.image."
TEMPLATE = b"{{- if .System }}<|system|>{{ .System }}<|end|>\n{{ end }}<|user|>{{ .Prompt }}<|end|>\n<|assistant|>"


class Attack:
    def __reduce__(self):
        return os.system, ("true",)


def safetensors():
    numbers = bytes(range(256)) * 4_000
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(numbers)], "data_offsets": [0, len(numbers)]}}).encode()
    return struct.pack("<Q", len(header)) + header + numbers


def gguf():
    text = lambda word: struct.pack("<Q", len(word)) + word
    header = b"GGUF" + struct.pack("<IQQ", 3, 0, 1)
    return header + text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama")


def tar(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def attack():
    # Noise, so that the archive is as long as what it holds and each of its bytes would be seen.
    noise = hashlib.shake_256(b"noise").digest(200_000)
    evil = pickle.dumps([noise, Attack()], protocol=4)
    return gzip.compress(tar({"model/weights.pkl": evil, "model/mark": MARK * 10}), compresslevel=0, mtime=0)


def artifacts():
    """Their names, each with the media type and the configuration of its manifest, and its layers."""
    config = {"descriptor": {"name": "model"}, "modelfs": {"type": "layers", "diffIds": []}, "config": {"format": "safetensors"}}
    kitfile = {"manifestVersion": "1.0.0", "package": {"name": "kit"}, "model": {"name": "kit", "path": "model.safetensors"}}
    of_ollama = {"model_format": "gguf", "model_family": "llama", "model_type": "1B", "file_type": "F32"}
    of_ollama |= {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    path = lambda name: {"org.cncf.model.filepath": name}
    cncf, kit = "application/vnd.cncf.model.", "application/vnd.kitops.modelkit."
    return {
        "org/model:v1": (MANIFEST, cncf + "config.v1+json", config, [
            (cncf + "weight.v1.raw", safetensors(), path("model.safetensors")),
            (cncf + "weight.config.v1.raw", b'{"model_type": "bert"}', path("config.json")),
            (cncf + "doc.v1.raw", b"# A model\n\nIt adds.\n", path("README.md")),
        ]),
        "org/kit:v1": (MANIFEST, kit + "config.v1+json", kitfile, [
            (kit + "model.v1.tar", tar({"model.safetensors": safetensors()}), {}),
            (kit + "docs.v1.tar+gzip", gzip.compress(tar({"LICENSE": b"Anybody may use it.\n"}), mtime=0), {}),
        ]),
        "library/small:latest": (DOCKER, "application/vnd.docker.container.image.v1+json", of_ollama, [
            (OLLAMA + "model", gguf(), {}),
            (OLLAMA + "template", TEMPLATE, {}),
            (OLLAMA + "system", b"You answer in one word.", {}),
            (OLLAMA + "license", b"Anybody may use it.\n", {}),
            (OLLAMA + "params", b'{"stop":["<|end|>"],"temperature":0.1}', {}),
        ]),
        "org/bad:v1": (MANIFEST, cncf + "config.v1+json", config, [
            (cncf + "doc.v1.raw", b"# A model\n\nIt adds.\n", path("README.md")),
            (cncf + "weight.v1.tar+gzip", attack(), path("model")),
        ]),
    }  # fmt: skip


def call(method, url, body=None, **headers):
    request = urllib.request.Request(url, method=method, data=body, headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.headers, answer.read()


def push(registry, folder, user=None):
    who = {"Authorization": "Basic " + base64.b64encode(user.encode()).decode()} if user else {}
    for name, (kind, config_kind, config, layers) in artifacts().items():
        repository, tag = name.split(":")
        base = f"http://{registry}/v2/{repository}"

        def described(kind, content, annotations):
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            headers, _ = call("POST", f"{base}/blobs/uploads/", b"", **who)
            to = headers["Location"]
            to += ("&" if "?" in to else "?") + f"digest={digest}"
            call("PUT", to, content, **who, **{"Content-Type": "application/octet-stream"})
            said = {"mediaType": kind, "digest": digest, "size": len(content)}
            return said | ({"annotations": annotations} if annotations else {})

        manifest = {"schemaVersion": 2, "mediaType": kind, "config": described(config_kind, json.dumps(config).encode(), {})}
        manifest["layers"] = [described(*layer) for layer in layers]
        call("PUT", f"{base}/manifests/{tag}", json.dumps(manifest).encode(), **who, **{"Content-Type": kind})
    if not user:
        # And one as ORAS pushes it.
        from oras.client import OrasClient

        file = Path(folder, "notes.txt")
        file.write_text("Words about a model.\n")
        OrasClient(hostname=registry, insecure=True).push(
            f"{registry}/org/oras:v1", files=[f"{file}:text/plain"], disable_path_validation=True
        )


def skopeo(*arguments, user=None):
    command = ["skopeo", "--insecure-policy", *arguments]
    if user:
        command[3:3] = ["--src-creds" if arguments[0] == "copy" else "--creds", user]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return ran.returncode, ran.stdout + ran.stderr


def copied(host, name, to, user=None):
    """Copies an image into a folder of plain files."""
    Path(to).parent.mkdir(parents=True, exist_ok=True)
    return skopeo("copy", "--src-tls-verify=false", f"docker://{host}/reg/{name}", f"dir:{to}", user=user)


def as_ollama(host, name, tag):
    """The requests that ollama makes of a registry (its `server/download.go`), one after the other."""
    _, manifest = call("GET", f"http://{host}/v2/{name}/manifests/{tag}", Accept=DOCKER)
    manifest = json.loads(manifest)
    got = []
    for layer in [manifest["config"], *manifest["layers"]]:
        url = f"http://{host}/v2/{name}/blobs/{layer['digest']}"
        headers, _ = call("HEAD", url)
        total, half = int(headers["Content-Length"]), int(headers["Content-Length"]) // 2
        assert total == layer["size"]
        call("GET", url)  # whether it is sent on
        parts = [call("GET", url, Range=f"bytes={a}-{b - 1}")[1] for a, b in [(0, half), (half, total)]]
        assert "sha256:" + hashlib.sha256(b"".join(parts)).hexdigest() == layer["digest"]
        got.append(b"".join(parts))
    return got


def blobs(folder):
    return {file.read_bytes() for file in Path(folder).iterdir()}


def ask(mode, host, folder):
    from oras.client import OrasClient

    folder = Path(folder)
    known = artifacts()
    for name in ["org/model:v1", "org/kit:v1"]:
        to = folder / f"copied-{mode}" / name.split(":")[0]
        code, said = copied(host, name, to)
        assert code == 0, said
        _, _, config, layers = known[name]
        assert {json.dumps(config).encode(), *(content for _, content, _ in layers)} <= blobs(to), name
        print(f"ok: skopeo copies {name} whole")

    config, layers = known["library/small:latest"][2:]
    assert as_ollama(host, "library/small", "latest") == [json.dumps(config).encode(), *(content for _, content, _ in layers)]
    print("ok: the requests of ollama get a model of two steps, template, licence and parameters too")

    code, said = copied(host, "org/bad:v1", folder / f"bad-{mode}")
    # Of a layer, skopeo 1.9.3 says the status alone; of a manifest, the message too.
    assert code != 0 and "403 (Forbidden)" in said, said
    print("ok: skopeo is not given a layer with a pickle that starts programs")

    client = OrasClient(hostname=host, insecure=True)
    got = client.pull(f"{host}/reg/org/oras:v1", outdir=str(folder / f"oras-{mode}"))
    assert [Path(file).read_text() for file in got] == ["Words about a model.\n"], got
    print("ok: ORAS pulls what ORAS pushed")

    try:
        client.pull(f"{host}/reg/org/bad:v1", outdir=str(folder / f"oras-bad-{mode}"))
        raise SystemExit("a layer with a pickle that starts programs was given out")
    except (ValueError, OSError) as error:
        expected = ["lazaret blocked model.tar.gz of", "pickle.dangerous-call", "Receipt 0"]
        expected = expected if mode == "online" else ["lazaret is offline", "was not cleared before"]
        assert all(word in str(error) for word in expected), error
    print("ok: ORAS says why it is not given it either")

    kept = [f for f in folder.glob(f"*{mode}*/**/*") if f.is_file() and MARK in f.read_bytes()]
    assert not kept, kept
    print("ok: nothing of it is on the client's disk")

    code, said = skopeo("list-tags", "--tls-verify=false", f"docker://{host}/reg/org/model")
    assert code == 0 and json.loads(said)["Tags"] == ["v1"], said
    print("ok: skopeo lists the tags")

    try:
        call("GET", f"http://{host}/v2/org/model/manifests/v1?ns=other.example")
        raise SystemExit("a registry that is not configured was asked")
    except urllib.error.HTTPError as error:
        assert error.code == 403 and "asks no registry `other.example`: there are reg" in error.read().decode()
    print("ok: a registry that is not configured is refused by name")

    try:
        call("POST", f"http://{host}/v2/reg/org/model/blobs/uploads/", b"")
        raise SystemExit("something was pushed")
    except urllib.error.HTTPError as error:
        assert error.code == 405 and "nothing is pushed" in error.read().decode()
    print("ok: nothing is pushed")


def private(host, folder, user):
    from oras.client import OrasClient

    folder = Path(folder)
    code, said = copied(host, "org/model:v1", folder / "private", user)
    assert code == 0, said
    print("ok: skopeo pulls with a name and a password")

    code, said = copied(host, "org/model:v1", folder / "nobody")
    assert code != 0 and "unauthorized" in said, said
    code, said = copied(host, "org/model:v1", folder / "wrong", user + "x")
    assert code != 0 and "unauthorized" in said, said
    print("ok: skopeo is not given what is here by now without them, or with others")

    client = OrasClient(hostname=host, insecure=True)
    client.auth.set_basic_auth(*user.split(":"))
    layer = artifacts()["org/model:v1"][3][0][1]
    digest = "sha256:" + hashlib.sha256(layer).hexdigest()
    assert client.get_blob(f"{host}/reg/org/model", digest).content == layer
    nobody = OrasClient(hostname=host, insecure=True)
    assert nobody.get_blob(f"{host}/reg/org/model", digest).status_code == 401
    print("ok: so does ORAS, and without them it is not let in")


if __name__ == "__main__":
    {"push": lambda _, *rest: push(*rest), "private": lambda _, *rest: private(*rest)}.get(sys.argv[1], ask)(*sys.argv[1:])
