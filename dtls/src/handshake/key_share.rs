//! The client's ephemeral keys: the shares of its ClientHello, and the one it answers a
//! ServerKeyExchange with.

use crate::config::Config;
use crate::crypto::{ActiveKeyExchange, SharedSecret};
use crate::error::Error;
use crate::wire::{KeyShareEntry, NamedGroup, ProtocolVersion};

/// The key exchange that the client has started, if it offers DTLS 1.3.
#[derive(Debug)]
pub(crate) struct ClientShares {
    active: Option<Box<dyn ActiveKeyExchange>>,
    /// Whether a hybrid's classic part stands in the ClientHello as a share of its own.
    with_component: bool,
}

impl ClientShares {
    /// Starts the exchange of the most wanted group.
    pub(crate) fn start(config: &Config) -> Result<Self, Error> {
        let first = config.groups(ProtocolVersion::DTLS1_3).next();
        match first.filter(|_| config.dtls13) {
            Some(group) => Self::only(config, group, true),
            None => Ok(Self {
                active: None,
                with_component: false,
            }),
        }
    }

    /// Starts again with the group that a HelloRetryRequest asks for, and with no other.
    pub(crate) fn restart(&mut self, config: &Config, group: NamedGroup) -> Result<(), Error> {
        // RFC 8446 §4.2.8: it must be one that we offered, without having sent a share.
        if !config
            .groups(ProtocolVersion::DTLS1_3)
            .any(|ours| ours == group)
        {
            return Err(Error::UnofferedGroup(group));
        }
        if self.contains(group) {
            return Err(Error::HelloRetryRequestForSharedGroup(group));
        }
        *self = Self::only(config, group, false)?;
        Ok(())
    }

    fn only(config: &Config, group: NamedGroup, with_component: bool) -> Result<Self, Error> {
        let active = config.group(group)?.start()?;
        let component = active.component().map(|(group, _)| group);
        let wanted = |group| {
            config
                .groups(ProtocolVersion::DTLS1_3)
                .any(|ours| ours == group)
        };
        let with_component = with_component && component.is_some_and(wanted);
        Ok(Self {
            active: Some(active),
            with_component,
        })
    }

    /// The entries of the key_share extension.
    pub(crate) fn entries(&self) -> impl Iterator<Item = KeyShareEntry<'_>> {
        let active = self.active.as_deref();
        let whole = active.map(|active| (active.group(), active.share()));
        let component = active.and_then(|active| active.component());
        let entries = whole
            .into_iter()
            .chain(component.filter(|_| self.with_component));
        entries.map(|(group, key_exchange)| KeyShareEntry {
            group,
            key_exchange,
        })
    }

    /// Whether the ClientHello has a share for a group.
    pub(crate) fn contains(&self, group: NamedGroup) -> bool {
        self.entries().any(|entry| entry.group == group)
    }

    /// DTLS 1.3: agrees with the share of the ServerHello.
    pub(crate) fn complete(
        self,
        group: NamedGroup,
        server_share: &[u8],
    ) -> Result<SharedSecret, Error> {
        // RFC 8446 §4.2.8: the server answers one of the shares of the ClientHello.
        if !self.contains(group) {
            return Err(Error::UnofferedGroup(group));
        }
        let active = self.active.ok_or(Error::UnofferedGroup(group))?;
        let shared = if active.group() == group {
            active.complete(server_share)
        } else {
            active.complete_component(server_share)
        };
        shared.map_err(|_| Error::InvalidKeyShare(group))
    }

    /// DTLS 1.2: agrees with the share of the ServerKeyExchange. Returns our share too.
    ///
    /// A key that went out in the ClientHello is used, since it has met no other share.
    pub(crate) fn agree(
        self,
        config: &Config,
        group: NamedGroup,
        server_share: &[u8],
    ) -> Result<(Vec<u8>, SharedSecret), Error> {
        let offered = self.entries().find(|entry| entry.group == group);
        if let Some(share) = offered.map(|entry| entry.key_exchange.to_vec()) {
            return Ok((share, self.complete(group, server_share)?));
        }
        let active = config.group(group)?.start()?;
        let share = active.share().to_vec();
        let shared = active
            .complete(server_share)
            .map_err(|_| Error::InvalidKeyShare(group))?;
        Ok((share, shared))
    }
}
