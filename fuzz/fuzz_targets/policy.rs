//! Any bytes as a policy file; one that is understood judges, is put into words and read back.

#![no_main]

use landfall::identify::{Contact, Role, Service};
use landfall::locate::{Confidence, CountryCode, Location, Scope};
use landfall::policy::{Evidence, Policy, Verdict};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let checked = match Policy::check("fuzz.toml", data, &[]) {
        Ok(checked) => checked,
        Err(mistakes) => {
            assert!(!mistakes.mistakes.is_empty());
            let shown = mistakes.to_string();
            assert!(shown.chars().all(|letter| letter == '\n' || !letter.is_control()), "{shown:?}");
            return;
        }
    };
    let _ = checked.warnings.to_string();
    let home = "US,CA".parse().unwrap();
    let policy = checked.policy.at_home(&home);
    assert!(!policy.sentences().is_empty());
    let json = serde_json::to_string(&policy).unwrap();
    let again: Policy = serde_json::from_str(&json).unwrap();
    assert_eq!(policy.to_toml().as_bytes(), data);
    for country in ["CN", "US", "DE"].map(CountryCode::parse) {
        for confidence in [Confidence::Confirmed, Confidence::Likely, Confidence::Disputed, Confidence::Unknown] {
            let location = Location { country, confidence, ..Location::unknown() };
            for contact in [Contact::Attempted, Contact::Answered, Contact::Media] {
                let address = "52.81.151.250".parse().unwrap();
                let evidence = Evidence {
                    services: &[Service::ZOOM],
                    roles: &[Role::Media],
                    names: &["zoombj12mmr.zoom.us"],
                    ..Evidence::new(address, Scope::Global, &location, contact)
                };
                let found = policy.judge(&evidence);
                assert!(contact > Contact::Attempted || found.verdict == Verdict::Allow);
                assert_eq!(found, again.judge(&evidence));
            }
        }
    }
});
