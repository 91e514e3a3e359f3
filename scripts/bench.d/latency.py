"""One event at a time, idle between: from Kafka's append time to visible in the target."""
import json
import os
import subprocess
import tempfile
from pathlib import Path

from servers import ROOT, Failure


def measure(stack, program, count):
    """A summary with the delays' percentiles, by the case of tests/integration that measures them."""
    stack.up("source", "target", "kafka")
    environment = {**os.environ, "PATH": "/usr/bin:" + os.environ["PATH"],
                   "TIDEMARK_STACK_KAFKA": stack.kafka, "TIDEMARK_STACK_CONNECT": stack.connect,
                   "TIDEMARK_STACK_SOURCE_DSN": stack.dsn("source", "postgres"),
                   "TIDEMARK_STACK_TARGET_DSN": stack.dsn("target", "postgres"),
                   "TIDEMARK_STACK_LOGS": str(stack.dir / "log")}
    with tempfile.TemporaryDirectory(prefix="tidemark-bench.") as folder:
        figures = Path(folder) / "delays.json"
        done = subprocess.run(
            [ROOT / "tests/integration/latency_test.py", "--build", program.parent,
             "--changes", str(count), "--json", figures, "visible"],
            env=environment, capture_output=True, text=True, check=False)
        if done.returncode or not figures.exists():
            raise Failure(f"tests/integration/latency_test.py failed: {done.stdout[-500:]}"
                          f"{done.stderr[-500:]}")
        delays = sorted(json.loads(figures.read_text(encoding="utf-8")))
    return {"candidate": "tidemark", "changes": len(delays),
            **{f"p{share}_ms": delays[min(len(delays) - 1, len(delays) * share // 100)] * 1000
               for share in (50, 90, 99)}, "worst_ms": delays[-1] * 1000}


def line(summary):
    return (f"latency: {summary['changes']} changes, median {summary['p50_ms']:.1f} ms, "
            f"90% {summary['p90_ms']:.1f} ms, 99% {summary['p99_ms']:.1f} ms, "
            f"worst {summary['worst_ms']:.1f} ms")
