//! Reading the peer's description.

use dtls::{Fingerprint, FingerprintError};
use ice_lite::{Candidate, Credentials};
use sdp_types::{Attribute, ParserError, Session};

use super::section::{Section, value, values};
use super::{MAX_CANDIDATES, MAX_FINGERPRINTS, MAX_LENGTH, SdpError, Setup};

/// What a session needs of the peer's offer or answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RemoteDescription {
    /// For ICE.
    pub credentials: Credentials,
    /// `a=ice-lite`: the peer answers checks and sends none (RFC 8445 §2.5).
    pub ice_lite: bool,
    /// Its addresses. Candidates of no use to us, such as host names, are left out.
    pub candidates: Vec<Candidate>,
    /// No more of them come: it says so with `a=end-of-candidates` (RFC 8840), or does not trickle
    /// at all, without `a=ice-options:trickle` (RFC 8838 §3).
    pub end_of_candidates: bool,
    /// Of its certificate: all whose hash function we take, at least one.
    pub fingerprints: Vec<Fingerprint>,
    /// Its role in the DTLS handshake.
    pub setup: Setup,
    /// `a=tls-id` (RFC 8842 §4).
    pub tls_id: Option<String>,
    /// `a=cryptex`: it takes encrypted header extensions (RFC 9335 §4).
    pub cryptex: bool,
    /// All its media sections, in their order.
    pub sections: Vec<Section>,
    /// Which of them is ours: the first usable audio section.
    pub audio: usize,
}

impl RemoteDescription {
    /// Reads an offer or an answer.
    ///
    /// # Errors
    /// The first thing that is missing or can't be used.
    pub fn parse(text: &str) -> Result<Self, SdpError> {
        if text.len() > MAX_LENGTH {
            return Err(SdpError::TooLong(text.len()));
        }
        let description = Session::parse(text.as_bytes()).map_err(|error| malformed(&error))?;
        let bundle = bundle_group(&description.attributes);
        let sections: Vec<_> = description
            .medias
            .iter()
            .map(|media| Section::read(media, &description.attributes, &bundle))
            .collect();
        let audio = sections
            .iter()
            .position(Section::is_usable)
            .ok_or(SdpError::NoUsableMedia)?;
        let scope = Scope::new(&description, audio, &bundle);
        // RFC 8834 §4.5: one port for RTP and RTCP.
        if !scope.has("rtcp-mux") {
            return Err(SdpError::NoRtcpMux);
        }
        Ok(Self {
            credentials: scope.credentials()?,
            ice_lite: description.attributes.iter().any(named("ice-lite")),
            candidates: scope.candidates(),
            end_of_candidates: scope.has("end-of-candidates") || !scope.has_ice_option("trickle"),
            fingerprints: scope.fingerprints()?,
            setup: scope.setup()?,
            tls_id: scope.value("tls-id").map(str::to_owned),
            cryptex: scope.has("cryptex"),
            sections,
            audio,
        })
    }

    /// The section that is ours.
    #[must_use]
    pub fn audio(&self) -> &Section {
        &self.sections[self.audio]
    }
}

/// The mids of the first BUNDLE group (RFC 9143 §5).
fn bundle_group(attributes: &[Attribute]) -> Vec<&str> {
    values(attributes, "group")
        .find_map(|group| group.strip_prefix("BUNDLE "))
        .map(|mids| mids.split_ascii_whitespace().collect())
        .unwrap_or_default()
}

/// Where the attributes of our section's transport are looked for, nearest first.
struct Scope<'a>([&'a [Attribute]; 3]);

impl<'a> Scope<'a> {
    /// RFC 9143 §7.1.3: within a group, a section may leave its transport to the group's first one.
    fn new(description: &'a Session, audio: usize, bundle: &[&str]) -> Self {
        let attributes = |index: usize| {
            description
                .medias
                .get(index)
                .map_or(&[][..], |media| &media.attributes[..])
        };
        let own = attributes(audio);
        let in_group = value(own, "mid").is_some_and(|mid| bundle.contains(&mid));
        let tagged = description
            .medias
            .iter()
            .find(|media| value(&media.attributes, "mid") == bundle.first().copied());
        let tagged = tagged
            .filter(|_| in_group)
            .map_or(&[][..], |media| &media.attributes[..]);
        Self([own, tagged, &description.attributes])
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find_map(|scope| value(scope, name))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|scope| scope.iter().any(named(name)))
    }

    /// All values of the nearest scope that has one.
    fn values(&self, name: &'static str) -> impl Iterator<Item = &'a str> {
        let nearest = self
            .0
            .into_iter()
            .find(|scope| scope.iter().any(named(name)));
        values(nearest.unwrap_or_default(), name)
    }

    /// RFC 8839 §5.6: a line of them, at the session by that RFC, at each section by browsers.
    fn has_ice_option(&self, name: &str) -> bool {
        let lines = self
            .0
            .into_iter()
            .flat_map(|scope| values(scope, "ice-options"));
        lines
            .flat_map(str::split_ascii_whitespace)
            .any(|option| option == name)
    }

    fn credentials(&self) -> Result<Credentials, SdpError> {
        let ufrag = self.value("ice-ufrag").ok_or(SdpError::NoUfrag)?;
        let password = self.value("ice-pwd").ok_or(SdpError::NoPassword)?;
        Ok(Credentials::from_sdp(ufrag, password)?)
    }

    fn candidates(&self) -> Vec<Candidate> {
        self.values("candidate")
            .filter_map(|line| format!("candidate:{line}").parse::<Candidate>().ok())
            .filter(|candidate| candidate.component == 1)
            .take(MAX_CANDIDATES)
            .collect()
    }

    /// RFC 8122 §5: those of the session hold for sections without one of their own. Functions that
    /// we don't take are passed over, as long as one remains.
    fn fingerprints(&self) -> Result<Vec<Fingerprint>, SdpError> {
        let (mut usable, mut refused) = (Vec::new(), None::<FingerprintError>);
        for line in self.values("fingerprint") {
            match line.parse() {
                Ok(_) if usable.len() == MAX_FINGERPRINTS => {
                    return Err(SdpError::TooManyFingerprints);
                }
                Ok(fingerprint) => usable.push(fingerprint),
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            _ if !usable.is_empty() => Ok(usable),
            Some(error) => Err(SdpError::UnusableFingerprint(error)),
            None => Err(SdpError::NoFingerprint),
        }
    }

    fn setup(&self) -> Result<Setup, SdpError> {
        let name = self.value("setup").ok_or(SdpError::NoSetup)?;
        Setup::from_name(name).ok_or(SdpError::BadSetup)
    }
}

fn named(name: &str) -> impl Fn(&Attribute) -> bool {
    move |attribute| attribute.attribute == name
}

/// Which line the grammar stumbled over.
fn malformed(error: &ParserError) -> SdpError {
    use ParserError as E;
    match *error {
        E::InvalidLineFormat(line, _)
        | E::InvalidFieldEncoding(line, _)
        | E::InvalidFieldFormat(line, _)
        | E::MissingField(line, _)
        | E::FieldTrailingData(line, _)
        | E::InvalidVersion(line, _)
        | E::MultipleVersions(line)
        | E::MultipleOrigins(line)
        | E::MultipleSessionNames(line)
        | E::MultipleSessionDescription(line)
        | E::MultipleUris(line)
        | E::MultipleConnections(line)
        | E::MultipleTimeZones(line)
        | E::MultipleMediaTitles(line)
        | E::MultipleKeys(line)
        | E::RepeatWithoutTime(line) => SdpError::Malformed(line),
        _ => SdpError::NotSdp,
    }
}
