//! The help.

/// Keys and words, in lines of at most 80 columns.
pub(super) const TEXT: [&str; LINES] = [
    "KEYS",
    "  q, Ctrl-C         leave; a live capture then ends with its report",
    "  1 to 6, Tab       Calls, Servers, Map, Timeline, Findings, Capture",
    "  arrows, j k       select or scroll; PgUp PgDn Home End too",
    "  left, right       the call before, the call after",
    "  Enter             all about the call, server or finding; Esc goes back",
    "  p, space          pause: the picture stands still, the capture goes on",
    "  /                 filter by words, all of which must be found in service,",
    "                    client, program, address, name, role, verdict or country;",
    "                    in capitals, CN is the country and nothing else; Esc ends it",
    "  s, r              sort by another column; the other way round",
    "  a                 map and servers of all calls, or of the selected one",
    "  Ctrl-L            draw all anew;  Ctrl-Z  leave for the shell, fg comes back",
    "",
    "WORDS",
    "  DENY              a server that answered is in a denied country, by sources",
    "                    that are sure enough: confirmed or likely",
    "  ?                 indeterminate: a place is disputed or not known, or frames",
    "                    that may matter are missing",
    "  ok                every server that was contacted has a place that is allowed",
    "  confirmed         two independent sources or more agree on the country",
    "  likely            one source says so, or a weaker one differs",
    "  disputed          sources disagree, or the round trip is too short",
    "  not known         no source names a country, or it is in many places",
    "  contact           how far it went: mentioned, attempted (no answer),",
    "                    answered, established, control (data both ways), media",
    "  rtt               the shortest round trip that packets show",
    "  rate              bytes a second to and from an address, of all its flows",
    "  *                 before a call: it goes on",
    "The bell rings for each finding that denies and has not been told before.",
];

/// Lines of the help.
pub(super) const LINES: usize = 30;

/// The help in so many columns.
pub(super) fn lines(room: usize) -> Vec<String> {
    TEXT.iter().flat_map(|line| super::style::wrap(line, room)).collect()
}
