//! A server that plays to its callers, a caller, and a stranger and a bystander on links of their own.

use std::thread;
use std::time::{Duration, Instant};

use interop::namespace::Namespace;
use interop::program::Running;

use super::inside::metric;
use super::peer::{Peer, VERSIONS, run};
use super::{Link, RECORDING};

/// Where the server's counters are.
const METRICS: &str = "10.78.0.1:9100";

/// Its endpoint.
pub(crate) const URL: &str = "http://10.78.0.1:8080";

/// The priority of a host candidate.
pub(crate) const PRIORITY: u32 = 0x7E00_00FF;

const RECEIVED: &str = "portcullis_received_rtp_packets_total";

/// The hosts. The server is 10.78.0.1 to all of them.
pub(crate) struct Street {
    pub(crate) link: Link,
    /// 10.78.1.2.
    pub(crate) stranger: Namespace,
    /// 10.78.2.2: it has to do with nobody.
    pub(crate) bystander: Namespace,
    _listen: Running,
}

/// A moment of a call.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    at: Instant,
    sent: u16,
    received: u64,
}

/// What a call has lost since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    /// The longest time without media.
    pub(crate) gap: Duration,
    /// Packets of the server's that did not come.
    pub(crate) down: usize,
    /// Packets of the caller's that the server did not get.
    pub(crate) up: u64,
}

impl Street {
    /// With further options of `listen`; `None` where no namespaces can be made.
    pub(crate) fn new(options: &[&str]) -> Option<Self> {
        let link = Link::new()?;
        let (stranger, bystander) = (link.neighbour(1)?, link.neighbour(2)?);
        let usual: &[&str] = &["--public-address", "10.78.0.1", "--metrics", METRICS];
        let listen = link.listen(&[usual, &["--play", RECORDING], options].concat());
        Some(Self {
            link,
            stranger,
            bystander,
            _listen: listen,
        })
    }

    /// A caller of the far host.
    pub(crate) fn caller(&self) -> Peer {
        Peer::calling(&self.link.far, "10.78.0.2:0", URL, &VERSIONS)
    }

    /// A caller of the stranger's, which says nothing by itself.
    pub(crate) fn thief(&self) -> Peer {
        let mut thief = Peer::calling(&self.stranger, "10.78.1.2:0", URL, &VERSIONS);
        thief.talks = false;
        thief
    }

    /// One of the server's counters.
    pub(crate) fn count(&self, name: &str) -> u64 {
        metric(&self.link.near, METRICS, name)
    }

    /// Now, when all that is on its way has arrived.
    pub(crate) fn moment(&self, caller: &mut Peer) -> Moment {
        self.settle(caller);
        Moment {
            at: Instant::now(),
            sent: caller.sent,
            received: self.count(RECEIVED),
        }
    }

    /// What a caller has lost since then, if no other one talks.
    pub(crate) fn loss_since(&self, caller: &mut Peer, since: Moment) -> Loss {
        self.settle(caller);
        let (gap, down) = caller.loss_since(since.at);
        let sent = u64::from(caller.sent - since.sent);
        let up = sent.saturating_sub(self.count(RECEIVED) - since.received);
        Loss { gap, down, up }
    }

    fn settle(&self, caller: &mut Peer) {
        let talks = std::mem::replace(&mut caller.talks, false);
        run(&mut [caller], Duration::from_millis(100));
        thread::sleep(Duration::from_millis(5));
        caller.turn();
        caller.talks = talks;
    }
}
