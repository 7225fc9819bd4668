//! Which program has a socket: asked of a helper, which reads it from `/proc`.
//!
//! The sandbox hides other programs from us, as it should. What the helper is given are addresses and ports; what it
//! answers is a fact: at that moment the socket was that program's.

use super::helper::Helper;
use crate::pipeline::live::{NewFlow, ProcessFinder};
use crate::report::ProcessReport;
use std::io;
use std::net::IpAddr;

/// Finds programs by a helper.
#[derive(Debug)]
pub struct ByHelper(Option<Helper>);

impl ByHelper {
    /// Starts the helper. Sockets that are bound to no address are those of a flow only where the flow's client is one
    /// of `own` addresses.
    pub fn start(own: &[IpAddr]) -> io::Result<Self> {
        let own: Vec<String> = own.iter().map(ToString::to_string).collect();
        Ok(Self(Some(Helper::start(&["find", &own.join(",")])?)))
    }
}

impl ProcessFinder for ByHelper {
    fn find(&mut self, flows: &[NewFlow]) -> Vec<Option<ProcessReport>> {
        let ask = |flow: &NewFlow| {
            format!("{} {} {}", if flow.tcp { "tcp" } else { "udp" }, flow.client, flow.server)
        };
        let lines: Vec<String> = flows.iter().map(ask).collect();
        let answers = self.0.as_mut().and_then(|helper| helper.ask(&lines).ok());
        if let Some(answers) = answers {
            return answers.iter().map(|answer| parse(answer)).collect();
        }
        // A helper that has ended finds nothing more.
        self.0 = None;
        vec![None; flows.len()]
    }
}

fn parse(answer: &str) -> Option<ProcessReport> {
    let (pid, name) = answer.split_once(' ')?;
    Some(ProcessReport { pid: pid.parse().ok()?, name: name.to_owned() })
}

pub use find::run;

#[cfg(not(all(feature = "live", target_os = "linux")))]
mod find {
    use std::io;

    /// Answers each line of standard input with an empty one: nothing is known.
    pub fn run(_own: &str) -> io::Result<()> {
        for line in io::stdin().lines() {
            line?;
            io::Write::write_all(&mut io::stdout(), b"\n")?;
        }
        Ok(())
    }
}

#[cfg(all(feature = "live", target_os = "linux"))]
mod find {
    use procfs::process::{FDTarget, Process, all_processes};
    use std::collections::{HashMap, HashSet};
    use std::io::{self, BufRead, Read, Write};
    use std::net::{IpAddr, SocketAddr};

    /// Sockets that are remembered. A machine has some hundred.
    const MAX_SOCKETS: usize = 1 << 16;

    /// Bytes of questions that are read at once.
    const BLOCK: usize = 1 << 16;

    /// A socket: whether it is TCP, its own end and the other.
    type Socket = (bool, SocketAddr, SocketAddr);

    /// Answers each line of standard input, `tcp|udp CLIENT SERVER`, with `PID NAME`, or with nothing where that could
    /// not be seen.
    pub fn run(own: &str) -> io::Result<()> {
        drop_capabilities();
        let mut finder = Finder {
            own: own.split(',').filter_map(|address| address.parse().ok()).collect(),
            sockets: HashMap::new(),
            owners: HashMap::new(),
        };
        let mut input = io::BufReader::with_capacity(BLOCK, io::stdin().lock());
        let mut output = io::stdout().lock();
        loop {
            let mut lines = Vec::new();
            // What has come in one piece is answered by one look.
            loop {
                let mut line = String::new();
                if input.by_ref().take(256).read_line(&mut line)? == 0 {
                    break;
                }
                lines.push(line);
                if !input.buffer().contains(&b'\n') {
                    break;
                }
            }
            if lines.is_empty() {
                return Ok(());
            }
            finder.look();
            let answers: String = lines.iter().map(|line| finder.answer(line) + "\n").collect();
            output.write_all(answers.as_bytes())?;
            output.flush()?;
        }
    }

    /// Keeps of what root may do only what it takes to see the sockets of others' programs.
    fn drop_capabilities() {
        #[cfg(feature = "sandbox")]
        {
            use caps::{CapSet, Capability};
            let needed = HashSet::from([Capability::CAP_SYS_PTRACE, Capability::CAP_DAC_READ_SEARCH]);
            let has = caps::read(None, CapSet::Permitted).unwrap_or_default();
            let keep = needed.intersection(&has).copied().collect();
            for set in [CapSet::Ambient, CapSet::Inheritable] {
                let _ = caps::clear(None, set);
            }
            for set in [CapSet::Effective, CapSet::Permitted] {
                let _ = caps::set(None, set, &keep);
            }
        }
    }

    struct Finder {
        own: HashSet<IpAddr>,
        /// Inode of each socket.
        sockets: HashMap<Socket, u64>,
        /// Program that has the socket with an inode.
        owners: HashMap<u64, (i32, String)>,
    }

    impl Finder {
        /// Reads which sockets there are, and of those that are new whose they are.
        fn look(&mut self) {
            self.sockets.clear();
            let tcp = [procfs::net::tcp(), procfs::net::tcp6()].into_iter().flatten().flatten();
            self.sockets.extend(
                tcp.map(|entry| {
                    ((true, plain(entry.local_address), plain(entry.remote_address)), entry.inode)
                }),
            );
            let udp = [procfs::net::udp(), procfs::net::udp6()].into_iter().flatten().flatten();
            self.sockets.extend(udp.map(|entry| {
                ((false, plain(entry.local_address), plain(entry.remote_address)), entry.inode)
            }));
            let live: HashSet<u64> = self.sockets.values().copied().collect();
            self.owners.retain(|inode, _| live.contains(inode));
            if live.iter().all(|inode| *inode == 0 || self.owners.contains_key(inode)) {
                return;
            }
            for process in all_processes().into_iter().flatten().flatten() {
                self.add(&process, &live);
            }
        }

        fn add(&mut self, process: &Process, live: &HashSet<u64>) {
            let Ok(descriptors) = process.fd() else { return };
            let mut name = None;
            for descriptor in descriptors.flatten() {
                let FDTarget::Socket(inode) = descriptor.target else { continue };
                if !live.contains(&inode)
                    || self.owners.contains_key(&inode)
                    || self.owners.len() >= MAX_SOCKETS
                {
                    continue;
                }
                let name =
                    name.get_or_insert_with(|| process.stat().map(|stat| stat.comm).unwrap_or_default());
                self.owners.insert(inode, (process.pid, name.clone()));
            }
        }

        fn answer(&self, line: &str) -> String {
            let owner = self.socket(line).and_then(|inode| self.owners.get(&inode));
            owner.map_or_else(String::new, |(pid, name)| {
                let name: String = name.chars().filter(|character| !character.is_control()).collect();
                format!("{pid} {name}")
            })
        }

        /// Whether it is an address of this machine.
        fn is_own(&self, end: SocketAddr) -> bool {
            self.own.contains(&end.ip()) || end.ip().is_loopback()
        }

        fn socket(&self, line: &str) -> Option<u64> {
            let mut words = line.split_whitespace();
            let tcp = words.next()? == "tcp";
            let client: SocketAddr = words.next()?.parse().ok()?;
            let server: SocketAddr = words.next()?.parse().ok()?;
            // Of two participants either may have sent first.
            let (client, server) =
                if self.is_own(client) || !self.is_own(server) { (client, server) } else { (server, client) };
            if let Some(inode) = self.sockets.get(&(tcp, client, server)) {
                return Some(*inode);
            }
            // A UDP socket that is not connected says nothing of the other end, and may say nothing of its own address.
            if tcp || !self.is_own(client) {
                return None;
            }
            let any: [IpAddr; 2] = [[0; 4].into(), [0; 16].into()];
            any.into_iter().find_map(|nobody| {
                let remote = SocketAddr::new(nobody, 0);
                let own = SocketAddr::new(nobody, client.port());
                self.sockets
                    .get(&(tcp, client, remote))
                    .or_else(|| self.sockets.get(&(tcp, own, remote)))
                    .copied()
            })
        }
    }

    /// An IPv4 address that stands in an IPv6 socket as itself; `::` stays, as the address of either kind.
    fn plain(socket: SocketAddr) -> SocketAddr {
        SocketAddr::new(socket.ip().to_canonical(), socket.port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_names_a_program_or_nothing() {
        let program = |pid, name: &str| Some(ProcessReport { name: name.to_owned(), pid });
        assert_eq!(parse("12 Web Content"), program(12, "Web Content"));
        assert_eq!(["", "12", "x y", "-1 z"].map(parse), [None, None, None, None]);
    }
}
