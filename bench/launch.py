#!/usr/bin/env python3
"""Run the benchmark under whose name this file is linked, in the project's environment."""

import os
import sys

# Not pathlib: this folder comes first on sys.path, and its `copy` is not the standard module.
FOLDER, NAME = os.path.split(os.path.abspath(__file__))  # noqa: PTH100
ROOT = os.path.dirname(FOLDER)  # noqa: PTH120
PYTHON = sys.executable if sys.prefix != sys.base_prefix else f"{ROOT}/.venv/bin/python"

paths = [ROOT, *filter(None, [os.environ.get("PYTHONPATH")])]
os.environ["PYTHONPATH"] = os.pathsep.join(paths)
os.execv(PYTHON, (PYTHON, "-m", f"bench.{NAME}", *sys.argv[1:]))  # noqa: S606
