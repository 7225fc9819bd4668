//! Policies that the program carries: `--policy @no-mainland-china`.

/// A policy that the program carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyMade {
    /// What follows the `@`.
    pub name: &'static str,
    /// Its file.
    pub text: &'static str,
}

const READY_MADE: [ReadyMade; 4] = [
    ReadyMade {
        name: "doj-countries-of-concern",
        text: include_str!("../../../data/policies/doj-countries-of-concern.toml"),
    },
    ReadyMade { name: "eu-stays-in-eu", text: include_str!("../../../data/policies/eu-stays-in-eu.toml") },
    ReadyMade { name: "home-only", text: include_str!("../../../data/policies/home-only.toml") },
    ReadyMade {
        name: "no-mainland-china",
        text: include_str!("../../../data/policies/no-mainland-china.toml"),
    },
];

/// Every policy that the program carries, in the order of their names.
pub const fn ready_made() -> &'static [ReadyMade] {
    &READY_MADE
}
