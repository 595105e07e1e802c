//! A hash of anything that can be printed for debugging.

use std::fmt::{self, Debug, Write as _};
use std::hash::{DefaultHasher, Hasher as _};

/// Hashes what `Debug` prints of `state`. Secrets print nothing of themselves.
pub(super) fn of(state: &dyn Debug) -> u64 {
    let mut sink = Sink(DefaultHasher::new());
    write!(sink, "{state:?}").expect("invariant: a hash takes everything");
    sink.0.finish()
}

struct Sink(DefaultHasher);

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}
