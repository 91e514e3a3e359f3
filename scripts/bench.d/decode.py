"""Decoding alone, on one core: records in memory into the columnar rows that are written."""
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

# What a record of the mix is, by the name that bench_decode gives it; and events/s to be reached.
FORMS = (("schemaless", "JSON without schemas", 400_000), ("schemas", "JSON with schemas", 250_000),
         ("avro", "Avro", 600_000))
FIGURES = re.compile(r"(\d+) events (?:of (\d+) bytes )?in ([\d.]+) CPU s: (\d+) events/s")
COLLECTED = re.compile(r"Collected : (\d+)")
# Two runs: what is done once, before the first event, is in both.
FEW, MORE = 20_000, 60_000


def run(*command):
    return subprocess.run([*map(str, command)], check=True, text=True, capture_output=True)


def instructions(*command):
    """Of one event, by callgrind; none without valgrind. `command`: all but how many events."""
    if not shutil.which("valgrind"):
        return None
    counts = [int(COLLECTED.search(run("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                                       *command[:-1], events / command[-1]).stderr)[1])
              for events in (FEW, MORE)]
    return round((counts[1] - counts[0]) / (MORE - FEW))


def measure(tool, millions, runs):
    """The median of each form's runs, taken in turn. Yields form, bytes an event, events/s,
    instructions an event, goal."""
    speeds = {name: [] for name, _, _ in FORMS}
    size = {}
    for _ in range(runs):
        for name, _, _ in FORMS:
            found = FIGURES.search(run(tool, name, millions).stdout)
            size[name] = int(found[2])
            speeds[name].append(int(found[4]))
    for name, text, goal in FORMS:
        yield (text, size[name], sorted(speeds[name])[runs // 2], instructions(tool, name, 1_000_000),
               goal)


def libavro(tool, millions, runs):
    """The same values by Debian's libavro, into its own tree of values: events/s, instructions."""
    with tempfile.TemporaryDirectory() as folder:
        records, program = Path(folder, "records"), Path(folder, "libavro")
        run(tool, "avro", 0, records)
        flags = run("pkg-config", "--cflags", "--libs", "avro-c").stdout.split()
        run("cc", "-O2", Path(__file__).with_name("libavro.c"), "-o", program, *flags)
        speeds = [int(FIGURES.search(run(program, records, millions * 1000).stdout)[4])
                  for _ in range(runs)]
        return sorted(speeds)[runs // 2], instructions(program, records, 1000)


def report(rows, of_libavro=None):
    lines = [f"{'form':<24}{'bytes':>8}{'events/s a core':>18}{'instructions an event':>24}{'goal':>10}"]
    lines += [f"{text:<24}{size:>8,}{speed:>18,}{shown(count):>24}{goal:>10,}"
              f"{'' if speed >= goal else '  missed'}" for text, size, speed, count, goal in rows]
    if of_libavro:
        speed, count = of_libavro
        lines.append(f"{'Avro by libavro':<24}{'':>8}{speed:>18,}{shown(count):>24}")
    return "\n".join(lines)


def shown(count):
    return "-" if count is None else f"{count:,}"
