"""multimodal doctor: show the installed versions, the devices, and what is missing.

Missing extras are listed with the commands that install them. A requirement that is missing or too
old, or a device that does not compute, is a problem, and the exit code is 1.
"""

import json
import os
import platform
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from multimodal.cli.arguments import Arguments

EXIT_ERROR = 1

_DISTRIBUTION = "multimodal-lstm"
_COLLECTIONS = ("all", "dev")  # extras that are made of others
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
_CPU_INFO = Path("/proc/cpuinfo")
_CORPORA = {
    "sentence_polarity": "sentiment: short reviews",
    "movie_reviews": "sentiment: long reviews",
    "subjectivity": "sentiment: plots and reviews",
    "wordnet": "the metrics METEOR and WUPS",
}

_EXAMPLES = """\
  multimodal doctor
  multimodal doctor --json
  multimodal doctor > /dev/null && multimodal fit --config captioning_scenes
"""


def run(arguments: list[str]) -> int:
    """Examine the installation and print the results; return 0 if there is no problem, else 1."""
    parser = Arguments(
        "doctor",
        about="Show versions, devices, installed and missing parts.",
        examples=_EXAMPLES,
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print a JSON object: ok, problems, versions, processor, devices, extras, corpora",
    )
    options = parser.parse_args(arguments)
    results = examine()
    text = json.dumps(results, ensure_ascii=False, indent=2) if options.json else _format(results)
    sys.stdout.write(f"{text}\n")
    return 0 if results["ok"] else EXIT_ERROR


def examine() -> dict[str, Any]:
    """Examine the installation; the results are JSON types."""
    problems: list[str] = []
    versions = {
        "multimodal": _version(_DISTRIBUTION) or "",
        "python": platform.python_version(),
        **dict(_needed(problems)),
    }
    devices = _devices(problems)
    return {
        "ok": not problems,
        "problems": problems,
        "versions": versions,
        "processor": _processor(),
        "devices": devices,
        "extras": _extras(),
        "corpora": _corpora(),
    }


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _requirements() -> list[Any]:
    """List the package's requirements; none if it is not installed."""
    from packaging.requirements import Requirement  # comes with torch's and Lightning's needs

    try:
        return list(map(Requirement, metadata.requires(_DISTRIBUTION) or []))
    except metadata.PackageNotFoundError:
        return []


def _needed(problems: list[str]) -> Iterator[tuple[str, str]]:
    """Yield name and version of each requirement; add the missing and too old ones to problems."""
    requirements = _requirements()
    if not requirements:
        problems.append(f"{_DISTRIBUTION} is not installed. Run `pip install -e .` in its folder.")
    for requirement in requirements:
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = _version(requirement.name)
        yield requirement.name, version or ""
        if version is None:
            problems.append(f"{requirement.name} is missing. Run `pip install '{requirement}'`.")
        elif not requirement.specifier.contains(version, prereleases=True):
            problems.append(
                f"{requirement.name} {version} is not {requirement.specifier}. Run `pip install "
                f"--upgrade '{requirement}'`."
            )


def _extras() -> dict[str, dict[str, Any]]:
    extras: dict[str, dict[str, Any]] = {}
    for requirement in _requirements():
        for name in _extra_names():
            wanted = requirement.marker and requirement.marker.evaluate({"extra": name})
            if not wanted or requirement.marker.evaluate({"extra": ""}):
                continue
            extra = extras.setdefault(
                name, {"installed": True, "missing": [], "install": f"pip install -e '.[{name}]'"}
            )
            version = _version(requirement.name)
            if version is None or not requirement.specifier.contains(version, prereleases=True):
                extra["missing"].append(requirement.name)
                extra["installed"] = False
    return extras


def _extra_names() -> list[str]:
    names = metadata.metadata(_DISTRIBUTION).get_all("Provides-Extra") or []
    return [name for name in names if name not in _COLLECTIONS]


def _processor() -> dict[str, Any]:
    name, flags = platform.processor() or platform.machine(), set[str]()
    if _CPU_INFO.is_file():
        for line in _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            if key.strip() in ("flags", "Features"):
                flags = set(value.split())
                break
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "name": name,
        "cores": cores,
        "features": [flag for flag in _FLAGS if flag in flags],
        "memory_gb": _memory(),
    }


def _memory() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1)
    except (AttributeError, ValueError, OSError):  # Windows, and systems without these names
        return None


def _devices(problems: list[str]) -> dict[str, Any]:
    """List the devices of torch, and check that each multiplies two matrices."""
    try:
        import torch

        from multimodal.hardware import choose_hardware
    except (ImportError, OSError) as error:
        problems.append(f"torch cannot be imported: {error}")
        return {"names": [], "chosen": "", "threads": 0}
    names = {"cpu": "the processor"}
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            names[f"cuda:{number}"] = torch.cuda.get_device_name(number)
    if torch.backends.mps.is_available():
        names["mps"] = "the graphics of this Mac"
    for device in names:
        try:
            ones = torch.ones(8, 8, device=device)
            if not ((ones @ ones) == 8).all():
                problems.append(f"The device {device} multiplies matrices wrongly.")
        except RuntimeError as error:
            reason = str(error).splitlines()[0]
            problems.append(f"The device {device} does not compute: {reason}")
    chosen = str(choose_hardware())
    listed = [{"device": device, "name": name} for device, name in names.items()]
    return {"names": listed, "chosen": chosen, "threads": torch.get_num_threads()}


def _corpora() -> dict[str, str]:
    """Find nltk's corpora, packed or not, in the folders that nltk searches."""
    try:
        from nltk.data import path as folders
    except ImportError:
        folders = []
    corpora = {}
    for name in _CORPORA:
        paths = [
            Path(folder, "corpora", file) for folder in folders for file in (name, f"{name}.zip")
        ]
        corpora[name] = next((str(path) for path in paths if path.exists()), "")
    return corpora


def _format(results: dict[str, Any]) -> str:
    """Format the results as lines of text."""
    processor, devices = results["processor"], results["devices"]
    features = ", ".join(processor["features"]) or "none of the fast ones"
    memory = f", {processor['memory_gb']:.0f} GB of memory" if processor["memory_gb"] else ""
    lines = ["versions"]
    lines += [
        f"  {name:<20}{version or 'missing'}" for name, version in results["versions"].items()
    ]
    lines += [
        "processor",
        f"  {processor['name']}, {processor['cores']} cores{memory}",
        f"  features: {features}",
        "devices",
        *(f"  {each['device']:<20}{each['name']}" for each in devices["names"]),
        f"  {devices['chosen']} {devices['threads']} threads.",
        "extras",
    ]
    for name, extra in results["extras"].items():
        missing = f"missing {', '.join(extra['missing'])}: {extra['install']}"
        lines.append(f"  {name:<20}{'installed' if extra['installed'] else missing}")
    lines.append("corpora of nltk")
    for name, path in results["corpora"].items():
        missing = f"missing ({_CORPORA[name]}): python -m nltk.downloader {name}"
        lines.append(f"  {name:<20}{path or missing}")
    lines.append("problems" if results["problems"] else "no problems")
    lines += [f"  {problem}" for problem in results["problems"]]
    return "\n".join(lines)
