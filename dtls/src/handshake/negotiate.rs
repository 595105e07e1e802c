//! The server's choices of version, cipher suite, group and signature scheme. Our own order decides
//! everywhere.

use super::suite::{self, Authentication, Suite};
use crate::certificate::Certificate;
use crate::config::{Config, PostQuantumRetry};
use crate::error::Error;
use crate::wire::{
    ClientHello, ExtensionType, KeyShareEntry, List, NamedGroup, ProtocolVersion, SignatureScheme,
};

/// ClientCertificateType of RSA keys (RFC 5246 §7.4.4).
pub(crate) const RSA_SIGN: u8 = 1;

/// ClientCertificateType of ECDSA keys, and of Ed25519 too (RFC 8422 §5.5).
pub(crate) const ECDSA_SIGN: u8 = 64;

/// The newest version that both have.
pub(crate) fn choose_version(
    hello: &ClientHello<'_>,
    config: &Config,
) -> Result<ProtocolVersion, Error> {
    let ours = config.versions();
    let theirs: Vec<_> = match &hello.extensions.supported_versions {
        // RFC 8446 §4.2.1: if the extension is there, it alone counts. Unknown versions in it are
        // skipped; Firefox lists one of TLS.
        Some(versions) => versions.iter().collect(),
        // RFC 8446 §4.2.1: without it the version is at most DTLS 1.2, whatever legacy_version
        // says. The numbers of DTLS count down.
        None if hello.version <= ProtocolVersion::DTLS1_2 => vec![ProtocolVersion::DTLS1_2],
        None => vec![hello.version],
    };
    let common = ours
        .iter()
        .copied()
        .find(|version| theirs.contains(version));
    common.ok_or(Error::NoCommonVersion { ours, theirs })
}

/// The cipher suite. In DTLS 1.2 it must fit the key of our certificate.
pub(crate) fn choose_suite(
    hello: &ClientHello<'_>,
    version: ProtocolVersion,
    config: &Config,
    key: Option<Authentication>,
) -> Result<Suite, Error> {
    let fitting = || {
        let suites = config.suites(version);
        suites.filter(move |suite| suite.authentication.is_none() || suite.authentication == key)
    };
    let chosen = fitting().find(|suite| hello.cipher_suites.contains(suite.id));
    chosen.ok_or_else(|| Error::NoCommonCipherSuite {
        ours: fitting().map(|suite| suite.id).collect(),
        theirs: hello.cipher_suites.iter().collect(),
    })
}

/// The scheme to sign with: the first that our key can make and the peer accepts.
pub(crate) fn choose_scheme(
    certificate: &Certificate,
    version: ProtocolVersion,
    accepted: Option<&List<'_, SignatureScheme>>,
) -> Result<SignatureScheme, Error> {
    // RFC 8446 §4.2.3: a client that wants a certificate must send the extension. RFC 5246 §7.4.1.4.1 lets
    // its absence stand for SHA-1, which we don't sign with.
    let accepted = accepted.ok_or(Error::MissingExtension(ExtensionType::SIGNATURE_ALGORITHMS))?;
    let key = certificate.key_algorithm();
    let ours = || {
        let schemes = certificate.signing_key().schemes().iter().copied();
        schemes.filter(move |&scheme| match key {
            Some(key) => suite::scheme_fits(scheme, version, key),
            None => suite::scheme_allowed(scheme, version),
        })
    };
    let chosen = ours().find(|&scheme| accepted.contains(scheme));
    chosen.ok_or_else(|| Error::NoCommonSignatureScheme {
        ours: ours().collect(),
        theirs: accepted.iter().collect(),
    })
}

/// The client of DTLS 1.2 can read a certificate with a key on this curve.
pub(crate) fn check_curve12(
    hello: &ClientHello<'_>,
    certificate: &Certificate,
    config: &Config,
) -> Result<(), Error> {
    let theirs = hello.extensions.supported_groups.as_ref();
    let curve = certificate.key_algorithm().and_then(suite::curve);
    match (theirs, curve) {
        // RFC 8422 §5.1: no certificate on a curve that the client did not list.
        (Some(theirs), Some(curve)) if !theirs.contains(curve) => Err(no_common_group(
            config,
            ProtocolVersion::DTLS1_2,
            Some(theirs),
        )),
        _ => Ok(()),
    }
}

/// A server of DTLS 1.2 takes certificates of this kind.
pub(crate) fn check_certificate_type12(
    certificate: &Certificate,
    accepted: &[u8],
) -> Result<(), Error> {
    let ours = match suite::authentication(certificate.signing_key()) {
        Authentication::Ecdsa => ECDSA_SIGN,
        Authentication::Rsa => RSA_SIGN,
    };
    // RFC 5246 §7.4.6: the certificate is of one of the types that the request lists.
    if accepted.contains(&ours) {
        return Ok(());
    }
    Err(Error::NoCommonCertificateType {
        ours,
        theirs: accepted.to_vec(),
    })
}

/// The group of DTLS 1.2.
pub(crate) fn choose_group12(
    hello: &ClientHello<'_>,
    config: &Config,
) -> Result<NamedGroup, Error> {
    let version = ProtocolVersion::DTLS1_2;
    // RFC 8422 §5.1.1: a client without the extension leaves the choice to us.
    let theirs = hello.extensions.supported_groups.as_ref();
    let offered = |&group: &NamedGroup| theirs.is_none_or(|theirs| theirs.contains(group));
    let chosen = config.groups(version).find(offered);
    chosen.ok_or_else(|| no_common_group(config, version, theirs))
}

/// How the key exchange of DTLS 1.3 goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupChoice<'a> {
    /// With a share of the client.
    Share(KeyShareEntry<'a>),
    /// The client must be asked for a share of this group.
    Retry(NamedGroup),
}

/// What a HelloRetryRequest would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryCost {
    /// There was one already: there can't be another.
    Forbidden,
    RoundTrip,
    /// One goes out anyway.
    Nothing,
}

/// The group of DTLS 1.3: our first one with a share, unless a post-quantum one that we want more is
/// worth a retry; if there is none, our first common one.
pub(crate) fn choose_group13<'a>(
    hello: &ClientHello<'a>,
    config: &Config,
    cost: RetryCost,
) -> Result<GroupChoice<'a>, Error> {
    let version = ProtocolVersion::DTLS1_3;
    let extensions = &hello.extensions;
    // RFC 8446 §9.2: without a PSK both extensions must be there.
    let theirs = extensions.supported_groups.as_ref();
    let theirs = theirs.ok_or(Error::MissingExtension(ExtensionType::SUPPORTED_GROUPS))?;
    let shares = extensions
        .key_shares
        .ok_or(Error::MissingExtension(ExtensionType::KEY_SHARE))?;
    check_shares(shares.iter().map(|share| share.group).collect(), theirs)?;
    let with_share = |group| shares.iter().find(|share| share.group == group);
    let common = config.groups(version).find(|&group| theirs.contains(group));
    let asks = match (config.post_quantum_retry, cost) {
        (PostQuantumRetry::Never, _) | (_, RetryCost::Forbidden) => false,
        (PostQuantumRetry::IfFree, cost) => cost == RetryCost::Nothing,
        (PostQuantumRetry::Always, _) => true,
    };
    if let Some(share) = config.groups(version).find_map(with_share) {
        let hybrid = NamedGroup::X25519MLKEM768;
        let better = common == Some(hybrid) && share.group != hybrid;
        return Ok(if better && asks {
            GroupChoice::Retry(hybrid)
        } else {
            GroupChoice::Share(share)
        });
    }
    let common = common.ok_or_else(|| no_common_group(config, version, Some(theirs)))?;
    Ok(GroupChoice::Retry(common))
}

/// RFC 8446 §4.2.8: at most one share for a group, and only for groups that are listed.
fn check_shares(mut shares: Vec<NamedGroup>, listed: &List<'_, NamedGroup>) -> Result<(), Error> {
    let mut listed: Vec<_> = listed.iter().collect();
    listed.sort_unstable();
    shares.sort_unstable();
    let twice = shares.windows(2).any(|pair| pair[0] == pair[1]);
    if twice
        || shares
            .iter()
            .any(|share| listed.binary_search(share).is_err())
    {
        return Err(Error::InconsistentKeyShares);
    }
    Ok(())
}

fn no_common_group(
    config: &Config,
    version: ProtocolVersion,
    theirs: Option<&List<'_, NamedGroup>>,
) -> Error {
    Error::NoCommonGroup {
        ours: config.groups(version).collect(),
        theirs: theirs
            .map(|theirs| theirs.iter().collect())
            .unwrap_or_default(),
    }
}
