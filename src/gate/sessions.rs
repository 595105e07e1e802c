//! The sessions of a gate, by their ids.

use crate::router::SessionId;
use crate::session::Session;

/// A table of sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions(Vec<Option<(SessionId, Box<Session>)>>);

impl Sessions {
    pub(super) fn insert(&mut self, id: SessionId, session: Session) {
        if self.0.len() <= id.index() {
            self.0.resize_with(id.index() + 1, || None);
        }
        self.0[id.index()] = Some((id, Box::new(session)));
    }

    pub(super) fn contains(&self, id: SessionId) -> bool {
        self.get(id).is_some()
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Session> {
        let (owner, session) = self.0.get(id.index())?.as_ref()?;
        (*owner == id).then_some(&**session)
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        let (owner, session) = self.0.get_mut(id.index())?.as_mut()?;
        (*owner == id).then_some(&mut **session)
    }

    pub(super) fn remove(&mut self, id: SessionId) {
        if self.contains(id)
            && let Some(slot) = self.0.get_mut(id.index())
        {
            *slot = None;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.0
            .iter()
            .flatten()
            .map(|(id, session)| (*id, &**session))
    }
}
