"""What an unmodified MLflow client sees of an MLflow server behind the gate.

  mlflow_proxy.py enforce|observe URL SERVER FOLDER

URL is the server through the gate, SERVER the server itself (to put something there behind the gate's back, and to see what
arrived), FOLDER the server's. Prints one line that begins with `ok: ` for each thing shown.
"""

import os
import pickle
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

MARK = "no byte of this leaves"
LARGE = 6 * 1024 * 1024

os.environ |= {
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD": "true",
    "MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD": "true",
    "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(5 * 1024 * 1024),
    "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 * 1024 * 1024),
}

import mlflow  # noqa: E402
import numpy  # noqa: E402
import pandas  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.exceptions import RestException  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402


class Attack:
    def __reduce__(self):
        return os.system, ("true",)


def refused(what, *words):
    """What a client is told of something that must not go."""
    try:
        what()
    except Exception as error:  # whatever the client makes of it
        told = str(error)
        assert all(word in told for word in words), told
        return error
    raise SystemExit(f"it went through; expected {words}")


def ok(line):
    print(f"ok: {line}", flush=True)


def sent(url):
    """The status and every byte that is sent of an address."""
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def model(folder):
    """A model that is trained, logged, registered, named and loaded as everybody does it."""
    x = numpy.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    y = [0, 1, 1, 0]
    with mlflow.start_run(tags={"mlflow.source.git.commit": "c0ffee"}) as run:
        mlflow.log_input(mlflow.data.from_pandas(pandas.DataFrame(x, columns=["a", "b"]), name="chest"))
        mlflow.log_params({"c": 1})
        mlflow.log_metric("loss", 0.5)
        note = folder / "note.txt"
        note.write_text("plain words")
        mlflow.log_artifact(str(note), "notes/of today")
        trained = LogisticRegression().fit(x, y)
        logged = mlflow.sklearn.log_model(trained, name="model", input_example=x[:1], registered_model_name="chest")
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/of today/note.txt") == "plain words"
    ok("log_artifact and load_text carry a file both ways")
    client = MlflowClient()
    version = client.get_model_version("chest", "1")
    assert version.source == f"models:/{logged.model_id}", version
    client.set_registered_model_alias("chest", "champion", "1")
    client.transition_model_version_stage("chest", "1", "Staging")
    for name in ["models:/chest@champion", "models:/chest/1", "models:/chest/Staging", logged.model_uri]:
        assert list(mlflow.pyfunc.load_model(name).predict(x)) == list(trained.predict(x))
    ok("a scikit-learn model is logged, registered, named, staged and loaded")
    copy = client.copy_model_version("models:/chest/1", "chest-copy")
    assert copy.version in ("1", 1), copy
    client.delete_registered_model_alias("chest", "champion")
    client.set_registered_model_alias("chest", "champion", "1")
    ok("a version is copied, and an alias moved")
    return run, logged


def large(folder):
    """A file above the size from which the client would send parts straight to the store."""
    file = folder / "large.bin"
    file.write_bytes(pickle.dumps(bytes(LARGE)))
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(file))
    got = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/large.bin", dst_path=str(folder / "got"))
    assert Path(got).read_bytes() == file.read_bytes()
    ok("a large file goes whole where parts were asked for, and comes back")


def graph(data):
    """An ONNX graph of one tensor that lies in a file beside it, field by field."""
    field = lambda number, value: bytes([number << 3 | 2, len(value)]) + value  # noqa: E731
    number = lambda of, value: bytes([of << 3, value])  # noqa: E731
    said = lambda key, value: field(13, field(1, key) + field(2, value))  # noqa: E731
    lies = said(b"location", data.encode()) + said(b"offset", b"0") + said(b"length", b"16")
    tensor = number(1, 4) + number(2, 1) + field(8, b"w") + lies + number(14, 1)
    relu = field(1, field(1, b"w") + field(2, b"y") + field(4, b"Relu"))
    opset = field(8, field(1, b"") + number(2, 17))
    return number(1, 8) + field(2, b"pytorch") + field(7, relu + field(5, tensor) + field(2, b"g")) + opset


def onnx(folder, client):
    """A model of two files of which one says what the other is, sent one by one."""
    experiment = client.get_experiment_by_name("lazaret").experiment_id
    place = folder / "onnx"
    place.mkdir()
    (place / "w.data").write_bytes(numpy.arange(4, dtype=numpy.float32).tobytes())
    (place / "model.onnx").write_bytes(graph("w.data"))
    for files in [["model.onnx", "w.data"], ["w.data", "model.onnx"]]:
        model = client.create_logged_model(experiment)
        for file in files:
            client.log_model_artifact(model.model_id, str(place / file), "data")
        client.finalize_logged_model(model.model_id, "READY")
        got = Path(mlflow.artifacts.download_artifacts(f"{model.artifact_location}/data/", dst_path=str(folder / files[0])))
        for file in files:
            (sent,) = got.rglob(file)
            assert sent.read_bytes() == (place / file).read_bytes(), file
        client.create_registered_model(f"onnx-{files[0]}")
        client.create_model_version(f"onnx-{files[0]}", f"models:/{model.model_id}", model_id=model.model_id)
    ok("an ONNX graph and its tensors go, whichever comes first")
    model = client.create_logged_model(experiment)
    (place / "lone.data").write_bytes((place / "w.data").read_bytes()[::-1])
    client.log_model_artifact(model.model_id, str(place / "lone.data"))
    finish = lambda: client.finalize_logged_model(model.model_id, "READY")  # noqa: E731
    refused(finish, "PERMISSION_DENIED", "lone.data", "format.unknown", "Receipt 0")
    ok("a model of which a file is of no known format is not finished")


def texts():
    """What has no files: prompts, traces."""
    prompt = mlflow.genai.register_prompt("greeting", "Hello {{name}}")
    assert mlflow.genai.load_prompt("prompts:/greeting/1").template == prompt.template
    MlflowClient().set_prompt_alias("greeting", "best", 1)
    with mlflow.start_span("step") as span:
        span.set_inputs({"a": 1})
    mlflow.flush_trace_async_logging()
    assert len(mlflow.search_traces(return_type="list")) == 1
    assert mlflow.get_trace(span.trace_id).data.spans[0].inputs == {"a": 1}
    ok("prompts and traces pass")


def behind(server, folder, bad):
    """What an attacker put into the server, not through the gate."""
    direct = MlflowClient(tracking_uri=server, registry_uri=server)
    experiment = direct.get_experiment_by_name("lazaret").experiment_id
    run = direct.create_run(experiment, tags={"mlflow.user": "somebody"}).info
    direct.log_artifact(run.run_id, str(bad), "evil")
    direct.create_registered_model("evil")
    direct.create_model_version("evil", f"{run.artifact_uri}/evil", run.run_id)
    return direct, run


def enforce(url, server, folder):
    run, logged = model(folder)
    large(folder)
    texts()
    client = MlflowClient()
    onnx(folder, client)
    bad = folder / "bad.pkl"
    bad.write_bytes(pickle.dumps([MARK * 20_000, Attack()], protocol=2))

    words = ["pickle.dangerous-call", "bad.pkl", "Receipt 0"]
    with mlflow.start_run() as victim:
        error = refused(lambda: mlflow.log_artifact(str(bad), "evil"), "lazaret blocked", *words)
        assert "403" in str(error), error
    direct, stored = behind(server, folder, bad)
    assert direct.list_artifacts(victim.info.run_id) == []
    ok("a pickle that starts programs is not sent on, and the client says why")

    evil = f"runs:/{stored.run_id}/evil"
    register = lambda: client.create_model_version("chest", evil, stored.run_id)  # noqa: E731
    error = refused(register, "PERMISSION_DENIED", *words)
    assert isinstance(error, RestException), error
    assert len(direct.search_model_versions("name = 'chest'")) == 1
    refused(lambda: client.copy_model_version("models:/evil/1", "copied"), *words)
    ok("a version with such a file is not registered")

    refused(lambda: client.set_registered_model_alias("evil", "champion", "1"), "PERMISSION_DENIED", *words)
    refused(lambda: client.transition_model_version_stage("evil", "1", "Production"), *words)
    client.transition_model_version_stage("evil", "1", "Archived")
    assert not direct.get_registered_model("evil").aliases
    ok("a version with such a file gets no alias and no stage, but goes out of use")

    got = folder / "got-evil"
    for name in [evil, f"{evil}/bad.pkl"]:
        # Of names that lead through a run the client keeps the reason to itself (it logs it for debugging).
        refused(lambda: mlflow.artifacts.download_artifacts(name, dst_path=str(got)), "Failed to download")
    for name in ["models:/evil/1", f"{stored.artifact_uri}/evil/bad.pkl"]:
        refused(lambda: mlflow.artifacts.download_artifacts(name, dst_path=str(got)), "lazaret blocked", *words)
    assert not [file for file in got.rglob("*") if file.is_file() and MARK in file.read_text("latin-1")]
    path = f"{urllib.parse.urlparse(stored.artifact_uri).path.lstrip('/')}/evil/bad.pkl"
    for target in [
        f"api/2.0/mlflow-artifacts/artifacts/{path}",
        f"ajax-api/2.0/mlflow-artifacts/artifacts/{path}",
        f"api/2.0/mlflow-artifacts%2Fartifacts/{path.replace('/', '%2F')}",
        f"api/2.0/mlflow-artifacts//artifacts/{path}",
        f"api/2.0/mlflow/../mlflow-artifacts/artifacts/{path}",
        f"static-files/..%2fapi/2.0/mlflow-artifacts/artifacts/{path}",
        f"static-files/%2e%2e/api/2.0/mlflow-artifacts/artifacts/{path}",
        f"api/2.0/mlflow-artifacts/presigned/{path}",
        f"get-artifact?run_id={stored.run_id}&path=evil/bad.pkl",
        f"get-artifact?run_uuid={stored.run_id}&path=evil%2Fbad.pkl",
        "model-versions/get-artifact?name=evil&version=1&path=bad.pkl",
    ]:
        status, body = sent(f"{url}/{target}")
        assert status in (400, 403, 404, 501) and MARK.encode() not in body and len(body) < 2500, (target, status)
        if "artifacts/artifacts" in target and status == 403:
            assert b"PERMISSION_DENIED" in body, body
    status, body = sent(f"{server}/get-artifact?run_id={stored.run_id}&path=evil/bad.pkl")
    assert status == 200 and MARK.encode() in body, "the server itself has it"
    ok("what was put there behind the gate is not given out, by no address")

    place = folder / "server" / "art" / urllib.parse.urlparse(
        client.get_model_version_download_uri("chest", "1")
    ).path.lstrip("/")
    assert (place / "MLmodel").is_file(), place
    client.set_registered_model_alias("chest", "again", "1")
    (place / "more.pkl").write_bytes(bad.read_bytes())
    refused(lambda: client.set_registered_model_alias("chest", "again", "1"), "more.pkl", "pickle.dangerous-call")
    refused(lambda: mlflow.pyfunc.load_model("models:/chest/1"), "more.pkl")
    target = f"ajax-api/2.0/mlflow/logged-models/{logged.model_id}/artifacts/files?artifact_file_path="
    assert sent(f"{url}/{target}MLmodel")[0] == 200
    status, body = sent(f"{url}/{target}more.pkl")
    assert status == 403 and MARK.encode() not in body, status
    (place / "more.pkl").unlink()
    client.set_registered_model_alias("chest", "again", "1")
    ok("a version that changed since it was cleared is looked at again")

    for source in ["s3://bucket/model", "dbfs:/model", "file:///etc", "mlflow-artifacts://other/1/model"]:
        refused(lambda: client.create_model_version("chest", source), "PERMISSION_DENIED", source, "not inspected")
    ok("a source that the server does not list is refused by name")

    info = sent(f"{url}/api/3.0/mlflow/server-info")
    assert info[0] == 200 and b"multipart" not in info[1] and b"SqlStore" in info[1], info
    page = sent(f"{url}/")
    assert page == sent(f"{server}/") and b"MLflow" in page[1]
    root = mlflow.artifacts.list_artifacts("mlflow-artifacts:/")
    experiment = client.get_experiment_by_name("lazaret").experiment_id
    assert experiment in [file.path for file in root], root
    assert sent(f"{url.removesuffix('/-/mlflow')}/api/2.0/mlflow-artifacts/artifacts/{path}")[0] == 403
    ok("the pages pass, and nothing is offered that leads round the gate")


def observe(url, server, folder):
    client = MlflowClient()
    bad = folder / "bad-observed.pkl"
    bad.write_bytes(pickle.dumps([MARK, Attack()], protocol=2))
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(bad), "evil")
    source = f"runs:/{run.info.run_id}/evil"
    client.create_registered_model("observed")
    client.create_model_version("observed", source, run.info.run_id)
    client.set_registered_model_alias("observed", "champion", "1")
    got = mlflow.artifacts.download_artifacts(f"{source}/{bad.name}", dst_path=str(folder / "observed"))
    assert Path(got).read_bytes() == bad.read_bytes()
    assert client.create_model_version("observed", "s3://bucket/model").source == "s3://bucket/model"
    ok("where the gate only observes all of it goes")


if __name__ == "__main__":
    mode, url, server, folder = sys.argv[1:]
    url, server, folder = url.rstrip("/"), server.rstrip("/"), Path(folder)
    mlflow.set_tracking_uri(url)
    mlflow.set_experiment("lazaret")
    {"enforce": enforce, "observe": observe}[mode](url, server, folder)
