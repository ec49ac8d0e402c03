"""LiteLLM's proxy with its Presidio guard pointed at lazaret, before a model that is made up here.

    python litellm_guard.py http://127.0.0.1:3000/

Prints `ok: ...` for each thing that held, and ends with 1 at the first that did not. Everything runs on this machine.
"""
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

API = sys.argv[1]
PROMPT = "Patient name: Ilse Quillmoor\nSSN 078-05-1120, phone 617-555-0142. Write a letter."
VALUES = ["Quillmoor", "078-05-1120", "617-555-0142"]
sent = []


class Model(BaseHTTPRequestHandler):
    """Repeats the prompt, whole or word by word."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        said = body["messages"][-1]["content"]
        sent.append(said)
        base = {"id": "x", "created": 1, "model": "made-up"}
        if body.get("stream"):
            parts = [said[at:at + 7] for at in range(0, len(said), 7)]
            deltas = [({"role": "assistant", "content": part}, None) for part in parts] + [({}, "stop")]
            lines = [json.dumps({**base, "object": "chat.completion.chunk", "choices": [
                {"index": 0, "delta": delta, "finish_reason": why}]}) for delta, why in deltas]
            out = "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()
            kind = "text/event-stream"
        else:
            message = {"role": "assistant", "content": said}
            out = json.dumps({**base, "object": "chat.completion", "choices": [
                {"index": 0, "message": message, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()
            kind = "application/json"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def hold(truth, what, *seen):
    if not truth:
        print(f"FAILED: {what}: {seen}")
        sys.exit(1)
    print(f"ok: {what}")


def ask(port, guard, stream=False):
    body = {"model": "made-up", "stream": stream, "guardrails": [guard],
            "messages": [{"role": "user", "content": PROMPT}]}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", json.dumps(body).encode(),
                                     {"Content-Type": "application/json", "Authorization": "Bearer sk-made-up"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def guard(name, more):
    return {"guardrail_name": name, "litellm_params": {
        "guardrail": "presidio", "mode": "pre_call", "presidio_analyzer_api_base": API,
        "presidio_anonymizer_api_base": API, **more}}


def content(stream):
    chunks = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])


model = ThreadingHTTPServer(("127.0.0.1", 0), Model)
threading.Thread(target=model.serve_forever, daemon=True).start()
port = free_port()
config = {
    "model_list": [{"model_name": "made-up", "litellm_params": {
        "model": "openai/made-up", "api_key": "none", "api_base": f"http://127.0.0.1:{model.server_port}/v1"}}],
    "guardrails": [
        guard("mask", {}),
        guard("back", {"output_parse_pii": True, "presidio_filter_scope": "input"}),
        guard("block", {"pii_entities_config": {"US_SSN": "BLOCK"}}),
    ],
    "general_settings": {"master_key": "sk-made-up"},
}
with open("litellm.yaml", "w", encoding="utf-8") as file:
    json.dump(config, file)  # JSON is YAML
log = open("litellm.log", "w", encoding="utf-8")
environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1", "DO_NOT_TRACK": "1"}
proxy = subprocess.Popen(
    [os.path.join(os.path.dirname(sys.executable), "litellm"), "--config", "litellm.yaml", "--host", "127.0.0.1",
     "--port", str(port), "--telemetry", "False"], stdout=log, stderr=log, env=environment)
try:
    for _ in range(240):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=2).read()
            break
        except OSError:
            if proxy.poll() is not None:
                break
            time.sleep(0.5)
    else:
        print("the proxy did not start")
    if proxy.poll() is not None:
        print(open("litellm.log", encoding="utf-8").read()[-3000:])
        sys.exit(1)

    status, answer = ask(port, "mask")
    hold(status == 200 and not any(value in sent[-1] for value in VALUES), "the prompt reaches the model masked", status, answer, sent)
    hold("<US_SSN" in sent[-1] and "<PHONE_NUMBER" in sent[-1] and "Write a letter." in sent[-1], "placeholders are Presidio's", sent)
    status, answer = ask(port, "back")
    said = json.loads(answer)["choices"][0]["message"]["content"] if status == 200 else ""
    hold(said == PROMPT and not any(value in sent[-1] for value in VALUES), "the answer is unmasked for the caller", status, answer, sent[-1:])
    status, answer = ask(port, "back", stream=True)
    hold(content(answer) == PROMPT and not any(value in sent[-1] for value in VALUES), "a streamed answer is unmasked too", status, answer, sent[-1:])
    before = len(sent)
    status, answer = ask(port, "block")
    hold(status >= 400 and len(sent) == before and "US_SSN" in answer, "what is to be blocked does not reach the model", status, answer)
finally:
    proxy.terminate()
    proxy.wait(30)
