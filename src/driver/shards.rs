//! The shards of one port, as one of them sees them.

use std::sync::Arc;
use std::time::Instant;

use super::mailbox::{Mail, Mailbox, Origin};
use super::tcp::{Listener, Registry};
use crate::gate::{Arrival, Call, Gate};

/// Our place among the shards, and the mailboxes of all.
#[derive(Debug)]
pub(super) struct Shards {
    index: u16,
    mailboxes: Arc<[Mailbox]>,
    /// What is being read.
    mail: Mail,
}

impl Shards {
    /// The shard `index` of those that have these mailboxes.
    pub(super) fn new(index: u16, mailboxes: Arc<[Mailbox]>) -> Self {
        Self {
            index,
            mailboxes,
            mail: Mail::default(),
        }
    }

    /// Gives a datagram to the shard that it belongs to.
    pub(super) fn hand_over(&self, shard: u16, arrival: &Arrival<'_>) {
        if let Some(mailbox) = self.mailboxes.get(usize::from(shard)) {
            mailbox.post_marked(arrival.path, arrival.ecn, arrival.bytes, Origin::Shard);
        }
    }

    /// Passes on the gate's announcements to the other shards.
    pub(super) fn announce<C: Call>(&self, gate: &mut Gate<C>) {
        while let Some(announcement) = gate.poll_announcement() {
            for (shard, mailbox) in (0..).zip(self.mailboxes.iter()) {
                if shard != self.index {
                    mailbox.announce(self.index, announcement.clone());
                }
            }
        }
    }

    /// Takes a listener's connections, whose packets come into our mailbox.
    pub(super) fn serve(
        &self,
        listener: Listener,
        connections: Arc<Registry>,
    ) -> impl Future<Output = ()> + Send + 'static {
        listener.serve(
            connections,
            Arc::clone(&self.mailboxes),
            usize::from(self.index),
        )
    }

    /// Waits for mail.
    pub(super) async fn mail(&self) {
        match self.mailboxes.get(usize::from(self.index)) {
            Some(mailbox) => mailbox.written().await,
            None => std::future::pending().await,
        }
    }

    /// Gives the mail to the gate.
    pub(super) fn read<C: Call>(&mut self, gate: &mut Gate<C>, now: Instant) {
        let Some(mailbox) = self.mailboxes.get(usize::from(self.index)) else {
            return;
        };
        let mut mail = std::mem::take(&mut self.mail);
        mailbox.take(&mut mail);
        for (shard, announcement) in mail.announcements() {
            gate.handle_announcement(now, shard, announcement);
        }
        // A datagram that another shard handed over is not handed on: two shards that take each other for
        // its owner would do so forever.
        gate.handle_datagrams(now, mail.datagrams(Origin::Shard), |_, _| {});
        let arrivals = mail.datagrams(Origin::Connection);
        gate.handle_datagrams(now, arrivals, |shard, arrival| {
            self.hand_over(shard, &arrival);
        });
        self.mail = mail;
    }
}
