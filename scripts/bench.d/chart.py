"""The chart of docs/benchmarks.md: events/s of each workload's candidates, as SVG."""
from xml.sax.saxutils import escape

WIDTH, LABEL, BAR, GAP = 760, 210, 16, 10
OURS, OTHERS = "#2f6f9f", "#b8bfc6"


def _bar(y, name, rate, most):
    ours = not any(name.startswith(other) for other in ("native", "copy", "jdbc"))
    length = max(1, round((WIDTH - LABEL - 90) * rate / most))
    return (f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{LABEL}" y="{y}" width="{length}" height="{BAR - 2}" rx="2" '
            f'fill="{OURS if ours else OTHERS}"/>'
            f'<text x="{LABEL + length + 6}" y="{y + 12}">{rate:,.0f}</text>')


def draw(rates):
    """`rates`: events/s by workload and candidate. All bars have one scale."""
    most = max(rate for candidates in rates.values() for rate in candidates.values())
    y, parts = 10, []
    for workload, candidates in rates.items():
        parts.append(f'<text x="8" y="{y + 12}" font-weight="bold">{escape(workload)}</text>')
        for name, rate in candidates.items():
            parts.append(_bar(y, name, rate, most))
            y += BAR
        y += GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
            f'viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="12" fill="#24292f">'
            f'<title>events a second, by workload</title>'
            f'<rect width="100%" height="100%" fill="#ffffff"/>{"".join(parts)}</svg>\n')
