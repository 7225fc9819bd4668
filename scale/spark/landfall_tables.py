"""The tables of `landfall corpus report`, by SQL, from the rows of a corpus.

The queries stand on two views: `sessions` and `endpoints`, whose columns `landfall corpus schema` lists. They say what
src/corpus/summary says; a test holds that both find the same.
"""

import csv
import io
import re

# A far end that answered, and where it is concluded to be; a call counts once for each country and role.
CALLS = """
SELECT service, date_format(start, 'yyyy-MM-dd') AS day, verdict,
    coalesce(region, CASE WHEN size(array_compact(client_countries)) = 1 THEN array_compact(client_countries)[0] END,
        'unknown') AS client_region,
    array_distinct(transform(
        filter(arrays_zip(endpoints_role, endpoints_country, endpoints_confidence, endpoints_contact),
            end -> coalesce(end.endpoints_contact, 'mentioned') NOT IN ('mentioned', 'attempted')),
        end -> named_struct(
            'country', CASE WHEN end.endpoints_confidence IN ('confirmed', 'likely')
                THEN coalesce(end.endpoints_country, 'unknown') ELSE 'unknown' END,
            'role', coalesce(end.endpoints_role, 'unknown')))) AS touched,
    arrays_zip(failovers_country_before, failovers_country_after, failovers_leaves_home) AS failovers
FROM sessions
"""

# A share in per cent with one decimal place, to the nearest.
TENTHS = "(calls * 2000 + of_calls) div (2 * of_calls)"
SHARE = f"concat({TENTHS} div 10, '.', {TENTHS} % 10)"

SERVICES = """
SELECT service, count(*) AS calls, count_if(verdict NOT IN ('deny', 'indeterminate')) AS allowed,
    count_if(verdict = 'deny') AS denied, count_if(verdict = 'indeterminate') AS indeterminate
FROM calls GROUP BY service ORDER BY service
"""

COUNTRIES = f"""
WITH touches AS (SELECT service, touch.country, touch.role FROM calls LATERAL VIEW explode(touched) AS touch),
    counts AS (SELECT service, country, role, count(*) AS calls FROM touches GROUP BY service, country, role),
    totals AS (SELECT service, count(*) AS of_calls FROM calls GROUP BY service)
SELECT service, country, role, calls, of_calls, {SHARE} AS share
FROM counts JOIN totals USING (service) ORDER BY service, country, role
"""

COUNTRIES_BY_DAY = f"""
WITH touches AS (SELECT day, client_region, service, touch.country, touch.role
        FROM calls LATERAL VIEW explode(touched) AS touch),
    counts AS (SELECT day, client_region, service, country, role, count(*) AS calls
        FROM touches GROUP BY day, client_region, service, country, role),
    totals AS (SELECT day, client_region, service, count(*) AS of_calls FROM calls
        GROUP BY day, client_region, service)
SELECT day, client_region, service, country, role, calls, of_calls, {SHARE} AS share
FROM counts JOIN totals USING (day, client_region, service) ORDER BY day, client_region, service, country, role
"""

FAILOVERS = """
WITH ways AS (SELECT service, coalesce(way.failovers_country_before, 'unknown') AS `from`,
        coalesce(way.failovers_country_after, 'unknown') AS `to`, way.failovers_leaves_home AS leaves_home
    FROM calls LATERAL VIEW explode(failovers) AS way)
SELECT service, `from`, `to`, count(*) AS failovers, count_if(leaves_home = 'true') AS leave_home
FROM ways GROUP BY service, `from`, `to` ORDER BY service, `from`, `to`
"""

SERVERS_MOVED = """
WITH sightings AS (SELECT address, array_compact(services) AS services, location_country AS country,
        date_format(first_seen, 'yyyy-MM-dd') AS first_seen, date_format(last_seen, 'yyyy-MM-dd') AS last_seen
    FROM endpoints
    WHERE size(array_compact(services)) > 0 AND location_confidence IN ('confirmed', 'likely')
        AND address IS NOT NULL AND location_country IS NOT NULL AND first_seen IS NOT NULL AND last_seen IS NOT NULL),
    servers AS (SELECT address, array_join(array_sort(array_distinct(flatten(collect_list(services)))), ' ') AS services
    FROM sightings GROUP BY address HAVING count(DISTINCT country) > 1)
SELECT address, servers.services, country, min(first_seen) AS first_seen, max(last_seen) AS last_seen
FROM sightings JOIN servers USING (address) GROUP BY address, servers.services, country
ORDER BY address, first_seen, last_seen, country
"""

TABLES = {
    "services": SERVICES,
    "countries": COUNTRIES,
    "countries-by-day": COUNTRIES_BY_DAY,
    "failovers": FAILOVERS,
    "servers-moved": SERVERS_MOVED,
}

FORMULA = tuple("=+-@\t\r＝＋－＠'")
# Characters that a terminal does not show, or that change how others show.
HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def table(spark, name):
    """One of `TABLES`, from the views `sessions` and `endpoints`."""
    spark.sql(CALLS).createOrReplaceTempView("calls")
    return spark.sql(TABLES[name])


def as_csv(frame):
    """A table as comma-separated values (RFC 4180), safe for spreadsheets, as landfall writes it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(frame.columns)
    for row in frame.toLocalIterator():
        writer.writerow([safe(str(cell)) for cell in row])
    return out.getvalue()


def safe(text):
    """A text that no spreadsheet runs and no terminal obeys."""
    escaped = HIDDEN.sub(lambda match: f"\\u{{{ord(match[0]):x}}}", text)
    return f"'{escaped}" if text.startswith(FORMULA) else escaped
