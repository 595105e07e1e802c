//! What every description of ours says of our transport.

use dtls::Role;
use sdp_types::Attribute;

use super::sdp::{Setup, flag, pair};
use crate::session::LocalParameters;

/// Our role as a description says it.
pub(super) const fn setup(role: Option<Role>) -> Setup {
    match role {
        None => Setup::ActPass,
        Some(Role::Client) => Setup::Active,
        Some(Role::Server) => Setup::Passive,
    }
}

/// The transport's attributes, for each section that uses it.
///
/// RFC 9143 §7.1.3 has them at the tagged section only. All browsers write them at all, and readers
/// such as aiortc refuse sections without.
pub(super) fn transport(local: &LocalParameters, setup: Setup, tls_id: bool) -> Vec<Attribute> {
    let mut attributes = ice(local);
    let fingerprints = local.fingerprints.iter();
    attributes.extend(fingerprints.map(|it| pair("fingerprint", it)));
    attributes.push(pair("setup", setup));
    attributes.extend(tls_id.then(|| pair("tls-id", &local.tls_id)));
    attributes
}

/// Our ICE credentials.
pub(super) fn ice(local: &LocalParameters) -> Vec<Attribute> {
    vec![
        pair("ice-ufrag", local.credentials.ufrag()),
        pair("ice-pwd", local.credentials.password()),
    ]
}

/// Where we can be reached, which is said once, at the section that the transport is tagged by
/// (RFC 9143 §10).
pub(super) fn candidates(local: &LocalParameters) -> Vec<Attribute> {
    let lines = local.candidates.iter().map(ToString::to_string);
    let mut attributes: Vec<_> = lines
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some(pair(name, value))
        })
        .collect();
    attributes.push(flag("end-of-candidates"));
    attributes
}

/// `a=group:BUNDLE`, unless nothing is in it.
pub(super) fn bundle<'a>(mids: impl Iterator<Item = &'a str>) -> Option<Attribute> {
    let mids: Vec<_> = mids.collect();
    (!mids.is_empty()).then(|| pair("group", format!("BUNDLE {}", mids.join(" "))))
}
