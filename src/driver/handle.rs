//! How the rest of a server reaches the calls of a driver.

use std::fmt;
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use crate::gate::{Call, Context, Gate};
use crate::router::SessionId;
use crate::session::Session;

/// Something to do with the gate, on the driver's task.
pub(super) type Command<C> = Box<dyn FnOnce(&mut Gate<C>, Instant) + Send>;

/// Inserts calls into a running [`Driver`](super::Driver) and reaches them.
pub struct Handle<C> {
    commands: mpsc::Sender<Command<C>>,
}

/// The call, or the driver itself, has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the call has ended")]
pub struct Gone;

impl<C: Call + Send + 'static> Handle<C> {
    pub(super) fn new(commands: mpsc::Sender<Command<C>>) -> Self {
        Self { commands }
    }

    /// Adds a session and the call that it is for. From then on its peer's datagrams are heard.
    ///
    /// # Errors
    /// [`Gone`]: the driver has ended.
    pub async fn insert(&self, session: Session, call: C) -> Result<SessionId, Gone> {
        let inserted = self
            .gate(move |gate, now| gate.insert(now, session, call))
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
        self.gate(move |gate, now| gate.with(now, id, act))
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

    /// Lets `act` do something with the whole gate, on the driver's task: to count, say.
    ///
    /// # Errors
    /// [`Gone`]: the driver has ended.
    pub async fn gate<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Gate<C>, Instant) -> R + Send + 'static,
    ) -> Result<R, Gone> {
        let (sender, answer) = oneshot::channel();
        let command: Command<C> = Box::new(move |gate, now| {
            // Who asked may be gone.
            drop(sender.send(act(gate, now)));
        });
        self.commands.send(command).await.map_err(|_| Gone)?;
        answer.await.map_err(|_| Gone)
    }
}

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        Self {
            commands: self.commands.clone(),
        }
    }
}

impl<C> fmt::Debug for Handle<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
