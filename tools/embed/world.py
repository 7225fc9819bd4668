#!/usr/bin/env python3
"""Turns npm's world-atlas countries-50m.json (Natural Earth, public domain) into data/world.tsv, the map of HTML reports.

usage: world.py countries-50m.json iso_3166-1.json data/world.tsv    (the codes: Debian's iso-codes)

A line a country, sorted: two letters; latitude and longitude, in degrees, of a place well inside it for a mark; the
outline as SVG path data, empty where it would be smaller than a dot. The projection is Natural Earth (Patterson 2011, the
polynomial of Savric and others) about 11 degrees east, where the edge of the map parts no country, on a sheet 2000 units
wide; src/report/html/map/projection.rs has the same. Antarctica is left out and the sheet ends before it.
"""

import json
import math
import sys

from outlines import WITHOUT_CODE, arcs_of, ring

CENTRE = 11.0
WIDTH = 2000
NORTH = 83.7

# Units of the sheet: how far a simplified line may lie from the true one, and the least area of an island that is kept.
TOLERANCE = 0.9
LEAST_AREA = 9.0
# A country whose outline is smaller than this is not drawn at all.
LEAST_COUNTRY = 2.0

# Marks of territories that the map has no outline of, or draws as part of another country.
PLACES = {
    "BQ": (12.2, -68.3), "BV": (-54.4, 3.4), "CC": (-12.2, 96.8), "GF": (3.9, -53.1), "GI": (36.1, -5.4),
    "GP": (16.2, -61.5), "MQ": (14.7, -61.0), "RE": (-21.1, 55.5), "SJ": (78.5, 16.0), "TK": (-9.2, -171.8),
    "TV": (-7.1, 177.6), "UM": (19.3, 166.6), "YT": (-12.8, 45.2),
}
# The largest piece of these is not where most of the country's people and servers are.
BETTER = {"CA": (52.0, -101.0), "NO": (61.3, 9.2), "RU": (58.0, 60.0), "US": (39.5, -98.4)}


def raw(longitude, latitude):
    x, y = math.radians(longitude), math.radians(latitude)
    square = y * y
    fourth = square * square
    x *= 0.8707 - 0.131979 * square + fourth * (-0.013791 + fourth * (0.003971 * square - 0.001529 * fourth))
    return x, y * (1.007226 + square * (0.015085 + fourth * (-0.044475 + 0.028874 * square - 0.005916 * fourth)))


SCALE = WIDTH / 2 / raw(180, 0)[0]
TOP = raw(0, NORTH)[1]


def projected(point):
    """Where a point is on the sheet; its longitude counts from the centre."""
    x, y = raw(*point)
    return WIDTH / 2 + x * SCALE, (TOP - y) * SCALE


def wrapped(degrees):
    return (degrees + 180) % 360 - 180


def simplified(points):
    """Douglas and Peucker's line through some of the points, by their places on the sheet."""
    if len(points) < 3:
        return points
    sheet = [projected((wrapped(x - CENTRE), y)) for x, y in points]
    keep, stack = {0, len(points) - 1}, [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        (x1, y1), (x2, y2) = sheet[first], sheet[last]
        length = math.hypot(x2 - x1, y2 - y1)
        worst, place = TOLERANCE, None
        for at in range(first + 1, last):
            x, y = sheet[at]
            if length < 1e-9:
                away = math.hypot(x - x1, y - y1)
            else:
                along = ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length**2
                along = min(1, max(0, along))
                away = math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1))
            if away > worst:
                worst, place = away, at
        if place is not None:
            keep.add(place)
            stack += [(first, place), (place, last)]
    return [points[place] for place in sorted(keep)]


def parted(points):
    """The pieces of a ring on this sheet, cut where it leaves over one edge and comes back over the other."""
    line, before = [], None
    for x, y in points:
        x = wrapped(x - CENTRE)
        if before is not None:
            x = before + wrapped(x - before)
        line.append((x, y))
        before = x
    for turn in (-360, 0, 360):
        moved = [(x + turn, y) for x, y in line]
        for edge, side in ((-180, 1), (180, -1)):
            moved = clipped(moved, edge, side)
        if len(moved) > 2:
            yield moved


def clipped(points, edge, side):
    """Sutherland and Hodgman's polygon on one side of a meridian, which is followed in small steps."""
    inside = [(x - edge) * side >= 0 for x, _ in points]
    if all(inside):
        return points
    kept = []
    for place, ((x1, y1), (x2, y2)) in enumerate(zip(points, points[1:] + points[:1])):
        if inside[place]:
            kept.append((x1, y1))
        if inside[place] != inside[(place + 1) % len(points)] and x1 != x2:
            kept.append((edge, y1 + (y2 - y1) * (edge - x1) / (x2 - x1)))
    return kept


def area(points):
    pairs = zip(points, points[1:] + points[:1])
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs) / 2


def holds(points, x, y):
    odd = False
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1]):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            odd = not odd
    return odd


def edge_distance(points, x, y):
    best = math.inf
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1]):
        length = (x2 - x1) ** 2 + (y2 - y1) ** 2
        along = min(1, max(0, ((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / length)) if length else 0
        best = min(best, math.hypot(x - x1 - along * (x2 - x1), y - y1 - along * (y2 - y1)))
    return best


def inner(points):
    """The point of a grid over the polygon, in degrees, that is farthest from its edge; the centroid wins a near draw."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    whole = area(points) or 1e-9
    cx = cy = 0
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1]):
        part = (x1 * y2 - x2 * y1) / (6 * whole)
        cx, cy = cx + (x1 + x2) * part, cy + (y1 + y2) * part
    grid = [(cx, cy)]
    for row in range(1, 24):
        for column in range(1, 24):
            grid.append((min(xs) + (max(xs) - min(xs)) * column / 24, min(ys) + (max(ys) - min(ys)) * row / 24))
    rated = [(edge_distance(points, x, y), x, y) for x, y in grid if holds(points, x, y)]
    if not rated:
        return points[0]
    best = max(rated)
    if rated[0][1:] == (cx, cy) and rated[0][0] > best[0] * 0.6:
        return cx, cy
    return best[1:]


def path(points):
    """Path data in whole units, relative from the second point on."""
    rounded = [(round(x), round(y)) for x, y in map(projected, points)]
    kept = [point for place, point in enumerate(rounded) if point != rounded[place - 1]]
    if len(kept) < 3:
        return ""
    text, (x, y) = f"M{kept[0][0]} {kept[0][1]}l", kept[0]
    numbers = []
    for next_x, next_y in kept[1:]:
        numbers += [next_x - x, next_y - y]
        x, y = next_x, next_y
    for place, number in enumerate(numbers):
        text += f" {number}" if place and number >= 0 else str(number)
    return text + "z"


def main(map_path, codes_path, out_path):
    with open(map_path, encoding="utf-8") as file:
        topology = json.load(file)
    with open(codes_path, encoding="utf-8") as file:
        codes = {country["numeric"]: country["alpha_2"] for country in json.load(file)["3166-1"]}
    arcs = list(arcs_of(topology))
    simple = [simplified(arc) for arc in arcs]
    rings, whole = {}, {}
    for shape in topology["objects"]["countries"]["geometries"]:
        name = shape["properties"]["name"]
        code = codes[shape["id"]] if shape.get("id") else WITHOUT_CODE[name]
        polygons = {"Polygon": lambda a: [a], "MultiPolygon": lambda a: a}[shape["type"]](shape["arcs"])
        if code == "AQ":
            continue
        for polygon in polygons:
            rings.setdefault(code, []).extend(ring(simple, part) for part in polygon)
            # A place is sought in full detail, among the outer rings.
            whole.setdefault(code, []).append(ring(arcs, polygon[0]))
    lines = []
    for code in sorted(rings | PLACES):
        pieces = [piece for points in rings.get(code, []) for piece in parted(points)]
        sized = sorted(((abs(area([projected(point) for point in piece])), piece) for piece in pieces), reverse=True)
        drawn = [piece for place, (size, piece) in enumerate(sized) if size > (LEAST_AREA if place else LEAST_COUNTRY)]
        if code in PLACES or code in BETTER:
            latitude, longitude = PLACES.get(code) or BETTER[code]
        else:
            full = [piece for points in whole[code] for piece in parted(points)]
            longitude, latitude = inner(max(full, key=lambda piece: abs(area([projected(point) for point in piece]))))
            longitude = wrapped(longitude + CENTRE)
        lines.append(f"{code}\t{latitude:.1f}\t{longitude:.1f}\t{''.join(path(piece) for piece in drawn)}\n")
    with open(out_path, "w", encoding="utf-8") as file:
        file.write(f"# Natural Earth 1:50m by world-atlas 2.0.2, public domain; made by tools/embed/world.py\n{''.join(lines)}")
    print(len(lines), "countries,", sum(map(len, lines)), "bytes; the sheet is", WIDTH, "by", round(projected((0, -57))[1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
