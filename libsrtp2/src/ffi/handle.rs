//! What an `srtp_t` points to.

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use super::tell_of_panic;
use crate::abi::EventData;
use crate::events::{self, Events};
use crate::session::Session;
use crate::status::Status;

/// `srtp_ctx_t`: a session, and what handlers may ask of it while a call is under way.
pub struct Context {
    session: UnsafeCell<Session>,
    pub(super) user_data: AtomicPtr<c_void>,
    /// Whether a call panicked half-way: nothing is done with the session any more.
    poisoned: AtomicBool,
}

impl Context {
    pub(super) fn new(session: Session) -> Self {
        Self {
            session: UnsafeCell::new(session),
            user_data: AtomicPtr::new(ptr::null_mut()),
            poisoned: AtomicBool::new(false),
        }
    }
}

/// Runs a call on the session of `context`, and tells the handler of its events once the session is let go
/// of: a handler may call back into it.
///
/// # Safety
///
/// `context` is null or came from `srtp_create` and was not deallocated, and no other thread is in a call
/// on it: `srtp.h` asks for both.
#[inline]
pub(super) unsafe fn with_session<T>(
    context: *mut Context,
    work: impl FnOnce(&mut Session, &mut Events) -> Result<T, Status>,
) -> Result<T, Status> {
    // SAFETY: null, or a context that lives (see above), of which only shared references are made.
    let Some(handle) = (unsafe { context.as_ref() }) else {
        return Err(Status::BAD_PARAM);
    };
    if handle.poisoned.load(Ordering::Relaxed) {
        return Err(Status::FAIL);
    }
    let mut events = Events::default();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: no other thread is in here (see above), and no handler runs while the reference lives, so
        // that it is the only one.
        let session = unsafe { &mut *handle.session.get() };
        work(session, &mut events)
    }));
    if !events.is_empty() {
        tell(context, events);
    }
    outcome.unwrap_or_else(|_| {
        // SAFETY: `handle` is the context.
        unsafe { poison(context) };
        Err(Status::FAIL)
    })
}

/// Says that a session answers no more.
///
/// # Safety
///
/// `context` is null, or one that lives.
#[cold]
pub(super) unsafe fn poison(context: *mut Context) {
    // SAFETY: passed on.
    if let Some(context) = unsafe { context.as_ref() } {
        context.poisoned.store(true, Ordering::Relaxed);
        tell_of_panic();
    }
}

/// Calls the event handler for each event.
#[cold]
fn tell(context: *mut Context, events: Events) {
    for (ssrc, event) in events.into_inner() {
        let Ok(Some(handler)) = catch_unwind(|| events::handler(ssrc, event)) else {
            continue;
        };
        let mut data = EventData {
            session: context.cast(),
            ssrc,
            event,
        };
        // SAFETY: whoever installed the handler promised that it may be called; the data live until it
        // returns.
        unsafe { handler(&raw mut data) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::EVENT_SSRC_COLLISION;

    /// A panic becomes a status, and the session answers no more: nobody can tell what it left half done.
    #[test]
    fn a_panic_stays_inside_and_ends_the_session() {
        let context = Box::into_raw(Box::new(Context::new(Session::default())));
        let call = |panics: bool| {
            // SAFETY: the context lives, and this thread alone has it.
            unsafe {
                with_session(context, |_, events| {
                    events.push(7, EVENT_SSRC_COLLISION);
                    assert!(!panics, "this is meant to be seen");
                    Ok(())
                })
            }
        };
        assert_eq!(call(false), Ok(()));
        assert_eq!(call(true), Err(Status::FAIL));
        assert_eq!(call(false), Err(Status::FAIL));
        // SAFETY: it came from a box, and is not used any more.
        drop(unsafe { Box::from_raw(context) });
    }

    #[test]
    fn null_is_no_session() {
        // SAFETY: null is looked for.
        let outcome = unsafe { with_session(ptr::null_mut(), |_, _| Ok(())) };
        assert_eq!(outcome, Err(Status::BAD_PARAM));
    }
}
