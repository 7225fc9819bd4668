#!/usr/bin/env python3
"""Turns what a terminal shows into a picture: `table.py COMMAND <COLOURED >table.svg`.

Colours are the few that landfall uses; of the escape sequences only those that set them are understood.
"""

import html
import re
import sys

COLUMN, LINE, MARGIN = 8.4, 19, 18
STYLES = {"1": "b", "2": "d", "31": "r", "32": "g", "33": "y"}
SHEET = (
    "text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre;fill:#1c2024}"
    ".b{font-weight:700}.d{fill:#59626b}.r{fill:#b3170f}.g{fill:#1a6b2f}.y{fill:#7a5200}rect{fill:#fff;stroke:#dde1e5}"
    "@media(prefers-color-scheme:dark){text{fill:#e7eaed}.d{fill:#a3adb6}.r{fill:#ff8b7e}.g{fill:#7fd693}.y{fill:#e5b95c}"
    "rect{fill:#14171a;stroke:#2f363c}}"
)


def runs(line):
    """The pieces of a line with the classes that they are shown in."""
    classes = set()
    for piece in re.split(r"(\x1b\[[0-9;]*m)", line):
        if piece.startswith("\x1b"):
            codes = piece[2:-1].split(";")
            classes = set() if codes in ([""], ["0"]) else classes | {STYLES[code] for code in codes if code in STYLES}
        elif piece:
            yield " ".join(sorted(classes)), piece


def main(command):
    lines = [f"$ {command}", *sys.stdin.read().rstrip("\n").split("\n")]
    width = round(max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines) * COLUMN + 2 * MARGIN)
    height = len(lines) * LINE + 2 * MARGIN
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">']
    out.append(f'<style>{SHEET}</style><rect x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="6"/>')
    for number, line in enumerate(lines):
        column = 0
        for classes, piece in runs(line):
            if piece.strip():
                lead = len(piece) - len(piece.lstrip())
                text = piece.strip()
                x, y = MARGIN + (column + lead) * COLUMN, MARGIN + (number + 0.75) * LINE
                # The length is given, so that columns stay in line whatever the font.
                out.append(
                    f'<text x="{x:.1f}" y="{y:.1f}" textLength="{len(text) * COLUMN:.1f}"'
                    + (f' class="{classes}"' if classes else "")
                    + f">{html.escape(text)}</text>"
                )
            column += len(piece)
    print("\n".join(out) + "\n</svg>")


main(sys.argv[1])
