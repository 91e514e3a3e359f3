#!/usr/bin/python3
"""Is the bill of materials that scripts/sbom writes what the dynamic linker loads?

    tests/tools/sbom_check.py build/release [BILL]      the last line is `N passed, N failed`

The linker is asked in another way than scripts/sbom asks it, and the check must fail for bills that
lack something.
"""
import copy
import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADERS = {"rapidjson-dev": "rapidjson/reader.h"}  # package: a header that tidemark cannot do without


def loaded(program):
    """The names of the files in the memory of the program as it begins."""
    traced = subprocess.run([str(program), "--version"], check=True, capture_output=True, text=True,
                            env={**os.environ, "LD_TRACE_LOADED_OBJECTS": "1"}).stdout
    return {line.split()[0].rsplit("/", 1)[-1] for line in traced.splitlines()
            if "linux-vdso" not in line}


def faults(bill, program):
    """What is wrong with it, in words."""
    out = []
    if (bill.get("bomFormat"), bill.get("specVersion")) != ("CycloneDX", "1.5"):
        out.append("it is not CycloneDX 1.5")
    listed = {}
    for one in bill["components"]:
        name = one["name"]
        if not (one["version"] and one["licenses"] and one["purl"].startswith("pkg:deb/")):
            out.append(f"{name}: no version, licence or purl")
        there = subprocess.run(["dpkg-query", "-W", "-f", "${Version}\n", name], capture_output=True,
                               text=True).stdout.split()
        if one["version"] not in there:
            out.append(f"{name}: {one['version']} instead of {there}")
        for property_ in one["properties"]:
            if property_["name"] == "tidemark:file":
                listed.setdefault(property_["value"], []).append(name)
    files = loaded(program)
    if len(files) < 10:
        out.append(f"only {len(files)} files are loaded")
    out += [f"{file} is loaded and not listed" for file in sorted(files - set(listed))]
    out += [f"{file} is listed and not loaded" for file in sorted(set(listed) - files)]
    out += [f"{file} is listed by {names}" for file, names in listed.items() if len(names) > 1]
    names = [one["name"] for one in bill["components"]]
    out += [f"{package} is not listed" for package in HEADERS if package not in names]
    return out


def spoiled(bill):
    """Bills that must be found wrong."""
    for what in "librdkafka1", "rapidjson-dev":
        other = copy.deepcopy(bill)
        other["components"] = [one for one in other["components"] if one["name"] != what]
        yield f"without {what}", other
    other = copy.deepcopy(bill)
    other["components"][0]["version"] = "0"
    yield "of another version", other


def main():
    build = Path(sys.argv[1]).resolve()
    if len(sys.argv) > 2:
        text = Path(sys.argv[2]).read_text(encoding="utf-8")
    else:
        text = subprocess.run([str(ROOT / "scripts" / "sbom"), "--build", str(build)], check=True,
                              capture_output=True, text=True).stdout
    bill, failed = json.loads(text), 0
    found = faults(bill, build / "tidemark")
    print(f"{'FAILED' if found else 'ok'} {len(bill['components'])} components{': ' if found else ''}"
          + "; ".join(found))
    failed += bool(found)
    for name, other in spoiled(bill):
        noticed = faults(other, build / "tidemark")
        print(f"{'ok' if noticed else 'FAILED'} a bill {name} is wrong")
        failed += not noticed
    print(f"{4 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
