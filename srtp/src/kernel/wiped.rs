//! A box that is wiped as a whole.

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};

use zeroize::Zeroize;

/// A value in a block of its own, of which each byte is wiped when it is dropped.
///
/// Key schedules wipe themselves. But one of several forms in the place of the largest leaves bytes behind it that are nobody's: what
/// stood on the stack when the value was moved from there, a master key more often than not.
pub(crate) struct Wiped<T>(Box<MaybeUninit<T>>);

impl<T> Wiped<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Box::new(MaybeUninit::new(value)))
    }
}

impl<T> Deref for Wiped<T> {
    type Target = T;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn deref(&self) -> &T {
        // SAFETY: `new` wrote the value, and `drop` alone ends it.
        unsafe { self.0.assume_init_ref() }
    }
}

impl<T> DerefMut for Wiped<T> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: `new` wrote the value, and `drop` alone ends it.
        unsafe { self.0.assume_init_mut() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Wiped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T> Drop for Wiped<T> {
    fn drop(&mut self) {
        // SAFETY: `new` wrote the value, and nobody uses it after this call.
        unsafe { self.0.assume_init_drop() };
        wipe(&mut self.0);
    }
}

/// Wipes each byte of the place of a value, also those that are padding.
fn wipe<T>(place: &mut MaybeUninit<T>) {
    let start = place.as_mut_ptr().cast::<MaybeUninit<u8>>();
    // SAFETY: the place is borrowed and has the size of a `T`; `MaybeUninit<u8>` is valid for any bytes and needs no alignment.
    let bytes = unsafe { std::slice::from_raw_parts_mut(start, size_of::<T>()) };
    bytes.zeroize();
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn debug_shows_what_is_in_the_box() {
        assert_eq!(format!("{:?}", Wiped::new((6, "keys"))), "(6, \"keys\")");
    }

    #[test]
    fn every_byte_is_wiped() {
        let mut place = MaybeUninit::new([[0xa5_u8; 7]; 9]);
        wipe(&mut place);
        // SAFETY: it was written, and zeros are bytes too.
        assert_eq!(unsafe { place.assume_init() }, [[0; 7]; 9]);
    }

    #[test]
    fn the_value_is_there_and_dropped_once() {
        let counted = Rc::new(());
        let mut wiped = Wiped::new((6, Rc::clone(&counted)));
        let (number, _) = &mut *wiped;
        *number += 1;
        let (number, _) = &*wiped;
        assert_eq!((*number, Rc::strong_count(&counted)), (7, 2));
        drop(wiped);
        assert_eq!(Rc::strong_count(&counted), 1);
    }
}
