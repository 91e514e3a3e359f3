"""What the demo shows: lines that stay, and below them, on a terminal, a table that is redrawn in
place. Elsewhere the table is a line every few seconds."""

import os
import sys

PLAIN_INTERVAL_S = 5
COLUMNS_MIN = 78  # narrower, lines would wrap and could not be drawn over
HEADINGS = ("", "rows in source", "in target", "changes/s", "to come", "delay")
WIDTHS = (-14, 15, 12, 12, 10, 11)


def clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def milliseconds(value):
    if value is None:
        return "-"
    return f"{value:,.0f} ms" if value < 10_000 else f"{value / 1000:,.0f} s"


class Screen:
    """Not safe to share between threads."""

    def __init__(self):
        self.live = (sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
                     and os.get_terminal_size().columns >= COLUMNS_MIN)
        self.color = self.live and not os.environ.get("NO_COLOR")
        self._drawn = 0  # lines of the table that stand below the cursor's lines
        self._plain_next = None

    def style(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self.color else text

    def bold(self, text):
        return self.style("1", text)

    def dim(self, text):
        return self.style("2", text)

    def good(self, text):
        return self.style("32", text)

    def bad(self, text):
        return self.style("31", text)

    def say(self, text=""):
        self._erase()
        print(text, flush=True)

    def tell(self, elapsed, text):
        self.say(f"  {self.dim(f'{clock(elapsed):>5}')}  {text}")

    def draw(self, rows, elapsed, seconds, state):
        """rows: for each table its name, rows in source and target, changes/s, lag and delay."""
        if self.live:
            self._draw_table(rows, elapsed, seconds, state)
        elif self._plain_next is None or elapsed >= self._plain_next:
            if self._plain_next is not None:
                self._draw_line(rows, elapsed, state)
            self._plain_next = elapsed + PLAIN_INTERVAL_S

    def erase_table(self):
        self._erase()

    # -----------------------------------------------------------------------------------------------

    def _erase(self):
        if self._drawn:
            sys.stdout.write(f"\x1b[{self._drawn}A\x1b[J")
            sys.stdout.flush()
            self._drawn = 0

    def _draw_table(self, rows, elapsed, seconds, state):
        def line(cells):
            return "  " + "".join(f"{cell:<{-width}}" if width < 0 else f"{cell:>{width}}"
                                  for cell, width in zip(cells, WIDTHS))

        lines = ["", self.dim(line(HEADINGS))]
        for name, source, target, rate, lag, delay in rows:
            text = line((name, f"{source:,}", f"{target:,}", f"{rate:,.0f}", f"{lag:,}",
                         milliseconds(delay)))
            lines.append(text if source == target else self.bold(text))
        share = min(1.0, elapsed / seconds)
        bar = "█" * round(30 * share) + "░" * (30 - round(30 * share))
        lines += ["", f"  {bar}  {clock(elapsed)} of {clock(seconds)}   {state}"]
        # Up, and each line cleared as it is written over: no flicker.
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        sys.stdout.write(up + "".join(f"{text}\x1b[K\n" for text in lines) + "\x1b[J")
        sys.stdout.flush()
        self._drawn = len(lines)

    def _draw_line(self, rows, elapsed, state):
        source, target = sum(row[1] for row in rows), sum(row[2] for row in rows)
        rate, lag = sum(row[3] for row in rows), sum(row[4] for row in rows)
        delays = [row[5] for row in rows if row[5] is not None]
        print(f"  {clock(elapsed):>5}  {source:,} rows in source, {target:,} in target,"
              f" {rate:,.0f} changes/s, {lag:,} to come,"
              f" delay {milliseconds(max(delays, default=None))}, {state}", flush=True)
