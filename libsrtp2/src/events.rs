//! What a session reports while a call runs: `srtp_event_t`.

use std::ffi::c_uint;
use std::sync::RwLock;

use srtp::Event;

use crate::abi::{
    EVENT_KEY_HARD_LIMIT, EVENT_KEY_SOFT_LIMIT, EVENT_PACKET_INDEX_LIMIT, EVENT_SSRC_COLLISION,
    EventHandler,
};
use crate::log;

/// What the handler is to be told once the call has let go of its session.
#[derive(Debug, Default)]
pub(crate) struct Events(Vec<(u32, c_uint)>);

impl Events {
    /// An event of a stream.
    #[cold]
    pub(crate) fn push(&mut self, ssrc: u32, event: c_uint) {
        self.0.push((ssrc, event));
    }

    /// What a context of the crate `srtp` has to say, of the stream that a packet belongs to.
    #[cold]
    pub(crate) fn push_from(&mut self, ssrc: u32, event: Event) {
        match event {
            Event::KeyExpiring { .. } | Event::StreamExpiring { .. } => {
                self.push(ssrc, EVENT_KEY_SOFT_LIMIT);
            }
            _ => {}
        }
    }

    /// The events, in their order.
    pub(crate) fn into_inner(self) -> Vec<(u32, c_uint)> {
        self.0
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Who is told.
#[derive(Clone, Copy)]
enum Handling {
    /// The log, until somebody says something else.
    Log,
    Handler(EventHandler),
}

static HANDLING: RwLock<Handling> = RwLock::new(Handling::Log);

/// Whom events go to from now on; `None` for nobody.
pub(crate) fn install(handler: EventHandler) {
    let mut handling = HANDLING.write().unwrap_or_else(|e| e.into_inner());
    *handling = Handling::Handler(handler);
}

/// The handler to call, if it is the caller's. The log is told here.
pub(crate) fn handler(ssrc: u32, event: c_uint) -> EventHandler {
    let handling = *HANDLING.read().unwrap_or_else(|e| e.into_inner());
    match handling {
        Handling::Handler(handler) => handler,
        Handling::Log => {
            let what = match event {
                EVENT_SSRC_COLLISION => "it is both sent and received",
                EVENT_KEY_SOFT_LIMIT => "its key comes to the end of its lifetime",
                EVENT_KEY_HARD_LIMIT => "its key has come to the end of its lifetime",
                EVENT_PACKET_INDEX_LIMIT => "it has come to its last index",
                _ => "unknown event",
            };
            log::warning(&format!("SSRC {ssrc:#010x}: {what}"));
            None
        }
    }
}
