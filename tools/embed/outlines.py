#!/usr/bin/env python3
"""Turns npm's world-atlas countries-50m.json (Natural Earth, public domain) into data/outlines.bin.

usage: outlines.py countries-50m.json iso_3166-1.json data/outlines.bin    (the codes: Debian's iso-codes)

The file is made to be searched as it lies; src/locate/outline.rs reads it. All numbers are little-endian:

    magic "LFOUTLN1", then u32: countries
    countries, sorted: two letters; u16: rings; u32: where its rings begin, from the start of the file
    ring: u32: points; then for each i16 longitude and i16 latitude, 32767 being 180 and 90 degrees
"""

import collections
import json
import struct
import sys

# Places that Natural Earth draws without a code, and under whose outline they are looked for here.
WITHOUT_CODE = {"Somaliland": "SO", "Kosovo": "XK", "N. Cyprus": "CY", "Indian Ocean Ter.": "CX", "Siachen Glacier": "IN"}
# Territories that the map draws as part of another country: its outline holds theirs, so no distance comes out too great.
WITHIN = {"BQ": "NL", "BV": "NO", "CC": "CX", "GF": "FR", "GP": "FR", "MQ": "FR", "RE": "FR", "SJ": "NO", "YT": "FR"}


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


def main(map_path, codes_path, out_path):
    with open(map_path, encoding="utf-8") as file:
        topology = json.load(file)
    with open(codes_path, encoding="utf-8") as file:
        codes = {country["numeric"]: country["alpha_2"] for country in json.load(file)["3166-1"]}
    arcs = list(arcs_of(topology))
    countries = collections.defaultdict(list)
    for shape in topology["objects"]["countries"]["geometries"]:
        name = shape["properties"]["name"]
        code = codes[shape["id"]] if shape.get("id") else WITHOUT_CODE[name]
        polygons = {"Polygon": lambda a: [a], "MultiPolygon": lambda a: a}[shape["type"]](shape["arcs"])
        countries[code] += [packed(ring(arcs, part)) for polygon in polygons for part in polygon]
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
