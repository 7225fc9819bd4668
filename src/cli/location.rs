//! The options that say what is asked where addresses are.

use crate::locate::Vantage;
use clap::Args;
use std::path::PathBuf;

/// What is asked where addresses are.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Location")]
pub struct Location {
    /// Ask this MMDB database too, whatever its schema, or those in a folder (repeatable)
    ///
    /// Of several builds of one database the one nearest to the packets' time is asked. What is no file is looked for
    /// by name in the store (landfall db) and where geoipupdate puts its files: GeoLite2-Country.
    #[arg(long, value_name = "FILE|DIR|NAME")]
    pub db: Vec<PathBuf>,

    /// Do not ask the embedded databases
    #[arg(long)]
    pub no_default_db: bool,

    /// Ask this list of ranges too (repeatable)
    ///
    /// Told by its content: Amazon's ip-ranges.json, Azure's service tags, Google's cloud.json, Oracle's
    /// public IP ranges, a geofeed (RFC 8805), or lines of prefix,country.
    #[arg(long, value_name = "FILE|NAME")]
    pub ranges: Vec<PathBuf>,

    /// Addresses in this list, one prefix a line, are served from many places (repeatable)
    #[arg(long, value_name = "FILE|NAME")]
    pub anycast: Vec<PathBuf>,

    /// Report what every build of a database says, not the nearest only
    #[arg(long)]
    pub all_dates: bool,
}

/// The option that says where a capture was taken.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Location")]
pub struct From {
    /// Where the capture was taken: 45.07,7.69 or a country's code
    ///
    /// Round-trip times then refute countries that are too far away.
    #[arg(long, value_name = "LAT,LON|CC", allow_hyphen_values = true)]
    pub vantage: Option<Vantage>,
}
