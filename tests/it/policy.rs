//! Policy files: what they make of the sample captures, and what the program says about them.

use crate::golden::compare;
use crate::output::fits;
use crate::program::{Run, root, run, run_in, sample_names, samples};
use crate::real_captures::captures;
use landfall::policy::{Policy, ready_made};
use std::fmt::Write as _;
use std::path::Path;

/// Verdict and findings of every sample capture, in short.
fn judged(arguments: &[&str]) -> String {
    let mut text = String::new();
    for name in sample_names() {
        let found = run(&[&["inspect", "--format", "json"], arguments, &[&name]].concat());
        let report = found.json();
        let _ =
            writeln!(text, "{name}: {}, exit status {}", report["verdict"].as_str().unwrap(), found.status);
        for finding in report["findings"].as_array().unwrap() {
            let word = |key: &str| finding[key].as_str().unwrap_or("-").to_owned();
            let _ = writeln!(
                text,
                "  {} by {} ({}): {} {} {}\n    {:?}\n    {}",
                word("verdict"),
                word("rule"),
                word("severity"),
                word("endpoint"),
                word("country"),
                word("confidence"),
                word("rule_reason"),
                word("reason")
            );
        }
    }
    text
}

#[test]
fn every_policy_that_is_carried_judges_every_sample_as_kept() {
    for policy in ready_made() {
        let name = format!("@{}", policy.name);
        let mut text = String::new();
        for home in [&[][..], &["--home", "US"], &["--home", "DE,FR"]] {
            if home.is_empty() && policy.text.contains("\"@home\"") {
                continue;
            }
            let _ = writeln!(text, "# --policy {name} {}", home.join(" "));
            text.push_str(&judged(&[&["--policy", &name], home].concat()));
        }
        compare(&format!("policies/{}.txt", policy.name), text.as_bytes());
    }
}

/// A file in a folder of its own.
fn written(name: &str, text: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), text).unwrap();
    folder
}

const BROKEN: &str = "name = \"x\"\n[[rule]]\nid = \"a\"\ndeny = [\"CH1\"]\n";
const SHOWN: &str = "p.toml:4:9: unknown country code \"CH1\"; did you mean \"CN\"?\n   4 | deny = [\"CH1\"]\n     |         ^^^^^\n";

#[test]
fn a_mistake_is_shown_with_its_line_wherever_the_file_is_used() {
    let folder = written("p.toml", BROKEN.as_bytes());
    let capture = samples().join("zoom-home-region.pcapng");
    let capture = capture.to_str().unwrap();
    for arguments in [
        &["policy", "check", "p.toml"][..],
        &["policy", "show", "p.toml"],
        &["policy", "explain", "p.toml", "none.json"],
        &["inspect", "--policy", "p.toml", capture],
    ] {
        let found = run_in(folder.path(), arguments);
        assert_eq!((found.status, found.stderr.as_str()), (2, SHOWN), "{arguments:?}");
        assert!(found.stdout.is_empty());
    }
}

#[test]
fn check_goes_on_after_a_file_that_cannot_be_used() {
    let folder = written("p.toml", BROKEN.as_bytes());
    let twice =
        "name = \"x\"\n[[rule]]\nid = \"a\"\ndeny = [\"CN\"]\n[[rule]]\nid = \"b\"\ndeny = [\"CN\"]\n";
    std::fs::write(folder.path().join("q.toml"), twice).unwrap();
    let found = run_in(
        folder.path(),
        &["policy", "check", "p.toml", "q.toml", "none.toml", "@no-such", "@home-only"],
    );
    assert_eq!(found.status, 2);
    assert_eq!(found.text(), "q.toml: ok, 2 rules, 1 warning\n@home-only: ok, 1 rule\n");
    assert_eq!(
        found.stderr,
        format!(
            "{SHOWN}q.toml:6:6: warning: rule \"b\" never decides, as rule \"a\" matches before it whatever it matches; put \
             it first, or take it out\n   6 | id = \"b\"\n     |      ^^^\n\
             landfall: cannot read the policy 'none.toml': No such file or directory (os error 2)\n\
             landfall: there is no policy \"@no-such\"; those that landfall carries are @doj-countries-of-concern, \
             @eu-stays-in-eu, @home-only, @no-mainland-china\n"
        )
    );
    let warned = run_in(folder.path(), &["policy", "check", "q.toml"]);
    assert_eq!(warned.status, 0);
}

#[test]
fn home_has_to_be_named_where_a_policy_speaks_of_it() {
    let found = run(&["inspect", "--policy", "@home-only", "zoom-home-region.pcapng"]);
    assert_eq!(found.status, 2);
    assert_eq!(
        found.stderr,
        "landfall: the policy \"home region only\" speaks of @home; name those countries with --home, as in --home US,CA\n"
    );
    assert_eq!(
        run(&["inspect", "--policy", "@home-only", "--home", "US", "zoom-home-region.pcapng"]).status,
        0
    );
}

#[test]
fn a_policy_file_takes_the_place_of_lists() {
    for list in ["--deny", "--allow"] {
        let found = run(&["inspect", "--policy", "@home-only", list, "CN", "zoom-home-region.pcapng"]);
        assert_eq!(found.status, 2);
        assert!(found.stderr.contains("cannot be used with"), "{}", found.stderr);
    }
}

#[test]
fn the_report_carries_the_policy_and_findings_its_rule() {
    let found =
        run(&["inspect", "--format", "json", "--policy", "@no-mainland-china", "zoom-beijing-keys.pcapng"]);
    let report = found.json();
    let policy = &report["policy"];
    assert_eq!(policy["name"], "no mainland China");
    let text = std::fs::read(root().join("data/policies/no-mainland-china.toml")).unwrap();
    let carried = Policy::from_toml("x", &text, &[]).unwrap();
    assert_eq!(policy["sha256"].as_str(), Some(carried.digest().as_str()));
    assert_eq!(
        (policy["rules"][0]["id"].as_str(), policy["rules"][0]["text"].as_str()),
        (Some("no-mainland-china"), Some("deny CN"))
    );
    let finding = &report["findings"][0];
    assert_eq!(
        (finding["rule"].as_str(), finding["severity"].as_str(), finding["rule_reason"].as_str()),
        (Some("no-mainland-china"), Some("high"), Some("calls must not touch down in mainland China"))
    );
    let by_file =
        run(&["inspect", "--policy", "../data/policies/no-mainland-china.toml", "zoom-beijing-keys.pcapng"]);
    let by_name = run(&["inspect", "--policy", "@no-mainland-china", "zoom-beijing-keys.pcapng"]);
    assert!(by_file.stdout == by_name.stdout && by_file.status == 1);
    assert!(
        by_name.text().contains("no-mainland-china, high (\"calls must not touch down in mainland China\"):")
    );
}

/// Reports of sample captures in a folder, and that folder.
fn reports(made: &[(&str, &[&str])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in made {
        let report = run(&[&["inspect", "--format", "json"], *arguments].concat());
        std::fs::write(folder.path().join(name), report.stdout).unwrap();
    }
    folder
}

#[test]
fn the_explanation_of_the_fall_back_is_as_kept() {
    let folder = reports(&[("r.json", &["--deny", "CN", "zoom-beijing-keys.pcapng"])]);
    let mut text = String::new();
    for arguments in [
        &["@no-mainland-china", "r.json"][..],
        &["@eu-stays-in-eu", "r.json"],
        &["@eu-stays-in-eu", "r.json", "--home", "DE"],
        &["@home-only", "r.json", "--home", "US,CA"],
    ] {
        let found = run_in(folder.path(), &[&["policy", "explain"], arguments].concat());
        assert_eq!(found.status, 0, "{}", found.stderr);
        let _ = writeln!(text, "$ landfall policy explain {}\n{}", arguments.join(" "), found.text());
    }
    compare("policies/explain.txt", text.as_bytes());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

fn differ(folder: &Path, old: &str, new: &str) -> Run {
    run_in(folder, &["diff", old, new])
}

#[test]
fn differences_are_as_kept() {
    let folder = reports(&[
        ("deny.json", &["--deny", "CN", "zoom-beijing-keys.pcapng"]),
        ("allow.json", &["--deny", "RU", "zoom-beijing-keys.pcapng"]),
        ("empty.json", &["--deny", "CN", "--no-default-db", "zoom-beijing-keys.pcapng"]),
        ("healthy.json", &["--deny", "CN", "zoom-healthy-primary.pcapng"]),
        ("eu.json", &["--policy", "@eu-stays-in-eu", "--home", "DE", "zoom-beijing-keys.pcapng"]),
    ]);
    let same = differ(folder.path(), "deny.json", "deny.json");
    assert_eq!((same.status, same.text().as_str()), (0, "The reports say the same.\n"));
    let mut text = String::new();
    for new in ["allow.json", "empty.json", "healthy.json", "eu.json"] {
        let found = differ(folder.path(), "deny.json", new);
        assert_eq!((found.status, found.stderr.as_str()), (1, ""), "{new}");
        let _ = writeln!(text, "$ landfall diff deny.json {new}\n{}", found.text());
    }
    compare("policies/diff.txt", text.as_bytes());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
}

#[test]
fn why_a_verdict_changed_is_what_the_judge_says() {
    let folder = reports(&[
        ("deny.json", &["--deny", "CN", "zoom-beijing-keys.pcapng"]),
        ("other-policy.json", &["--deny", "RU", "zoom-beijing-keys.pcapng"]),
        ("no-location.json", &["--deny", "CN", "--no-default-db", "zoom-beijing-keys.pcapng"]),
    ]);
    for (new, cause, verdict) in
        [("other-policy.json", "policy", "allow"), ("no-location.json", "location", "indeterminate")]
    {
        let found = run_in(folder.path(), &["diff", "--format", "json", "deny.json", new]).json();
        assert_eq!(found["verdict"], serde_json::json!({"old": "deny", "new": verdict}));
        assert_eq!((found["same"].as_bool(), found["same_inputs"].as_bool()), (Some(false), Some(true)));
        let servers = found["calls"][0]["servers"].as_array().unwrap();
        let beijing = servers.iter().find(|server| server["address"] == "52.81.151.250").unwrap();
        assert_eq!(beijing["why"], serde_json::json!([cause]), "{new}");
        assert_eq!(beijing["verdict"], serde_json::json!({"old": "deny", "new": verdict}));
    }
}

#[test]
fn a_report_that_cannot_be_read_is_2_and_says_why() {
    let folder = reports(&[("good.json", &["--deny", "CN", "zoom-home-region.pcapng"])]);
    let good = std::fs::read_to_string(folder.path().join("good.json")).unwrap();
    for (name, text, word) in [
        ("empty.json", String::new(), "'empty.json' is no report of landfall inspect --format json: EOF"),
        ("list.json", "[]".to_owned(), "'list.json' is no report of landfall inspect --format json"),
        ("other.json", "{}".to_owned(), "missing field `schema_version`"),
        (
            "later.json",
            "{\"schema_version\": \"2\"}".to_owned(),
            "'later.json' has schema_version \"2\", and this landfall reads \"1\"; use the landfall that wrote it",
        ),
        ("without.json", good.replacen("\"sessions\"", "\"sesions\"", 1), "missing field `sessions`"),
        (
            "country.json",
            good.replacen("\"country\": \"US\"", "\"country\": \"ZZ\"", 1),
            "\"ZZ\" is not a country code of ISO 3166-1 at line",
        ),
        ("deep.json", format!("{{\"x\": {}", "[".repeat(100_000)), "EOF while parsing a list"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
        for arguments in
            [&["diff", "good.json", name][..], &["policy", "explain", "@no-mainland-china", name]]
        {
            let found = run_in(folder.path(), arguments);
            assert_eq!(found.status, 2, "{arguments:?}");
            assert!(
                found.stdout.is_empty() && found.stderr.contains(word),
                "{arguments:?}: {}",
                found.stderr
            );
        }
    }
    assert_eq!(differ(folder.path(), "good.json", "none.json").status, 2);
}

#[test]
fn every_report_of_a_sample_reads_back() {
    let folder = tempfile::tempdir().unwrap();
    for name in sample_names() {
        let report = run(&["inspect", "--format", "json", "--deny", "CN", &name]);
        std::fs::write(folder.path().join("r.json"), &report.stdout).unwrap();
        assert_eq!(differ(folder.path(), "r.json", "r.json").status, 0, "{name}");
        let found = run_in(folder.path(), &["policy", "explain", "@no-mainland-china", "r.json"]);
        assert_eq!(found.status, 0, "{name}: {}", found.stderr);
        // The same rules come to the same verdict on each call.
        let calls = report.json()["sessions"].as_array().unwrap().clone();
        let expected: Vec<&str> = calls.iter().map(|call| call["verdict"].as_str().unwrap()).collect();
        assert_eq!(verdicts(&found.text()), expected, "{name}");
    }
}

/// What is read back of a report is all that the verdict on a call rests on.
#[test]
fn real_captures_are_explained_as_they_were_judged() {
    let folder = tempfile::tempdir().unwrap();
    for path in captures() {
        let path = path.to_str().unwrap();
        for policy in [&["@eu-stays-in-eu"][..], &["@home-only", "--home", "US"]] {
            let arguments = [&["inspect", "--format", "json", path, "--policy"], policy].concat();
            let report = run_in(folder.path(), &arguments);
            // What is no capture has no report.
            if report.stdout.is_empty() {
                continue;
            }
            std::fs::write(folder.path().join("r.json"), &report.stdout).unwrap();
            let explained = run_in(
                folder.path(),
                &[&["policy", "explain"], &policy[..1], &["r.json"], &policy[1..]].concat(),
            );
            assert_eq!(explained.status, 0, "{path}: {}", explained.stderr);
            let expected: Vec<String> = report.json()["sessions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|call| call["verdict"].as_str().unwrap().to_owned())
                .collect();
            assert_eq!(verdicts(&explained.text()), expected, "{path}");
            assert!(explained.text().lines().all(fits), "{path}: {}", explained.text());
            assert_eq!(differ(folder.path(), "r.json", "r.json").status, 0, "{path}");
        }
    }
}

/// The verdicts on calls in an explanation.
fn verdicts(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| line.contains(" call of ") && !line.starts_with("      "));
    let words = lines.map(|line| match line[..4].trim() {
        "DENY" => "deny",
        "?" => "indeterminate",
        _ => "allow",
    });
    words.collect()
}

#[test]
fn help_has_the_exit_statuses() {
    for (arguments, line) in [
        (&["diff", "--help"][..], "1  something differs"),
        (&["policy", "check", "--help"], "2  it could not be done, or a policy has mistakes"),
        (&["policy", "explain", "--help"], "2  it could not be done, or a policy has mistakes"),
    ] {
        let text = run(arguments).text();
        assert!(text.contains("Exit status") && text.contains(line), "{text}");
    }
}

#[test]
fn groups_and_the_schema_are_printed() {
    let groups = run(&["policy", "groups", "--format", "json"]).json();
    assert_eq!(groups["groups"].as_array().unwrap().len(), landfall::policy::groups().len());
    assert_eq!(groups["groups"][0]["name"], "eu");
    let schema = std::fs::read(root().join("data/policies/schema.json")).unwrap();
    assert!(run(&["policy", "schema"]).stdout == schema);
    for arguments in [&["policy", "groups"][..], &["policy", "list"], &["policy", "show", "@eu-stays-in-eu"]]
    {
        let text = run(arguments).text();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{arguments:?}: {text}");
    }
}

#[test]
fn the_documentation_is_right() {
    let text = std::fs::read_to_string(root().join("docs/policy.md")).unwrap();
    let blocks: Vec<&str> =
        text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2);
    for block in blocks {
        let checked =
            Policy::check("docs/policy.md", block.as_bytes(), &[]).unwrap_or_else(|found| panic!("{found}"));
        assert_eq!(checked.warnings.to_string(), "");
    }
    let schema: serde_json::Value =
        serde_json::from_slice(&std::fs::read(root().join("data/policies/schema.json")).unwrap()).unwrap();
    let rule = schema["definitions"]["Rule"]["properties"].as_object().unwrap();
    for key in rule.keys().chain(schema["properties"].as_object().unwrap().keys()) {
        assert!(
            ["description", "rule"].contains(&key.as_str()) || text.contains(key),
            "{key} is not in docs/policy.md"
        );
    }
}
