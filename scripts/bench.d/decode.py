"""Decoding alone, on one core: records in memory into the columnar rows that are written."""
import re
import subprocess

# What a record of the mix is, by the name that bench_decode gives it; and events/s to be reached.
FORMS = (("schemaless", "JSON without schemas", 400_000), ("schemas", "JSON with schemas", 250_000),
         ("avro", "Avro", 600_000))
FIGURES = re.compile(r"(\d+) events of (\d+) bytes in ([\d.]+) CPU s: (\d+) events/s")


def measure(tool, millions, runs):
    """The median of each form's runs, taken in turn. Yields form, bytes an event, events/s, goal."""
    speeds = {name: [] for name, _, _ in FORMS}
    size = {}
    for _ in range(runs):
        for name, _, _ in FORMS:
            output = subprocess.run([tool, name, str(millions)], check=True, text=True,
                                    capture_output=True).stdout
            found = FIGURES.search(output)
            size[name] = int(found[2])
            speeds[name].append(int(found[4]))
    for name, text, goal in FORMS:
        yield text, size[name], sorted(speeds[name])[runs // 2], goal


def report(rows):
    lines = [f"{'form':<24}{'bytes':>8}{'events/s a core':>18}{'goal':>10}"]
    lines += [f"{text:<24}{size:>8,}{speed:>18,}{goal:>10,}{'' if speed >= goal else '  missed'}"
              for text, size, speed, goal in rows]
    return "\n".join(lines)
