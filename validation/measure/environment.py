"""Which machine and which software this is."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

import torch

from validation.measure.timings import Environment


def environment(device: torch.device) -> Environment:
    """The environment of timings on a device."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return Environment(
            "cuda",
            properties.name,
            properties.multi_processor_count,
            torch.__version__,
            "cuBLAS, cuSOLVER",
            str(torch.version.cuda),
            float(getattr(properties, "clock_rate", 0)) / 1000.0,
        )
    name, clock = _processor()
    return Environment("cpu", name, len(os.sched_getaffinity(0)), torch.__version__, _blas(), "", clock)


def _processor() -> tuple[str, float]:
    """Name of the processor and its clock in MHz, with family and model where the name says little."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine(), 0.0
    found = dict(re.findall(r"^(model name|cpu family|model|cpu MHz)\s*: (.*)$", text, re.MULTILINE))
    name = f"{found.get('model name', 'unknown')} family {found.get('cpu family')} model {found.get('model')}"
    return name, float(found.get("cpu MHz", 0.0))


def _blas() -> str:
    """The BLAS torch was built with, and its version where it says so."""
    text = torch.__config__.show()
    version = re.search(r"Math Kernel Library Version (\S+)", text)
    kind = re.search(r"BLAS_INFO=(\w+)", text)
    return f"{kind.group(1) if kind else 'unknown'} {version.group(1) if version else ''}".strip()
