//! Many packets of many senders or receivers at once, each with its own outcome.

mod incoming;
mod outgoing;

use crate::kernel::LIST_MAX;
use crate::receiver::Receiver;
use crate::sender::Sender;

pub use incoming::{Incoming, unprotect_batch};
pub use outgoing::{Outgoing, protect_batch, protect_fan_out};

/// Packets under way. If a panic breaks them off, those that were begun and not ended are wiped.
struct Guarded<'p, P: Wipe>(&'p mut [P]);

trait Wipe {
    /// Wipes a packet that was begun and not ended.
    fn wipe_unless_ended(&mut self);
}

impl<P: Wipe> Drop for Guarded<'_, P> {
    #[inline(always)]
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.iter_mut().for_each(P::wipe_unless_ended);
        }
    }
}

/// Places in a list of up to [`LIST_MAX`].
#[derive(Clone, Copy, Default)]
struct Places(u64);

const _: () = assert!(LIST_MAX == u64::BITS as usize);

impl Places {
    #[inline(always)]
    fn insert(&mut self, place: usize) {
        self.0 |= 1 << place;
    }

    #[inline(always)]
    fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline(always)]
    fn has(self, place: usize) -> bool {
        self.0 >> place & 1 != 0
    }
}

impl AsRef<Self> for Sender {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsMut<Self> for Sender {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}

impl AsRef<Self> for Receiver {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl AsMut<Self> for Receiver {
    fn as_mut(&mut self) -> &mut Self {
        self
    }
}
