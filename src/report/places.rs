//! Where the addresses of a capture are, by what its packets say of each: when it was seen, its names, its
//! round-trip time.

use crate::capture::{Input, Timestamp};
use crate::flow::Tally;
use crate::identify::Inference;
use crate::identify::facts::RttVia;
use crate::identify::infer::EndpointIdentity;
use crate::locate::{Context, Locator, Placement, RoundTrip};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Places the addresses of one capture.
#[derive(Debug)]
pub struct Places<'a> {
    locator: &'a Locator,
    tallies: &'a BTreeMap<IpAddr, Tally>,
    inference: &'a Inference,
    recorded: BTreeMap<IpAddr, Vec<&'a str>>,
}

impl<'a> Places<'a> {
    /// Gathers what packets say of each address.
    pub fn new(
        locator: &'a Locator,
        inputs: &'a [Input],
        tallies: &'a BTreeMap<IpAddr, Tally>,
        inference: &'a Inference,
    ) -> Self {
        let mut recorded: BTreeMap<IpAddr, Vec<&str>> = BTreeMap::new();
        for name in inputs.iter().flat_map(|input| &input.recorded_names) {
            recorded.entry(name.address).or_default().push(&name.name);
        }
        Self { locator, tallies, inference, recorded }
    }

    /// Where `address` is.
    pub fn locate(&self, address: IpAddr) -> Placement {
        let tally = self.tallies.get(&address);
        let known = self.inference.endpoints.get(&address);
        let names = known.into_iter().flat_map(|known| &known.names).map(|(name, _)| &**name);
        let recorded = self.recorded.get(&address).into_iter().flatten().copied();
        let names: Vec<&str> = names.chain(recorded).collect();
        self.locator.locate_in(
            address,
            &Context {
                time: tally.and_then(|tally| Some((time(tally.first)?, time(tally.last)?))),
                names: &names,
                round_trip: known.and_then(|known| self.round_trip(known)),
            },
        )
    }

    /// The least of the round-trip times to an address. Those that something nearer answered are not among them;
    /// where there is such a thing, what it lets through (TLS) tells nothing of distance either.
    fn round_trip(&self, known: &EndpointIdentity) -> Option<RoundTrip> {
        let proxied = !self.inference.proxied_clients.is_empty();
        let usable = known.rtts.iter().filter(|rtt| !(proxied && rtt.via == RttVia::Tls));
        let least = usable.clone().min_by_key(|rtt| (rtt.min, rtt.via))?;
        Some(RoundTrip {
            min: least.min,
            samples: usable.map(|rtt| rtt.samples).sum(),
            via: least.via.name(),
        })
    }
}

fn time(at: Timestamp) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_nanosecond(i128::from(at.nanoseconds())).ok()
}
