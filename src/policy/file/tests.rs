use super::*;
use crate::identify::{Contact, Role};
use crate::locate::{Confidence, CountryCode, Location, Scope};
use crate::policy::{Action, CountrySet, Evidence, Severity, Treatment, Verdict};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::net::IpAddr;

const GOOD: &str = "name = \"x\"\n[[rule]]\nid = \"a\"\ndeny = [\"CN\"]\n";

fn policy(text: &str) -> Policy {
    Policy::from_toml("p.toml", text.as_bytes(), &[]).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The mistakes of a text, one a line, without the lines that they point at.
fn mistakes(text: &str) -> String {
    let found = match Policy::from_toml("p.toml", text.as_bytes(), &[]) {
        Ok(policy) => panic!("no mistake: {policy:?}"),
        Err(found) => found,
    };
    let mut lines: Vec<String> = Vec::new();
    for Mistake { line, column, message, .. } in &found.mistakes {
        lines.push(format!("{}:{line}:{column}: {message}", found.file));
    }
    lines.join("\n")
}

/// A policy with one rule that has this line after its first three.
fn with(line: &str) -> String {
    format!("{GOOD}{line}\n")
}

/// A policy that denies this list in line 4.
fn denying(list: &str) -> String {
    format!("name = \"x\"\n[[rule]]\nid = \"a\"\ndeny = {list}\n")
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of every mistake")]
fn every_mistake_has_its_place_and_its_cure() {
    let table: &[(String, &str)] = &[
        // The file.
        (
            String::new(),
            "p.toml:1:1: the policy has no name; begin with name = \"...\"\n\
            p.toml:1:1: the policy has no rule; write [[rule]], an id, and what to deny or to allow",
        ),
        ("name = \"x\nrule = 1".to_owned(), "p.toml:1:10: invalid basic string, expected `\"`"),
        ("name = \"x\"\nname = \"y\"".to_owned(), "p.toml:2:1: duplicate key"),
        ("rule = 1\nname = \"x\"".to_owned(), "p.toml:1:8: a list is needed here, not a whole number"),
        (
            "rule = []\nname = \"x\"".to_owned(),
            "p.toml:1:8: the list is empty; name something, or leave the key out",
        ),
        ("rule = [1]\nname = \"x\"".to_owned(), "p.toml:1:9: a table is needed here, not a whole number"),
        (format!("nmae = \"y\"\n{GOOD}"), "p.toml:1:1: unknown key \"nmae\"; did you mean \"name\"?"),
        (
            format!("colour = 1\n{GOOD}"),
            "p.toml:1:1: unknown key \"colour\"; choose from name, description, default, disputed, unknown, anycast, \
             groups, rule",
        ),
        (
            GOOD.replace("\"x\"", "\" \""),
            "p.toml:1:8: the text is empty; write something, or leave the key out",
        ),
        (GOOD.replace("\"x\"", "true"), "p.toml:1:8: a text in quotes is needed here, not true or false"),
        (
            GOOD.replace("\"x\"", "\"a\\u001bb\""),
            "p.toml:1:8: control character U+001B in a text; leave it out",
        ),
        (
            GOOD.replace("\"x\"", &format!("{:?}", "y".repeat(1001))),
            "p.toml:1:8: a text of more than 1000 characters",
        ),
        (
            format!("disputed = \"denny\"\n{GOOD}"),
            "p.toml:1:12: unknown treatment \"denny\"; did you mean \"deny\"?",
        ),
        (
            format!("anycast = \"no\"\n{GOOD}"),
            "p.toml:1:11: unknown treatment \"no\"; choose from allow, deny, indeterminate",
        ),
        (
            format!("default = \"alow\"\n{GOOD}"),
            "p.toml:1:11: unknown default \"alow\"; did you mean \"allow\"?",
        ),
        // Own groups.
        (format!("groups = 1\n{GOOD}"), "p.toml:1:10: a table is needed here, not a whole number"),
        (
            format!("groups.eu = [\"DE\"]\n{GOOD}"),
            "p.toml:1:8: @eu is a built-in group; give this one another name",
        ),
        (
            format!("groups.home = [\"DE\"]\n{GOOD}"),
            "p.toml:1:8: @home is a built-in group; give this one another name",
        ),
        (
            format!("groups.\"Our offices\" = [\"DE\"]\n{GOOD}"),
            "p.toml:1:8: \"Our offices\" cannot be the name of a group; use small letters, digits and -, with a letter \
             first",
        ),
        (
            format!("groups.ours = []\n{GOOD}"),
            "p.toml:1:15: the list is empty; name something, or leave the key out",
        ),
        (
            format!("groups.ours = [\"@home\"]\n{GOOD}"),
            "p.toml:1:16: \"@home\" cannot be part of a group; name it in the rule",
        ),
        (
            format!("groups.ours = [\"DE\", \"!*\"]\n{GOOD}"),
            "p.toml:1:22: \"!*\" cannot be part of a group; name it in the rule",
        ),
        (
            format!("groups.ours = [\"DE\", \"!DE\"]\n{GOOD}"),
            "p.toml:1:16: the list leaves no country; take out fewer",
        ),
        (
            format!("groups.ours = [\"@ours\"]\n{GOOD}"),
            "p.toml:1:16: group @ours contains itself (@ours > @ours); take one of them out",
        ),
        (
            format!("groups.a = [\"@b\"]\ngroups.b = [\"@c\"]\ngroups.c = [\"@b\"]\n{GOOD}"),
            "p.toml:3:13: group @b contains itself (@b > @c > @b); take one of them out",
        ),
        (
            format!("groups.ours = [\"DE\", \"@thiers\"]\ngroups.theirs = [\"FR\"]\n{GOOD}"),
            "p.toml:1:22: unknown country group \"@thiers\"; did you mean \"@theirs\"?",
        ),
        // Rules.
        (
            GOOD.replace("id = \"a\"\n", ""),
            "p.toml:2:1: the rule has no id; add id = \"...\", by which findings call it",
        ),
        (
            GOOD.replace("\"a\"", "\"a b\""),
            "p.toml:3:6: \"a b\" cannot be the id of a rule; use at most 64 letters, digits, -, _ and ., a letter or \
             digit first",
        ),
        (
            GOOD.replace("\"a\"", "\"default\""),
            "p.toml:3:6: findings say \"default\" where no rule matches; give the rule another id",
        ),
        (
            format!("{GOOD}[[rule]]\nid = \"a\"\nallow = [\"DE\"]"),
            "p.toml:6:6: the id \"a\" is that of the rule in line 3, too; give each rule its own",
        ),
        (
            GOOD.replace("deny = [\"CN\"]\n", ""),
            "p.toml:2:1: the rule neither denies nor allows; add deny = [\"CN\"] or allow = [\"@eu\"]",
        ),
        (
            with("allow = [\"DE\"]"),
            "p.toml:5:9: the rule both denies and allows; make two rules of it, the one that goes first first",
        ),
        (with("denny = [\"DE\"]"), "p.toml:5:1: unknown key \"denny\"; did you mean \"deny\"?"),
        (with("reason = \"\""), "p.toml:5:10: the text is empty; write something, or leave the key out"),
        (with("severity = \"hihg\""), "p.toml:5:12: unknown severity \"hihg\"; did you mean \"high\"?"),
        (
            with("severity = \"high\"").replace("deny", "allow"),
            "p.toml:5:12: a rule that allows has no severity; leave it out",
        ),
        // Places.
        (denying("[\"CH1\"]"), "p.toml:4:9: unknown country code \"CH1\"; did you mean \"CN\"?"),
        (
            denying("[\"DE\", \"@eurpe\"]"),
            "p.toml:4:15: unknown country group \"@eurpe\"; did you mean \"@europe\"?",
        ),
        (denying("[\"@hoem\"]"), "p.toml:4:9: unknown country group \"@hoem\"; did you mean \"@home\"?"),
        (denying("[\"@cn\"]"), "p.toml:4:9: unknown country group \"@cn\"; did you mean \"CN\"?"),
        (denying("[\"eu\"]"), "p.toml:4:9: unknown country code \"eu\"; did you mean \"@eu\"?"),
        (
            format!("groups.ours = [\"DE\"]\n{}", denying("[\"ours\"]")),
            "p.toml:5:9: unknown country code \"ours\"; did you mean \"@ours\"?",
        ),
        (denying("[\"\"]"), "p.toml:4:9: the item is empty; leave it out"),
        (denying("[\"CN\", \"!*\"]"), "p.toml:4:15: \"!*\" takes everything out; leave it out"),
        (
            denying("[\"!CN\"]"),
            "p.toml:4:8: the list only takes places out; name those it takes them out of, or \"*\" for every country",
        ),
        (denying("[\"CN\", \"!CN\"]"), "p.toml:4:8: the list leaves no country; take out fewer"),
        (denying("[\"CN, HK\"]"), "p.toml:4:9: one place an item; write \"CN\", \"HK\""),
        (denying("\"CN,HK\""), "p.toml:4:8: a list is needed here, not a text; write [\"CN\", \"HK\"]"),
        (denying("[1]"), "p.toml:4:9: a text in quotes is needed here, not a whole number"),
        (denying("[]"), "p.toml:4:8: the list is empty; name something, or leave the key out"),
        (denying(&format!("[{}]", "\"CN\",".repeat(1025))), "p.toml:4:8: a list of more than 1024 items"),
        // Conditions.
        (with("services = [\"zom\"]"), "p.toml:5:13: unknown service \"zom\"; did you mean \"zoom\"?"),
        (with("roles = [\"medai\"]"), "p.toml:5:10: unknown role \"medai\"; did you mean \"media\"?"),
        (with("roles = \"media\""), "p.toml:5:9: a list is needed here, not a text; write [\"media\"]"),
        (
            with("minimum_contact = \"estblished\""),
            "p.toml:5:19: unknown contact \"estblished\"; did you mean \"established\"?",
        ),
        (
            with("minimum_contact = \"attempted\""),
            "p.toml:5:19: contact \"attempted\" is no minimum: only what answered can be denied; leave the key out",
        ),
        (
            with("minimum_confidence = \"confimed\""),
            "p.toml:5:22: unknown confidence \"confimed\"; did you mean \"confirmed\"?",
        ),
        (
            with("minimum_confidence = \"disputed\""),
            "p.toml:5:22: confidence \"disputed\" is no minimum; the key \"disputed\" of the policy says what becomes of \
             such places",
        ),
        (with("client = [\"@ue\"]"), "p.toml:5:11: unknown country group \"@ue\"; did you mean \"@eu\"?"),
        (with("minimum_bytes = -1"), "p.toml:5:17: -1 is no number from 0 to 18446744073709551615"),
        (with("minimum_bytes = \"1 MB\""), "p.toml:5:17: a whole number is needed here, not a text"),
        (with("minimum_bytes = 1.5"), "p.toml:5:17: a whole number is needed here, not a number"),
        (
            with("from = \"yesterday\""),
            "p.toml:5:8: \"yesterday\" is no day or time from 1678 to 2261; write one as 2020-04-03 or \
             2020-04-03T14:00:00Z",
        ),
        (
            with("from = 08:00:00"),
            "p.toml:5:8: \"08:00:00\" is no day or time from 1678 to 2261; write one as 2020-04-03 or \
             2020-04-03T14:00:00Z",
        ),
        (
            with("until = 9999-12-31"),
            "p.toml:5:9: \"9999-12-31\" is no day or time from 1678 to 2261; write one as 2020-04-03 or \
             2020-04-03T14:00:00Z",
        ),
        (
            with("from = 2021-01-01\nuntil = 2020-12-31"),
            "p.toml:6:9: the rule ends (until) before it begins (from); swap the two",
        ),
        (
            with("from = 2021-01-01T08:00:00Z\nuntil = 2021-01-01T08:00:00Z"),
            "p.toml:6:9: the rule ends (until) no later than it begins (from); swap the two, or make it later",
        ),
        (
            with("hours = \"8-18\""),
            "p.toml:5:9: \"8-18\" are no hours; write them as \"08:00-18:00\", in UTC",
        ),
        (
            with("hours = \"08:00-25:00\""),
            "p.toml:5:9: \"08:00-25:00\" are no hours; write them as \"08:00-18:00\", in UTC",
        ),
        (
            with("hours = \"08:00-08:00\""),
            "p.toml:5:9: \"08:00-08:00\" is no time at all; leave the key out for the whole day",
        ),
        (
            with("prefixes = [\"52.81.151.250/16\"]"),
            "p.toml:5:13: \"52.81.151.250/16\" has bits set behind its length; did you mean \"52.81.0.0/16\"?",
        ),
        (
            with("prefixes = [\"10.0.0.0/33\"]"),
            "p.toml:5:13: \"10.0.0.0/33\" is no network; write one as \"192.0.2.0/24\" or \"2001:db8::/32\"",
        ),
        (
            with("asns = [0]"),
            "p.toml:5:9: 0 is no number of an autonomous system; write one as 16509 or \"AS16509\"",
        ),
        (
            with("asns = [\"ASX\"]"),
            "p.toml:5:9: \"ASX\" is no number of an autonomous system; write one as 16509 or \"AS16509\"",
        ),
        (
            with("asns = [true]"),
            "p.toml:5:9: the number of an autonomous system is needed here, not true or false",
        ),
        (
            with("hosts = [\"*.zoom.us\"]"),
            "p.toml:5:10: \"*.zoom.us\" is no host name; write \"zoom.us\", which names below it fit too",
        ),
        (
            with("hosts = [\"https://zoom.us/\"]"),
            "p.toml:5:10: \"https://zoom.us/\" is no host name; write one as \"zoom.us\", which names below it fit too",
        ),
        (
            with("hosts = [\"192.0.2.1\"]"),
            "p.toml:5:10: \"192.0.2.1\" is no host name; write one as \"zoom.us\", which names below it fit too",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(&mistakes(text), expected, "{text}");
    }
}

#[test]
fn a_service_that_nothing_is_like_may_be_one_of_a_file() {
    assert!(
        mistakes(&with("services = [\"our-bridge\"]")).ends_with(", or define it in a file for --services")
    );
    let own = [Service::new("our-bridge").unwrap()];
    assert!(Policy::from_toml("p.toml", with("services = [\"our-bridge\"]").as_bytes(), &own).is_ok());
}

#[test]
fn a_file_that_is_too_large_or_no_text_is_refused() {
    let large = format!("{GOOD}#{}", "x".repeat(MAX_POLICY_BYTES));
    assert_eq!(
        mistakes(&large),
        "p.toml:1:1: the file has more than 1048576 bytes, which is no policy that a person wrote"
    );
    let found = Policy::from_toml("p.toml", b"name = \"x\"\n# caf\xe9\n", &[]).unwrap_err();
    assert_eq!(
        found.to_string(),
        "p.toml:2:6: byte 16 of the file is not UTF-8; save the file as UTF-8\n   2 | # caf\u{fffd}\n     |      ^"
    );
}

#[test]
fn several_mistakes_are_told_at_once_in_their_order() {
    let text = "name = \"x\"\n[[rule]]\nid = \"a\"\ndeny = [\"CH1\", \"XX\"]\nroles = [\"medai\"]\nx = 1\n";
    assert_eq!(
        mistakes(text),
        "p.toml:4:9: unknown country code \"CH1\"; did you mean \"CN\"?\n\
         p.toml:4:16: unknown country code \"XX\"\n\
         p.toml:5:10: unknown role \"medai\"; did you mean \"media\"?\n\
         p.toml:6:1: unknown key \"x\"; choose from id, deny, allow, services, roles, minimum_contact, \
         minimum_confidence, client, minimum_bytes, minimum_bytes_sent, minimum_bytes_received, from, until, hours, \
         prefixes, asns, hosts, reason, severity"
    );
}

fn warnings(text: &str) -> String {
    let found = Policy::check("p.toml", text.as_bytes(), &[]).unwrap().warnings;
    found.to_string().lines().step_by(3).collect::<Vec<_>>().join("\n")
}

/// Rules `a`, `b`, ... of these lines.
fn rules(lines: &[&str]) -> String {
    let mut text = "name = \"x\"\n".to_owned();
    for (line, id) in lines.iter().zip('a'..) {
        let _ = write!(text, "[[rule]]\nid = \"{id}\"\n{line}\n");
    }
    text
}

#[test]
fn a_rule_that_never_decides_is_pointed_out() {
    let shadowed = |by: &str, line: usize, id: char| {
        format!(
            "p.toml:{line}:6: warning: rule \"{id}\" never decides, as {by} matches before it whatever it matches; put \
             it first, or take it out"
        )
    };
    let a = "rule \"a\"";
    for (lines, expected) in [
        (vec!["deny = [\"CN\", \"HK\"]", "allow = [\"CN\"]"], shadowed(a, 6, 'b')),
        (vec!["deny = [\"*\"]", "allow = [\"CN\"]\nroles = [\"media\"]"], shadowed(a, 6, 'b')),
        (
            vec![
                "deny = [\"CN\"]\nservices = [\"zoom\"]",
                "deny = [\"CN\"]\nservices = [\"zoom\"]\nroles = [\"web\"]",
            ],
            shadowed(a, 7, 'b'),
        ),
        (
            vec!["deny = [\"CN\"]", "deny = [\"HK\"]", "allow = [\"HK\", \"CN\"]"],
            shadowed("one of rules \"a\", \"b\"", 9, 'c'),
        ),
        (vec!["deny = [\"CN\"]\nminimum_contact = \"answered\"", "allow = [\"CN\"]"], shadowed(a, 7, 'b')),
        (vec!["deny = [\"@home\"]", "allow = [\"@home\"]"], shadowed(a, 6, 'b')),
        (vec!["deny = [\"CN\"]\nservices = [\"zoom\"]", "deny = [\"CN\"]"], String::new()),
        (vec!["deny = [\"CN\"]\nminimum_contact = \"media\"", "allow = [\"CN\"]"], String::new()),
        (vec!["deny = [\"CN\"]", "allow = [\"CN\", \"DE\"]"], String::new()),
        (vec!["deny = [\"*\", \"!@eu\"]", "allow = [\"*\"]"], String::new()),
        (vec!["deny = [\"@home\"]", "allow = [\"CN\"]"], String::new()),
        (
            vec![
                "deny = [\"CN\"]\nprefixes = [\"10.0.0.0/8\"]",
                "deny = [\"CN\"]\nprefixes = [\"11.0.0.0/8\"]",
            ],
            String::new(),
        ),
    ] {
        assert_eq!(warnings(&rules(&lines)), expected, "{lines:?}");
    }
}

#[test]
fn a_group_that_nothing_names_is_pointed_out() {
    assert_eq!(
        warnings(&format!("groups.ours = [\"DE\"]\n{GOOD}")),
        "p.toml:1:8: warning: no rule names the group @ours; name it, or take it out"
    );
    assert_eq!(warnings(&format!("groups.a = [\"CN\"]\n{}", denying("[\"@a\"]"))), "");
}

#[test]
fn everything_that_a_file_can_say_is_read() {
    let text = "name = \"x\"\ndescription = \"d\"\ndefault = \"deny\"\ndisputed = \"deny\"\nunknown = \"allow\"\n\
        anycast = \"deny\"\n[groups]\nours = [\"DE\", \"@us-ca\", \"!CA\"]\nall = [\"@ours\", \"FR\"]\n\
        [[rule]]\nid = \"a\"\ndeny = [\"@all\", \"!fr\"]\nservices = [\"zoom\", \"teams\"]\nroles = [\"media\"]\n\
        minimum_contact = \"control\"\nminimum_confidence = \"confirmed\"\nclient = [\"@eu\"]\nminimum_bytes = 1_000\n\
        minimum_bytes_sent = 0x10\nminimum_bytes_received = 3\nfrom = 2020-04-03\nuntil = 2020-04-03\n\
        hours = \"22:00-06:00\"\nprefixes = [\"52.81.0.0/16\", \"2001:db8::1\"]\nasns = [16509, \"as4134\"]\n\
        hosts = [\"Zoom.us\"]\nreason = \"r\"\nseverity = \"critical\"\n\
        [[rule]]\nid = \"b\"\nallow = [\"*\"]\n";
    let policy = policy(text);
    assert_eq!(
        (policy.default, policy.disputed, policy.unknown, policy.anycast),
        (Action::Deny, Treatment::Deny, Treatment::Allow, Treatment::Deny)
    );
    let [rule, last] = &policy.rules[..] else { panic!("two rules") };
    assert!(last.anywhere && last.names(CountryCode::parse("CN").unwrap()));
    assert_eq!((rule.severity, rule.reason.as_deref()), (Some(Severity::Critical), Some("r")));
    assert_eq!(
        serde_json::to_value(rule).unwrap(),
        serde_json::json!({"id": "a", "action": "deny", "anywhere": false, "countries": ["DE", "US"], "reason": "r",
            "severity": "critical", "text": "deny @all,!FR (service zoom,teams; role media; contact at least control; \
                confidence at least confirmed; client in @eu; bytes at least 1000; bytes sent at least 16; bytes \
                received at least 3; from 2020-04-03T00:00:00Z; before 2020-04-04T00:00:00Z; hours 22:00-06:00; \
                address in 52.81.0.0/16,2001:db8::1/128; announced by AS16509,AS4134; name under zoom.us)",
            "conditions": {"services": ["zoom", "teams"], "roles": ["media"], "minimum_contact": "control",
                "minimum_confidence": "confirmed", "minimum_bytes": 1000, "minimum_bytes_sent": 16,
                "minimum_bytes_received": 3, "from": "2020-04-03T00:00:00Z", "until": "2020-04-04T00:00:00Z",
                "hours": "22:00-06:00", "prefixes": ["52.81.0.0/16", "2001:db8::1/128"], "asns": [16509, 4134],
                "hosts": ["zoom.us"], "client": ["AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR",
                    "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"]}})
    );
    let again: Policy = serde_json::from_value(serde_json::to_value(&policy).unwrap()).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), serde_json::to_value(&policy).unwrap());
    assert_eq!(policy.to_toml(), text);
    assert_eq!(policy.digest(), sha256(text.as_bytes()));
}

#[test]
fn the_default_depends_on_what_rules_there_are() {
    for (lines, default) in [
        (vec!["deny = [\"CN\"]"], Action::Allow),
        (vec!["deny = [\"CN\"]", "allow = [\"DE\"]"], Action::Allow),
        (vec!["allow = [\"DE\"]"], Action::Deny),
    ] {
        assert_eq!(policy(&rules(&lines)).default, default, "{lines:?}");
    }
}

#[test]
fn policies_that_are_carried_have_no_mistake_and_no_warning() {
    for ready in ready_made() {
        let checked =
            Policy::check(ready.name, ready.text.as_bytes(), &[]).unwrap_or_else(|found| panic!("{found}"));
        assert_eq!(checked.warnings.to_string(), "", "{}", ready.name);
        assert!(checked.policy.description.is_some());
        let uses_home = ready.text.contains("\"@home\"");
        assert_eq!(checked.policy.uses_home(), uses_home, "{}", ready.name);
    }
}

#[test]
fn home_is_what_the_user_calls_it() {
    let policy = policy(
        "name = \"x\"\n[[rule]]\nid = \"a\"\nallow = [\"@home\", \"CH\"]\nclient = [\"@home\", \"!FR\"]\n",
    );
    let home: CountrySet = "DE,FR".parse().unwrap();
    let bound = policy.at_home(&home);
    let codes = |set: &CountrySet| set.iter().map(|code| code.to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(codes(&bound.rules[0].countries), "CH DE FR");
    assert_eq!(codes(&bound.rules[0].conditions.client.as_ref().unwrap().countries), "DE");
}

#[test]
fn the_schema_is_the_one_that_is_kept() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data/policies/schema.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::write(&path, schema()).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == schema(), "UPDATE_GOLDEN=1 writes data/policies/schema.json again");
}

#[test]
fn the_schema_knows_every_key_and_says_which_are_needed() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let keys = |form: &serde_json::Value| form["properties"].as_object().unwrap().len();
    assert_eq!((keys(&schema), keys(&schema["definitions"]["Rule"])), (8, 19));
    assert_eq!(schema["required"], serde_json::json!(["name", "rule"]));
    assert_eq!(schema["additionalProperties"], false);
    let rule = &schema["definitions"]["Rule"];
    assert_eq!(rule["required"], serde_json::json!(["id"]));
    assert_eq!(
        rule["properties"]["severity"]["enum"],
        serde_json::json!(["low", "medium", "high", "critical"])
    );
    assert!(!schema.to_string().contains("\"null\""), "{schema}");
}

#[test]
fn quick_rules_written_as_a_file_judge_alike() {
    let lists = |lists: &[&str]| lists.iter().map(|list| (*list).to_owned()).collect::<Vec<_>>();
    for (deny, allow) in
        [(vec!["CN,hk", "@us-ca,!US"], vec![]), (vec!["CN"], vec!["@eu"]), (vec![], vec!["US"])]
    {
        let quick = Policy::from_lists(&lists(&deny), &lists(&allow)).unwrap();
        let read = policy(&quick.to_toml());
        let json = |policy: &Policy| serde_json::to_value(&policy.rules).unwrap();
        assert_eq!(json(&read), json(&quick));
        assert_eq!(read.default, quick.default);
        assert_eq!(read.digest(), quick.digest());
    }
}

/// An endpoint in a country, with what rules of the test below ask for.
fn judged(
    policy: &Policy,
    country: CountryCode,
    contact: Contact,
    roles: &[Role],
    services: &[Service],
) -> (Verdict, Option<String>) {
    let location = Location { country: Some(country), confidence: Confidence::Likely, ..Location::unknown() };
    let address = IpAddr::from([192, 0, 2, 1]);
    let evidence = Evidence { services, roles, ..Evidence::new(address, Scope::Global, &location, contact) };
    let found = policy.judge(&evidence);
    (found.verdict, found.rule)
}

proptest! {
    #[test]
    fn any_text_is_read_or_has_mistakes_with_a_place(text in "\\PC{0,200}") {
        if let Err(found) = Policy::from_toml("p.toml", text.as_bytes(), &[]) {
            prop_assert!(!found.mistakes.is_empty() && found.mistakes.iter().all(|one| one.line > 0 && one.column > 0));
        }
    }

    #[test]
    fn a_good_file_with_one_byte_changed_never_panics(place in 0_usize..600, byte in any::<u8>()) {
        for ready in ready_made() {
            let mut bytes = ready.text.as_bytes().to_vec();
            let length = bytes.len();
            bytes[place % length] = byte;
            if let Err(found) = Policy::from_toml("p.toml", &bytes, &[]) {
                let shown = found.to_string();
                prop_assert!(shown.chars().all(|letter| letter == '\n' || !letter.is_control()), "{}", shown);
            }
        }
    }

    #[test]
    fn the_first_rule_that_matches_decides(
        rules in proptest::collection::vec((any::<bool>(), 0_usize..4, 0_usize..3, 0_usize..3, 0_usize..3), 1..8),
        country in 0_usize..3, contact in 2_usize..6, role in 0_usize..2, service in 0_usize..2,
    ) {
        const COUNTRIES: [&str; 4] = ["CN", "DE", "US", "*"];
        const CONTACTS: [&str; 3] = ["", "control", "media"];
        const ROLES: [&str; 3] = ["media", "web", ""];
        const SERVICES: [&str; 3] = ["zoom", "teams", ""];
        let mut text = "name = \"x\"\ndefault = \"allow\"\n".to_owned();
        for (number, (deny, place, least, role, service)) in rules.iter().enumerate() {
            let action = if *deny { "deny" } else { "allow" };
            let _ = write!(text, "[[rule]]\nid = \"r{number}\"\n{action} = [\"{}\"]\n", COUNTRIES[*place]);
            for (key, value) in [("roles", ROLES[*role]), ("services", SERVICES[*service])] {
                if !value.is_empty() {
                    let _ = writeln!(text, "{key} = [\"{value}\"]");
                }
            }
            if *least > 0 {
                let _ = writeln!(text, "minimum_contact = \"{}\"", CONTACTS[*least]);
            }
        }
        let contact = [Contact::Mentioned, Contact::Attempted, Contact::Answered, Contact::Established, Contact::Control,
            Contact::Media][contact];
        let matches = |(_, place, least, wanted_role, wanted_service): &&(bool, usize, usize, usize, usize)| {
            (*place == 3 || *place == country)
                && contact >= [Contact::Answered, Contact::Control, Contact::Media][*least]
                && (*wanted_role == 2 || *wanted_role == role)
                && (*wanted_service == 2 || *wanted_service == service)
        };
        let first = rules.iter().position(|rule| matches(&rule));
        let expected = first.map_or((Verdict::Allow, None), |place| {
            (if rules[place].0 { Verdict::Deny } else { Verdict::Allow }, Some(format!("r{place}")))
        });
        let found = judged(
            &policy(&text),
            CountryCode::parse(COUNTRIES[country]).unwrap(),
            contact,
            &[[Role::Media, Role::Web][role]],
            &[[Service::ZOOM, Service::TEAMS][service].clone()],
        );
        prop_assert_eq!(found, expected, "{}", text);
    }
}

/// Files of the greatest size that cost the most: they are read within seconds even where nothing is optimised.
#[test]
fn a_hostile_file_is_read_soon() {
    let fill = |head: &str, piece: &dyn Fn(usize) -> String| {
        let mut text = head.to_owned();
        for number in 0.. {
            let piece = piece(number);
            if text.len() + piece.len() > MAX_POLICY_BYTES {
                break;
            }
            text.push_str(&piece);
        }
        text
    };
    let rules = fill("name = \"x\"\n", &|number| {
        format!("[[rule]]\nid = \"r{number}\"\ndeny = [{}]\n", "\"XX\",".repeat(1000))
    });
    let countries: Vec<String> =
        crate::locate::countries().iter().map(|country| format!("\"{}\"", country.code)).collect();
    let countries = countries.join(",");
    let shadows = fill("name = \"x\"\n", &|number| {
        format!("[[rule]]\nid = \"r{number}\"\ndeny = [{countries}]\nasns = [{}]\n", number + 1)
    });
    let keys = fill("", &|number| format!("k{number} = 1\n"));
    let deep = "a = ".to_owned() + &"[".repeat(MAX_POLICY_BYTES - 4);
    let long = format!("name = \"x\"\n{}\n", "x".repeat(MAX_POLICY_BYTES - 20));
    for text in [
        rules,
        keys,
        deep,
        long,
        fill("name = \"x\"\n[groups]\n", &|number| format!("g{number} = [\"@g{}\"]\n", number + 1)),
    ] {
        assert!(Policy::from_toml("p.toml", text.as_bytes(), &[]).is_err());
    }
    assert!(Policy::from_toml("p.toml", shadows.as_bytes(), &[]).is_ok());
}
