#!/usr/bin/env python3
"""Has both engines write down the demo's lines from the same weights, and compares their words.

usage: engines_agree.py LINESIDE GGML_FILE LINES_FOLDER

Converts the model with ggml_to_ct2.py in a throw-away environment (numpy and ctranslate2 from PyPI). Exit code 1 when more than one line in ten
differs.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import venv


def words(binary, model, files, config):
    run = subprocess.run([binary, "--config", config, "analyze", "--json", "--model", model, *files], stdout=subprocess.PIPE, check=True)
    reports = [json.loads(line) for line in run.stdout.decode().splitlines()]
    return [" ".join(segment["text"] for segment in report["segments"]) for report in reports]


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    binary, ggml, lines = sys.argv[1:]
    files = sorted(str(path) for path in pathlib.Path(lines).glob("*.wav"))
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        venv.create(root / "venv", with_pip=True)
        python = root / "venv/bin/python"
        subprocess.run([python, "-m", "pip", "-q", "--disable-pip-version-check", "install", "numpy", "ctranslate2"], check=True)
        converter = pathlib.Path(__file__).with_name("ggml_to_ct2.py")
        subprocess.run([python, converter, ggml, root / "model"], check=True)
        config = root / "lineside.toml"
        config.write_text("")
        whisper = words(binary, ggml, files, config)
        ctranslate = words(binary, f"{root}/model", files, config)
    different = [pair for pair in zip(whisper, ctranslate) if pair[0] != pair[1]]
    for one, other in different:
        print(f"  whisper {one!r}\n  ctranslate2 {other!r}")
    print(f"engines: {len(files)} lines, {len(files) - len(different)} with the same words from whisper.cpp and CTranslate2")
    sys.exit(0 if files and len(different) * 10 <= len(files) else 1)


main()
