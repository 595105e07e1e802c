//! The server's answers to what a client offers besides keys: use_srtp and ALPN; and the check
//! that it answers nothing else.

use crate::config::Config;
use crate::error::Error;
use crate::wire::{
    AlpnAnswer, AlpnOffer, ClientHello, ExtensionType, List, ServerExtensions, SrtpProfile, UseSrtp,
};

/// What was agreed on, the same on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) srtp_profile: Option<SrtpProfile>,
    pub(crate) mki: Vec<u8>,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) record_sizes: Option<RecordSizes>,
    /// The host that the client asked for.
    pub(crate) server_name: Option<String>,
}

/// The values of `record_size_limit` that both sides sent (RFC 8449).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordSizes {
    pub(crate) ours: u16,
    pub(crate) theirs: u16,
}

/// RFC 8449 §4: no endpoint may ask for less.
pub(crate) const MIN_RECORD_SIZE: u16 = 64;

// ---- The server gives them ----------------------------------------------------------------------

impl Answers {
    /// What the server chooses; its own order decides.
    pub(crate) fn choose(hello: &ClientHello<'_>, config: &Config) -> Result<Self, Error> {
        let offer = hello.extensions.use_srtp.as_ref();
        let srtp_profile = choose_srtp(offer, config)?;
        Ok(Self {
            srtp_profile,
            // RFC 5764 §4.1.3: a server that does not take the client's MKI answers with an empty one.
            mki: match offer {
                Some(offer) if srtp_profile.is_some() && offer.mki == config.mki => {
                    config.mki.clone()
                }
                _ => Vec::new(),
            },
            alpn: choose_alpn(hello.extensions.alpn.as_ref(), config)?,
            record_sizes: record_sizes(hello.extensions.record_size_limit, config)?,
            server_name: server_name(hello.extensions.server_name),
        })
    }

    /// The extensions of the answer, for the ServerHello of 1.2 or the EncryptedExtensions of 1.3.
    pub(crate) fn extensions(&self) -> ServerExtensions<'_> {
        let profiles = self.srtp_profile.as_ref().map(std::slice::from_ref);
        ServerExtensions {
            use_srtp: profiles.map(|profiles| UseSrtp {
                profiles: List::Values(profiles),
                mki: &self.mki,
            }),
            alpn: self.alpn.as_deref().map(AlpnAnswer::Name),
            record_size_limit: self.record_sizes.map(|sizes| sizes.ours),
            ..ServerExtensions::default()
        }
    }
}

/// The name of a host as text, if it is one: ASCII without blanks and control characters. Who compares it
/// with names of its own must see all of it.
pub(crate) fn server_name(name: Option<&[u8]>) -> Option<String> {
    let name = name.filter(|name| name.iter().all(u8::is_ascii_graphic))?;
    String::from_utf8(name.to_vec()).ok()
}

fn record_sizes(theirs: Option<u16>, config: &Config) -> Result<Option<RecordSizes>, Error> {
    let (Some(theirs), Some(ours)) = (theirs, config.record_size_limit) else {
        return Ok(None);
    };
    if theirs < MIN_RECORD_SIZE {
        return Err(Error::RecordSizeLimitTooSmall(theirs));
    }
    Ok(Some(RecordSizes { ours, theirs }))
}

fn choose_srtp(offer: Option<&UseSrtp<'_>>, config: &Config) -> Result<Option<SrtpProfile>, Error> {
    let mut ours = config.srtp_profiles.iter().copied();
    let chosen = offer.and_then(|offer| ours.find(|&profile| offer.profiles.contains(profile)));
    if chosen.is_none() && config.needs_srtp() {
        // RFC 5764 §4.1.1: without a profile there would be a connection, but no SRTP.
        let theirs = offer.map(|offer| offer.profiles.iter().collect());
        return Err(Error::NoCommonSrtpProfile {
            ours: config.srtp_profiles.clone(),
            theirs: theirs.unwrap_or_default(),
        });
    }
    Ok(chosen)
}

fn choose_alpn(offer: Option<&AlpnOffer<'_>>, config: &Config) -> Result<Option<Vec<u8>>, Error> {
    let Some(offer) = offer.filter(|_| !config.alpn.is_empty()) else {
        return Ok(None);
    };
    let theirs = offer.names();
    let chosen = config
        .alpn
        .iter()
        .find(|ours| theirs.contains(&ours.as_slice()));
    // RFC 7301 §3.2: no overlap is fatal.
    chosen
        .cloned()
        .map(Some)
        .ok_or(Error::NoCommonApplicationProtocol)
}

// ---- The client takes them ----------------------------------------------------------------------

/// Extensions that a ServerHello of DTLS 1.3 may have (RFC 8446 §4.2).
const SERVER_HELLO_13: &[ExtensionType] =
    &[ExtensionType::SUPPORTED_VERSIONS, ExtensionType::KEY_SHARE];

/// Extensions that a HelloRetryRequest may have (RFC 8446 §4.1.4).
const RETRY_REQUEST: &[ExtensionType] = &[
    ExtensionType::SUPPORTED_VERSIONS,
    ExtensionType::KEY_SHARE,
    ExtensionType::COOKIE,
];

/// Extensions that EncryptedExtensions may have (RFC 8446 §4.2, RFC 5764).
const ENCRYPTED_EXTENSIONS: &[ExtensionType] = &[
    ExtensionType::USE_SRTP,
    ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
    ExtensionType::SUPPORTED_GROUPS,
    ExtensionType::SERVER_NAME,
    ExtensionType::RECORD_SIZE_LIMIT,
];

/// Extensions that a ServerHello of DTLS 1.2 may have. No server should send supported_groups
/// there, but old ones do.
const SERVER_HELLO_12: &[ExtensionType] = &[
    ExtensionType::EXTENDED_MASTER_SECRET,
    ExtensionType::RENEGOTIATION_INFO,
    ExtensionType::EC_POINT_FORMATS,
    ExtensionType::USE_SRTP,
    ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
    ExtensionType::SUPPORTED_GROUPS,
    ExtensionType::SERVER_NAME,
    ExtensionType::RECORD_SIZE_LIMIT,
];

/// Extensions that our ClientHello may have, so that an answer to them is not out of place as such.
const OFFERED: &[ExtensionType] = &[
    ExtensionType::SUPPORTED_VERSIONS,
    ExtensionType::SUPPORTED_GROUPS,
    ExtensionType::SIGNATURE_ALGORITHMS,
    ExtensionType::KEY_SHARE,
    ExtensionType::USE_SRTP,
    ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION,
    ExtensionType::COOKIE,
    ExtensionType::EC_POINT_FORMATS,
    ExtensionType::RENEGOTIATION_INFO,
    ExtensionType::EXTENDED_MASTER_SECRET,
];

impl Answers {
    /// Checks a ServerHello of DTLS 1.3, where no answers stand yet.
    pub(crate) fn in_server_hello13(extensions: &ServerExtensions<'_>) -> Result<(), Error> {
        check_types(extensions, SERVER_HELLO_13)
    }

    /// Checks a HelloRetryRequest.
    pub(crate) fn in_retry_request(extensions: &ServerExtensions<'_>) -> Result<(), Error> {
        check_types(extensions, RETRY_REQUEST)
    }

    /// Takes the answers in the ServerHello of DTLS 1.2.
    pub(crate) fn in_server_hello12(
        extensions: &ServerExtensions<'_>,
        config: &Config,
    ) -> Result<Self, Error> {
        check_types(extensions, SERVER_HELLO_12)?;
        check_offered(extensions, config)?;
        Self::take(extensions, config)
    }

    /// Takes the answers in the EncryptedExtensions of DTLS 1.3.
    pub(crate) fn in_encrypted_extensions(
        extensions: &ServerExtensions<'_>,
        config: &Config,
    ) -> Result<Self, Error> {
        check_types(extensions, ENCRYPTED_EXTENSIONS)?;
        check_offered(extensions, config)?;
        Self::take(extensions, config)
    }

    fn take(extensions: &ServerExtensions<'_>, config: &Config) -> Result<Self, Error> {
        let (srtp_profile, mki) = check_srtp(extensions.use_srtp.as_ref(), config)?;
        let alpn = check_alpn(extensions.alpn.as_ref(), config)?;
        Ok(Self {
            srtp_profile,
            mki,
            alpn,
            record_sizes: record_sizes(extensions.record_size_limit, config)?,
            server_name: config.server_name.clone(),
        })
    }
}

/// Extensions that are offered only where the configuration asks for them.
fn check_offered(extensions: &ServerExtensions<'_>, config: &Config) -> Result<(), Error> {
    let offered = |kind| match kind {
        ExtensionType::SERVER_NAME => config.server_name.is_some(),
        ExtensionType::RECORD_SIZE_LIMIT => config.record_size_limit.is_some(),
        _ => true,
    };
    let mut types = extensions.raw.iter().flat_map(|raw| raw.types());
    match types.find(|&kind| !offered(kind)) {
        None => Ok(()),
        Some(kind) => Err(Error::UnsolicitedExtension(kind)),
    }
}

fn check_types(extensions: &ServerExtensions<'_>, allowed: &[ExtensionType]) -> Result<(), Error> {
    let mut types = extensions.raw.iter().flat_map(|raw| raw.types());
    match types.find(|kind| !allowed.contains(kind)) {
        None => Ok(()),
        // RFC 8446 §4.2: known, but in the wrong message: illegal_parameter; never asked for:
        // unsupported_extension.
        Some(kind) if OFFERED.contains(&kind) => Err(Error::MisplacedExtension(kind)),
        Some(kind) => Err(Error::UnsolicitedExtension(kind)),
    }
}

fn check_srtp(
    answer: Option<&UseSrtp<'_>>,
    config: &Config,
) -> Result<(Option<SrtpProfile>, Vec<u8>), Error> {
    let ours = &config.srtp_profiles;
    let Some(answer) = answer else {
        if config.needs_srtp() {
            return Err(Error::NoCommonSrtpProfile {
                ours: ours.clone(),
                theirs: Vec::new(),
            });
        }
        return Ok((None, Vec::new()));
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
    // RFC 5764 §4.1.3: the MKI is the one that was offered, or empty.
    if !answer.mki.is_empty() && answer.mki != config.mki {
        return Err(Error::SrtpMkiMismatch);
    }
    Ok((Some(profile), answer.mki.to_vec()))
}

fn check_alpn(answer: Option<&AlpnAnswer<'_>>, config: &Config) -> Result<Option<Vec<u8>>, Error> {
    let Some(answer) = answer else {
        return Ok(None);
    };
    if config.alpn.is_empty() {
        let kind = ExtensionType::APPLICATION_LAYER_PROTOCOL_NEGOTIATION;
        return Err(Error::UnsolicitedExtension(kind));
    }
    // RFC 7301 §3.1: exactly one protocol, and one that was offered.
    let chosen = config
        .alpn
        .iter()
        .find(|ours| answer.name() == Some(ours.as_slice()));
    chosen
        .cloned()
        .map(Some)
        .ok_or(Error::UnofferedApplicationProtocol)
}
