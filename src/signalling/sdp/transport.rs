//! What a description says of transports, at one of its levels, and what it means at all of them.

use dtls::{Fingerprint, FingerprintError, Role};
use ice_lite::{Candidate, Credentials};

use super::{MAX_CANDIDATES, SdpError, Setup};
use crate::session::{MAX_FINGERPRINTS, RemoteParameters};

/// The attributes of a transport, as they stand at the session or at a section.
#[derive(Clone, Debug, Default)]
pub(super) struct Transport {
    ufrag: Option<Box<str>>,
    password: Option<Box<str>>,
    pub(super) ice_options: IceOptions,
    fingerprints: Vec<Fingerprint>,
    /// What is wrong with the last fingerprint that can't be used.
    refused: Option<FingerprintError>,
    too_many_fingerprints: bool,
    setup: Option<Result<Setup, SdpError>>,
    tls_id: Option<String>,
    pub(super) cryptex: bool,
    candidates: Vec<Offered>,
    end_of_candidates: bool,
}

/// `a=ice-options` (RFC 8839 §5.6): those that mean something to us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::signalling) struct IceOptions {
    /// RFC 8445 §10.
    pub(in crate::signalling) ice2: bool,
    /// RFC 8838.
    pub(in crate::signalling) trickle: bool,
    /// DTLS inside STUN, by each of its names.
    pub(in crate::signalling) sped: [bool; SPED.len()],
}

/// The names of DTLS inside STUN: that of draft-hancke-webrtc-sped, and what libwebrtc has called it since
/// its versions 155 and 149.
const SPED: [&str; 3] = ["sped", "googspedv1", "goog-sped-v1"];

impl IceOptions {
    fn read(value: &str) -> Self {
        // The grammar separates them by spaces; libdatachannel has written commas.
        let named = |name| value.split([' ', ',']).any(|option| option == name);
        Self {
            ice2: named("ice2"),
            trickle: named("trickle"),
            sped: SPED.map(named),
        }
    }

    /// Adds those that are named elsewhere.
    fn merge(&mut self, other: Self) {
        self.ice2 |= other.ice2;
        self.trickle |= other.trickle;
        for (ours, theirs) in self.sped.iter_mut().zip(other.sped) {
            *ours |= theirs;
        }
    }

    /// What an offer of ours says.
    pub(crate) const fn ours(sped: bool) -> Self {
        Self {
            ice2: true,
            trickle: false,
            sped: [sped; SPED.len()],
        }
    }

    /// Which of these an answer takes.
    pub(crate) const fn taken(self, sped: bool) -> Self {
        match sped {
            true => self,
            false => Self {
                sped: [false; SPED.len()],
                ..self
            },
        }
    }

    /// The value of the attribute, unless none is left.
    pub(crate) fn value(self) -> Option<String> {
        let named = [("ice2", self.ice2), ("trickle", self.trickle)].into_iter();
        let named = named.chain(SPED.into_iter().zip(self.sped));
        let named: Vec<_> = named.filter(|(_, is)| *is).map(|(name, _)| name).collect();
        (!named.is_empty()).then(|| named.join(" "))
    }
}

/// A candidate, and the ufrag that it belongs to, if it names one.
#[derive(Clone, Debug)]
struct Offered {
    candidate: Candidate,
    ufrag: Option<Box<str>>,
}

impl Offered {
    /// Reads the value of an `a=candidate`; one that is of no use, such as a host name, is skipped.
    fn read(value: &str) -> Option<Self> {
        let candidate: Candidate = format!("candidate:{value}").parse().ok()?;
        // RFC 8834 §4.5: RTCP has no transport of its own.
        if candidate.component != 1 || candidate.address.ip().is_unspecified() {
            return None;
        }
        let ufrag = ufrag_of(value).map(Into::into);
        Some(Self { candidate, ufrag })
    }

    /// RFC 9429 §3.5.2.1: a candidate of another generation of ICE is not for this one.
    fn belongs_to(&self, ufrag: &str) -> bool {
        self.ufrag.as_deref().is_none_or(|named| named == ufrag)
    }
}

/// The ufrag that a candidate names, behind its eight words in pairs of a name and a value.
pub(in crate::signalling) fn ufrag_of(candidate: &str) -> Option<&str> {
    let mut words = candidate.split_ascii_whitespace().skip(8);
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        if name == "ufrag" {
            return Some(value);
        }
    }
    None
}

impl Transport {
    /// Takes an attribute, if it is one of a transport.
    pub(super) fn take(&mut self, name: &str, value: &str) -> bool {
        match name {
            "ice-ufrag" => self.ufrag = Some(value.into()),
            "ice-pwd" => self.password = Some(value.into()),
            "ice-options" => {
                self.ice_options.merge(IceOptions::read(value));
            }
            "fingerprint" => self.take_fingerprint(value),
            "setup" => self.setup = Some(Setup::from_name(value).ok_or(SdpError::BadSetup)),
            "tls-id" => self.tls_id = Some(value.into()),
            "cryptex" => self.cryptex = true,
            "candidate" if self.candidates.len() < MAX_CANDIDATES => {
                self.candidates.extend(Offered::read(value));
            }
            "end-of-candidates" => self.end_of_candidates = true,
            "candidate" => {}
            _ => return false,
        }
        true
    }

    fn take_fingerprint(&mut self, value: &str) {
        match value.parse() {
            Ok(_) if self.fingerprints.len() == MAX_FINGERPRINTS => {
                self.too_many_fingerprints = true;
            }
            Ok(fingerprint) => self.fingerprints.push(fingerprint),
            Err(error) => self.refused = Some(error),
        }
    }

    fn has_fingerprints(&self) -> bool {
        !self.fingerprints.is_empty() || self.refused.is_some()
    }

    pub(super) fn credentials(&self) -> (Option<&str>, Option<&str>) {
        (self.ufrag.as_deref(), self.password.as_deref())
    }

    /// The candidates that belong to a ufrag.
    pub(super) fn candidates(&self, ufrag: &str) -> impl Iterator<Item = &Candidate> {
        self.candidates
            .iter()
            .filter(move |offered| offered.belongs_to(ufrag))
            .map(|offered| &offered.candidate)
    }

    pub(super) const fn ends_candidates(&self) -> bool {
        self.end_of_candidates
    }
}

/// What a description means to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DescriptionKind {
    /// It begins an exchange.
    Offer,
    /// It ends it.
    Answer,
}

impl DescriptionKind {
    /// RFC 4145 §4: what a description without `a=setup` says.
    const fn default_setup(self) -> Setup {
        match self {
            Self::Offer => Setup::Active,
            Self::Answer => Setup::Passive,
        }
    }
}

/// Where the attributes of one transport are looked for: at the section that it is tagged by, at the
/// others of its group, which may bear them before and have been rejected now, and at the session.
pub(super) struct Scopes<'a>(pub(super) Vec<&'a Transport>);

impl<'a> Scopes<'a> {
    fn first<T>(&self, find: impl Fn(&'a Transport) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|scope| find(scope))
    }

    pub(super) fn setup(&self) -> Result<Option<Setup>, SdpError> {
        self.first(|scope| scope.setup).transpose()
    }

    /// What a session needs to know of the peer.
    pub(super) fn parameters(&self, kind: DescriptionKind) -> Result<RemoteParameters, SdpError> {
        let credentials = self.credentials()?;
        let mut parameters = RemoteParameters::new(credentials, self.fingerprints()?);
        parameters.candidates = self.candidates(parameters.credentials.ufrag());
        // RFC 8838 §3: a peer that does not trickle has told everything.
        parameters.end_of_candidates = self.0.iter().any(|scope| scope.end_of_candidates)
            || !self.0.iter().any(|scope| scope.ice_options.trickle);
        parameters.dtls_role = match self.setup()?.unwrap_or(kind.default_setup()) {
            Setup::Active => Some(Role::Client),
            Setup::Passive => Some(Role::Server),
            Setup::ActPass if kind == DescriptionKind::Answer => {
                return Err(SdpError::UndecidedSetup);
            }
            Setup::ActPass => None,
        };
        parameters.tls_id = self.first(|scope| scope.tls_id.clone());
        parameters.cryptex = self.0.iter().any(|scope| scope.cryptex);
        let sped = |scope: &&Transport| scope.ice_options.sped.contains(&true);
        parameters.sped = self.0.iter().any(sped);
        Ok(parameters)
    }

    /// RFC 8839 §5.4: each of the two may be at either level.
    fn credentials(&self) -> Result<Credentials, SdpError> {
        let ufrag = self.first(|scope| scope.ufrag.as_deref());
        let password = self.first(|scope| scope.password.as_deref());
        let ufrag = ufrag.ok_or(SdpError::NoUfrag)?;
        Ok(Credentials::from_sdp(
            ufrag,
            password.ok_or(SdpError::NoPassword)?,
        )?)
    }

    /// RFC 8122 §5: those of the session hold for sections without one of their own. Functions that
    /// we don't take are passed over, as long as one remains.
    fn fingerprints(&self) -> Result<Vec<Fingerprint>, SdpError> {
        let nearest = self.first(|scope| scope.has_fingerprints().then_some(scope));
        let nearest = nearest.ok_or(SdpError::NoFingerprint)?;
        match nearest.refused {
            _ if nearest.too_many_fingerprints => Err(SdpError::TooManyFingerprints),
            Some(error) if nearest.fingerprints.is_empty() => {
                Err(SdpError::UnusableFingerprint(error))
            }
            _ => Ok(nearest.fingerprints.clone()),
        }
    }

    fn candidates(&self, ufrag: &str) -> Vec<Candidate> {
        let nearest = self.first(|scope| (!scope.candidates.is_empty()).then_some(scope));
        nearest.map_or_else(Vec::new, |scope| scope.candidates(ufrag).cloned().collect())
    }
}
