#!/usr/bin/env python3
"""Turns the table of cloud regions into data/cloud_regions.tsv.

usage: regions.py cloud_regions.json > data/cloud_regions.tsv
"""

import json
import sys


def main(path):
    with open(path, encoding="utf-8") as file:
        table = json.load(file)
    rows = {}
    for provider in ("aws", "azure", "gcp", "oci"):
        for region, place in table[provider].items():
            rows[provider, region] = (place["cc"], place["city"])
    for group, country in table["aws_network_border_group_cc"].items():
        rows.setdefault(("aws", group), (country, ""))
    print("# Region (Amazon: network border group), ISO 3166-1 alpha-2 code and city, by provider.")
    print(f"# Compiled from the names that the providers give their regions, as of {table['_meta']['as_of']}.")
    for (provider, region), (country, city) in sorted(rows.items()):
        print(provider, region, country, city, sep="\t")


main(*sys.argv[1:])
