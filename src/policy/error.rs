//! Why a policy cannot be used.

/// A policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Nothing stands between two commas.
    #[error("empty item in the country list {list:?}")]
    EmptyItem {
        /// The list as given.
        list: String,
    },
    /// Every country of the list is taken out again.
    #[error("the country list {list:?} leaves no country")]
    NothingLeft {
        /// The list as given.
        list: String,
    },
    /// The list has nothing but exclusions.
    #[error("the country list {list:?} only takes countries out; name those it takes them out of first")]
    OnlyExclusions {
        /// The list as given.
        list: String,
    },
    /// The list is longer than any list of countries.
    #[error("a country list has more than {limit} items")]
    TooManyItems {
        /// Items that are accepted.
        limit: usize,
    },
    /// No country has that code.
    #[error("unknown country code {item:?}{}", did_you_mean(suggestion.as_ref()))]
    UnknownCountry {
        /// The item as given.
        item: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
    /// No group has that name.
    #[error("unknown country group {item:?}{}", did_you_mean(suggestion.as_ref()))]
    UnknownGroup {
        /// The item as given.
        item: String,
        /// What may have been meant.
        suggestion: Option<String>,
    },
}

fn did_you_mean(suggestion: Option<&String>) -> String {
    suggestion.map_or_else(String::new, |suggestion| format!("; did you mean {suggestion:?}?"))
}
