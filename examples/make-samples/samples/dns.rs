//! DNS questions and their answers, RFC 1035.

use super::trace::Trace;
use super::{Micros, Path};
use simple_dns::rdata::{A, AAAA, CNAME, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, ResourceRecord, TYPE};
use std::net::IpAddr;

const TIME_TO_LIVE: u32 = 60;

/// Asks `path.server` for `name`; the answer leads through `aliases` to `addresses`.
pub(crate) fn look_up(
    trace: &mut Trace,
    time: Micros,
    path: Path,
    name: &str,
    aliases: &[&str],
    addresses: &[&str],
) {
    let id = path.client.port();
    let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().expect("an address")).collect();
    let kind = if addresses.iter().all(IpAddr::is_ipv6) { TYPE::AAAA } else { TYPE::A };
    let question =
        Question::new(Name::new_unchecked(name), QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false);

    let mut query = Packet::new_query(id);
    query.set_flags(PacketFlag::RECURSION_DESIRED);
    query.questions.push(question.clone());
    trace.ask(time, path, &query.build_bytes_vec_compressed().expect("a query"));

    let mut reply = Packet::new_reply(id);
    reply.set_flags(PacketFlag::RECURSION_DESIRED | PacketFlag::RECURSION_AVAILABLE);
    reply.questions.push(question);
    let mut owner = name;
    for &alias in aliases {
        reply.answers.push(record(owner, RData::CNAME(CNAME(Name::new_unchecked(alias)))));
        owner = alias;
    }
    for address in addresses {
        let data = match address {
            IpAddr::V4(address) => RData::A(A { address: address.into() }),
            IpAddr::V6(address) => RData::AAAA(AAAA { address: address.into() }),
        };
        reply.answers.push(record(owner, data));
    }
    trace.answer(time + path.round_trip, path, &reply.build_bytes_vec_compressed().expect("a reply"));
}

fn record<'a>(owner: &'a str, data: RData<'a>) -> ResourceRecord<'a> {
    ResourceRecord::new(Name::new_unchecked(owner), CLASS::IN, TIME_TO_LIVE, data)
}
