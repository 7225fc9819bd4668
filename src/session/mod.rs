//! Session: flows grouped into calls.
//!
//! A session is what one client has to do with one server, in as many flows as it takes.

use crate::capture::Timestamp;
use crate::flow::Flow;
use std::collections::HashMap;
use std::net::IpAddr;

/// The flows between one client and one server.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who opened the flows.
    pub client: IpAddr,
    /// The other side.
    pub server: IpAddr,
    /// Time of the first packet.
    pub start: Timestamp,
    /// Time of the last packet.
    pub end: Timestamp,
    /// Places of the flows in the list they were grouped from.
    pub flows: Vec<u32>,
}

/// Groups `flows` by client and server, in the order of their first packets.
pub fn group<S>(flows: &[Flow<S>]) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    let mut by_pair: HashMap<(IpAddr, IpAddr), usize, foldhash::fast::RandomState> = HashMap::default();
    for (flow, place) in flows.iter().zip(0..) {
        let (client, server) = (flow.client().0, flow.server().0);
        let position = *by_pair.entry((client, server)).or_insert_with(|| {
            let (start, end) = (flow.start(), flow.end());
            sessions.push(Session { client, server, start, end, flows: Vec::new() });
            sessions.len() - 1
        });
        if let Some(session) = sessions.get_mut(position) {
            session.start = session.start.min(flow.start());
            session.end = session.end.max(flow.end());
            session.flows.push(place);
        }
    }
    sessions
}
