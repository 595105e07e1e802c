//! Candidates: the addresses that agents tell each other (RFC 8445 §5.1, RFC 8839 §5.1).

use crate::Transport;
use std::{fmt, net::IpAddr, net::SocketAddr, str::FromStr};

/// An address at which an agent can be reached.
///
/// [`fmt::Display`] writes, and [`FromStr`] reads, the value of an `a=candidate` line from
/// `candidate:` on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// The same for candidates that stand or fall together (RFC 8445 §5.1.1.3).
    pub foundation: Box<str>,
    /// 1 for RTP, and for all of a session with rtcp-mux; 2 for RTCP.
    pub component: u16,
    /// The transport protocol; for TCP the candidate is a passive one.
    pub transport: Transport,
    /// The higher, the better (RFC 8445 §5.1.2).
    pub priority: u32,
    /// The address.
    pub address: SocketAddr,
    /// How the address was found.
    pub kind: CandidateKind,
}

/// How a candidate's address was found (RFC 8445 §5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// An address of the host itself.
    Host,
    /// The address that a NAT gave it, seen by a STUN server.
    ServerReflexive,
    /// The address that a NAT gave it, seen by the peer.
    PeerReflexive,
    /// An address on a TURN server.
    Relayed,
}

impl CandidateKind {
    /// The word in the SDP.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relayed => "relay",
        }
    }

    /// RFC 8445 §5.1.2.2: the recommended type preferences.
    const fn preference(self) -> u32 {
        match self {
            Self::Host => 126,
            Self::PeerReflexive => 110,
            Self::ServerReflexive => 100,
            Self::Relayed => 0,
        }
    }
}

impl Candidate {
    /// A host candidate of ours for a UDP socket. `rank` is 0 for the address we like best.
    #[must_use]
    pub fn host(address: SocketAddr, rank: u16) -> Self {
        Self {
            foundation: (u32::from(rank) + 1).to_string().into(),
            component: 1,
            transport: Transport::Udp,
            priority: priority(CandidateKind::Host, u16::MAX - rank),
            address,
            kind: CandidateKind::Host,
        }
    }

    /// A host candidate of ours for a listening TCP socket (RFC 6544), below every UDP one.
    #[must_use]
    pub fn host_tcp(address: SocketAddr, rank: u16) -> Self {
        // RFC 6544 §4.2: with UDP at hand, TCP gets a lower type preference; and §4.2 gives
        // the direction preference 4 of passive candidates the top three bits.
        let local_preference = (4 << 13) | (0x1FFF - rank.min(0x1FFF));
        Self {
            foundation: (u32::from(rank) + 0x1_0001).to_string().into(),
            transport: Transport::Tcp,
            priority: priority_of(TCP_HOST_PREFERENCE, local_preference),
            ..Self::host(address, rank)
        }
    }
}

/// RFC 8445 §5.1.2.1, for component 1.
pub(crate) const fn priority(kind: CandidateKind, local_preference: u16) -> u32 {
    priority_of(kind.preference(), local_preference)
}

/// Below the 100 of a server-reflexive UDP candidate, above the 0 of a relayed one.
const TCP_HOST_PREFERENCE: u32 = 90;

const fn priority_of(type_preference: u32, local_preference: u16) -> u32 {
    type_preference << 24 | (local_preference as u32) << 8 | 255
}

impl fmt::Display for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transport, suffix) = match self.transport {
            Transport::Udp => ("udp", ""),
            Transport::Tcp => ("tcp", " tcptype passive"),
        };
        let Self {
            foundation,
            component,
            priority,
            address,
            kind,
            ..
        } = self;
        let (ip, port, kind) = (address.ip(), address.port(), kind.name());
        write!(
            f,
            "candidate:{foundation} {component} {transport} {priority} {ip} {port} typ {kind}"
        )?;
        // RFC 8839 §5.1: reflexive and relayed candidates carry a related address; ours is hidden.
        if self.kind != CandidateKind::Host {
            f.write_str(" raddr 0.0.0.0 rport 9")?;
        }
        f.write_str(suffix)
    }
}

impl FromStr for Candidate {
    type Err = CandidateError;

    fn from_str(text: &str) -> Result<Self, CandidateError> {
        let text = text
            .trim()
            .strip_prefix("candidate:")
            .ok_or(CandidateError::Prefix)?;
        let mut words = text.split_ascii_whitespace();
        let mut next = || words.next().ok_or(CandidateError::MissingField);
        let (foundation, component, transport) = (next()?, next()?, next()?);
        let (priority, ip, port, typ, kind) = (next()?, next()?, next()?, next()?, next()?);
        // RFC 8839 §5.1: a foundation has 1 to 32 characters.
        if foundation.len() > 32 {
            return Err(CandidateError::Foundation);
        }
        if typ != "typ" {
            return Err(CandidateError::MissingField);
        }
        Ok(Self {
            foundation: foundation.into(),
            component: component.parse().map_err(|_| CandidateError::Component)?,
            transport: read_transport(transport, words)?,
            priority: priority.parse().map_err(|_| CandidateError::Priority)?,
            address: SocketAddr::new(
                ip.parse::<IpAddr>()
                    .map_err(|_| CandidateError::NotAnIpAddress)?,
                port.parse().map_err(|_| CandidateError::Port)?,
            ),
            kind: read_kind(kind)?,
        })
    }
}

fn read_transport<'a>(
    word: &str,
    mut extensions: impl Iterator<Item = &'a str>,
) -> Result<Transport, CandidateError> {
    if word.eq_ignore_ascii_case("udp") {
        return Ok(Transport::Udp);
    }
    // RFC 6544 §4.5: a TCP candidate says `tcptype`. We connect to none but passive ones.
    let passive = extensions.any(|word| word == "tcptype") && extensions.next() == Some("passive");
    match word.eq_ignore_ascii_case("tcp") && passive {
        true => Ok(Transport::Tcp),
        false => Err(CandidateError::Transport),
    }
}

fn read_kind(word: &str) -> Result<CandidateKind, CandidateError> {
    use CandidateKind::{Host, PeerReflexive, Relayed, ServerReflexive};
    [Host, ServerReflexive, PeerReflexive, Relayed]
        .into_iter()
        .find(|kind| kind.name() == word)
        .ok_or(CandidateError::Kind)
}

/// Why a candidate line is of no use. The other lines of the SDP may well be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CandidateError {
    /// It does not begin with `candidate:`.
    #[error("does not begin with `candidate:`")]
    Prefix,
    /// A field is missing.
    #[error("a field of the candidate is missing")]
    MissingField,
    /// The foundation is longer than 32 characters.
    #[error("the foundation is longer than 32 characters")]
    Foundation,
    /// The component is no number.
    #[error("the component is no number")]
    Component,
    /// The transport is neither UDP nor passive TCP.
    #[error("the transport is neither UDP nor passive TCP")]
    Transport,
    /// The priority is no 32-bit number.
    #[error("the priority is no 32-bit number")]
    Priority,
    /// The address is a host name (such as an mDNS one), not an IP address.
    #[error("the address is not an IP address")]
    NotAnIpAddress,
    /// The port is no port.
    #[error("the port is no port")]
    Port,
    /// The type is unknown.
    #[error("the candidate type is unknown")]
    Kind,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Candidate, CandidateError> {
        text.parse()
    }

    #[test]
    fn ours_are_written_as_rfc_8839_has_them_and_read_back() {
        let v4 = SocketAddr::from(([192, 0, 2, 1], 3478));
        let v6 = "[2001:db8::1]:3478".parse().expect("an address");
        let udp = Candidate::host(v4, 0);
        assert_eq!(
            udp.to_string(),
            "candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host"
        );
        let second = Candidate::host(v6, 1);
        assert_eq!(
            second.to_string(),
            "candidate:2 1 udp 2130706175 2001:db8::1 3478 typ host"
        );
        let tcp = Candidate::host_tcp(v4, 0);
        assert_eq!(
            tcp.to_string(),
            "candidate:65537 1 tcp 1520435199 192.0.2.1 3478 typ host tcptype passive"
        );
        assert!(udp.priority > second.priority && second.priority > tcp.priority);
        for candidate in [udp, second, tcp] {
            assert_eq!(read(&candidate.to_string()), Ok(candidate));
        }
    }

    #[test]
    fn lines_of_browsers() {
        let chromium = read(
            "candidate:842163049 1 udp 1677729535 198.51.100.7 44986 typ srflx raddr 192.0.2.2 \
             rport 44986 generation 0 ufrag 4ZcD network-cost 999",
        )
        .expect("a candidate");
        assert_eq!(chromium.kind, CandidateKind::ServerReflexive);
        assert_eq!(
            chromium.address,
            SocketAddr::from(([198, 51, 100, 7], 44_986))
        );
        assert_eq!(
            (chromium.priority, &*chromium.foundation),
            (1_677_729_535, "842163049")
        );
        let firefox = read("candidate:0 2 UDP 2122187006 192.0.2.2 53412 typ host");
        assert_eq!(firefox.map(|candidate| candidate.component), Ok(2));
        let mdns = "candidate:1 1 udp 2113937151 0a1b2c3d-1111.local 54321 typ host";
        assert_eq!(read(mdns), Err(CandidateError::NotAnIpAddress));
        let active = "candidate:1 1 tcp 1518280447 192.0.2.2 9 typ host tcptype active";
        assert_eq!(read(active), Err(CandidateError::Transport));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let line = "candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host";
        for cut in 1..8 {
            let words: Vec<_> = line.split(' ').take(cut).collect();
            assert_eq!(read(&words.join(" ")), Err(CandidateError::MissingField));
        }
        for (from, to, error) in [
            ("candidate:", "", CandidateError::Prefix),
            (
                "candidate:1",
                "candidate:123456789012345678901234567890123",
                CandidateError::Foundation,
            ),
            (" 1 ", " one ", CandidateError::Component),
            ("udp", "sctp", CandidateError::Transport),
            ("2130706431", "4294967296", CandidateError::Priority),
            ("192.0.2.1", "192.0.2.256", CandidateError::NotAnIpAddress),
            ("3478", "65536", CandidateError::Port),
            ("typ", "type", CandidateError::MissingField),
            ("host", "guest", CandidateError::Kind),
        ] {
            assert_eq!(
                read(&line.replacen(from, to, 1)),
                Err(error),
                "{from} -> {to}"
            );
        }
    }
}
