#!/usr/bin/env python3
"""Turns the maps of npm's world-atlas (Natural Earth, public domain) into data/outlines.bin.

usage: outlines.py countries-50m.json countries-10m.json iso_3166-1.json data/outlines.bin
(the codes: Debian's iso-codes)

Of the finer map come the islands that the coarser one leaves out. Without them a distance to a country comes out too
great (to Mauritius by that from Rodrigues, to Spain by that from Melilla), and what is true may be refuted.

The file is made to be searched as it lies; src/locate/outline.rs reads it. All numbers are little-endian:

    magic "LFOUTLN1", then u32: countries
    countries, sorted: two letters; u16: rings; u32: where its rings begin, from the start of the file
    ring: u32: points; then for each i16 longitude and i16 latitude, 32767 being 180 and 90 degrees
"""

import collections
import json
import math
import struct
import sys

# Places that Natural Earth draws without a code, and under whose outline they are looked for here.
WITHOUT_CODE = {"Somaliland": "SO", "Kosovo": "XK", "N. Cyprus": "CY", "Indian Ocean Ter.": "CX", "Siachen Glacier": "IN"}
# Territories that the map draws as part of another country: its outline holds theirs, so no distance comes out too great.
WITHIN = {"BQ": "NL", "BV": "NO", "CC": "CX", "GF": "FR", "GP": "FR", "MQ": "FR", "RE": "FR", "SJ": "NO", "YT": "FR"}

# Islands that are farther than this from what is there already come of the finer map.
FAR_KM = 40


def arcs_of(topology):
    (scale_x, scale_y), (x0, y0) = topology["transform"]["scale"], topology["transform"]["translate"]
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * scale_x + x0, y * scale_y + y0))
        yield points


def ring(arcs, indices):
    points = []
    for index in indices:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        points.extend(arc if not points else arc[1:])
    return points


def packed(points):
    small = [(round(x / 180 * 32767), round(y / 90 * 32767)) for x, y in points]
    kept = [point for place, point in enumerate(small) if place == 0 or point != small[place - 1]]
    return struct.pack("<I", len(kept)) + b"".join(struct.pack("<hh", *point) for point in kept)


def shapes(path, codes):
    """Code and outer ring and holes of every polygon of a map."""
    with open(path, encoding="utf-8") as file:
        topology = json.load(file)
    arcs = list(arcs_of(topology))
    for shape in topology["objects"]["countries"]["geometries"]:
        code = codes.get(shape.get("id")) or WITHOUT_CODE.get(shape["properties"]["name"])
        polygons = {"Polygon": lambda a: [a], "MultiPolygon": lambda a: a}[shape["type"]](shape["arcs"])
        if code is None:
            print("of nobody:", shape["properties"]["name"])
        else:
            yield from ((code, [ring(arcs, part) for part in polygon]) for polygon in polygons)


def kilometres(one, other):
    (x1, y1), (x2, y2) = ((math.radians(x), math.radians(y)) for x, y in (one, other))
    square = math.sin((y2 - y1) / 2) ** 2 + math.cos(y1) * math.cos(y2) * math.sin((x2 - x1) / 2) ** 2
    return 2 * 6371 * math.asin(math.sqrt(min(square, 1)))


def main(map_path, fine_path, codes_path, out_path):
    with open(codes_path, encoding="utf-8") as file:
        codes = {country["numeric"]: country["alpha_2"] for country in json.load(file)["3166-1"]}
    rings = collections.defaultdict(list)
    for code, polygon in shapes(map_path, codes):
        rings[code] += polygon
    for code, polygon in shapes(fine_path, codes):
        known = [point for part in rings[code] for point in part]
        if all(kilometres(polygon[0][0], point) > FAR_KM for point in known):
            rings[code].append(polygon[0])
    countries = {code: [packed(part) for part in parts] for code, parts in rings.items()}
    for code, whole in WITHIN.items():
        countries.setdefault(code, countries[whole])
    place, header, body = 12 + 8 * len(countries), [], []
    written = {}
    for code, rings in sorted(countries.items()):
        data = b"".join(rings)
        if data not in written:
            written[data] = place
            body.append(data)
            place += len(data)
        header.append(code.encode() + struct.pack("<HI", len(rings), written[data]))
    with open(out_path, "wb") as file:
        file.write(b"LFOUTLN1" + struct.pack("<I", len(header)) + b"".join(header + body))
    print(len(countries), "countries,", place, "bytes; without an outline:", sorted(set(codes.values()) - set(countries)))


if __name__ == "__main__":
    main(*sys.argv[1:])
