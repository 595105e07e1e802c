//! What both sides agree on: the server's choices, and the client's checks of them.

use crate::certificate::Certificate;
use crate::config::Config;
use crate::error::Error;
use crate::wire::{
    CipherSuite, ClientHello, ExtensionType, List, NamedGroup, ProtocolVersion, ServerExtensions,
    SignatureScheme, SrtpProfile, UseSrtp,
};

use super::suite::{self, Suite};

/// What the hellos agreed on.
#[derive(Clone, Debug)]
pub(crate) struct Agreed {
    pub(crate) suite: Suite,
    pub(crate) group: NamedGroup,
    pub(crate) srtp: Srtp,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) client_random: [u8; 32],
}

/// The outcome of use_srtp.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Srtp {
    pub(crate) profile: Option<SrtpProfile>,
    pub(crate) mki: Vec<u8>,
}

impl Agreed {
    pub(crate) fn version(&self) -> ProtocolVersion {
        self.suite.version
    }
}

// ---- The server's choices -----------------------------------------------------------------------

/// The version: the newest that both have.
pub(crate) fn choose_version(
    hello: &ClientHello<'_>,
    config: &Config,
) -> Result<ProtocolVersion, Error> {
    let ours = config.versions();
    let theirs: Vec<_> = match &hello.extensions.supported_versions {
        // RFC 8446 §4.2.1: the extension alone counts if it is there. Unknown versions in it are
        // skipped (Firefox lists one of TLS).
        Some(versions) => versions.iter().collect(),
        // RFC 8446 §4.1.2: without it, anything from DTLS 1.2 on means DTLS 1.2. The numbers of
        // DTLS count down.
        None if hello.legacy_version.0 <= ProtocolVersion::DTLS1_2.0 => {
            vec![ProtocolVersion::DTLS1_2]
        }
        None => vec![hello.legacy_version],
    };
    let common = ours.iter().copied().find(|version| theirs.contains(version));
    common.ok_or(Error::NoCommonVersion { ours, theirs })
}

/// The cipher suite: ours decide. For DTLS 1.2 only those that fit our certificate.
pub(crate) fn choose_suite(
    hello: &ClientHello<'_>,
    version: ProtocolVersion,
    config: &Config,
    certificate: &Certificate,
) -> Result<Suite, Error> {
    let has = suite::authentication(certificate.signing_key());
    let fits = |suite: &Suite| suite.authentication.is_none_or(|needed| needed == has);
    let offered = |id: CipherSuite| hello.cipher_suites.iter().any(|theirs| theirs == id);
    let chosen = config.suites(version).filter(fits).find(|suite| offered(suite.id));
    chosen.ok_or_else(|| Error::NoCommonCipherSuite {
        ours: config.suites(version).filter(fits).map(|suite| suite.id).collect(),
        theirs: hello.cipher_suites.iter().collect(),
    })
}

/// The scheme to sign with: the first that our key makes and the peer accepts.
pub(crate) fn own_scheme(
    certificate: &Certificate,
    version: ProtocolVersion,
    accepted: List<'_, SignatureScheme>,
) -> Result<SignatureScheme, Error> {
    let ours = certificate.signing_key().schemes().iter().copied();
    let mut ours = ours.filter(|&scheme| suite::scheme_allowed(scheme, version));
    let chosen = ours.clone().find(|&scheme| accepted.iter().any(|theirs| theirs == scheme));
    chosen.ok_or_else(|| Error::NoCommonSignatureScheme {
        ours: ours.by_ref().collect(),
        theirs: accepted.iter().collect(),
    })
}

/// The SRTP profile: ours decide.
pub(crate) fn choose_srtp(hello: &ClientHello<'_>, config: &Config) -> Result<Srtp, Error> {
    let offer = hello.extensions.use_srtp.as_ref();
    let offered = |&ours: &SrtpProfile| {
        offer.is_some_and(|offer| offer.profiles.iter().any(|theirs| theirs == ours))
    };
    let profile = config.srtp_profiles.iter().copied().find(offered);
    if profile.is_none() && config.srtp_required && !config.srtp_profiles.is_empty() {
        // RFC 5764 §4.1.1: without a profile there would be a connection, but no SRTP.
        let theirs = offer.map(|offer| offer.profiles.iter().collect()).unwrap_or_default();
        return Err(Error::NoCommonSrtpProfile { ours: config.srtp_profiles.clone(), theirs });
    }
    // RFC 5764 §4.1.3: a server that does not use the client's MKI answers with an empty one.
    Ok(Srtp { profile, mki: Vec::new() })
}

/// The application protocol: ours decide. Without the extension there is none.
pub(crate) fn choose_alpn(
    hello: &ClientHello<'_>,
    config: &Config,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(theirs) = hello.extensions.alpn.as_ref().filter(|_| !config.alpn.is_empty()) else {
        return Ok(None);
    };
    let chosen = config.alpn.iter().find(|ours| theirs.iter().any(|name| name == ours.as_slice()));
    // RFC 7301 §3.2: no overlap is fatal.
    chosen.cloned().map(Some).ok_or(Error::NoCommonApplicationProtocol)
}

impl Agreed {
    /// The answers to use_srtp and ALPN, for the ServerHello or the EncryptedExtensions.
    pub(crate) fn answers(&self) -> ServerExtensions<'_> {
        let Srtp { profile, mki } = &self.srtp;
        ServerExtensions {
            use_srtp: profile.as_ref().map(|profile| UseSrtp::new(std::slice::from_ref(profile), mki)),
            alpn: self.alpn.as_deref(),
            ..ServerExtensions::default()
        }
    }
}

// ---- The client's checks ------------------------------------------------------------------------

impl Agreed {
    /// Takes the answers to use_srtp and ALPN from the ServerHello or the EncryptedExtensions.
    pub(crate) fn take_answers(
        &mut self,
        answers: &ServerExtensions<'_>,
        config: &Config,
    ) -> Result<(), Error> {
        self.srtp = check_srtp(answers.use_srtp.as_ref(), config)?;
        self.alpn = check_alpn(answers, config)?;
        Ok(())
    }
}

fn check_srtp(answer: Option<&UseSrtp<'_>>, config: &Config) -> Result<Srtp, Error> {
    let ours = &config.srtp_profiles;
    let Some(answer) = answer else {
        if config.srtp_required && !ours.is_empty() {
            return Err(Error::NoCommonSrtpProfile { ours: ours.clone(), theirs: Vec::new() });
        }
        return Ok(Srtp::default());
    };
    if ours.is_empty() {
        return Err(Error::UnsolicitedExtension(ExtensionType::USE_SRTP));
    }
    // RFC 5764 §4.1.1: exactly one profile, and one that was offered.
    let profiles: Vec<_> = answer.profiles.iter().collect();
    let [profile] = profiles[..] else {
        return Err(Error::BadSrtpProfileAnswer(profiles));
    };
    if !ours.contains(&profile) {
        return Err(Error::BadSrtpProfileAnswer(profiles));
    }
    // RFC 5764 §4.1.3: the MKI is the one offered, or there is none.
    if !answer.mki.is_empty() && answer.mki != config.mki {
        return Err(Error::SrtpMkiMismatch);
    }
    Ok(Srtp { profile: Some(profile), mki: answer.mki.to_vec() })
}

fn check_alpn(
    answers: &ServerExtensions<'_>,
    config: &Config,
) -> Result<Option<Vec<u8>>, Error> {
    let Some(protocol) = answers.alpn else { return Ok(None) };
    if config.alpn.is_empty() {
        return Err(Error::UnsolicitedExtension(ExtensionType::ALPN));
    }
    // RFC 7301 §3.1: exactly one protocol, and one that was offered.
    if !config.alpn.iter().any(|ours| ours == protocol) {
        return Err(Error::UnofferedApplicationProtocol);
    }
    Ok(Some(protocol.to_vec()))
}
