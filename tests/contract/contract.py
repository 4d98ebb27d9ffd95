"""Starts a daemon, brings calls of several kinds into it, and lets schemathesis ask it for everything that its document names.

`tests/contract/run` starts it. The document is the daemon's own, with the ids of its calls and alerts added as values of the paths' parameters: made-up
ids alone would never be found.
"""

import argparse
import base64
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import wave
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# They do not end.
FEEDS = "feeds"
METHODS = ("get", "post", "put", "delete")
# The first analysis, one that is not there, and none.
ANALYSES = ["1", "4711", "x"]
# Agents and campaigns: one that has calls, and one that has none.
AGENTS = ["mary", "nobody"]
CAMPAIGNS = ["sales", "none"]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Daemon:
    """A daemon on a folder of its own, with a token that may do everything."""

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        model = ROOT / "packaging/demo-model/demo.bin"
        (folder / "lineside.toml").write_text(
            f'[paths]\nstate = "{folder}/state"\nrun = "{folder}/run"\n[log]\nlevel = "warn"\n[speech]\nmodel = "{model}"\n'
            f'[http]\nlisten = "127.0.0.1:{self.port}"\nreads_per_minute = 0\nwrites_per_minute = 0\n'
            f'[audiosocket]\nlisten = "127.0.0.1:{free_port()}"\n'
        )
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = open(folder / "log", "w")
        self.process = subprocess.Popen(self.command("serve"), stdin=subprocess.DEVNULL, stderr=self.log)
        self.token = ""
        until(lambda: self.ask("/health")[0] in (200, 503), 60, "the daemon answers")
        added = subprocess.run(self.command("token", "add", "contract", "--scope", "read,operate,ingest"), capture_output=True, text=True, check=True)
        self.token = added.stdout.split()[-1]
        until(lambda: self.ask("/health")[1].get("status") == "ok", 60, "the model is ready")

    def command(self, *words):
        return [os.environ["LINESIDE"], "--config", str(self.folder / "lineside.toml"), *words]

    def ask(self, path, body=None, method=None, kind="application/json"):
        """Status and JSON; status 0 while nobody answers."""
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers={"Content-Type": kind})
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")
        except OSError:
            return 0, {}

    def must(self, path, body=None, method=None, kind="application/json"):
        status, answer = self.ask(path, body, method, kind)
        if status not in (200, 201):
            sys.exit(f"{path}: {status} {answer}")
        return answer

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()


def until(holds, patience, what):
    end = time.monotonic() + patience
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"not within {patience} s: {what}")
        time.sleep(0.2)


def spoken(folder):
    """A recording with somebody who speaks, where espeak-ng is there; else a tone."""
    path = folder / "spoken.wav"
    if shutil.which("espeak-ng"):
        text = "Hello, I want to cancel my contract. My number is four one two."
        subprocess.run(["espeak-ng", "-w", path, text], check=True)
        return path.read_bytes()
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"".join(int(8000 * math.sin(at / 4)).to_bytes(2, "little", signed=True) for at in range(16_000)))
    return path.read_bytes()


def bring_in(daemon, folder):
    """Calls of several kinds: running, over, with alerts, with sound, uploaded, on hold, paused, expected. Their ids. And a transcript."""
    lines = {
        "running-1": ["Hello, how can I help you?", "I want to cancel my contract, I am very angry."],
        "over-1": ["Thank you, that was wonderful.", "I will call my lawyer and sue you!"],
        "held-1": ["My name is Mary Miller, it costs 40 dollars on Monday."],
        "paused-1": ["One moment please."],
    }
    for call, texts in lines.items():
        for number, text in enumerate(texts):
            speaker = ("agent", "customer")[number % 2]
            event = {"call_id": call, "provider": "contract", "speaker": speaker, "text": text, "agent_id": "mary", "campaign": "sales", "language": "en"}
            daemon.must("/api/realtime/events", event)
    tone = b"".join(int(6000 * math.sin(at / 5)).to_bytes(2, "little", signed=True) for at in range(8000))
    chunk = {"call_id": "chunk-1", "provider": "contract", "audio_b64": base64.b64encode(tone).decode(), "sample_rate": 8000}
    daemon.must("/api/realtime/audio/chunk", chunk)
    daemon.must("/api/realtime/events", {"call_id": "over-1", "event_type": "call_ended"})
    daemon.must("/analyze_call", {"transcript": "Agent: Your loan is due.\nCustomer: I will pay on Friday."})
    daemon.must("/api/v1/calls", {"uniqueid": "1795218045.42", "agent": "john", "metadata": {"note": "expected"}})
    daemon.must("/api/v1/calls/held-1/hold?reason=court", method="POST")
    daemon.must("/api/v1/calls/paused-1/pause?by=contract", method="POST")
    daemon.must("/calls/bulk", {"action": "tag", "call_ids": ["over-1", "held-1"], "tags": ["vip"]})
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + spoken(folder) + b"\r\n--x--\r\n"
    uploaded = daemon.must("/upload", form, kind="multipart/form-data; boundary=x")["call_id"]
    done = ("completed", "failed")
    until(lambda: daemon.ask(f"/api/v1/calls/{uploaded}")[1].get("status") in done, 120, "the recording is text")
    until(lambda: daemon.ask("/api/v1/calls/over-1")[1].get("status") in done, 60, "a call is over")
    stages = "/api/v1/calls/over-1/processing"
    until(lambda: daemon.ask(stages)[1].get("processing_status") == "completed", 60, "a call has gone through its stages")
    return [*lines, "chunk-1", uploaded, "1795218045.42", "unknown-1"]


def review(daemon):
    """Reviews a call and disputes its points. The names of the score card's rules, and the disputes' ids."""
    path = "/api/v1/calls/over-1/reviews"
    rules = [rule["rule"] for rule in daemon.must(path)["rules"]]
    daemon.must(path, {"rules": [{"rule": rules[0], "points": 0}]}, method="PUT")
    raised = [daemon.must("/api/v1/calls/over-1/disputes", {"rule": rule, "text": "I did."}) for rule in rules[:3]]
    return rules, [str(dispute["id"]) for dispute in raised]


def with_ids(document, calls, alerts, disputes, rules):
    """The document with ids of what is there: a made-up one is never found. What is wrong, schemathesis tries of itself."""
    kinds = {
        "/alerts/": alerts,
        "/analyze_call/": ANALYSES,
        "/disputes/{id}": [*disputes, "4711", "x"],
        "/agents/{id}": AGENTS,
        "/campaigns/{id}": CAMPAIGNS,
    }
    for path, methods in document["paths"].items():
        known = next((ids for part, ids in kinds.items() if part in path), calls)
        unknown = set(methods) - {*METHODS, "parameters"}
        if unknown:
            sys.exit(f"{path}: no ids for the methods {unknown}; name them in METHODS")
        for operation in (methods[method] for method in METHODS if method in methods):
            for parameter in operation["parameters"]:
                if parameter["name"] == "id" or parameter["name"] in ("call_id", "call"):
                    parameter["schema"] = {"enum": known}
                elif parameter["name"] == "leg":
                    parameter["schema"] = {"enum": ["agent", "caller", "mixed", "4711"]}
    schemas = document["components"]["schemas"]
    for name in ("NameCall", "PlatformEventRequest"):
        schemas[name]["properties"]["call_id"] = {"enum": calls}
        schemas[name]["required"] = ["call_id"]
    schemas["NameCall"]["properties"]["uniqueid"] = schemas["NameCall"]["properties"]["uuid"] = {"type": "null"}
    schemas["BulkRequest"]["properties"]["call_ids"]["items"] = {"enum": calls}
    for name in ("ReviewRule", "RaiseDispute"):
        schemas[name]["properties"]["rule"] = {"enum": [*rules, "unknown"]}
    sound = base64.b64encode(bytes(3200)).decode()
    for part in schemas["PlatformChunkRequest"]["allOf"]:
        if "audio_b64" in part.get("properties", {}):
            part["properties"]["audio_b64"] = {"enum": [sound, sound[:-4], "AAAA", "?", None]}
    return document


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=2000, help="requests in all, about")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--document", type=Path, help="a document to test against, instead of the daemon's own")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lineside-contract-") as name:
        folder = Path(name)
        daemon = Daemon(folder)
        try:
            calls = bring_in(daemon, folder)
            alerts = [str(alert["id"]) for alert in daemon.must("/api/v1/alerts")["alerts"]] + ["4711", "x"]
            rules, disputes = review(daemon)
            document = json.loads(arguments.document.read_text()) if arguments.document else daemon.must("/openapi.json")
            asked = [one for methods in document["paths"].values() for one in methods.values() if FEEDS not in one["tags"]]
            (folder / "openapi.json").write_text(json.dumps(with_ids(document, calls, alerts, disputes, rules)))
            each = math.ceil(arguments.cases / len(asked))
            print(f"{len(asked)} operations, {each} cases each; ids of {len(calls)} calls, {len(alerts)} alerts and {len(disputes)} disputes")
            command = [
                str(Path(sys.executable).parent / "schemathesis"), "run", str(folder / "openapi.json"), "--url", daemon.url,
                "--header", f"Authorization: Bearer {daemon.token}", "--checks", CHECKS, "--phases", "fuzzing", "--exclude-tag", FEEDS,
                "--max-examples", str(each), "--seed", str(arguments.seed), "--continue-on-failure", "--no-shrink", "--warnings", "off",
                "--request-timeout", "60", "--suppress-health-check", "all",
            ]
            outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            lives = daemon.process.poll() is None and daemon.ask("/health")[0] == 200
        finally:
            daemon.stop()
        log = (folder / "log").read_text()
        print(outcome.stdout if outcome.returncode else outcome.stdout[outcome.stdout.rfind("SUMMARY") :])
        panics = re.findall(r"panicked at.*", log)
        print(f"the daemon {'lives' if lives else 'does not answer any more'}; {len(panics)} panics")
        if outcome.returncode or not lives or panics:
            print(outcome.stderr, log[-4000:], sep="\n")
            sys.exit("the API is not what its document says")


main()
