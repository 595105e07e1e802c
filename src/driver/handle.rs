//! How the rest of a server reaches the calls of a driver.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use super::counters::{Counters, SocketStatistics};
use super::mailbox::Mailbox;
use super::tcp::Registry;
use crate::gate::{Call, Context, Gate};
use crate::router::{Keyed, SessionId};
use crate::session::Session;

/// Something to do to the gate, on the driver's task.
pub(super) type Command<C> = Box<dyn FnOnce(&mut Gate<C>, Instant) + Send>;

/// Inserts calls into a running [`Driver`](super::Driver), or into any of the drivers that share a
/// port, and reaches them.
pub struct Handle<C> {
    /// To each shard.
    commands: Arc<[mpsc::Sender<Command<C>>]>,
    mailboxes: Arc<[Mailbox]>,
    connections: Arc<Registry>,
    counters: Arc<Counters>,
    keyed: Keyed,
}

/// The call, or the driver itself, has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call has ended")]
pub struct Gone;

impl<C: Call + Send + 'static> Handle<C> {
    pub(super) fn new(
        commands: Arc<[mpsc::Sender<Command<C>>]>,
        mailboxes: Arc<[Mailbox]>,
        connections: Arc<Registry>,
        counters: Arc<Counters>,
        keyed: Keyed,
    ) -> Self {
        Self {
            commands,
            mailboxes,
            connections,
            counters,
            keyed,
        }
    }

    /// Adds a session and the call that it is for. From then on its peer's datagrams are heard.
    ///
    /// With several shards, the hash of its ufrag decides which one it lives on.
    ///
    /// # Errors
    /// [`Gone`]: the driver has ended.
    pub async fn insert(&self, session: Session, call: C) -> Result<SessionId, Gone> {
        let ufrag = session.local_ufrag().as_bytes();
        let shard = self.keyed.shard_of(ufrag, self.shards());
        self.insert_on(shard, session, call).await
    }

    /// As [`Handle::insert`], on a shard of the caller's choice, below [`Handle::shards`]. Calls that
    /// forward to each other (see [`Context::forward_rtp`]) belong on the same one.
    ///
    /// # Errors
    /// [`Gone`]: the driver has ended, or there is no such shard.
    pub async fn insert_on(
        &self,
        shard: u16,
        session: Session,
        call: C,
    ) -> Result<SessionId, Gone> {
        let inserted = self
            .gate(shard, move |gate, now| gate.insert(now, session, call))
            .await?;
        // The same ufrag twice would need 2^48 sessions at once.
        inserted.map_err(|_| Gone)
    }

    /// Lets `act` do something with a call and its session, on the driver's task.
    ///
    /// # Errors
    /// [`Gone`]: the call has ended.
    pub async fn with<R: Send + 'static>(
        &self,
        id: SessionId,
        act: impl FnOnce(&mut C, &mut Context<'_>) -> R + Send + 'static,
    ) -> Result<R, Gone> {
        self.gate(id.shard(), move |gate, now| gate.with(now, id, act))
            .await?
            .ok_or(Gone)
    }

    /// Closes a call; its peer gets a close_notify.
    ///
    /// # Errors
    /// [`Gone`]: it has ended already.
    pub async fn close(&self, id: SessionId) -> Result<(), Gone> {
        self.with(id, |_, cx| cx.close()).await
    }

    /// Lets `act` do something with a whole gate, on its driver's task: to count, say. There is one
    /// for each shard, from 0 on.
    ///
    /// # Errors
    /// [`Gone`]: the driver has ended, or there is no such shard.
    pub async fn gate<R: Send + 'static>(
        &self,
        shard: u16,
        act: impl FnOnce(&mut Gate<C>, Instant) -> R + Send + 'static,
    ) -> Result<R, Gone> {
        let (sender, answer) = oneshot::channel();
        let command: Command<C> = Box::new(move |gate, now| {
            // The one who asked may be gone.
            drop(sender.send(act(gate, now)));
        });
        let shard = self.commands.get(usize::from(shard)).ok_or(Gone)?;
        shard.send(command).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }

    /// How many shards there are: drivers on the same port. At least one.
    #[must_use]
    pub fn shards(&self) -> u16 {
        self.commands.len() as u16
    }

    /// How many datagrams were dropped on the way between shards, or between a TCP connection and its
    /// call, because too many waited there.
    #[must_use]
    pub fn overflow(&self) -> u64 {
        let mail: u64 = self.mailboxes.iter().map(Mailbox::overflow).sum();
        mail + self.connections.overflow()
    }

    /// What the sockets did not take, and why.
    #[must_use]
    pub fn socket_statistics(&self) -> SocketStatistics {
        self.counters.read()
    }

    /// How many TCP connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// How many TCP connections were refused, because there were as many as
    /// [`TcpLimits::connections`](super::TcpLimits::connections) allows.
    #[must_use]
    pub fn refused_connections(&self) -> u64 {
        self.connections.refused()
    }
}

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Self {
            commands: Arc::clone(&self.commands),
            mailboxes: Arc::clone(&self.mailboxes),
            connections: Arc::clone(&self.connections),
            counters: Arc::clone(&self.counters),
            keyed: self.keyed,
        }
    }
}

impl<C> fmt::Debug for Handle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
